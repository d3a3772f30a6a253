/* SPDX-License-Identifier: MIT */
/*
 * Listings in slices, so that no question holds up the loop, however much the store has. All slices
 * take about equally long, a millisecond at most on a usual machine. Between two of them everything
 * else goes on, and no statement is open. So a listing that takes more than one slice is no
 * snapshot: an entry that comes, goes or starts meanwhile may or may not be in it.
 */
#ifndef RDV__TRIGGER_QUERY_H
#define RDV__TRIGGER_QUERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rdvtask/store.h>
#include <rdvtask/trigger.h>

enum rdv__query_kind {
    /* What has not ended: entries under way by number, then pending ones in their order. */
    RDV__QUERY_LIST,
    /* What had ended when the question was asked, with changes; the oldest first. */
    RDV__QUERY_HISTORY,
    /* One entry with changes and output: the unfinished one, else the one that ended last. */
    RDV__QUERY_SHOW
};

struct rdv__query_terms {
    enum rdv__query_kind kind;
    /* NULL = all; RDV__QUERY_SHOW needs one. */
    const char *identifier;
    /* For a list; NULL = all. */
    const char *label;
    /* At most so many entries: the first of a list, the last of the history; 0 = all. */
    int64_t limit;
    /* The query may use more memory, so that long lists take less time. */
    bool roomy;
};

struct rdv__query;

/* The terms are copied. The trigger agent has to outlive the query. */
int rdv__query_new(rdv_trigger *trigger, const struct rdv__query_terms *terms,
                   struct rdv__query **ret_query);
/* NULL is fine. */
void rdv__query_free(struct rdv__query *query);

/* How much memory the query takes, in bytes. */
size_t rdv__query_memory(const struct rdv__query *query);

/* Do a slice. What is staged is committed first. Returns 1 if there is more, 0 if that was all, or
 * an error, which may be fn's. */
int rdv__query_step(struct rdv__query *query, rdv_entry_fn fn, void *user);

/* How far a watcher has got. */
struct rdv__query_follow {
    /* The watcher knows all changes up to this one. */
    int64_t told;
    /* The watcher was told of pending entries up to this one, or knew them; 0 at the beginning. */
    int64_t number;
};

/* What fn returns when that is enough for now. */
#define RDV__QUERY_ENOUGH 2

/* Tell a slice of the changes after `told`, in their order, each entry as it is by now. fn may stop
 * it with RDV__QUERY_ENOUGH. Returns 1 if there is more; 0 if there is not, and then `told` is the
 * store's last change; or an error. */
int rdv__query_follow(rdv_trigger *trigger, struct rdv__query_follow *follow, rdv_entry_fn fn,
                      void *user);

#endif
