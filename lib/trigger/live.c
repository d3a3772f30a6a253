/* SPDX-License-Identifier: MIT */
/*
 * The entries under way, from the moment when their start is durable: the task is handed to the
 * plug-in, reports come, a limit is reached or somebody cancels, and the entry ends. entries.c owns
 * the entries, writes their changes, and calls rdv__live_hand_over() and rdv__live_pass_on_cancel()
 * when these are durable; decide.c and take_over.c call the rest, and sink.c hands in the reports.
 *
 *                                  StartTask is refused
 *      start is durable            +--------------------------------------------+
 *   ------------------> handed over                                             |
 *                        |  ^   |                                               v
 *      busy with an      |  |   |  report SUCCESS or FAILED                   ended
 *      earlier run       |  |   +--------------------------------------------> ^ ^
 *                        v  |   |                                              | |
 *                   asked again |  limit, cancel        reports its end        | |
 *                   each second +------------> asked ------------------------->+ |
 *                                              to end   does not in time, or     |
 *                                                |      can't end anything       |
 *                                                +-------------------------------+
 *
 * An entry whose status is terminal has ended, and waits at most for the store to take that. The
 * plug-in may report from inside any call to it, so after each such call the status is looked at
 * again. live->at is the latest that is known; if the store refuses it, the entry is unwritten, and
 * no result is lost.
 */
#include "trigger/live.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/time.h"
#include "base/utf8.h"
#include "model/status.h"
#include "platform/boot.h"
#include "plugin/table.h"
#include "store/records.h"
#include "trigger/internal.h"
#include "trigger/retry.h"

/* How many reports on one run the history keeps as lines of their own. Those past REPORTS_KEPT are
 * only kept if they change the status, and none is past CHANGES_KEPT. */
#define REPORTS_KEPT 1000
#define CHANGES_KEPT (2 * REPORTS_KEPT)

/* Room for the words on why an entry was ended. */
#define ENDING_SHOWN 128

bool rdv__live_slots_full(const rdv_trigger *trigger)
{
    return trigger->entries.running >= (size_t)trigger->options.max_running;
}

/* The task agent's name, for words about what it did not do. */
static const char *agent_name(const rdv_trigger *trigger)
{
    return trigger->plugin ? trigger->plugin->ops->name(trigger->plugin) : "none";
}

/* ----------------------------------------------------------------- moments */

/* How long an entry may be under way. */
static rdv_duration limit_of(const rdv_trigger *trigger, const struct rdv__live_entry *live)
{
    return live->window.limit != 0 ? live->window.limit : trigger->options.run_limit;
}

void rdv__live_look_after(rdv_trigger *trigger, struct rdv__live_entry *live, rdv_duration duration)
{
    rdv__entries_look_at(&trigger->entries, live,
                         rdv__time_later(rdv__clock_running(&trigger->clock), duration));
}

void rdv__live_begin_limit(rdv_trigger *trigger, struct rdv__live_entry *live)
{
    rdv__live_look_after(trigger, live, limit_of(trigger, live));
}

struct rdv__live_entry *rdv__live_first_due(const rdv_trigger *trigger)
{
    struct rdv__live_entry *live = rdv__entries_first_live(&trigger->entries);
    return live && live->moment <= rdv__clock_running(&trigger->clock) ? live : NULL;
}

/* -------------------------------------------------------------- last words */

/* The outcome of an entry whatever it says at its end: if it was asked to end before that, it did
 * not end by itself. */
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

/* Write into the buffer why an entry is to end. Returns the code for that. */
static int describe_ending(const rdv_trigger *trigger, const struct rdv__live_entry *live,
                           char *buffer, size_t size)
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

/* The last words on an entry that has ended: why it was ended, if it was, and what the plug-in has
 * said itself. Their message may lie in the buffer. */
static struct rdv__progress last_words(const rdv_trigger *trigger,
                                       const struct rdv__live_entry *live,
                                       char buffer[RDV_MESSAGE_MAX + 1])
{
    struct rdv__progress last = live->at;
    const bool succeeded = last.status == RDV_STATUS_SUCCESS;
    char why[ENDING_SHOWN];
    /* TIMEOUT has our own words already. Those of a failure after a cancel are good enough, as that
     * is what is expected of a cancelled run. */
    if (last.ending == RDV__ENDING_NONE || last.status == RDV_STATUS_TIMEOUT ||
        (last.ending == RDV__ENDING_CANCEL && !succeeded && *last.message))
        return last;
    int code = describe_ending(trigger, live, why, sizeof why);
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

/* ----------------------------------------------------------- status and end */

/*
 * Store live->at, which ends the entry if its status is terminal. If the store does not take it, it
 * stays with the entry, later reports go on from it, and the latest is stored as soon as the store
 * works again: no result is lost.
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
        rdv__retry_later(trigger, result);
    }
}

void rdv__live_write_unwritten(rdv_trigger *trigger, rdv_time now)
{
    for (struct rdv__live_entry *live = trigger->entries.live; live && !trigger->retry_waiting;
         live = live->next)
        if (live->unwritten)
            write_report(trigger, live, true, now);
}

/* The one place in which the status of a live entry changes. */
static void set_status(rdv_trigger *trigger, struct rdv__live_entry *live, rdv_status status)
{
    trigger->rebooting -= live->at.status == RDV_STATUS_REBOOTING;
    trigger->rebooting += status == RDV_STATUS_REBOOTING;
    live->at.status = status;
}

/* End an entry by a decision of the trigger agent, with its words. */
static void end_live(rdv_trigger *trigger, struct rdv__live_entry *live, rdv_status status,
                     int code, const char *message, rdv_time now)
{
    set_status(trigger, live, status);
    live->at.code = code;
    rdv__live_entry_set_message(live, message);
    write_report(trigger, live, true, now);
}

/* End an entry without the plug-in's word, which frees its slot. `waited` says whether the plug-in
 * was given time for it. */
static void end_unheard(rdv_trigger *trigger, struct rdv__live_entry *live, bool waited,
                        rdv_time now)
{
    char why[ENDING_SHOWN], words[RDV_MESSAGE_MAX + 1];
    int code = describe_ending(trigger, live, why, sizeof why);
    snprintf(words, sizeof words, "%s%s%s%s", why, waited ? "; the task agent '" : "",
             waited ? agent_name(trigger) : "", waited ? "' was asked to end it and did not" : "");
    end_live(trigger, live, rdv__outcome_status(outcome_of(live)), code, words, now);
}

/* --------------------------------------------------------- asking for the end */

/* The moment by which the plug-in has to have ended what runs under the identifier of a task: it
 * has as long as it says that an end takes, and cancel_wait after that. */
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

void rdv__live_ask_to_end(rdv_trigger *trigger, struct rdv__live_entry *live, rdv_time now)
{
    rdv_plugin *plugin = trigger->plugin;
    live->asked = true;
    /* A held entry was left alone until now, and took no slot. */
    if (live->resuming && live->keys.number <= trigger->entries.held_number)
        trigger->entries.running++;
    live->resuming = false;
    rdv__entries_stop_waiting(&trigger->entries, live);
    int result = plugin && plugin->ops->cancel_task
                     ? plugin->ops->cancel_task(plugin, rdv_task_identifier(live->task))
                     : RDV_ENOTSUP;
    rdv_duration until = end_by(trigger, live->task);
    /* The end may have been reported from inside these calls. */
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

void rdv__live_pass_on_cancel(void *user, struct rdv__live_entry *live)
{
    rdv_trigger *trigger = user;
    /* An entry that nobody works on is ended by the next task agent, which finds what is left of
     * it. */
    if (!trigger->plugin && live->resuming)
        return;
    if (!live->asked && !rdv__status_terminal(live->at.status))
        rdv__live_ask_to_end(trigger, live, rdv__clock_now(&trigger->clock));
}

void rdv__live_ask_cancelled(rdv_trigger *trigger, rdv_time now)
{
    trigger->cancel_due = false;
    for (struct rdv__live_entry *live = trigger->entries.live; live; live = live->next)
        if (live->at.ending == RDV__ENDING_CANCEL && live->unwritten && !live->asked &&
            !live->resuming && !rdv__status_terminal(live->at.status))
            rdv__live_ask_to_end(trigger, live, now);
}

/* ---------------------------------------------------------------- StartTask */

/* The plug-in is busy ending an earlier run of the same task, whose slot rule 8 has freed: have it
 * asked again soon. Returns false if it was asked for long enough. */
static bool ask_again(rdv_trigger *trigger, struct rdv__live_entry *live)
{
    if (live->busy_until == 0)
        live->busy_until = end_by(trigger, live->task);
    /* The end may have been reported from inside that call. */
    if (rdv__status_terminal(live->at.status))
        return true;
    if (rdv__clock_running(&trigger->clock) >= live->busy_until)
        return false;
    rdv__live_look_after(trigger, live, RDV_SECOND);
    return true;
}

void rdv__live_hand_over(void *user, struct rdv__live_entry *live)
{
    rdv_trigger *trigger = user;
    rdv_plugin *plugin = trigger->plugin;
    /* If the plug-in goes away at this moment, the start is on disk, and the next process takes the
     * entry over. */
    if (!plugin || trigger->terminating)
        return;
    int result = plugin->ops->start_task(plugin, live->task);
    /* Nothing follows an end, not even the failure of a call from inside which it was reported. */
    if (rdv__status_terminal(live->at.status))
        return;
    rdv_time now = rdv__clock_now(&trigger->clock);
    if (result == 0 && live->busy_until != 0) {
        live->busy_until = 0;
        rdv__live_begin_limit(trigger, live);
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

/* ------------------------------------------------------ moments and reports */

void rdv__live_handle_moment(rdv_trigger *trigger, struct rdv__live_entry *live, rdv_time now)
{
    char words[RDV_MESSAGE_MAX + 1];
    if (rdv__status_terminal(live->at.status)) {
        /* It has ended, and waits for the store to work again. */
        rdv__live_look_after(trigger, live, RDV__RETRY_LAST);
    } else if (live->asked) {
        end_unheard(trigger, live, true, now);
    } else if (live->waits) {
        /* From now on it waits only for a slot. */
        rdv__entries_look_at(&trigger->entries, live, 0);
    } else if (live->resuming) {
        snprintf(words, sizeof words, "the task agent '%s' did not report on it after the restart",
                 agent_name(trigger));
        end_live(trigger, live, RDV_STATUS_TIMEOUT, RDV_ETIMEDOUT, words, now);
    } else if (live->busy_until != 0) {
        rdv__live_hand_over(trigger, live);
    } else {
        /* The limit goes on disk as soon as possible, but the plug-in is asked before that: the
         * disk may be full of what the run writes. */
        live->at.ending = RDV__ENDING_LIMIT;
        write_report(trigger, live, false, now);
        rdv__live_ask_to_end(trigger, live, now);
    }
}

/* Take a report into live->at. */
static void apply_report(rdv_trigger *trigger, struct rdv__live_entry *live,
                         const rdv_report *report)
{
    const bool same = live->at.status == report->status;
    set_status(trigger, live, report->status);
    live->at.code = report->code;
    if (report->attempt > 0)
        live->at.attempt = report->attempt;
    if (report->progress >= 0 || !same)
        live->at.progress = report->progress;
    if (report->message || !same)
        rdv__live_entry_set_message(live, report->message ? report->message : "");
}

int rdv__live_hear_report(rdv_trigger *trigger, const char *identifier, const rdv_report *report)
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
    live->reports += keep;
    if (live->resuming) {
        live->resuming = false;
        rdv__entries_stop_waiting(&trigger->entries, live);
        if (!live->asked)
            rdv__live_begin_limit(trigger, live);
    }
    apply_report(trigger, live, report);
    write_report(trigger, live, keep, now);
    return 0;
}
