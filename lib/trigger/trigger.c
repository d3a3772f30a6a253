/* SPDX-License-Identifier: MIT */
/*
 * The trigger agent: what happens when. It decides, with `now` handed in, and has entries.c make the changes.
 */
#include "trigger/api.h"
#include "trigger/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/time.h"
#include "base/utf8.h"
#include "model/status.h"
#include "platform/boot.h"
#include "plugin/table.h"
#include "store/records.h"
#include "store/store.h"
#include "trigger/interruptions.h"
#include "trigger/queue.h"
#include "trigger/sink.h"

/* How many reports of one run the history keeps as lines of their own. Past REPORTS_KEPT these are only changes of status, and past
 * CHANGES_KEPT there are none. */
#define REPORTS_KEPT 1000
#define CHANGES_KEPT (2 * REPORTS_KEPT)

/* A store that can't be written to is tried again after a second at first, and after a minute at last. */
#define RETRY_FIRST RDV_SECOND
#define RETRY_LAST  RDV_MINUTE

#define MAX_RUNNING_LIMIT       1000000
#define MAX_INTERRUPTIONS_LIMIT 1000000

/* ------------------------------------------------------------------- store */

/* The store did not take something that has to be written: have another try later, and say so when it begins. */
static void retry_later(rdv_trigger *trigger, int result)
{
    /* A store that is lost does not come back: the next turn says so, and ends. */
    if (trigger->retry_waiting || rdv__store_is_lost(trigger->entries.store))
        return;
    trigger->retry_delay = trigger->retry_delay == 0 ? RETRY_FIRST : trigger->retry_delay * 2;
    if (trigger->retry_delay > RETRY_LAST)
        trigger->retry_delay = RETRY_LAST;
    char delay[RDV_DURATION_TEXT_SIZE];
    rdv_duration_format(trigger->retry_delay, delay, sizeof delay);
    rdv__log(&trigger->options.log, RDV_LOG_ERROR,
             "the store can't be written to: %s; nothing is lost, trying again in %s",
             *rdv_store_message(trigger->entries.store) ? rdv_store_message(trigger->entries.store)
                                                        : rdv_strerror(result),
             delay);
    trigger->retry_waiting = true;
    rdv_timer_start(trigger->timer, trigger->retry_delay);
}

static void timer_fired(void *user)
{
    rdv_trigger *trigger = user;
    trigger->retry_waiting = false;
    rdv__loop_again(trigger->loop);
}

/* Any change was settled: does the store work? A batch that was rolled back on purpose says nothing of it. */
static void store_answered(void *user, int result)
{
    rdv_trigger *trigger = user;
    if (result == 0)
        trigger->retry_delay = 0;
    else if (result != RDV_ECANCELLED)
        retry_later(trigger, result);
    trigger->resume_due |= result != 0 && trigger->plugin && trigger->entries.held_number == 0;
    rdv__loop_again(trigger->loop);
}

/* -------------------------------------------------------------------- runs */

/* For words about what it did not do. */
static const char *agent_name(const rdv_trigger *trigger)
{
    return trigger->plugin ? trigger->plugin->ops->name(trigger->plugin) : "none";
}

/* Whatever a run says at its end: if it was asked to end before that, it did not end by itself. */
static rdv_outcome outcome_of(const struct rdv__live_entry *live)
{
    switch (live->at.ending) {
    case RDV__ENDING_CANCEL:
        return RDV_OUTCOME_CANCELLED;
    case RDV__ENDING_LIMIT:
        return RDV_OUTCOME_TIMED_OUT;
    case RDV__ENDING_TOO_OFTEN:
        return RDV_OUTCOME_FAILED;
    case RDV__ENDING_NONE:
        break;
    }
    return live->at.status == RDV_STATUS_SUCCESS   ? RDV_OUTCOME_SUCCEEDED
           : live->at.status == RDV_STATUS_TIMEOUT ? RDV_OUTCOME_TIMED_OUT
                                                   : RDV_OUTCOME_FAILED;
}

/* How long a run may take. */
static rdv_duration limit_of(const rdv_trigger *trigger, const struct rdv__live_entry *live)
{
    return live->window.limit != 0 ? live->window.limit : trigger->options.run_limit;
}

/* Why a run is to end, and the code for that. */
static int say_ending(const rdv_trigger *trigger, const struct rdv__live_entry *live, char *buffer,
                      size_t size)
{
    char limit[RDV_DURATION_TEXT_SIZE];
    if (live->at.ending == RDV__ENDING_CANCEL) {
        snprintf(buffer, size, "cancelled");
        return RDV_ECANCELLED;
    }
    if (live->at.ending == RDV__ENDING_TOO_OFTEN) {
        if (live->cuts.reboots > RDV__REBOOTS_MAX)
            snprintf(buffer, size, "rebooted %d times, and that is enough", RDV__REBOOTS_MAX);
        else
            snprintf(buffer, size,
                     "interrupted %d time%s, by a crash or a reboot, and that is enough",
                     live->cuts.interruptions, live->cuts.interruptions == 1 ? "" : "s");
        return RDV_EFAILED;
    }
    rdv_duration_format(limit_of(trigger, live), limit, sizeof limit);
    snprintf(buffer, size, "ran past its limit of %s", limit);
    return RDV_ETIMEDOUT;
}

#define ENDING_SHOWN 128

/* The last words on a run that was ended: why that was, and what it has said itself. */
static struct rdv__progress last_words(const rdv_trigger *trigger,
                                       const struct rdv__live_entry *live,
                                       char buffer[RDV_MESSAGE_MAX + 1])
{
    struct rdv__progress last = live->at;
    const bool succeeded = last.status == RDV_STATUS_SUCCESS;
    char why[ENDING_SHOWN];
    /* The words are ours already; or they are good enough, as a cancelled run is expected to fail. */
    if (last.ending == RDV__ENDING_NONE || last.status == RDV_STATUS_TIMEOUT ||
        (last.ending == RDV__ENDING_CANCEL && !succeeded && *last.message))
        return last;
    int code = say_ending(trigger, live, why, sizeof why);
    if (last.ending != RDV__ENDING_CANCEL || last.code == 0 || succeeded)
        last.code = code;
    int size = snprintf(buffer, RDV_MESSAGE_MAX + 1, "%s", why);
    if (succeeded || *last.message)
        size += snprintf(buffer + size, RDV_MESSAGE_MAX + 1 - (size_t)size, "; at its end it %s%s",
                         succeeded ? "succeeded" : "failed", *last.message ? ": " : "");
    size_t cut = rdv__utf8_cut(last.message, strlen(last.message), RDV_MESSAGE_MAX - (size_t)size);
    memcpy(buffer + size, last.message, cut);
    buffer[(size_t)size + cut] = '\0';
    last.message = buffer;
    return last;
}

/*
 * Store run->at, which ends the run if its status is terminal. If the store does not take it, it stays with the run, later
 * reports go on from it, and the latest is stored as soon as the store works again: no result is lost.
 */
static void write_report(rdv_trigger *trigger, struct rdv__live_entry *live, bool keep,
                         rdv_time now)
{
    char words[RDV_MESSAGE_MAX + 1];
    live->unwritten = false;
    int result;
    if (rdv__status_terminal(live->at.status)) {
        struct rdv__progress last = last_words(trigger, live, words);
        result = rdv__entries_end_live(&trigger->entries, live, outcome_of(live), &last, now);
    } else {
        result = rdv__entries_progress(&trigger->entries, live, keep, now);
    }
    if (result != 0) {
        live->unwritten = true;
        retry_later(trigger, result);
    }
}

static void write_unwritten(rdv_trigger *trigger, rdv_time now)
{
    for (struct rdv__live_entry *live = trigger->entries.live; live && !trigger->retry_waiting;
         live = live->next)
        if (live->unwritten)
            write_report(trigger, live, true, now);
}

/* The one place in which a run's status changes. */
static void set_status(rdv_trigger *trigger, struct rdv__live_entry *live, rdv_status status)
{
    trigger->rebooting -= live->at.status == RDV_STATUS_REBOOTING;
    trigger->rebooting += status == RDV_STATUS_REBOOTING;
    live->at.status = status;
}

/* End a run by our own decision, with our own words. */
static void end_live(rdv_trigger *trigger, struct rdv__live_entry *live, rdv_status status,
                     int code, const char *message, rdv_time now)
{
    set_status(trigger, live, status);
    live->at.code = code;
    rdv__live_entry_set_message(live, message);
    write_report(trigger, live, true, now);
}

/* The slot is freed without the plug-in's word; `waited` = which it had time to give. */
static void end_unheard(rdv_trigger *trigger, struct rdv__live_entry *live, bool waited,
                        rdv_time now)
{
    char why[ENDING_SHOWN], words[RDV_MESSAGE_MAX + 1];
    int code = say_ending(trigger, live, why, sizeof why);
    snprintf(words, sizeof words, "%s%s%s%s", why, waited ? "; the task agent '" : "",
             waited ? agent_name(trigger) : "", waited ? "' was asked to end it and did not" : "");
    end_live(trigger, live, rdv__outcome_status(outcome_of(live)), code, words, now);
}

/* Until when the plug-in has to end what runs under the identifier of a task: as long as it says, and cancel_wait. */
static rdv_duration end_by(const rdv_trigger *trigger, const rdv_task *task)
{
    rdv_plugin *plugin = trigger->plugin;
    const char *identifier = rdv_task_identifier(task);
    rdv_duration wait = 0;
    if (plugin && RDV__PLUGIN_HAS(plugin->ops, end_wait))
        wait = plugin->ops->end_wait(plugin, identifier);
    if (wait < 0 || wait > RDV_LIMIT_MAX) {
        rdv__log(
            &trigger->options.log, RDV_LOG_WARNING,
            "how long the task agent '%s' says that ending %s may take is out of range, and was "
            "taken for nothing",
            agent_name(trigger), identifier);
        wait = 0;
    }
    return rdv__time_later(rdv__time_later(rdv__clock_running(&trigger->clock), wait),
                           trigger->options.cancel_wait);
}

/* Ask the plug-in to end a run that is to end. It then has some time to report. */
static void ask_to_end(rdv_trigger *trigger, struct rdv__live_entry *live, rdv_time now)
{
    rdv_plugin *plugin = trigger->plugin;
    live->asked = true;
    /* It was left alone until now, and took no slot. */
    if (live->resuming && live->keys.number <= trigger->entries.held_number)
        trigger->entries.running++;
    live->resuming = false;
    rdv__entries_stop_waiting(&trigger->entries, live);
    int result = plugin && plugin->ops->cancel_task
                     ? plugin->ops->cancel_task(plugin, rdv_task_identifier(live->task))
                     : RDV_ENOTSUP;
    rdv_duration until = end_by(trigger, live->task);
    /* Its end may have been reported from inside the calls. */
    if (rdv__status_terminal(live->at.status))
        return;
    /* Nobody works on it, or nobody can be made to stop: there is nothing to wait for. */
    if (result == RDV_ENOTFOUND || result == RDV_ENOTSUP) {
        end_unheard(trigger, live, false, now);
        return;
    }
    rdv__entries_look_at(&trigger->entries, live, until);
    if (result != 0)
        rdv__log(&trigger->options.log, RDV_LOG_WARNING, "cancelling %s: %s",
                 rdv_task_identifier(live->task), rdv_strerror(result));
}

/* The request is durable. */
static void handle_cancelling(void *user, struct rdv__live_entry *live)
{
    rdv_trigger *trigger = user;
    /* A run that nobody runs is ended by the next task agent, which finds what is left of it. */
    if (!trigger->plugin && live->resuming)
        return;
    if (!live->asked && !rdv__status_terminal(live->at.status))
        ask_to_end(trigger, live, rdv__clock_now(&trigger->clock));
}

/* Ask for the end of those runs whose request could not be made durable. */
static void ask_cancelled(rdv_trigger *trigger, rdv_time now)
{
    trigger->cancel_due = false;
    for (struct rdv__live_entry *live = trigger->entries.live; live; live = live->next)
        if (live->at.ending == RDV__ENDING_CANCEL && live->unwritten && !live->asked &&
            !live->resuming && !rdv__status_terminal(live->at.status))
            ask_to_end(trigger, live, now);
}

/* Have the run looked at again after this time. */
static void look_after(rdv_trigger *trigger, struct rdv__live_entry *live, rdv_duration duration)
{
    rdv__entries_look_at(&trigger->entries, live,
                         rdv__time_later(rdv__clock_running(&trigger->clock), duration));
}

/* From now on, the run may take as long as its limit says. */
static void look_at_limit(rdv_trigger *trigger, struct rdv__live_entry *live)
{
    look_after(trigger, live, limit_of(trigger, live));
}

/* A plug-in that still ends an earlier run of the same task (rule 8 has freed its slot) is asked again soon. */
static bool ask_again(rdv_trigger *trigger, struct rdv__live_entry *live)
{
    if (live->busy_until == 0)
        live->busy_until = end_by(trigger, live->task);
    if (rdv__status_terminal(live->at.status))
        return true; /* from inside that question */
    if (rdv__clock_running(&trigger->clock) >= live->busy_until)
        return false;
    look_after(trigger, live, RDV_SECOND);
    return true;
}

/* The start is durable: hand the task to the plug-in. */
static void hand_over(void *user, struct rdv__live_entry *live)
{
    rdv_trigger *trigger = user;
    rdv_plugin *plugin = trigger->plugin;
    /* A plug-in that goes away at this moment: the run is on disk, and the next process takes it up. */
    if (!plugin || trigger->terminating)
        return;
    int result = plugin->ops->start_task(plugin, live->task);
    /* A plug-in that reports the end from inside the call and then fails it: nothing follows an end. */
    if (rdv__status_terminal(live->at.status))
        return;
    rdv_time now = rdv__clock_now(&trigger->clock);
    if (result == 0 && live->busy_until != 0) {
        live->busy_until = 0;
        look_at_limit(trigger, live);
    }
    if (result == 0 || (result == RDV_EBUSY && ask_again(trigger, live)))
        return;
    char words[RDV_MESSAGE_MAX + 1];
    if (result == RDV_ENOHANDLER)
        snprintf(words, sizeof words, "no handler is configured for the label '%s'",
                 rdv_task_label(live->task));
    else
        snprintf(words, sizeof words, "the task agent '%s' could not start it: %s",
                 agent_name(trigger), rdv_strerror(result));
    end_live(trigger, live, RDV_STATUS_FAILED, result, words, now);
}

static const struct rdv__entries_ops entries_ops = {
    .started = hand_over,
    .cancelling = handle_cancelling,
    .settled = store_answered,
};

/* ---------------------------------------------------------------- deciding */

/* The run goes on, for the time that its limit says: it did not run while nobody ran it. */
static int start_again(rdv_trigger *trigger, struct rdv__live_entry *live,
                       const struct rdv__cuts *cuts, rdv_time now)
{
    int result = rdv__entries_start_again(&trigger->entries, live, cuts, now);
    if (result == 0)
        look_at_limit(trigger, live);
    return result;
}

/* Find out how the run was cut short, and count that. */
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
            look_after(trigger, live, trigger->options.resume_limit);
        return result;
    }
    rdv_duration delay = cut == RDV__CUT_STOPPED ? rdv__cut_delay(&cuts) : 0;
    /* What is counted is written when the run begins again, and not before: nothing is under way that could be cut short once more. */
    if (delay > 0 || (cut == RDV__CUT_INTERRUPTED && trigger->paused)) {
        rdv__entries_wait(&trigger->entries, live);
        if (delay > 0)
            look_after(trigger, live, delay);
        return 0;
    }
    return start_again(trigger, live, &cuts, now);
}

/* The list begins with the youngest. */
static struct rdv__live_entry *oldest_live(const rdv_trigger *trigger)
{
    struct rdv__live_entry *live = trigger->entries.live;
    while (live && live->next)
        live = live->next;
    return live;
}

/* Rule 9: what was under way when the last process ended, oldest first. */
static int resume(rdv_trigger *trigger, rdv_time now)
{
    struct rdv__live_entry *live = oldest_live(trigger);
    /* A plug-in may shut down when it is asked to end a run. */
    for (int result; live && trigger->plugin; live = live->previous) {
        if (!live->resuming || live->moment != 0 || live->waits)
            continue;
        if (live->at.ending != RDV__ENDING_NONE) {
            ask_to_end(trigger, live, now);
        } else {
            result = take_over(trigger, live, now);
            if (result != 0)
                return result;
        }
    }
    trigger->resume_due = false;
    return 0;
}

/* Rule 8, and the ends of the waits that go with it. */
static void limit_reached(rdv_trigger *trigger, struct rdv__live_entry *live, rdv_time now)
{
    char words[RDV_MESSAGE_MAX + 1];
    if (rdv__status_terminal(live->at.status)) { /* it waits for the store to work again */
        look_after(trigger, live, RETRY_LAST);
    } else if (live->asked) {
        end_unheard(trigger, live, true, now);
    } else if (live->waits) { /* its time has come: it waits only for a slot */
        rdv__entries_look_at(&trigger->entries, live, 0);
    } else if (live->resuming) {
        snprintf(words, sizeof words, "the task agent '%s' did not report on it after the restart",
                 agent_name(trigger));
        end_live(trigger, live, RDV_STATUS_TIMEOUT, RDV_ETIMEDOUT, words, now);
    } else if (live->busy_until != 0) {
        hand_over(trigger, live);
    } else {
        /* Put it on disk as soon as possible, but ask the plug-in before that: the disk may be full of what the run writes. */
        live->at.ending = RDV__ENDING_LIMIT;
        write_report(trigger, live, false, now);
        ask_to_end(trigger, live, now);
    }
}

/* Whether a run is due to be looked at. */
static struct rdv__live_entry *first_due(const rdv_trigger *trigger)
{
    struct rdv__live_entry *live = rdv__entries_first_live(&trigger->entries);
    return live && live->moment <= rdv__clock_running(&trigger->clock) ? live : NULL;
}

/* Do what is due: for runs by running time, for pending entries by the clock. */
static int handle_due(rdv_trigger *trigger, rdv_time now)
{
    struct rdv__live_entry *live;
    rdv_time moment;
    uint32_t slot;
    int result = 0;
    while (!trigger->retry_waiting && (live = first_due(trigger)))
        limit_reached(trigger, live, now);
    /* A run that could not be written may have undone the batch: what follows waits for the retry. */
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

bool rdv__trigger_slots_full(const rdv_trigger *trigger)
{
    return trigger->entries.running >= (size_t)trigger->options.max_running;
}

/* Start again the runs that have waited long enough, the oldest first. */
static int start_waiting(rdv_trigger *trigger, rdv_time now)
{
    if (trigger->entries.waiting == 0)
        return 0;
    struct rdv__live_entry *live = oldest_live(trigger);
    for (; live && !rdv__trigger_slots_full(trigger); live = live->previous) {
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

/* Have the task agent put into the same batch what it writes before it begins, if it keeps the same store. */
static int prepare_start(rdv_trigger *trigger, const struct rdv__live_entry *live)
{
    const struct rdv__store_plugin_ops *ops = rdv__plugin_store_ops(trigger->plugin);
    return ops ? ops->prepare_start(trigger->plugin, trigger->entries.store, live->task) : 0;
}

static int start_ready(rdv_trigger *trigger, rdv_time now)
{
    uint32_t slot;
    int waiting = start_waiting(trigger, now);
    if (waiting != 0)
        return waiting;
    while (!rdv__trigger_slots_full(trigger) &&
           (slot = rdv__queue_first_ready(trigger->entries.queue)) != RDV__QUEUE_NONE) {
        if (rdv__queue_keys(trigger->entries.queue, slot).start >
            now) { /* the clock was set back */
            rdv__queue_wait(trigger->entries.queue, slot);
            continue;
        }
        struct rdv__live_entry *live;
        int result = rdv__entries_start(&trigger->entries, slot, now, &live);
        if (result != 0)
            return result;
        look_at_limit(trigger, live);
        result = prepare_start(trigger, live);
        if (result != 0)
            return result;
    }
    return 0;
}

int rdv__trigger_start_with_call(rdv_trigger *trigger)
{
    rdv_time now = rdv__clock_now(&trigger->clock), moment;
    if (trigger->resume_due || rdv_trigger_held_up(trigger) != RDV_WHY_STARTS ||
        !(trigger->plugin->ops->flags & RDV_PLUGIN_RESTART_SAFE) || first_due(trigger) ||
        (rdv__queue_earliest(trigger->entries.queue, &moment) != RDV__QUEUE_NONE && moment <= now))
        return 0;
    int result = start_ready(trigger, now);
    return result != 0 ? rdv__store_fail(trigger->entries.store, result) : 0;
}

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

/* All that has to be said when the task agent has shut down, once everything is durable and told. */
static void finish_termination(rdv_trigger *trigger)
{
    if (!trigger->terminated || trigger->entries.unsettled > 0 || !trigger->terminated_fn)
        return;
    rdv_terminated_fn fn = trigger->terminated_fn;
    trigger->terminated_fn = NULL;
    fn(trigger->terminated_user, trigger->reason);
}

/* Nothing that is done from here on could be recorded: end in order, as when the task agent shuts down by itself. */
static void end_without_store(rdv_trigger *trigger)
{
    rdv__log(&trigger->options.log, RDV_LOG_ERROR, "%s; nothing more is started",
             rdv_store_message(trigger->entries.store));
    (void)rdv_trigger_terminate(trigger, RDV_ELOST, trigger->options.terminated,
                                trigger->options.user);
}

/* The loop's decide phase: look what is due, with one reading of the clock. */
static int turn_decide(struct rdv__turn *turn)
{
    rdv_trigger *trigger = (rdv_trigger *)((char *)turn - offsetof(rdv_trigger, turn));
    rdv_time now = rdv__clock_now(&trigger->clock);
    if (rdv__store_is_lost(trigger->entries.store) && !trigger->terminating && !trigger->terminated)
        end_without_store(trigger);
    if (trigger->cancel_due)
        ask_cancelled(trigger, now);
    if (!trigger->retry_waiting)
        write_unwritten(trigger, now);
    rdv_why why = rdv_trigger_held_up(trigger);
    if (why == RDV_WHY_CLOCK && trigger->alarm)
        rdv_timer_start(trigger->timer, RDV_SECOND);
    if (why == RDV_WHY_STARTS || why == RDV_WHY_REBOOT || why == RDV_WHY_PAUSED) {
        int result = trigger->resume_due ? resume(trigger, now) : 0;
        if (result == 0)
            result = handle_due(trigger, now);
        if (result == 0 && rdv_trigger_held_up(trigger) == RDV_WHY_STARTS)
            result = start_ready(trigger, now);
        if (result != 0)
            retry_later(trigger, result);
        set_alarm(trigger);
    }
    finish_termination(trigger);
    return 0;
}

static void limits_fired(void *user)
{
    rdv_trigger *trigger = user;
    trigger->first_due = 0;
    rdv__loop_again(trigger->loop);
}

static void alarm_fired(void *user)
{
    rdv_trigger *trigger = user;
    rdv__loop_again(trigger->loop);
}

/* ----------------------------------------------------------------- reports */

/* The plug-in's word on a run. */
static int hear_report(rdv_trigger *trigger, const char *identifier, const rdv_report *report)
{
    uint32_t slot;
    struct rdv__live_entry *live = NULL;
    int result = rdv__entries_find(&trigger->entries, identifier, &slot, &live);
    if (result == RDV_ENOTFOUND || (result == 0 && !live) ||
        (result == 0 && !rdv__status_may_follow(live->at.status, report->status))) {
        rdv__log(&trigger->options.log, RDV_LOG_WARNING,
                 "a report (%s) of the task agent '%s' for %s, which is not running, was refused",
                 rdv_status_name(report->status), agent_name(trigger), identifier);
        return RDV_ENOTFOUND;
    }
    if (result != 0)
        return result;

    rdv_time now = rdv__clock_now(&trigger->clock);
    bool same = live->at.status == report->status;
    bool keep = live->reports < (same ? REPORTS_KEPT : CHANGES_KEPT);
    if (live->resuming) {
        live->resuming = false;
        rdv__entries_stop_waiting(&trigger->entries, live);
        if (!live->asked)
            look_at_limit(trigger, live);
    }
    live->reports += keep;
    set_status(trigger, live, report->status);
    live->at.code = report->code;
    if (report->attempt > 0)
        live->at.attempt = report->attempt;
    if (report->progress >= 0 || !same)
        live->at.progress = report->progress;
    if (report->message || !same)
        rdv__live_entry_set_message(live, report->message ? report->message : "");
    write_report(trigger, live, keep, now);
    return 0;
}

/*
 * The task agent has shut down as it was asked to. Runs that the next process goes on with were stopped in order; if that can't be
 * written, they count as interrupted.
 */
static void mark_stopped(rdv_trigger *trigger)
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

static void hear_terminated(rdv_trigger *trigger, int reason)
{
    if (!trigger->plugin)
        return;
    if (!trigger->terminating) {
        rdv__log(&trigger->options.log, RDV_LOG_WARNING,
                 "the task agent '%s' has shut down by itself: %s",
                 trigger->plugin->ops->name(trigger->plugin),
                 reason == 0 ? "normal" : rdv_strerror(reason));
        trigger->terminated_fn = trigger->options.terminated;
        trigger->terminated_user = trigger->options.user;
    }
    if (trigger->in_order)
        mark_stopped(trigger);
    trigger->plugin = NULL;
    trigger->terminated = true;
    trigger->reason = reason;
    rdv__loop_again(trigger->loop);
}

static const struct rdv__sink_target sink_target = {
    .schedule = rdv_trigger_schedule,
    .delete_schedule = rdv_trigger_delete,
    .stage_schedule = rdv__trigger_schedule,
    .stage_delete = rdv__trigger_delete,
    .report = hear_report,
    .terminated = hear_terminated,
};

/* ------------------------------------------------------------------ public */

void rdv_trigger_options_init(rdv_trigger_options *options)
{
    *options = (rdv_trigger_options){.size = sizeof *options,
                                     .max_running = 1,
                                     .run_limit = 24 * RDV_HOUR,
                                     .resume_limit = 10 * RDV_MINUTE,
                                     .cancel_wait = RDV_MINUTE,
                                     .clock_wait = 5 * RDV_MINUTE,
                                     .max_interruptions = 5};
}

static bool options_right(const rdv_trigger_options *options)
{
    return options->size == sizeof *options && !(options->flags & ~RDV_TRIGGER_HOLD_STORED) &&
           options->max_running >= 1 && options->max_running <= MAX_RUNNING_LIMIT &&
           options->max_interruptions >= 0 &&
           options->max_interruptions <= MAX_INTERRUPTIONS_LIMIT && options->run_limit > 0 &&
           options->run_limit <= RDV_LIMIT_MAX && options->resume_limit >= 0 &&
           options->resume_limit <= RDV_LIMIT_MAX && options->cancel_wait >= 0 &&
           options->cancel_wait <= RDV_LIMIT_MAX && options->clock_wait >= 0 &&
           options->clock_wait <= RDV_LIMIT_MAX;
}

/* If the boot is not known, all boots count as the same: then only runs that were not stopped in order were interrupted. */
static int64_t find_boot(const rdv_trigger_options *options)
{
    char id[RDV__BOOT_ID_ROOM];
    struct rdv_error error;
    if (rdv__boot_id(options->boot_id_file, id, &error) == 0)
        return rdv__cut_boot(id);
    rdv__log(&options->log, RDV_LOG_WARNING, "%s: a reboot is taken for a restart", error.text);
    return rdv__cut_boot("");
}

int rdv_trigger_new(rdv_loop *loop, rdv_store *store, const rdv_trigger_options *options,
                    rdv_trigger **ret_trigger)
{
    rdv_trigger_options defaults;
    rdv_trigger_options_init(&defaults);
    if (!options)
        options = &defaults;
    if (!loop || !store || !ret_trigger || !options_right(options))
        return RDV_EINVAL;

    rdv_trigger *trigger = calloc(1, sizeof *trigger);
    if (!trigger)
        return RDV_ENOMEM;
    trigger->loop = loop;
    trigger->options = *options;
    trigger->options.boot_id_file = NULL;
    trigger->boot = find_boot(options);
    trigger->clock = (struct rdv__clock){
        .source = options->clock, .wait = options->clock_wait, .log = options->log};
    trigger->turn = (struct rdv__turn){.run = turn_decide, .phase = RDV__TURN_DECIDE};
    rdv__loop_add_turn(loop, &trigger->turn);

    int result = rdv__store_attach(store, loop);
    if (result == 0) /* finds out early whether the store can be written to */
        result = rdv__store_stage(store);
    if (result == 0)
        result = rdv__store_commit(store);
    if (result == 0)
        result = rdv__entries_init(&trigger->entries, store, &entries_ops, trigger);
    if (result == 0)
        result = rdv__entries_load(&trigger->entries, options->flags & RDV_TRIGGER_HOLD_STORED);
    if (result == 0)
        result = rdv__record_get_paused(store, &trigger->paused);
    for (struct rdv__live_entry *live = trigger->entries.live; live; live = live->next)
        trigger->rebooting += live->at.status == RDV_STATUS_REBOOTING;
    if (result == 0)
        result = rdv_timer_new(loop, timer_fired, trigger, &trigger->timer);
    if (result == 0)
        result = rdv_timer_new(loop, limits_fired, trigger, &trigger->limits);
    if (result == 0 && rdv__clock_is_system(&trigger->clock))
        result = rdv__alarm_new(loop, alarm_fired, trigger, &trigger->alarm);
    if (result == 0)
        result = rdv__sink_new(trigger, &sink_target, loop, &options->log, &trigger->sink);
    if (result != 0) {
        rdv_trigger_free(trigger);
        return result;
    }
    *ret_trigger = trigger;
    return 0;
}

int rdv_trigger_attach(rdv_trigger *trigger, rdv_plugin *plugin)
{
    if (!trigger || !plugin || !plugin->ops || plugin->ops->size < RDV__PLUGIN_OPS_SIZE)
        return RDV_EINVAL;
    if (trigger->plugin || trigger->terminating || trigger->terminated)
        return RDV_ESTATE;
    int result = plugin->ops->initialize(plugin, trigger->sink);
    if (result != 0)
        return result;
    trigger->plugin = plugin;
    trigger->resume_due = trigger->entries.held_number == 0;
    const struct rdv__store_plugin_ops *ops = rdv__plugin_store_ops(plugin);
    if (ops)
        ops->clean_up(plugin, trigger->entries.store);
    rdv__log(&trigger->options.log, RDV_LOG_DEBUG, "task agent '%s' is ready",
             plugin->ops->name(plugin));
    rdv__loop_again(trigger->loop);
    return 0;
}

int rdv_trigger_terminate(rdv_trigger *trigger, int reason, rdv_terminated_fn fn, void *user)
{
    if (!trigger)
        return RDV_EINVAL;
    if (trigger->terminating)
        return RDV_ESTATE;
    trigger->terminating = true;
    trigger->in_order = reason == 0;
    trigger->terminated_fn = fn;
    trigger->terminated_user = user;
    rdv_plugin *plugin = trigger->plugin;
    int result = plugin ? plugin->ops->terminate(plugin, reason) : 0;
    if (!plugin || result != 0) {
        trigger->terminated = true;
        if (result != 0)
            trigger->reason = result;
    }
    rdv__loop_again(trigger->loop);
    return 0;
}

void rdv_trigger_free(rdv_trigger *trigger)
{
    if (!trigger)
        return;
    rdv__loop_remove_turn(trigger->loop, &trigger->turn);
    rdv__sink_detach(trigger->sink);
    rdv__entries_finish(&trigger->entries);
    rdv__alarm_free(trigger->alarm);
    rdv_timer_free(trigger->timer);
    rdv_timer_free(trigger->limits);
    free(trigger);
}
