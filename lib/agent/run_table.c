/* SPDX-License-Identifier: MIT */
/*
 * The runs that a task agent has: a list of all of them, a hash table of those in flight, by
 * identifier, and who does a reboot when several ask for it. agent.c owns the table; function_run.c
 * and command_run.c embed a struct rdv__run in each of theirs.
 *
 * A run is in the list from rdv__runs_add() to rdv__runs_remove(), and in the hash table until
 * rdv__runs_release(). `held` counts the runs and what else keeps the agent from being done.
 */
#include "agent/run_table.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "platform/boot.h"
#include "platform/platform.h"

#define BUCKETS_FIRST 64

static uint32_t hash_of(const struct rdv__runs *runs, const char *identifier)
{
    return rdv__hash(&runs->key, identifier, strlen(identifier));
}

int rdv__runs_init(struct rdv__runs *runs)
{
    int result = rdv__plat_random(&runs->key, sizeof runs->key);
    if (result != 0)
        return result;
    runs->buckets = calloc(BUCKETS_FIRST, sizeof *runs->buckets);
    if (!runs->buckets)
        return RDV_ENOMEM;
    runs->bucket_count = BUCKETS_FIRST;
    return 0;
}

void rdv__runs_finish(struct rdv__runs *runs)
{
    assert(!runs->first);
    free(runs->buckets);
    runs->buckets = NULL;
}

struct rdv__run *rdv__runs_find(const struct rdv__runs *runs, const char *identifier)
{
    uint32_t hash = hash_of(runs, identifier);
    struct rdv__run *run = runs->buckets[hash & (runs->bucket_count - 1)];
    while (run && (run->hash != hash || strcmp(rdv_task_identifier(run->task), identifier) != 0))
        run = run->chain;
    return run;
}

/* If there is no memory, the chains just get longer. */
static void grow_buckets(struct rdv__runs *runs)
{
    size_t count = runs->bucket_count * 2;
    struct rdv__run **buckets = calloc(count, sizeof *buckets);
    if (!buckets)
        return;
    for (size_t i = 0; i < runs->bucket_count; i++)
        for (struct rdv__run *run = runs->buckets[i], *chain; run; run = chain) {
            struct rdv__run **head = &buckets[run->hash & (count - 1)];
            chain = run->chain;
            run->chain = *head;
            *head = run;
        }
    free(runs->buckets);
    runs->buckets = buckets;
    runs->bucket_count = count;
}

void rdv__runs_add(struct rdv__runs *runs, struct rdv__run *run, const struct rdv__run_ops *ops,
                   rdv_task *task)
{
    if (runs->in_flight == runs->bucket_count)
        grow_buckets(runs);
    run->ops = ops;
    run->runs = runs;
    run->task = rdv_task_ref(task);
    run->hash = hash_of(runs, rdv_task_identifier(task));
    run->in_flight = true;
    struct rdv__run **head = &runs->buckets[run->hash & (runs->bucket_count - 1)];
    run->chain = *head;
    *head = run;
    run->previous = NULL;
    run->next = runs->first;
    if (run->next)
        run->next->previous = run;
    runs->first = run;
    runs->in_flight++;
    runs->held++;
}

void rdv__runs_release(struct rdv__run *run)
{
    struct rdv__runs *runs = run->runs;
    if (!run->in_flight)
        return;
    struct rdv__run **link = &runs->buckets[run->hash & (runs->bucket_count - 1)];
    while (*link != run)
        link = &(*link)->chain;
    *link = run->chain;
    run->in_flight = false;
    runs->in_flight--;
}

static void withdraw_asking(struct rdv__run *run)
{
    struct rdv__runs *runs = run->runs;
    assert(run->asks && runs->asking > 0);
    run->asks = false;
    runs->asking--;
    if (runs->rebooter == run)
        runs->rebooter = NULL;
    if (runs->asking > 0) {
        rdv__runs_rested(runs);
        return;
    }
    if (runs->terminating || runs->freeing)
        return;
    for (struct rdv__run *other = runs->first; other; other = other->next)
        if (other->ops->go_on)
            other->ops->go_on(other);
}

void rdv__runs_remove(struct rdv__run *run)
{
    struct rdv__runs *runs = run->runs;
    rdv__runs_release(run);
    if (run->previous)
        run->previous->next = run->next;
    else
        runs->first = run->next;
    if (run->next)
        run->next->previous = run->previous;
    if (run->asks)
        withdraw_asking(run);
    else
        rdv__runs_rested(runs);
    rdv__runs_drop(runs);
}

void rdv__runs_hold(struct rdv__runs *runs)
{
    runs->held++;
}

void rdv__runs_drop(struct rdv__runs *runs)
{
    assert(runs->held > 0);
    if (--runs->held == 0 && !runs->freeing)
        runs->emptied(runs);
}

/* ----------------------------------------------------------------- reboots */

void rdv__runs_ask(struct rdv__run *run)
{
    assert(!run->asks);
    run->asks = true;
    run->runs->asking++;
}

void rdv__runs_rested(struct rdv__runs *runs)
{
    struct rdv__run *found = NULL;
    if (runs->asking == 0 || runs->rebooter || runs->terminating || runs->freeing)
        return;
    for (struct rdv__run *run = runs->first; run; run = run->next) {
        enum rdv__rest rest = run->ops->rest ? run->ops->rest(run) : RDV__REST_NONE;
        if (rest == RDV__REST_NONE)
            return;
        if (rest == RDV__REST_ASKS)
            /* If there are several, this ends at the one that came first: the list begins with the
             * latest. */
            found = run;
    }
    if (found) {
        runs->rebooter = found;
        found->ops->reboot(found);
    }
}

const struct rdv__run *rdv__runs_asking(const struct rdv__runs *runs)
{
    const struct rdv__run *run = runs->asking > 0 ? runs->first : NULL;
    while (run && !run->asks)
        run = run->next;
    return run;
}

int rdv__runs_boot_id(const struct rdv__runs *runs, char buffer[RDV__BOOT_ID_ROOM],
                      struct rdv_error *error)
{
    return rdv__boot_id(runs->boot_id_file, buffer, error);
}

int rdv__runs_report(const struct rdv__run *run, const rdv_report *report)
{
    rdv_sink *sink = run->runs->sink;
    return sink->ops->task_state_changed(sink, rdv_task_identifier(run->task), report);
}
