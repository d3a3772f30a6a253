/* SPDX-License-Identifier: MIT */
/*
 * Ends the processes that a killed process of rdvtask, or a killed supervisor, has left behind.
 * command_run_resume.c and command_run_step.c begin it; a thread does it, as it waits for
 * processes, and posts its end to the loop. How they are found is rdv__plat_…'s.
 *
 * Once nobody wants to know the end any more, `ended` is NULL; the post still comes, and frees the
 * memory.
 */
#include "agent/orphans.h"

#include <assert.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loop/loop.h"
#include "platform/platform.h"
#include "platform/thread.h"

struct rdv__orphans {
    struct rdv__post post;
    rdv_loop *loop;
    struct rdv__thread *thread;
    rdv_duration grace;
    int found;
    /* NULL once nobody wants to know. */
    void (*ended)(void *user, int found);
    void *user;
    /* The marks are random, so every process that has them is ended, whoever its user is. */
    bool anyone;
    const char *marks[3];
    /* What marks point to. */
    char texts[];
};

static void end_processes(void *user)
{
    struct rdv__orphans *orphans = user;
    orphans->found = rdv__plat_end_orphans(orphans->marks, orphans->anyone, orphans->grace);
    rdv__loop_post(orphans->loop, &orphans->post);
}

static void tell_end(struct rdv__post *post)
{
    struct rdv__orphans *orphans = (struct rdv__orphans *)post;
    void (*ended)(void *user, int found) = orphans->ended;
    void *user = orphans->user;
    int found = orphans->found;
    rdv__thread_join(orphans->thread);
    free(orphans);
    if (ended)
        ended(user, found);
}

static void free_unheard(struct rdv__post *post)
{
    free(post);
}

int rdv__orphans_end(rdv_loop *loop, const char *store_path, int64_t run, const char *nonce,
                     rdv_duration grace, void (*ended)(void *user, int found), void *user,
                     struct rdv__orphans **ret_orphans)
{
    const bool named = nonce && *nonce;
    assert(named || store_path);
    char number[24];
    snprintf(number, sizeof number, "%" PRId64, run);
    const char *const first = named ? "RDV_NONCE=" : "RDV_STORE=";
    const char *const value = named ? nonce : store_path;
    const char *const second = named ? "" : "RDV_RUN=";
    const size_t first_size = strlen(first) + strlen(value) + 1;
    const size_t size = first_size + strlen(second) + strlen(number) + 1;
    struct rdv__orphans *orphans = calloc(1, sizeof *orphans + size);
    if (!orphans)
        return RDV_ENOMEM;
    orphans->post.fn = tell_end;
    orphans->post.drop = free_unheard;
    orphans->loop = loop;
    orphans->grace = grace;
    orphans->ended = ended;
    orphans->user = user;
    orphans->anyone = named;
    snprintf(orphans->texts, first_size, "%s%s", first, value);
    orphans->marks[0] = orphans->texts;
    if (!named) {
        snprintf(orphans->texts + first_size, size - first_size, "%s%s", second, number);
        orphans->marks[1] = orphans->texts + first_size;
    }
    int result = rdv__thread_new(end_processes, orphans, &orphans->thread);
    if (result) {
        free(orphans);
        return result;
    }
    *ret_orphans = orphans;
    return 0;
}

void rdv__orphans_free(struct rdv__orphans *orphans)
{
    if (!orphans)
        return;
    /* With nothing left to wait for, the thread ends. Its post is on the way then, and frees the
     * rest. */
    orphans->ended = NULL;
    rdv__plat_end_orphans(orphans->marks, orphans->anyone, 0);
    rdv__thread_join(orphans->thread);
    orphans->thread = NULL;
}
