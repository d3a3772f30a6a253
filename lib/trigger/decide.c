/* SPDX-License-Identifier: MIT */
/*
 * What happens when: in each turn of the loop, with one reading of the clock, the trigger agent
 * looks what is due, and has entries.c make the changes. trigger.c hangs rdv__decide_turn() into
 * the loop; api.c lets what a call has scheduled start with that call.
 *
 * The state of the whole decides how much a turn may do. rdv_trigger_held_up() tells it anew each
 * time, from facts that others keep:
 *
 *      store     what the store refused is waited for         nothing is decided
 *      no agent  none is attached, or it is to end             nothing is decided
 *      clock     just booted, and not synchronised             nothing is decided
 *      reboot    an entry waits for a reboot                   entries end and are taken over
 *      paused    rdv_trigger_pause()                           entries end and are taken over
 *      starts    none of these                                 entries also start
 *
 * A decision that can't be written is made again after the wait of retry.c. Pending entries go by
 * the clock, and live ones by running time (rule 10 of doc/design.md); after a turn, the alarm and
 * the timer are set to the first moment of each, so that nothing is polled.
 */
#include "trigger/decide.h"

#include "plugin/table.h"
#include "store/store.h"
#include "trigger/internal.h"
#include "trigger/live.h"
#include "trigger/queue.h"
#include "trigger/retry.h"
#include "trigger/take_over.h"
#include "trigger/termination.h"

rdv_why rdv_trigger_held_up(rdv_trigger *trigger)
{
    if (trigger->retry_waiting || rdv__store_is_lost(trigger->entries.store))
        return RDV_WHY_STORE;
    if (!trigger->plugin || trigger->terminating)
        return RDV_WHY_NO_AGENT;
    if (!rdv__clock_trusted(&trigger->clock))
        return RDV_WHY_CLOCK;
    if (trigger->rebooting > 0)
        return RDV_WHY_REBOOT;
    if (trigger->paused)
        return RDV_WHY_PAUSED;
    return RDV_WHY_STARTS;
}

/* Do what is due: for live entries by running time, for pending ones by the clock. */
static int handle_due(rdv_trigger *trigger, rdv_time now)
{
    struct rdv__live_entry *live;
    rdv_time moment;
    uint32_t slot;
    int result = 0;
    while (!trigger->retry_waiting && (live = rdv__live_first_due(trigger)))
        rdv__live_handle_moment(trigger, live, now);
    /* An end that could not be written may have undone the batch: what follows waits for the
     * retry. */
    while (!trigger->retry_waiting && result == 0 &&
           (slot = rdv__queue_earliest(trigger->entries.queue, &moment)) != RDV__QUEUE_NONE &&
           moment <= now) {
        if (rdv__queue_is_ready(trigger->entries.queue, slot))
            result = rdv__entries_end_pending(&trigger->entries, slot, RDV_OUTCOME_EXPIRED,
                                              RDV_ETIMEDOUT,
                                              "its window passed before it could start", now);
        else
            rdv__queue_ready(trigger->entries.queue, slot);
    }
    return result;
}

/* Have the task agent put into the same batch what it writes before it begins, if it keeps the same
 * store. */
static int prepare_start(rdv_trigger *trigger, const struct rdv__live_entry *live)
{
    const struct rdv__store_plugin_ops *ops = rdv__plugin_store_ops(trigger->plugin);
    return ops ? ops->prepare_start(trigger->plugin, trigger->entries.store, live->task) : 0;
}

/* Start what is ready, as long as there are slots; entries that were taken over and wait come
 * first. */
static int start_ready(rdv_trigger *trigger, rdv_time now)
{
    uint32_t slot;
    int result = rdv__take_over_waiting(trigger, now);
    if (result != 0)
        return result;
    while (!rdv__live_slots_full(trigger) &&
           (slot = rdv__queue_first_ready(trigger->entries.queue)) != RDV__QUEUE_NONE) {
        /* If the clock was set back, an entry that was ready has to wait again. */
        if (rdv__queue_keys(trigger->entries.queue, slot).start > now) {
            rdv__queue_wait(trigger->entries.queue, slot);
            continue;
        }
        struct rdv__live_entry *live;
        result = rdv__entries_start(&trigger->entries, slot, now, &live);
        if (result != 0)
            return result;
        rdv__live_begin_limit(trigger, live);
        result = prepare_start(trigger, live);
        if (result != 0)
            return result;
    }
    return 0;
}

int rdv__decide_with_call(rdv_trigger *trigger)
{
    rdv_time now = rdv__clock_now(&trigger->clock), moment;
    if (trigger->resume_due || rdv_trigger_held_up(trigger) != RDV_WHY_STARTS ||
        !(trigger->plugin->ops->flags & RDV_PLUGIN_RESTART_SAFE) || rdv__live_first_due(trigger) ||
        (rdv__queue_earliest(trigger->entries.queue, &moment) != RDV__QUEUE_NONE && moment <= now))
        return 0;
    int result = start_ready(trigger, now);
    return result != 0 ? rdv__store_fail(trigger->entries.store, result) : 0;
}

/* Set the alarm and the timer to the next moments at which something is due. */
static void set_alarm(rdv_trigger *trigger)
{
    rdv_time next = 0;
    if (rdv__queue_earliest(trigger->entries.queue, &next) == RDV__QUEUE_NONE)
        next = 0;
    trigger->next = next;
    if (trigger->alarm)
        rdv__alarm_set(trigger->alarm, next);

    const struct rdv__live_entry *live = rdv__entries_first_live(&trigger->entries);
    rdv_duration due = live ? live->moment : 0;
    if (trigger->alarm && due != trigger->first_due) {
        if (live)
            rdv_timer_start(trigger->limits, due - rdv__clock_running(&trigger->clock));
        else
            rdv_timer_stop(trigger->limits);
    }
    trigger->first_due = due;
}

int rdv__decide_turn(struct rdv__turn *turn)
{
    rdv_trigger *trigger = (rdv_trigger *)((char *)turn - offsetof(rdv_trigger, turn));
    rdv_time now = rdv__clock_now(&trigger->clock);
    rdv__termination_begin_if_lost(trigger);
    if (trigger->cancel_due)
        rdv__live_ask_cancelled(trigger, now);
    if (!trigger->retry_waiting)
        rdv__live_write_unwritten(trigger, now);
    rdv_why why = rdv_trigger_held_up(trigger);
    if (why == RDV_WHY_CLOCK && trigger->alarm)
        rdv_timer_start(trigger->timer, RDV_SECOND);
    if (why == RDV_WHY_STARTS || why == RDV_WHY_REBOOT || why == RDV_WHY_PAUSED) {
        int result = trigger->resume_due ? rdv__take_over_all(trigger, now) : 0;
        if (result == 0)
            result = handle_due(trigger, now);
        if (result == 0 && rdv_trigger_held_up(trigger) == RDV_WHY_STARTS)
            result = start_ready(trigger, now);
        if (result != 0)
            rdv__retry_later(trigger, result);
        set_alarm(trigger);
    }
    rdv__termination_finish(trigger);
    return 0;
}

void rdv__decide_alarm_fired(void *user)
{
    rdv_trigger *trigger = user;
    rdv__loop_again(trigger->loop);
}

void rdv__decide_limits_fired(void *user)
{
    rdv_trigger *trigger = user;
    trigger->first_due = 0;
    rdv__loop_again(trigger->loop);
}
