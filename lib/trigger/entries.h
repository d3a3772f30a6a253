/* SPDX-License-Identifier: MIT */
/*
 * The entries of a trigger agent that are not finished, and the changes that they go through.
 * Nothing is decided here.
 *
 * Every change goes the same way: its record is written; the queue is changed, so that later
 * decisions of the same batch see it; and a `struct change` is deferred, which undoes that if the
 * batch fails, and tells the world once it is durable. A function that returns an error has changed
 * nothing (and may have failed the whole batch: then all of it is undone).
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

/* An entry under way. It lives from the decision to start it until its end is durable. */
struct rdv__live_entry {
    /* The list of all live entries, the youngest first. */
    struct rdv__live_entry *next, *previous;
    uint32_t slot;
    rdv_task *task;
    /* What the queue has given up while the entry is under way. */
    struct rdv__keys keys;
    rdv_window window;
    rdv_time scheduled_at, started_at;
    /* The number of its latest change, as the open batch has it. */
    int64_t change;
    /* Its place in the heap of moments. */
    struct rdv__moment due;
    /* When to look at it, in running time: at its limit, or at the end of a wait; 0 = never. */
    rdv_duration moment;
    /* The plug-in was asked to end it, for the reason at.ending. */
    bool asked;
    /* It is resuming, and has no slot: it starts again later. */
    bool waits;
    /* It was under way when the last process ended, and was not heard of since. */
    bool resuming;
    /* `at` is newer than what the store has. */
    bool unwritten;
    /* The plug-in is still ending an earlier run of the same task: how long to ask it again to
     * start this one, in running time; 0 = it is not. */
    rdv_duration busy_until;
    struct rdv__cuts cuts;
    /* How many lines of the history it has so far. */
    int reports;
    /* Its latest report. at.message points to `message`. */
    struct rdv__progress at;
    char message[RDV_MESSAGE_MAX + 1];
};

/* What to do when a change is durable. Called from the loop's turn. trigger.c has the functions
 * that do it, and a test of the entries alone has others. */
struct rdv__entries_ops {
    /* The entry was started, for the first time or again. */
    void (*started)(void *user, struct rdv__live_entry *live);
    /* The entry is to end: someone has asked for that. */
    void (*cancelling)(void *user, struct rdv__live_entry *live);
    /* Any change is durable (0), or was undone (the batch's error). Called before the other two. */
    void (*settled)(void *user, int result);
};

struct rdv__entries {
    rdv_store *store;
    struct rdv__queue *queue;
    /* All live entries, the youngest first. */
    struct rdv__live_entry *live;
    /* The moments of live entries. Those of pending entries are in the queue, by the clock. */
    struct rdv__moments moments;
    /* How many live entries have a slot: those that don't wait, and whose end is not decided
     * yet. */
    size_t running;
    /* How many live entries wait for a slot. */
    size_t waiting;
    /* How many changes are neither durable nor undone yet. */
    size_t unsettled;
    /* Entries up to this number are left alone. */
    int64_t held_number;
    struct rdv__watchers watchers;
    const struct rdv__entries_ops *ops;
    void *user;
    bool finishing;
};

/* Set the entries up. ops and user are borrowed. On failure, and at the end, finish it. */
int rdv__entries_init(struct rdv__entries *entries, rdv_store *store,
                      const struct rdv__entries_ops *ops, void *user);
void rdv__entries_finish(struct rdv__entries *entries);

/* Read what the store has: pending entries into their places, those under way as resuming. With
 * hold, all of them only keep their names. */
int rdv__entries_load(struct rdv__entries *entries, bool hold);

/* Find an unfinished entry; *ret_live is NULL for a pending one. RDV_ENOTFOUND, or an error of the
 * store. */
int rdv__entries_find(struct rdv__entries *entries, const char *identifier, uint32_t *ret_slot,
                      struct rdv__live_entry **ret_live);

/* What is known of an identifier, until an entry that has it comes, starts or ends. */
struct rdv__entries_known {
    uint32_t hash;
    /* The pending entry that has it, or RDV__QUEUE_NONE. */
    uint32_t pending;
};

/* Look for the identifier of a task that is to be scheduled. RDV_EBUSY if an entry that has it is
 * under way; or an error of the store. */
int rdv__entries_look_up(struct rdv__entries *entries, const char *identifier,
                         struct rdv__entries_known *ret_known);

/* Add an entry, in place of a pending one with the same identifier. The window was checked. */
int rdv__entries_schedule(struct rdv__entries *entries, const rdv_window *window, rdv_task *task,
                          const struct rdv__entries_known *known, rdv_time now);

/* End a pending entry without having started it. */
int rdv__entries_end_pending(struct rdv__entries *entries, uint32_t slot, rdv_outcome outcome,
                             int code, const char *message, rdv_time now);

/* Start a pending entry: from now on it is live. It is not looked at before the caller says
 * when. */
int rdv__entries_start(struct rdv__entries *entries, uint32_t slot, rdv_time now,
                       struct rdv__live_entry **ret_live);

/* Start a resuming entry again, whether it waits or not, and store how often it was cut short. */
int rdv__entries_start_again(struct rdv__entries *entries, struct rdv__live_entry *live,
                             const struct rdv__cuts *cuts, rdv_time now);

/* Store how often an entry was cut short, or that it is stopped in order. */
int rdv__entries_cut(struct rdv__entries *entries, struct rdv__live_entry *live,
                     const struct rdv__cuts *cuts, rdv_time now);

/* Take the slot of a resuming entry away until it starts again, and give it one again. */
void rdv__entries_wait(struct rdv__entries *entries, struct rdv__live_entry *live);
void rdv__entries_stop_waiting(struct rdv__entries *entries, struct rdv__live_entry *live);

/* Store live->at; with keep, it becomes a line of the history. */
int rdv__entries_progress(struct rdv__entries *entries, struct rdv__live_entry *live, bool keep,
                          rdv_time now);

/* End a live entry, with these last words. If that can't be committed, the entry is as it was
 * before, and is marked as unwritten. */
int rdv__entries_end_live(struct rdv__entries *entries, struct rdv__live_entry *live,
                          rdv_outcome outcome, const struct rdv__progress *last, rdv_time now);

/* Mark a live entry as one that is to end now, for this reason. It was not to end before. */
int rdv__entries_cancel(struct rdv__entries *entries, struct rdv__live_entry *live,
                        enum rdv__ending ending, rdv_time now);

/* Have a live entry looked at again at this moment of running time; 0 = at none. */
void rdv__entries_look_at(struct rdv__entries *entries, struct rdv__live_entry *live,
                          rdv_duration moment);

/* The live entry that is to be looked at first, or NULL. */
struct rdv__live_entry *rdv__entries_first_live(const struct rdv__entries *entries);

/* Set live->message, cut to fit. */
void rdv__live_entry_set_message(struct rdv__live_entry *live, const char *message);

#endif
