/* SPDX-License-Identifier: MIT */
/*
 * What a trigger agent is asked: to schedule, delete, cancel, pause and resume, and how it is. The
 * rdv_trigger_ functions are the program's direct calls; control/methods.c, sink.c and
 * load_document.c call the rdv__trigger_ functions of api.h. What follows from a call is decided in
 * decide.c.
 *
 * A direct call has a commit of its own when it returns, alone or with the batch that it stands in;
 * the functions of api.h stage, and leave the commit to the turn. No task is handed to the plug-in
 * from here, and no end asked for: that is for the next turn.
 */
#include "trigger/api.h"
#include "trigger/internal.h"

#include "base/time.h"
#include "model/status.h"
#include "model/window.h"
#include "store/records.h"
#include "store/store.h"
#include "trigger/decide.h"
#include "trigger/queue.h"

int rdv_trigger_begin(rdv_trigger *trigger)
{
    return trigger ? rdv__store_hold(trigger->entries.store) : RDV_EINVAL;
}

int rdv_trigger_commit(rdv_trigger *trigger)
{
    if (!trigger)
        return RDV_EINVAL;
    if (rdv__store_is_held(trigger->entries.store))
        /* A failure is the batch's, which gives it now. */
        (void)rdv__decide_with_call(trigger);
    return rdv__store_release(trigger->entries.store, true);
}

int rdv_trigger_rollback(rdv_trigger *trigger)
{
    return trigger ? rdv__store_release(trigger->entries.store, false) : RDV_EINVAL;
}

/* Whether a direct call commits by itself: it does, unless it is inside a batch of the program, or
 * inside rdv_loop_call(), which sees to that. */
static bool commits_itself(const rdv_trigger *trigger)
{
    return !rdv__loop_in_call(trigger->loop) && !rdv__store_is_held(trigger->entries.store);
}

/* Finish a direct call, whose result was this so far. */
static int finish_call(rdv_trigger *trigger, int result)
{
    return result == 0 && commits_itself(trigger) ? rdv__store_commit(trigger->entries.store)
                                                  : result;
}

int rdv__trigger_schedule(rdv_trigger *trigger, const rdv_window *window, rdv_task *task)
{
    static const rdv_window any_time = {0};
    if (!window)
        window = &any_time;
    if (!trigger || !task || rdv_window_check(window) != 0)
        return RDV_EINVAL;
    if (trigger->terminating)
        return RDV_ESHUTDOWN;
    struct rdv__entries_known known;
    int result = rdv__entries_look_up(&trigger->entries, rdv_task_identifier(task), &known);
    return result != 0 ? result
                       : rdv__entries_schedule(&trigger->entries, window, task, &known,
                                               rdv__clock_now(&trigger->clock));
}

int rdv_trigger_schedule(rdv_trigger *trigger, const rdv_window *window, rdv_task *task)
{
    int result = rdv__trigger_schedule(trigger, window, task);
    if (result == 0 && commits_itself(trigger))
        result = rdv__decide_with_call(trigger);
    return finish_call(trigger, result);
}

/* Find the unfinished entry that a call names. *ret_live is NULL for a pending one. */
static int find_entry(rdv_trigger *trigger, const char *identifier, uint32_t *ret_slot,
                      struct rdv__live_entry **ret_live)
{
    if (!trigger || !identifier || !*identifier)
        return RDV_EINVAL;
    return rdv__entries_find(&trigger->entries, identifier, ret_slot, ret_live);
}

/* Whether a former process has left the entry under way, and this one does not take it over, or not
 * yet. */
static bool is_abandoned(const rdv_trigger *trigger, const struct rdv__live_entry *live)
{
    return live->resuming &&
           (!trigger->plugin || live->keys.number <= trigger->entries.held_number);
}

int rdv__trigger_delete(rdv_trigger *trigger, const char *identifier)
{
    uint32_t slot;
    struct rdv__live_entry *live;
    int result = find_entry(trigger, identifier, &slot, &live);
    if (result != 0)
        return result;
    if (live)
        return is_abandoned(trigger, live) ? rdv__trigger_cancel(trigger, identifier) : RDV_EBUSY;
    return rdv__entries_end_pending(&trigger->entries, slot, RDV_OUTCOME_CANCELLED, RDV_ECANCELLED,
                                    "deleted before it started", rdv__clock_now(&trigger->clock));
}

int rdv_trigger_delete(rdv_trigger *trigger, const char *identifier)
{
    return finish_call(trigger, rdv__trigger_delete(trigger, identifier));
}

/*
 * End an entry under way, whether that can be recorded or not: its run may be what fills the disk.
 * So the request is committed here and now, apart from what else the turn has staged. Only a batch
 * of the caller's stays all or nothing; and an entry that nobody works on can only be ended by
 * recording it.
 */
static int cancel_live(rdv_trigger *trigger, struct rdv__live_entry *live, const char *identifier)
{
    rdv_store *store = trigger->entries.store;
    rdv_time now = rdv__clock_now(&trigger->clock);
    /* The first reason to end it stays the reason. */
    const bool ends = live->at.ending != RDV__ENDING_NONE;
    int result = !ends ? rdv__entries_cancel(&trigger->entries, live, RDV__ENDING_CANCEL, now)
                 : live->unwritten ? rdv__entries_progress(&trigger->entries, live, false, now)
                                   : 0;
    if (rdv__store_is_held(store) || is_abandoned(trigger, live))
        return result;
    if (result == 0)
        result = rdv__store_commit(store);
    uint32_t slot;
    /* An entry whose start was in the lost batch was not handed over, and is pending again. */
    if (result == 0 || result == RDV_ESTATE || find_entry(trigger, identifier, &slot, &live) != 0 ||
        !live)
        return result;
    if (!ends)
        live->at.ending = RDV__ENDING_CANCEL;
    live->unwritten = trigger->cancel_due = true;
    rdv__loop_again(trigger->loop);
    return RDV_EUNRECORDED;
}

int rdv__trigger_cancel(rdv_trigger *trigger, const char *identifier)
{
    uint32_t slot;
    struct rdv__live_entry *live;
    int result = find_entry(trigger, identifier, &slot, &live);
    if (result != 0)
        return result;
    /* An entry with a terminal status has ended, and only waits for the disk. */
    if (live && rdv__status_terminal(live->at.status))
        return RDV_ENOTFOUND;
    if (live && live->at.ending == RDV__ENDING_NONE && !is_abandoned(trigger, live) &&
        (!trigger->plugin || !trigger->plugin->ops->cancel_task))
        return RDV_ENOTSUP;
    if (live)
        return cancel_live(trigger, live, identifier);
    return rdv__entries_end_pending(&trigger->entries, slot, RDV_OUTCOME_CANCELLED, RDV_ECANCELLED,
                                    "cancelled before it started", rdv__clock_now(&trigger->clock));
}

int rdv_trigger_cancel(rdv_trigger *trigger, const char *identifier)
{
    return finish_call(trigger, rdv__trigger_cancel(trigger, identifier));
}

int rdv__trigger_find(rdv_trigger *trigger, const char *identifier, int64_t *ret_number,
                      bool *ret_running)
{
    uint32_t slot;
    struct rdv__live_entry *live;
    int result = rdv__entries_find(&trigger->entries, identifier, &slot, &live);
    if (result != 0)
        return result;
    *ret_number = rdv__queue_number(trigger->entries.queue, slot);
    *ret_running = live != NULL;
    return 0;
}

/* ------------------------------------------------------------------- pause */

static int set_paused(rdv_trigger *trigger, bool paused)
{
    if (!trigger)
        return RDV_EINVAL;
    if (trigger->paused == paused)
        return 0;
    if (rdv__store_is_held(trigger->entries.store))
        return RDV_ESTATE;
    int result = rdv__store_stage(trigger->entries.store);
    if (result == 0) {
        result = rdv__record_set_paused(trigger->entries.store, paused);
        if (result != 0)
            return rdv__store_fail(trigger->entries.store, result);
        result = rdv__store_commit(trigger->entries.store);
    }
    if (result != 0)
        return result;
    trigger->paused = paused;
    rdv__loop_again(trigger->loop);
    return 0;
}

int rdv_trigger_pause(rdv_trigger *trigger)
{
    return set_paused(trigger, true);
}

int rdv_trigger_resume(rdv_trigger *trigger)
{
    return set_paused(trigger, false);
}

bool rdv_trigger_paused(const rdv_trigger *trigger)
{
    return trigger->paused;
}

/* --------------------------------------------------------------- how it is */

size_t rdv_trigger_unfinished(const rdv_trigger *trigger)
{
    return rdv__queue_count(trigger->entries.queue);
}

size_t rdv_trigger_running(const rdv_trigger *trigger)
{
    return trigger->entries.running;
}

int rdv__trigger_entries(rdv_trigger *trigger, struct rdv__entries **ret_entries)
{
    if (trigger->terminating)
        return RDV_ESHUTDOWN;
    *ret_entries = &trigger->entries;
    return 0;
}

rdv_store *rdv__trigger_store(const rdv_trigger *trigger)
{
    return trigger->entries.store;
}

rdv_time rdv__trigger_now(const rdv_trigger *trigger)
{
    return rdv__clock_now(&trigger->clock);
}

int rdv__trigger_max_running(const rdv_trigger *trigger)
{
    return trigger->options.max_running;
}

const char *rdv__trigger_agent_name(const rdv_trigger *trigger)
{
    return trigger->plugin ? trigger->plugin->ops->name(trigger->plugin) : NULL;
}

rdv_time rdv_trigger_next(const rdv_trigger *trigger)
{
    rdv_time first_due = rdv__clock_at(&trigger->clock, trigger->first_due);
    return first_due != 0 && (trigger->next == 0 || first_due < trigger->next) ? first_due
                                                                               : trigger->next;
}

void rdv_trigger_clock_changed(rdv_trigger *trigger)
{
    rdv__loop_again(trigger->loop);
}

int rdv_trigger_watch(rdv_trigger *trigger, rdv_entry_fn fn, void *user, rdv_watch **ret_watch)
{
    if (!trigger || !fn || !ret_watch)
        return RDV_EINVAL;
    return rdv__watchers_add(&trigger->entries.watchers, fn, user, ret_watch);
}
