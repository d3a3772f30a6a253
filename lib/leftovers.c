/* SPDX-License-Identifier: MIT */
#include "leftovers.h"

#include <inttypes.h>
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
    const char *marks[3];
    char run[40];
    char store[];
};

static void work(void *user)
{
    struct rdv__leftovers *leftovers = user;
    leftovers->found = rdv__plat_end_leftovers(leftovers->marks, leftovers->grace);
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

int rdv__leftovers_end(rdv_loop *loop, const char *store_path, int64_t run, rdv_duration grace,
                       void (*ended)(void *user, int found), void *user,
                       struct rdv__leftovers **ret_leftovers)
{
    static const char name[] = "RDV_STORE=";
    size_t path_size = strlen(store_path) + 1;
    struct rdv__leftovers *leftovers = calloc(1, sizeof *leftovers + sizeof name - 1 + path_size);
    if (!leftovers)
        return RDV_ENOMEM;
    leftovers->post.fn = worked;
    leftovers->post.drop = dropped;
    leftovers->loop = loop;
    leftovers->grace = grace;
    leftovers->ended = ended;
    leftovers->user = user;
    memcpy(leftovers->store, name, sizeof name - 1);
    memcpy(leftovers->store + sizeof name - 1, store_path, path_size);
    snprintf(leftovers->run, sizeof leftovers->run, "RDV_RUN=%" PRId64, run);
    leftovers->marks[0] = leftovers->store;
    leftovers->marks[1] = leftovers->run;
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
    rdv__plat_end_leftovers(leftovers->marks, 0);
    rdv__thread_join(leftovers->thread);
    leftovers->thread = NULL;
}
