/* SPDX-License-Identifier: MIT */
/*
 * Listings in slices, so that no question holds up the loop, however much the store has. All slices take about equally long, a
 * millisecond at most on a usual machine. Between two of them everything else goes on, and no statement is open. So a listing
 * that takes more than one slice is no snapshot: an entry that comes, goes or starts meanwhile may or may not be in it.
 */
#ifndef RDV__TRIGGER_QUERY_H
#define RDV__TRIGGER_QUERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rdvtask/store.h>
#include <rdvtask/trigger.h>

enum rdv__query_kind {
    RDV__QUERY_LIST, /* what has not ended: running ones by number, then pending ones in their order */
    RDV__QUERY_HISTORY, /* what had ended when it was asked, with changes; oldest first */
    RDV__QUERY_SHOW /* one entry with changes and output: the unfinished one, else the one that ended last */
};

struct rdv__query_terms {
    enum rdv__query_kind kind;
    const char *identifier; /* NULL = all; required for RDV__QUERY_SHOW */
    const char *label;      /* for a list; NULL = all */
    int64_t limit; /* at most so many: the first of a list, the last of the history; 0 = all */
    bool roomy;    /* may use more memory, so that long lists take less time */
};

struct rdv__query;

/* The terms are copied. The trigger agent has to outlive it. */
int rdv__query_new(rdv_trigger *trigger, const struct rdv__query_terms *terms,
                   struct rdv__query **ret_query);
void rdv__query_free(struct rdv__query *query); /* NULL is fine */

/* How much memory the query takes, in bytes. */
size_t rdv__query_memory(const struct rdv__query *query);

/* Do a slice. What is staged is committed first. Returns 1 if there is more, 0 if that was all, or an error, which may be fn's. */
int rdv__query_step(struct rdv__query *query, rdv_entry_fn fn, void *user);

/* How far a watcher has got: it knows all changes up to `told`. `number` is 0 at the beginning. */
struct rdv__query_follow {
    int64_t told;
    int64_t number; /* the watcher was told of pending entries up to this one, or knew them */
};

/* What fn returns for "that is enough for now". */
#define RDV__QUERY_ENOUGH 2

/* Tell a slice of the changes after `told`, in their order, each entry as it is by now. fn may stop it with RDV__QUERY_ENOUGH.
 * Returns 1 if there is more; 0 if there is not, and then `told` is the store's last change; or an error. */
int rdv__query_follow(rdv_trigger *trigger, struct rdv__query_follow *follow, rdv_entry_fn fn,
                      void *user);

#endif
