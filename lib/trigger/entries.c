/* SPDX-License-Identifier: MIT */
/*
 * The unfinished entries, and the one way in which each of them changes. The files of the trigger
 * agent call it: api.c and load_document.c to schedule and delete, decide.c to start and to let
 * expire, live.c and take_over.c for entries under way. It owns the queue, the live entries and the
 * watchers; the store is borrowed.
 *
 *     schedule                  start                              end_live
 *   -----------> pending ---------------------> live ------------------------------> finished
 *                 |  |                           ^  | start_again, cut, progress,        ^
 *                 |  |                           +--+ cancel                             |
 *     replaced,   |  |                                                                   |
 *     no trace    v  +-------------------------- end_pending ----------------------------+
 *               gone
 *
 * What holds for each of these changes:
 *  - It is staged in the store and made in memory at once, and settled when the batch ends. Until
 *    then, a `struct change` keeps what is needed to undo it.
 *  - If the batch fails, changes are settled from the latest to the first, so each finds memory as
 *    it has left it.
 *  - An entry keeps its slot of the queue until the change that takes it away is durable: it is
 *    hidden meanwhile.
 *  - A live entry is freed when its end is durable or its start is undone, and not before; with the
 *    trigger agent, all of them are.
 */
#include "trigger/entries.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "model/status.h"
#include "store/startup_scan.h"
#include "store/store.h"

enum change_kind {
    SCHEDULED,
    ENDED_PENDING,
    STARTED,
    STARTED_AGAIN,
    PROGRESSED,
    ENDED,
    CANCELLING,
    CUT
};

/* A change on its way to the disk. */
struct change {
    struct rdv__store_change base;
    struct rdv__entries *entries;
    enum change_kind kind;
    rdv_time now;
    uint32_t slot;
    /* SCHEDULED: the slot of the entry that it replaces, or RDV__QUEUE_NONE. */
    uint32_t replaced;
    /* NULL for changes of pending entries. */
    struct rdv__live_entry *live;
    /* STARTED_AGAIN, CUT: the counts as they were before. */
    struct rdv__cuts cuts;
    /* STARTED_AGAIN: whether the entry waited before. */
    bool waited;
    /* The number of the live entry's latest change before this one. */
    int64_t before;
    /* The number of the store's latest change before this one. */
    int64_t last;
    /* What the watchers are told; NULL if nobody watches. */
    struct rdv__entry_copy *copy;
};

/* ------------------------------------------------------------ live entries */

static void live_link(struct rdv__entries *entries, struct rdv__live_entry *live)
{
    live->previous = NULL;
    live->next = entries->live;
    if (live->next)
        live->next->previous = live;
    entries->live = live;
}

static void live_free(struct rdv__live_entry *live)
{
    rdv_task_unref(live->task);
    free(live);
}

static void live_unlink(struct rdv__entries *entries, struct rdv__live_entry *live)
{
    if (live->previous)
        live->previous->next = live->next;
    else
        entries->live = live->next;
    if (live->next)
        live->next->previous = live->previous;
    rdv__moments_remove(&entries->moments, &live->due);
    live_free(live);
}

void rdv__live_entry_set_message(struct rdv__live_entry *live, const char *message)
{
    size_t size = rdv__utf8_cut(message, strlen(message), RDV_MESSAGE_MAX);
    memmove(live->message, message, size);
    live->message[size] = '\0';
    live->at.message = live->message;
}

/* Make a live entry of the entry in this slot. It is not in the list yet. */
static int live_new(struct rdv__entries *entries, uint32_t slot, struct rdv__live_entry **ret_live)
{
    struct rdv__live_entry *live = calloc(1, sizeof *live);
    if (!live)
        return RDV_ENOMEM;
    int64_t number = rdv__queue_number(entries->queue, slot);
    struct rdv__record_entry entry;
    int result = rdv__record_load(entries->store, number, &entry);
    if (result != 0) {
        free(live);
        return result;
    }
    live->slot = slot;
    live->task = entry.task;
    live->window = entry.window;
    live->keys = (struct rdv__keys){.start = entry.window.start,
                                    .end = entry.window.end,
                                    .deadline = entry.window.deadline,
                                    .number = number};
    live->due.number = number;
    live->scheduled_at = entry.scheduled_at;
    live->started_at = entry.started_at;
    live->cuts = entry.cuts;
    live->change = entry.change;
    live->at = (struct rdv__progress){.status = entry.status,
                                      .ending = entry.ending,
                                      .attempt = entry.attempt,
                                      .progress = entry.progress,
                                      .code = entry.code};
    rdv__live_entry_set_message(live, entry.message);
    *ret_live = live;
    return 0;
}

void rdv__entries_look_at(struct rdv__entries *entries, struct rdv__live_entry *live,
                          rdv_duration moment)
{
    live->moment = moment;
    if (moment != 0)
        rdv__moments_put(&entries->moments, &live->due, moment);
    else
        rdv__moments_remove(&entries->moments, &live->due);
}

struct rdv__live_entry *rdv__entries_first_live(const struct rdv__entries *entries)
{
    struct rdv__moment *first = entries->moments.first;
    return first ? (struct rdv__live_entry *)((char *)first - offsetof(struct rdv__live_entry, due))
                 : NULL;
}

/* ------------------------------------------------------------------- queue */

/* Let a resting entry wait or be ready, as its window says. A held one goes on resting. */
static void place_entry(struct rdv__entries *entries, uint32_t slot, rdv_time now)
{
    struct rdv__keys keys = rdv__queue_keys(entries->queue, slot);
    if (keys.number <= entries->held_number)
        rdv__queue_rest(entries->queue, slot);
    else if (keys.start > now)
        rdv__queue_wait(entries->queue, slot);
    else
        rdv__queue_ready(entries->queue, slot);
}

static uint32_t hash_of(const struct rdv__entries *entries, const char *identifier)
{
    return rdv__queue_hash(entries->queue, identifier, strlen(identifier));
}

static int find_entry(struct rdv__entries *entries, const char *identifier, uint32_t hash,
                      uint32_t *ret_slot, struct rdv__live_entry **ret_live)
{
    uint32_t slot = RDV__QUEUE_NONE;
    while ((slot = rdv__queue_next_match(entries->queue, hash, slot)) != RDV__QUEUE_NONE) {
        struct rdv__live_entry *live = rdv__queue_user(entries->queue, slot);
        bool is = false;
        if (live) {
            is = strcmp(rdv_task_identifier(live->task), identifier) == 0;
        } else {
            int result = rdv__record_identifier_is(
                entries->store, rdv__queue_number(entries->queue, slot), identifier, &is);
            if (result != 0)
                return result;
        }
        if (is) {
            *ret_slot = slot;
            *ret_live = live;
            return 0;
        }
    }
    return RDV_ENOTFOUND;
}

int rdv__entries_find(struct rdv__entries *entries, const char *identifier, uint32_t *ret_slot,
                      struct rdv__live_entry **ret_live)
{
    return find_entry(entries, identifier, hash_of(entries, identifier), ret_slot, ret_live);
}

/* ----------------------------------------------------------------- changes */

static void settle_change(struct rdv__store_change *base, int result);

static int change_new(struct rdv__entries *entries, enum change_kind kind, rdv_time now,
                      struct change **ret_change)
{
    struct change *change = calloc(1, sizeof *change);
    if (!change)
        return RDV_ENOMEM;
    int result = rdv__store_stage(entries->store);
    if (result != 0) {
        free(change);
        return result;
    }
    change->base.settle = settle_change;
    change->base.owner = entries;
    change->entries = entries;
    change->kind = kind;
    change->last = rdv__record_last_change(entries->store);
    change->now = now;
    change->slot = change->replaced = RDV__QUEUE_NONE;
    *ret_change = change;
    return 0;
}

static void change_free(struct change *change)
{
    rdv__entry_copy_free(change->copy);
    free(change);
}

/* A change is written, and made in memory: the rest comes when the batch is settled. */
static void defer_change(struct change *change)
{
    if (change->live) {
        int64_t last = rdv__record_last_change(change->entries->store);
        change->before = change->live->change;
        /* A change that watchers are not told of has no number. */
        if (last > change->last)
            change->live->change = last;
    }
    change->entries->unsettled++;
    rdv__store_defer(change->entries->store, &change->base);
}

/* Fail the batch, because a part of the change could not be written. Returns result. */
static int give_up_change(struct change *change, int result)
{
    rdv_store *store = change->entries->store;
    change_free(change);
    return rdv__store_fail(store, result);
}

/* Keep what the watchers will be told. The caller has filled in what differs between changes.
 * Having no memory for it fails the change. */
static int note_entry(struct change *change, const rdv_task *task, rdv_entry *entry)
{
    if (!change->entries->watchers.first)
        return 0;
    entry->size = sizeof *entry;
    entry->change = rdv__record_last_change(change->entries->store);
    entry->identifier = rdv_task_identifier(task);
    entry->label = rdv_task_label(task);
    (void)rdv_task_context(task, &entry->context_size);
    return rdv__entry_copy_new(entry, &change->copy);
}

static int note_live(struct change *change, const struct rdv__progress *at, rdv_outcome outcome,
                     rdv_time finished_at)
{
    const struct rdv__live_entry *live = change->live;
    rdv_entry entry = {
        .run = live->keys.number,
        .window = live->window,
        .state = finished_at != 0 ? RDV_STATE_FINISHED : RDV_STATE_RUNNING,
        .status = finished_at != 0 ? rdv__outcome_status(outcome) : at->status,
        .outcome = outcome,
        .cancelling = finished_at == 0 && at->ending != RDV__ENDING_NONE,
        .attempt = at->attempt,
        .progress = at->progress,
        .code = at->code,
        .message = at->message,
        .scheduled_at = live->scheduled_at,
        .started_at = live->started_at,
        .finished_at = finished_at,
    };
    return note_entry(change, live->task, &entry);
}

/* ---------------------------------------------------------------- schedule */

int rdv__entries_look_up(struct rdv__entries *entries, const char *identifier,
                         struct rdv__entries_known *ret_known)
{
    struct rdv__entries_known known = {hash_of(entries, identifier), RDV__QUEUE_NONE};
    struct rdv__live_entry *running = NULL;
    int result = find_entry(entries, identifier, known.hash, &known.pending, &running);
    if (result != 0 && result != RDV_ENOTFOUND)
        return result;
    if (running)
        return RDV_EBUSY;
    *ret_known = known;
    return 0;
}

int rdv__entries_schedule(struct rdv__entries *entries, const rdv_window *window, rdv_task *task,
                          const struct rdv__entries_known *known, rdv_time now)
{
    const uint32_t replaced = known->pending;
    struct change *change = NULL;
    int result = change_new(entries, SCHEDULED, now, &change);
    if (result != 0)
        return result;
    struct rdv__keys keys = {.start = window->start,
                             .end = window->end,
                             .deadline = window->deadline,
                             .number = rdv__record_next_number(entries->store)};
    uint32_t slot;
    result = rdv__queue_add(entries->queue, &keys, known->hash, &slot);
    if (result != 0)
        return give_up_change(change, result);
    if (replaced != RDV__QUEUE_NONE)
        result = rdv__record_forget(entries->store, rdv__queue_number(entries->queue, replaced));
    if (result == 0)
        result = rdv__record_schedule(entries->store, keys.number, window, task, now);
    if (result == 0) {
        rdv_entry entry = {.run = keys.number,
                           .window = *window,
                           .progress = -1,
                           .message = "",
                           .scheduled_at = now};
        result = note_entry(change, task, &entry);
    }
    if (result != 0) {
        rdv__queue_remove(entries->queue, slot);
        return give_up_change(change, result);
    }
    change->slot = slot;
    change->replaced = replaced;
    if (replaced != RDV__QUEUE_NONE)
        rdv__queue_hide(entries->queue, replaced);
    place_entry(entries, slot, now);
    defer_change(change);
    return 0;
}

static void settle_scheduled(struct change *change, int result)
{
    struct rdv__entries *entries = change->entries;
    if (result != 0)
        rdv__queue_remove(entries->queue, change->slot);
    if (change->replaced == RDV__QUEUE_NONE)
        return;
    if (result == 0) {
        rdv__queue_remove(entries->queue, change->replaced);
    } else {
        rdv__queue_show(entries->queue, change->replaced);
        place_entry(entries, change->replaced, change->now);
    }
}

int rdv__entries_end_pending(struct rdv__entries *entries, uint32_t slot, rdv_outcome outcome,
                             int code, const char *message, rdv_time now)
{
    struct change *change = NULL;
    int result = change_new(entries, ENDED_PENDING, now, &change);
    if (result != 0)
        return result;
    int64_t number = rdv__queue_number(entries->queue, slot);
    struct rdv__progress at = {
        .status = rdv__outcome_status(outcome), .progress = -1, .code = code, .message = message};
    struct rdv__record_entry record = {0};
    if (entries->watchers.first)
        result = rdv__record_load(entries->store, number, &record);
    if (result == 0)
        result = rdv__record_finish(entries->store, number, outcome, &at, now);
    if (result == 0)
        result = rdv__record_retain(entries->store, now);
    if (result == 0 && record.task) {
        rdv_entry entry = {.run = number,
                           .window = record.window,
                           .state = RDV_STATE_FINISHED,
                           .status = at.status,
                           .outcome = outcome,
                           .progress = -1,
                           .code = code,
                           .message = message,
                           .scheduled_at = record.scheduled_at,
                           .finished_at = now};
        result = note_entry(change, record.task, &entry);
    }
    rdv_task_unref(record.task);
    if (result != 0)
        return give_up_change(change, result);
    change->slot = slot;
    rdv__queue_hide(entries->queue, slot);
    defer_change(change);
    return 0;
}

static void settle_ended_pending(struct change *change, int result)
{
    struct rdv__entries *entries = change->entries;
    if (result == 0) {
        rdv__queue_remove(entries->queue, change->slot);
        return;
    }
    rdv__queue_show(entries->queue, change->slot);
    place_entry(entries, change->slot, change->now);
}

/* ------------------------------------------------------------------- start */

int rdv__entries_start(struct rdv__entries *entries, uint32_t slot, rdv_time now,
                       struct rdv__live_entry **ret_live)
{
    struct change *change = NULL;
    struct rdv__live_entry *live = NULL;
    int result = change_new(entries, STARTED, now, &change);
    if (result != 0)
        return result;
    result = live_new(entries, slot, &live);
    if (result != 0)
        return give_up_change(change, result);
    live->started_at = now;
    live->at.attempt = 1;
    change->live = live;
    change->slot = slot;
    result = rdv__record_start(entries->store, live->keys.number, now);
    if (result == 0)
        result = note_live(change, &live->at, RDV_OUTCOME_NONE, 0);
    if (result != 0) {
        live_free(live);
        return give_up_change(change, result);
    }
    live_link(entries, live);
    entries->running++;
    rdv__queue_run(entries->queue, slot, live);
    defer_change(change);
    *ret_live = live;
    return 0;
}

static void settle_started(struct change *change, int result)
{
    struct rdv__entries *entries = change->entries;
    struct rdv__live_entry *live = change->live;
    if (result == 0) {
        entries->ops->started(entries->user, live);
        return;
    }
    rdv__queue_restore(entries->queue, change->slot, &live->keys);
    place_entry(entries, change->slot, change->now);
    entries->running--;
    live_unlink(entries, live);
}

void rdv__entries_wait(struct rdv__entries *entries, struct rdv__live_entry *live)
{
    assert(live->resuming && !live->waits);
    live->waits = true;
    entries->running--;
    entries->waiting++;
}

void rdv__entries_stop_waiting(struct rdv__entries *entries, struct rdv__live_entry *live)
{
    if (!live->waits)
        return;
    live->waits = false;
    entries->running++;
    entries->waiting--;
}

int rdv__entries_start_again(struct rdv__entries *entries, struct rdv__live_entry *live,
                             const struct rdv__cuts *cuts, rdv_time now)
{
    struct change *change = NULL;
    int result = change_new(entries, STARTED_AGAIN, now, &change);
    if (result != 0)
        return result;
    change->live = live;
    change->cuts = live->cuts;
    change->waited = live->waits;
    live->at.attempt++;
    result = rdv__record_report(entries->store, live->keys.number, &live->at, now, true);
    if (result == 0)
        result = rdv__record_cuts(entries->store, live->keys.number, cuts);
    if (result == 0)
        result = note_live(change, &live->at, RDV_OUTCOME_NONE, 0);
    if (result != 0) {
        live->at.attempt--;
        return give_up_change(change, result);
    }
    live->resuming = false;
    live->cuts = *cuts;
    rdv__entries_stop_waiting(entries, live);
    defer_change(change);
    return 0;
}

static void settle_started_again(struct change *change, int result)
{
    struct rdv__live_entry *live = change->live;
    if (result == 0) {
        change->entries->ops->started(change->entries->user, live);
        return;
    }
    live->at.attempt--;
    live->resuming = true;
    live->cuts = change->cuts;
    if (change->waited)
        rdv__entries_wait(change->entries, live);
    rdv__entries_look_at(change->entries, live, 0);
}

static void undo_cut(struct change *change)
{
    struct rdv__live_entry *live = change->live;
    live->cuts = change->cuts;
    /* A resuming entry is to be taken over once more. */
    if (live->resuming)
        rdv__entries_look_at(change->entries, live, 0);
}

int rdv__entries_cut(struct rdv__entries *entries, struct rdv__live_entry *live,
                     const struct rdv__cuts *cuts, rdv_time now)
{
    struct change *change = NULL;
    int result = change_new(entries, CUT, now, &change);
    if (result != 0)
        return result;
    change->live = live;
    change->cuts = live->cuts;
    result = rdv__record_cuts(entries->store, live->keys.number, cuts);
    if (result != 0)
        return give_up_change(change, result);
    live->cuts = *cuts;
    defer_change(change);
    return 0;
}

/* ----------------------------------------------------- progress and the end */

int rdv__entries_progress(struct rdv__entries *entries, struct rdv__live_entry *live, bool keep,
                          rdv_time now)
{
    struct change *change = NULL;
    int result = change_new(entries, PROGRESSED, now, &change);
    if (result != 0)
        return result;
    change->live = live;
    result = rdv__record_report(entries->store, live->keys.number, &live->at, now, keep);
    if (result == 0)
        result = note_live(change, &live->at, RDV_OUTCOME_NONE, 0);
    if (result != 0)
        return give_up_change(change, result);
    defer_change(change);
    return 0;
}

int rdv__entries_end_live(struct rdv__entries *entries, struct rdv__live_entry *live,
                          rdv_outcome outcome, const struct rdv__progress *last, rdv_time now)
{
    struct change *change = NULL;
    int result = change_new(entries, ENDED, now, &change);
    if (result != 0)
        return result;
    change->live = live;
    change->slot = live->slot;
    const struct rdv__known_entry ended = {.number = live->keys.number,
                                           .task = live->task,
                                           .window = live->window,
                                           .scheduled_at = live->scheduled_at,
                                           .started_at = live->started_at};
    result = rdv__record_finish_known(entries->store, &ended, outcome, last, now);
    if (result == 0)
        result = rdv__record_retain(entries->store, now);
    if (result == 0)
        result = note_live(change, last, outcome, now);
    if (result != 0)
        return give_up_change(change, result);
    rdv__entries_stop_waiting(entries, live);
    rdv__queue_hide(entries->queue, live->slot);
    rdv__moments_remove(&entries->moments, &live->due);
    entries->running--;
    defer_change(change);
    return 0;
}

static void settle_ended(struct change *change, int result)
{
    struct rdv__entries *entries = change->entries;
    struct rdv__live_entry *live = change->live;
    if (result == 0) {
        rdv__queue_remove(entries->queue, change->slot);
        live_unlink(entries, live);
        return;
    }
    rdv__queue_show(entries->queue, change->slot);
    rdv__entries_look_at(entries, live, live->moment);
    entries->running++;
    live->unwritten = true;
}

int rdv__entries_cancel(struct rdv__entries *entries, struct rdv__live_entry *live,
                        enum rdv__ending ending, rdv_time now)
{
    struct change *change = NULL;
    int result = change_new(entries, CANCELLING, now, &change);
    if (result != 0)
        return result;
    change->live = live;
    live->at.ending = ending;
    /* All that is known of it is written: an earlier report may still be unwritten, and what
     * watchers are told has to be what is stored. */
    result = rdv__record_report(entries->store, live->keys.number, &live->at, now, false);
    if (result == 0)
        result = note_live(change, &live->at, RDV_OUTCOME_NONE, 0);
    if (result != 0) {
        live->at.ending = RDV__ENDING_NONE;
        return give_up_change(change, result);
    }
    defer_change(change);
    return 0;
}

static void settle_cancelling(struct change *change, int result)
{
    struct rdv__live_entry *live = change->live;
    if (result == 0)
        change->entries->ops->cancelling(change->entries->user, live);
    else if (live->at.ending != RDV__ENDING_LIMIT) /* its limit may have been reached meanwhile */
        live->at.ending = RDV__ENDING_NONE;
}

/* The one place in which a change ends: it is told and applied, or undone. */
static void settle_change(struct rdv__store_change *base, int result)
{
    struct change *change = (struct change *)base;
    struct rdv__entries *entries = change->entries;
    entries->unsettled--;
    if (entries->finishing) {
        change_free(change);
        return;
    }
    entries->ops->settled(entries->user, result);
    if (result != 0 && change->live)
        change->live->change = change->before;
    /* Watchers come first, so that they hear of a start before they hear what became of it. */
    if (result == 0 && change->copy)
        rdv__watchers_tell(&entries->watchers, change->copy);
    switch (change->kind) {
    case SCHEDULED:
        settle_scheduled(change, result);
        break;
    case ENDED_PENDING:
        settle_ended_pending(change, result);
        break;
    case STARTED:
        settle_started(change, result);
        break;
    case STARTED_AGAIN:
        settle_started_again(change, result);
        break;
    case PROGRESSED:
        change->live->unwritten |= result != 0;
        break;
    case ENDED:
        settle_ended(change, result);
        break;
    case CANCELLING:
        settle_cancelling(change, result);
        break;
    case CUT:
        if (result != 0)
            undo_cut(change);
        break;
    }
    change_free(change);
}

/* -------------------------------------------------------------------- life */

int rdv__entries_init(struct rdv__entries *entries, rdv_store *store,
                      const struct rdv__entries_ops *ops, void *user)
{
    *entries = (struct rdv__entries){.store = store, .ops = ops, .user = user};
    return rdv__queue_new(&entries->queue);
}

void rdv__entries_finish(struct rdv__entries *entries)
{
    if (!entries->store)
        return;
    entries->finishing = true;
    rdv__store_disown(entries->store, entries);
    rdv__watchers_detach(&entries->watchers);
    while (entries->live)
        live_unlink(entries, entries->live);
    rdv__queue_free(entries->queue);
    *entries = (struct rdv__entries){0};
}

static int load_entry(void *user, const struct rdv__record_key *key)
{
    struct rdv__entries *entries = user;
    uint32_t slot;
    int result = rdv__queue_add(
        entries->queue, &key->keys,
        rdv__queue_hash(entries->queue, key->identifier, key->identifier_size), &slot);
    if (result != 0)
        return result;
    if (!key->running) {
        /* The time is not known yet, so 0 stands for it: an entry with a start waits, and becomes
         * ready when it is looked at. */
        place_entry(entries, slot, 0);
        return 0;
    }
    struct rdv__live_entry *live;
    result = live_new(entries, slot, &live);
    if (result != 0)
        return result;
    live->resuming = true;
    live_link(entries, live);
    rdv__queue_run(entries->queue, slot, live);
    return 0;
}

int rdv__entries_load(struct rdv__entries *entries, bool hold)
{
    entries->held_number = hold ? INT64_MAX : 0;
    int result = rdv__startup_scan_run(entries->store, load_entry, entries);
    if (result != 0)
        return result;
    if (hold) {
        entries->held_number = rdv__record_last_number(entries->store);
        return 0;
    }
    for (struct rdv__live_entry *live = entries->live; live; live = live->next)
        entries->running++;
    return 0;
}
