/* SPDX-License-Identifier: MIT */
#include "orphans.h"

#include <assert.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loop.h"
#include "plat.h"
#include "thread.h"

struct rdv__leftovers {
    struct rdv__post post;
    rdv_loop *loop;
    struct rdv__thread *thread;
    rdv_duration grace;
    int found;
    void (*ended)(void *user, int found); /* NULL once nobody wants to know */
    void *user;
    bool anyone; /* the marks can't be guessed */
    const char *marks[3];
    char texts[]; /* what marks point to */
};

static void work(void *user)
{
    struct rdv__leftovers *leftovers = user;
    leftovers->found =
        rdv__plat_end_leftovers(leftovers->marks, leftovers->anyone, leftovers->grace);
    rdv__loop_post(leftovers->loop, &leftovers->post);
}

static void worked(struct rdv__post *post)
{
    struct rdv__leftovers *leftovers = (struct rdv__leftovers *)post;
    void (*ended)(void *user, int found) = leftovers->ended;
    void *user = leftovers->user;
    int found = leftovers->found;
    rdv__thread_join(leftovers->thread);
    free(leftovers);
    if (ended)
        ended(user, found);
}

static void dropped(struct rdv__post *post)
{
    free(post);
}

int rdv__leftovers_end(rdv_loop *loop, const char *store_path, int64_t run, const char *nonce,
                       rdv_duration grace, void (*ended)(void *user, int found), void *user,
                       struct rdv__leftovers **ret_leftovers)
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
    struct rdv__leftovers *leftovers = calloc(1, sizeof *leftovers + size);
    if (!leftovers)
        return RDV_ENOMEM;
    leftovers->post.fn = worked;
    leftovers->post.drop = dropped;
    leftovers->loop = loop;
    leftovers->grace = grace;
    leftovers->ended = ended;
    leftovers->user = user;
    leftovers->anyone = named;
    snprintf(leftovers->texts, first_size, "%s%s", first, value);
    leftovers->marks[0] = leftovers->texts;
    if (!named) {
        snprintf(leftovers->texts + first_size, size - first_size, "%s%s", second, number);
        leftovers->marks[1] = leftovers->texts + first_size;
    }
    int result = rdv__thread_new(work, leftovers, &leftovers->thread);
    if (result) {
        free(leftovers);
        return result;
    }
    *ret_leftovers = leftovers;
    return 0;
}

void rdv__leftovers_free(struct rdv__leftovers *leftovers)
{
    if (!leftovers)
        return;
    /* With nothing left to wait for, the thread ends. Its post is on the way then, and frees the rest. */
    leftovers->ended = NULL;
    rdv__plat_end_leftovers(leftovers->marks, leftovers->anyone, 0);
    rdv__thread_join(leftovers->thread);
    leftovers->thread = NULL;
}
