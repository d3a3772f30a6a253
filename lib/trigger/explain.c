/* SPDX-License-Identifier: MIT */
/* Why an entry has not started, in words: what is the case is asked of the functions that start entries. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/time.h"
#include "base/utf8.h"
#include "model/window.h"
#include "plugin/table.h"
#include "store/listing.h"
#include "trigger/internal.h"
#include "trigger/live.h"
#include "trigger/queue.h"

/* How much is shown of a label or an identifier, with the NUL: all words together have to fit. */
#define NAME_SHOWN 80

struct facts {
    rdv_time now;
    const struct rdv__live_entry *live; /* NULL = it is pending */
    rdv_window window;
    rdv_why also; /* what would hold it up in its window, too; RDV_WHY_STARTS = nothing */
    const char *label;
    bool no_handler; /* for that label, as far as the task agent says */
    int max_running;
    const char *blocker; /* identifier of a task that waits for a reboot, or NULL */
};

static const char *const names[] = {
    [RDV_WHY_STARTS] = "starts", [RDV_WHY_RUNNING] = "running",
    [RDV_WHY_WINDOW] = "window", [RDV_WHY_BEHIND] = "behind",
    [RDV_WHY_PAUSED] = "paused", [RDV_WHY_CLOCK] = "clock",
    [RDV_WHY_REBOOT] = "reboot", [RDV_WHY_NO_HANDLER] = "no-handler",
    [RDV_WHY_STORE] = "store",   [RDV_WHY_NO_AGENT] = "no-agent",
    [RDV_WHY_HELD] = "held",
};

const char *rdv_why_name(rdv_why why)
{
    return (size_t)why < sizeof names / sizeof *names ? names[why] : NULL;
}

/* "2026-11-22T03:00:00Z (in 2h10m)"; whole seconds are enough for people. */
static void say_moment(rdv_time moment, rdv_time now, char *buffer, size_t size)
{
    char time[RDV_TIME_TEXT_SIZE] = "";
    char wait[RDV_DURATION_TEXT_SIZE] = "";
    rdv_duration left =
        moment > now ? (moment - now + RDV_SECOND - 1) / RDV_SECOND * RDV_SECOND : 0;
    rdv_time_format(moment, time, sizeof time);
    rdv_duration_format(left, wait, sizeof wait);
    snprintf(buffer, size, "%s (in %s)", time, wait);
}

/* More words. */
static void say(rdv_explanation *explanation, const char *format, ...) RDV__PRINTF(2, 3);
static void say(rdv_explanation *explanation, const char *format, ...)
{
    size_t used = strlen(explanation->words);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(explanation->words + used, sizeof explanation->words - used, format, arguments);
    va_end(arguments);
}

static void say_behind(rdv_explanation *explanation, const struct facts *facts)
{
    if (explanation->ahead > 0)
        say(explanation, "%zu ready task%s come%s before it, and ", explanation->ahead,
            explanation->ahead == 1 ? "" : "s", explanation->ahead == 1 ? "s" : "");
    say(explanation, "%zu of at most %d %s", explanation->running, facts->max_running,
        explanation->running == 1 ? "is running" : "are running");
}

static void say_no_handler(rdv_explanation *explanation, const struct facts *facts)
{
    char label[NAME_SHOWN];
    rdv__escape(facts->label, strlen(facts->label), label, sizeof label);
    say(explanation, "no handler is configured for its label '%s', so it will fail", label);
}

/* Of a run that nobody is at. */
static void say_left(rdv_explanation *explanation, const struct rdv__live_entry *live)
{
    say(explanation, "it was %s, and %s with the next 'rdvtask run'",
        live->at.ending ? "asked to end" : "running", live->at.ending ? "ends" : "goes on");
}

static void say_why(rdv_explanation *explanation, rdv_why why, const struct facts *facts)
{
    char moment[80], name[NAME_SHOWN];
    switch (why) {
    case RDV_WHY_STARTS:
        say(explanation, "nothing holds it up: it starts now");
        break;
    case RDV_WHY_RUNNING:
        if (facts->live->waits) {
            say_moment(explanation->next, facts->now, moment, sizeof moment);
            say(explanation, "it was stopped over and over, and goes on at %s", moment);
        } else {
            say(explanation, "it is running");
        }
        break;
    case RDV_WHY_WINDOW:
        say_moment(facts->window.start, facts->now, moment, sizeof moment);
        say(explanation, "its window opens at %s", moment);
        break;
    case RDV_WHY_BEHIND:
        say_behind(explanation, facts);
        break;
    case RDV_WHY_PAUSED:
        say(explanation, "the trigger agent is paused: 'rdvtask resume' lets tasks start");
        break;
    case RDV_WHY_CLOCK:
        say(explanation, "the system has just started and its clock is not synchronised");
        break;
    case RDV_WHY_REBOOT:
        rdv__escape(facts->blocker ? facts->blocker : "another task",
                    facts->blocker ? strlen(facts->blocker) : 12, name, sizeof name);
        say(explanation, "%s is about to reboot the machine, and nothing starts before that", name);
        break;
    case RDV_WHY_NO_HANDLER:
        say(explanation, "nothing holds it up, but ");
        say_no_handler(explanation, facts);
        break;
    case RDV_WHY_STORE:
        say(explanation,
            "the store can't be written to, and nothing starts that can't be recorded");
        break;
    case RDV_WHY_NO_AGENT:
    case RDV_WHY_HELD:
        if (facts->live)
            say_left(explanation, facts->live);
        else
            say(explanation, why == RDV_WHY_HELD
                                 ? "it waits for 'rdvtask run'"
                                 : "no task agent is running: 'rdvtask run' starts tasks");
        break;
    }
}

static void explain(rdv_explanation *explanation, const struct facts *facts)
{
    char moment[80];
    say_why(explanation, explanation->why, facts);
    if (facts->also != RDV_WHY_STARTS) {
        say(explanation, "; ");
        say_why(explanation, facts->also, facts);
    }
    if (facts->no_handler && explanation->why != RDV_WHY_NO_HANDLER) {
        say(explanation, "; ");
        say_no_handler(explanation, facts);
        say(explanation, " then");
    }
    if (explanation->why == RDV_WHY_RUNNING && explanation->next != 0 && !facts->live->waits) {
        say_moment(explanation->next, facts->now, moment, sizeof moment);
        say(explanation, "; its limit is %s", moment);
    } else if (explanation->why != RDV_WHY_RUNNING && facts->window.end != 0) {
        say_moment(facts->window.end, facts->now, moment, sizeof moment);
        say(explanation, "; it expires if it has not started by %s", moment);
    }
}

/* Whether the task agent says that it would refuse the label. */
static bool has_no_handler(const rdv_trigger *trigger, const char *label)
{
    rdv_plugin *plugin = trigger->plugin;
    return plugin && RDV__PLUGIN_HAS(plugin->ops, check_label) &&
           plugin->ops->check_label(plugin, label) == RDV_ENOHANDLER;
}

/* Why a pending entry has not started: what start_ready() and handle_due() would do with it, asked of the same functions. */
static rdv_why why_pending(rdv_trigger *trigger, uint32_t slot, struct facts *facts,
                           size_t *ret_ahead)
{
    if (rdv__queue_number(trigger->entries.queue, slot) <= trigger->entries.held_number)
        return RDV_WHY_HELD;
    rdv_why why = rdv_trigger_held_up(trigger);
    if (why == RDV_WHY_NO_AGENT)
        return why;
    /* Told early, though it matters last: there is time to put it right. */
    facts->no_handler = has_no_handler(trigger, facts->label);
    if (!rdv__window_open(&facts->window, facts->now)) {
        facts->also = why;
        return RDV_WHY_WINDOW;
    }
    if (why != RDV_WHY_STARTS)
        return why;
    *ret_ahead = rdv__queue_ready_before(trigger->entries.queue, slot);
    if (rdv__live_slots_full(trigger) || *ret_ahead > 0)
        return RDV_WHY_BEHIND;
    return facts->no_handler ? RDV_WHY_NO_HANDLER : RDV_WHY_STARTS;
}

/* Whether a run goes on. */
static rdv_why why_running(rdv_trigger *trigger, uint32_t slot, const struct rdv__live_entry *live)
{
    if (rdv__queue_number(trigger->entries.queue, slot) <= trigger->entries.held_number)
        return RDV_WHY_HELD;
    if (!trigger->plugin)
        return RDV_WHY_NO_AGENT;
    if (!live->waits || live->moment != 0)
        return RDV_WHY_RUNNING;
    rdv_why why = rdv_trigger_held_up(trigger);
    return why == RDV_WHY_STARTS && rdv__live_slots_full(trigger) ? RDV_WHY_BEHIND : why;
}

static const char *rebooting_task(const rdv_trigger *trigger)
{
    for (const struct rdv__live_entry *live = trigger->entries.live; live; live = live->next)
        if (live->at.status == RDV_STATUS_REBOOTING)
            return rdv_task_identifier(live->task);
    return NULL;
}

/* What is looked up of a pending entry. Its context is left out, as it may be large. */
struct looked_up {
    rdv_window window;
    char label[RDV_NAME_MAX + 1];
};

static int look_up(void *user, const rdv_entry *entry)
{
    struct looked_up *looked_up = user;
    looked_up->window = entry->window;
    snprintf(looked_up->label, sizeof looked_up->label, "%s", entry->label);
    return 0;
}

static int look_up_pending(rdv_store *store, int64_t number, struct looked_up *ret_looked_up)
{
    int result = rdv__listing_unfinished(store, number, NULL, 0, look_up, ret_looked_up);
    if (result < 0)
        return result;
    return result == 1 ? 0 : RDV_ENOTFOUND;
}

int rdv_trigger_explain(rdv_trigger *trigger, const char *identifier,
                        rdv_explanation *ret_explanation)
{
    if (!trigger || !identifier || !*identifier || !ret_explanation ||
        ret_explanation->size != sizeof *ret_explanation)
        return RDV_EINVAL;
    uint32_t slot;
    struct rdv__live_entry *live = NULL;
    int result = rdv__entries_find(&trigger->entries, identifier, &slot, &live);
    if (result != 0)
        return result;
    rdv_time now = rdv__clock_now(&trigger->clock);
    rdv_explanation answer = {.size = sizeof answer,
                              .run = rdv__queue_number(trigger->entries.queue, slot),
                              .running = trigger->entries.running};
    struct facts facts = {.now = now,
                          .live = live,
                          .max_running = trigger->options.max_running,
                          .blocker = rebooting_task(trigger)};
    struct looked_up entry;
    if (live) {
        answer.why = why_running(trigger, slot, live);
        answer.next =
            answer.why == RDV_WHY_RUNNING ? rdv__clock_at(&trigger->clock, live->moment) : 0;
    } else {
        result = look_up_pending(trigger->entries.store, answer.run, &entry);
        if (result != 0)
            return result;
        facts.window = entry.window;
        facts.label = entry.label;
        answer.why = why_pending(trigger, slot, &facts, &answer.ahead);
        if (answer.why == RDV_WHY_WINDOW)
            answer.next = entry.window.start;
        else if (answer.why == RDV_WHY_CLOCK)
            answer.next = rdv__time_later(now, RDV_SECOND);
        else if (answer.why == RDV_WHY_STORE)
            answer.next = rdv__time_later(now, trigger->retry_delay);
        else if (answer.why == RDV_WHY_STARTS || answer.why == RDV_WHY_NO_HANDLER)
            answer.next = now;
        else if (entry.window.end != 0 && answer.why != RDV_WHY_HELD &&
                 answer.why != RDV_WHY_NO_AGENT)
            answer.next = rdv__time_later(entry.window.end, 1);
    }
    explain(&answer, &facts);
    *ret_explanation = answer;
    return 0;
}
