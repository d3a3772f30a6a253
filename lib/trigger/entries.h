/* SPDX-License-Identifier: MIT */
/*
 * The entries of a trigger agent that are not finished, and the changes that they go through. Nothing is decided here.
 *
 * Every change goes the same way: write the record, change the queue so that later decisions of the same batch see it, and
 * defer a `struct change`, which undoes that if the batch fails, and tells the world once it is durable. A function that
 * returns an error has changed nothing (and may have failed the whole batch: then all of it is undone).
 */
#ifndef RDV__TRIGGER_ENTRIES_H
#define RDV__TRIGGER_ENTRIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/records.h"
#include "trigger/moments.h"
#include "trigger/observers.h"
#include "trigger/queue.h"
#include <rdvtask/store.h>
#include <rdvtask/task.h>

/* A task under way. It lives from the decision to start it until its end is durable. */
struct rdv__live_entry {
    struct rdv__live_entry *next, *previous; /* all runs, the youngest first */
    uint32_t slot;
    rdv_task *task;
    struct rdv__keys keys; /* what the queue has given up while it runs */
    rdv_window window;
    rdv_time scheduled_at, started_at;
    int64_t change;         /* the number of its latest change, as the open batch has it */
    struct rdv__moment due; /* its place in the heap of moments */
    rdv_duration
        moment; /* when to look at it, in running time: at its limit, or at the end of a wait; 0 = never */
    bool asked;     /* the plug-in was asked to end it, for at.ending */
    bool waits;     /* it is resuming, and has no slot: it begins again later */
    bool resuming;  /* it was under way when the last process ended, and was not heard of since */
    bool unwritten; /* `at` is newer than the store */
    rdv_duration
        busy_until; /* the plug-in still ends an earlier run of the task: how long to ask again; 0 = it does not */
    struct rdv__cuts cuts;
    int reports;             /* lines of history so far */
    struct rdv__progress at; /* its latest report; message points to `message` */
    char message[RDV_MESSAGE_MAX + 1];
};

/* What to do when a change is durable. Called from the loop's turn. */
struct rdv__entries_ops {
    void (*started)(void *user, struct rdv__live_entry *live);    /* for the first time, or again */
    void (*cancelling)(void *user, struct rdv__live_entry *live); /* someone asked for its end */
    void (*settled)(void *user, int result); /* any change: 0, or the batch's error */
};

struct rdv__entries {
    rdv_store *store;
    struct rdv__queue *queue;
    struct rdv__live_entry *live;
    struct rdv__moments moments; /* of runs; pending entries are in the queue, by the clock */
    size_t
        running; /* runs that have a slot: those that don't wait, and whose end is not even decided */
    size_t waiting;      /* runs that wait for a slot */
    size_t unsettled;    /* changes under way */
    int64_t held_number; /* entries up to this one are left alone */
    struct rdv__watchers watchers;
    const struct rdv__entries_ops *ops;
    void *user;
    bool finishing;
};

/* ops and user are borrowed. On failure, and at the end, finish it. */
int rdv__entries_init(struct rdv__entries *entries, rdv_store *store,
                      const struct rdv__entries_ops *ops, void *user);
void rdv__entries_finish(struct rdv__entries *entries);

/* Read what the store has: pending entries into their places, runs as resuming; with hold, they all just keep their names. */
int rdv__entries_load(struct rdv__entries *entries, bool hold);

/* Find an unfinished entry; *ret_run is NULL for a pending one. RDV_ENOTFOUND, or an error of the store. */
int rdv__entries_find(struct rdv__entries *entries, const char *identifier, uint32_t *ret_slot,
                      struct rdv__live_entry **ret_live);

/* What is known of an identifier, until an entry that has it comes, starts or ends. */
struct rdv__entries_known {
    uint32_t hash;
    uint32_t pending; /* the entry that has it, or RDV__QUEUE_NONE */
};

/* Look for an identifier that a task to be scheduled has. RDV_EBUSY if one is running; or an error of the store. */
int rdv__entries_look_up(struct rdv__entries *entries, const char *identifier,
                         struct rdv__entries_known *ret_known);

/* A new entry, in place of a pending one with the same identifier. The window is checked. */
int rdv__entries_schedule(struct rdv__entries *entries, const rdv_window *window, rdv_task *task,
                          const struct rdv__entries_known *known, rdv_time now);

/* A pending entry ends without having started. */
int rdv__entries_end_pending(struct rdv__entries *entries, uint32_t slot, rdv_outcome outcome,
                             int code, const char *message, rdv_time now);

/* A pending entry starts: from now on it is a run, which is not to be looked at before the caller says when. */
int rdv__entries_start(struct rdv__entries *entries, uint32_t slot, rdv_time now,
                       struct rdv__live_entry **ret_live);

/* Start a resuming run again, whether it waits or not, and store how often it was cut short. */
int rdv__entries_start_again(struct rdv__entries *entries, struct rdv__live_entry *live,
                             const struct rdv__cuts *cuts, rdv_time now);

/* Store how often a run was cut short, or that it is stopped in order. */
int rdv__entries_cut(struct rdv__entries *entries, struct rdv__live_entry *live,
                     const struct rdv__cuts *cuts, rdv_time now);

/* Take the slot of a resuming run away until it starts again, and give it one again. */
void rdv__entries_wait(struct rdv__entries *entries, struct rdv__live_entry *live);
void rdv__entries_stop_waiting(struct rdv__entries *entries, struct rdv__live_entry *live);

/* Store run->at; keep = as a line of history. */
int rdv__entries_progress(struct rdv__entries *entries, struct rdv__live_entry *live, bool keep,
                          rdv_time now);

/* End the run, with these last words. If that can't be committed, the run is as it was before, and marked as unwritten. */
int rdv__entries_end_live(struct rdv__entries *entries, struct rdv__live_entry *live,
                          rdv_outcome outcome, const struct rdv__progress *last, rdv_time now);

/* Mark a run that was not to end before: it is to end now, for this reason. */
int rdv__entries_cancel(struct rdv__entries *entries, struct rdv__live_entry *live,
                        enum rdv__ending ending, rdv_time now);

/* Have the run looked at again at this moment of running time; 0 = at none. */
void rdv__entries_look_at(struct rdv__entries *entries, struct rdv__live_entry *live,
                          rdv_duration moment);

/* The run that is to be looked at first, or NULL. */
struct rdv__live_entry *rdv__entries_first_live(const struct rdv__entries *entries);

/* Words for run->message; cut to fit. */
void rdv__live_entry_set_message(struct rdv__live_entry *live, const char *message);

#endif
