/* SPDX-License-Identifier: MIT */
/*
 * Taking over the entries that the last process has left under way (rule 9 of doc/design.md).
 * decide.c calls it in the first turn with a task agent, and again while entries wait;
 * termination.c has it mark the entries that this process leaves in its turn. What it means that a
 * run was cut short is decided in interruptions.c.
 *
 * live->resuming is set from the start of the process until the entry was started again, was asked
 * to end, or was heard of. Of those entries,
 *  - one that was to end already, or was cut short too often, is asked to end;
 *  - one of a plug-in that is not safe to restart has some time to report;
 *  - one that was stopped over and over, or interrupted while the trigger agent is paused, waits
 *    without a slot (live->waits);
 *  - every other one is started again at once.
 * How often a run was cut short is stored in the batch that follows from it, and in no other.
 */
#include "trigger/take_over.h"

#include "model/status.h"
#include "plugin/table.h"
#include "trigger/internal.h"
#include "trigger/interruptions.h"
#include "trigger/live.h"

/* Start an entry again. Its limit begins anew, as nobody has worked on it meanwhile. */
static int start_again(rdv_trigger *trigger, struct rdv__live_entry *live,
                       const struct rdv__cuts *cuts, rdv_time now)
{
    int result = rdv__entries_start_again(&trigger->entries, live, cuts, now);
    if (result == 0)
        rdv__live_begin_limit(trigger, live);
    return result;
}

/* Find out how the run of an entry was cut short, and count that in `cuts`. */
static int count_cut(rdv_trigger *trigger, const struct rdv__live_entry *live,
                     struct rdv__cuts *cuts, enum rdv__cut *ret_cut)
{
    const struct rdv__store_plugin_ops *ops = rdv__plugin_store_ops(trigger->plugin);
    struct rdv__left_of_run left = {.under_way = true,
                                    .asked_for_reboot = live->at.status == RDV_STATUS_REBOOTING};
    int result =
        ops ? ops->read_left(trigger->plugin, trigger->entries.store, live->task, &left) : 0;
    if (result != 0)
        return result;
    const struct rdv__cut_facts facts = {.boot = trigger->boot,
                                         .asked_for_reboot = left.asked_for_reboot,
                                         .under_way = left.under_way,
                                         .step = left.step};
    *ret_cut = rdv__cut_count(cuts, &facts, trigger->options.max_interruptions);
    return 0;
}

static int take_over(rdv_trigger *trigger, struct rdv__live_entry *live, rdv_time now)
{
    struct rdv__cuts cuts = live->cuts;
    enum rdv__cut cut = RDV__CUT_NONE;
    int result = count_cut(trigger, live, &cuts, &cut);
    if (result != 0)
        return result;
    if (cut == RDV__CUT_TOO_OFTEN) {
        result = rdv__entries_cut(&trigger->entries, live, &cuts, now);
        return result != 0
                   ? result
                   : rdv__entries_cancel(&trigger->entries, live, RDV__ENDING_TOO_OFTEN, now);
    }
    if (!(trigger->plugin->ops->flags & RDV_PLUGIN_RESTART_SAFE)) {
        result = rdv__entries_cut(&trigger->entries, live, &cuts, now);
        if (result == 0)
            rdv__live_look_after(trigger, live, trigger->options.resume_limit);
        return result;
    }
    rdv_duration delay = cut == RDV__CUT_STOPPED ? rdv__cut_delay(&cuts) : 0;
    /* The counts of an entry that waits are written when it starts again, and not before: nothing
     * is under way meanwhile that could be cut short once more. */
    if (delay > 0 || (cut == RDV__CUT_INTERRUPTED && trigger->paused)) {
        rdv__entries_wait(&trigger->entries, live);
        if (delay > 0)
            rdv__live_look_after(trigger, live, delay);
        return 0;
    }
    return start_again(trigger, live, &cuts, now);
}

/* The last of the list, which begins with the youngest. */
static struct rdv__live_entry *oldest_live(const rdv_trigger *trigger)
{
    struct rdv__live_entry *live = trigger->entries.live;
    while (live && live->next)
        live = live->next;
    return live;
}

int rdv__take_over_all(rdv_trigger *trigger, rdv_time now)
{
    struct rdv__live_entry *live = oldest_live(trigger);
    /* A plug-in may shut down when it is asked to end a run. */
    for (int result; live && trigger->plugin; live = live->previous) {
        if (!live->resuming || live->moment != 0 || live->waits)
            continue;
        if (live->at.ending != RDV__ENDING_NONE) {
            rdv__live_ask_to_end(trigger, live, now);
        } else {
            result = take_over(trigger, live, now);
            if (result != 0)
                return result;
        }
    }
    trigger->resume_due = false;
    return 0;
}

int rdv__take_over_waiting(rdv_trigger *trigger, rdv_time now)
{
    if (trigger->entries.waiting == 0)
        return 0;
    struct rdv__live_entry *live = oldest_live(trigger);
    for (; live && !rdv__live_slots_full(trigger); live = live->previous) {
        struct rdv__cuts cuts = live->cuts;
        enum rdv__cut cut;
        if (!live->waits || live->moment != 0 || live->at.ending != RDV__ENDING_NONE)
            continue;
        int result = count_cut(trigger, live, &cuts, &cut);
        if (result == 0)
            result = start_again(trigger, live, &cuts, now);
        if (result != 0)
            return result;
    }
    return 0;
}

void rdv__take_over_mark_stopped(rdv_trigger *trigger)
{
    rdv_time now = rdv__clock_now(&trigger->clock);
    int result = 0;
    for (struct rdv__live_entry *live = trigger->entries.live; live && result == 0;
         live = live->next) {
        struct rdv__cuts cuts = live->cuts;
        if (live->resuming || live->keys.number <= trigger->entries.held_number ||
            rdv__status_terminal(live->at.status))
            continue;
        cuts.stopped = trigger->boot;
        result = rdv__entries_cut(&trigger->entries, live, &cuts, now);
    }
}
