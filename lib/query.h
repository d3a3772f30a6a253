/* SPDX-License-Identifier: MIT */
/*
 * Listings in slices, so that no question holds up the loop, however much the store has. A slice takes about as long as all
 * others, a millisecond at most on a usual machine; between two of them everything else goes on, and no statement is open. So
 * what takes more than one slice is no snapshot: an entry that comes, goes or starts meanwhile may be in it or not.
 */
#ifndef RDV__QUERY_H
#define RDV__QUERY_H

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
    const char *identifier; /* NULL = all; needed to show one */
    const char *label;      /* of a list; NULL = all */
    int64_t limit;          /* the first so many, of the history the last so many; 0 = all */
    bool roomy;             /* may take more memory, to take less time for long lists */
};

struct rdv__query;

/* The terms are copied. The trigger agent has to outlive it. */
int rdv__query_new(rdv_trigger *trigger, const struct rdv__query_terms *terms,
                   struct rdv__query **ret_query);
void rdv__query_free(struct rdv__query *query); /* NULL is fine */

/* The bytes that it takes. */
size_t rdv__query_memory(const struct rdv__query *query);

/* Do a slice. What is staged is committed first. 1 = there is more, 0 = that was all, or an error, also one of fn. */
int rdv__query_step(struct rdv__query *query, rdv_entry_fn fn, void *user);

/* Where somebody who watches has got to: all changes up to `told` are known. Begin with a number of 0. */
struct rdv__query_follow {
    int64_t told;
    int64_t number; /* pending entries up to this one are told, or were known */
};

/* What fn returns for "that is enough for now". */
#define RDV__QUERY_ENOUGH 2

/* A slice of what there is above that, in the order of changes, each entry as it is by now. fn may stop it with RDV__QUERY_ENOUGH.
 * Returns 1 = there is more; 0 = no more, and told is the store's last change; or an error. */
int rdv__query_follow(rdv_trigger *trigger, struct rdv__query_follow *follow, rdv_entry_fn fn,
                      void *user);

#endif
