/* SPDX-License-Identifier: MIT */
/*
 * Why an entry has not started, as a reason and in words. A program calls rdv_trigger_explain(),
 * and the control for `rdvtask explain`. Nothing is changed here, and nothing decided: what is the
 * case is asked of the functions by which decide.c starts entries, so that the two can't differ.
 *
 * The words are one sentence, whose parts are joined by semicolons. They all fit into
 * rdv_explanation.words, as names are cut to NAME_SHOWN.
 */
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

/* How much is shown of a label or an identifier, with the NUL. */
#define NAME_SHOWN 80

struct facts {
    rdv_time now;
    /* NULL = the entry is pending. */
    const struct rdv__live_entry *live;
    /* Window and label are those of a pending entry. */
    rdv_window window;
    const char *label;
    /* What would hold the entry up in its window, too; RDV_WHY_STARTS = nothing. */
    rdv_why also;
    /* No handler is configured for the label, as far as the task agent says. */
    bool no_handler;
    int max_running;
    /* The identifier of a task that waits for a reboot, or NULL. */
    const char *blocker;
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

/* Write a moment as "2026-11-22T03:00:00Z (in 2h10m)". Whole seconds are enough for people. */
static void format_moment(rdv_time moment, rdv_time now, char *buffer, size_t size)
{
    char time[RDV_TIME_TEXT_SIZE] = "";
    char wait[RDV_DURATION_TEXT_SIZE] = "";
    rdv_duration left =
        moment > now ? (moment - now + RDV_SECOND - 1) / RDV_SECOND * RDV_SECOND : 0;
    rdv_time_format(moment, time, sizeof time);
    rdv_duration_format(left, wait, sizeof wait);
    snprintf(buffer, size, "%s (in %s)", time, wait);
}

/* Add words to the explanation. */
static void add_words(rdv_explanation *explanation, const char *format, ...) RDV__PRINTF(2, 3);
static void add_words(rdv_explanation *explanation, const char *format, ...)
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
        add_words(explanation, "%zu ready task%s come%s before it, and ", explanation->ahead,
                  explanation->ahead == 1 ? "" : "s", explanation->ahead == 1 ? "s" : "");
    add_words(explanation, "%zu of at most %d %s", explanation->running, facts->max_running,
              explanation->running == 1 ? "is running" : "are running");
}

static void say_no_handler(rdv_explanation *explanation, const struct facts *facts)
{
    char label[NAME_SHOWN];
    rdv__escape(facts->label, strlen(facts->label), label, sizeof label);
    add_words(explanation, "no handler is configured for its label '%s', so it will fail", label);
}

/* Say what becomes of an entry under way that nobody works on. */
static void say_left(rdv_explanation *explanation, const struct rdv__live_entry *live)
{
    add_words(explanation, "it was %s, and %s with the next 'rdvtask run'",
              live->at.ending ? "asked to end" : "running", live->at.ending ? "ends" : "goes on");
}

static void say_why(rdv_explanation *explanation, rdv_why why, const struct facts *facts)
{
    char moment[80], name[NAME_SHOWN];
    switch (why) {
    case RDV_WHY_STARTS:
        add_words(explanation, "nothing holds it up: it starts now");
        break;
    case RDV_WHY_RUNNING:
        if (facts->live->waits) {
            format_moment(explanation->next, facts->now, moment, sizeof moment);
            add_words(explanation, "it was stopped over and over, and goes on at %s", moment);
        } else {
            add_words(explanation, "it is running");
        }
        break;
    case RDV_WHY_WINDOW:
        format_moment(facts->window.start, facts->now, moment, sizeof moment);
        add_words(explanation, "its window opens at %s", moment);
        break;
    case RDV_WHY_BEHIND:
        say_behind(explanation, facts);
        break;
    case RDV_WHY_PAUSED:
        add_words(explanation, "the trigger agent is paused: 'rdvtask resume' lets tasks start");
        break;
    case RDV_WHY_CLOCK:
        add_words(explanation, "the system has just started and its clock is not synchronised");
        break;
    case RDV_WHY_REBOOT:
        rdv__escape(facts->blocker ? facts->blocker : "another task",
                    facts->blocker ? strlen(facts->blocker) : 12, name, sizeof name);
        add_words(explanation, "%s is about to reboot the machine, and nothing starts before that",
                  name);
        break;
    case RDV_WHY_NO_HANDLER:
        add_words(explanation, "nothing holds it up, but ");
        say_no_handler(explanation, facts);
        break;
    case RDV_WHY_STORE:
        add_words(explanation,
                  "the store can't be written to, and nothing starts that can't be recorded");
        break;
    case RDV_WHY_NO_AGENT:
    case RDV_WHY_HELD:
        if (facts->live)
            say_left(explanation, facts->live);
        else
            add_words(explanation, why == RDV_WHY_HELD
                                       ? "it waits for 'rdvtask run'"
                                       : "no task agent is running: 'rdvtask run' starts tasks");
        break;
    }
}

static void write_explanation(rdv_explanation *explanation, const struct facts *facts)
{
    char moment[80];
    say_why(explanation, explanation->why, facts);
    if (facts->also != RDV_WHY_STARTS) {
        add_words(explanation, "; ");
        say_why(explanation, facts->also, facts);
    }
    if (facts->no_handler && explanation->why != RDV_WHY_NO_HANDLER) {
        add_words(explanation, "; ");
        say_no_handler(explanation, facts);
        add_words(explanation, " then");
    }
    if (explanation->why == RDV_WHY_RUNNING && explanation->next != 0 && !facts->live->waits) {
        format_moment(explanation->next, facts->now, moment, sizeof moment);
        add_words(explanation, "; its limit is %s", moment);
    } else if (explanation->why != RDV_WHY_RUNNING && facts->window.end != 0) {
        format_moment(facts->window.end, facts->now, moment, sizeof moment);
        add_words(explanation, "; it expires if it has not started by %s", moment);
    }
}

/* Whether the task agent says that it would refuse the label. */
static bool has_no_handler(const rdv_trigger *trigger, const char *label)
{
    rdv_plugin *plugin = trigger->plugin;
    return plugin && RDV__PLUGIN_HAS(plugin->ops, check_label) &&
           plugin->ops->check_label(plugin, label) == RDV_ENOHANDLER;
}

/* Why a pending entry has not started: what the turn in decide.c would do with it, asked of the
 * same functions. */
static rdv_why why_pending(rdv_trigger *trigger, uint32_t slot, struct facts *facts,
                           size_t *ret_ahead)
{
    if (rdv__queue_number(trigger->entries.queue, slot) <= trigger->entries.held_number)
        return RDV_WHY_HELD;
    rdv_why why = rdv_trigger_held_up(trigger);
    if (why == RDV_WHY_NO_AGENT)
        return why;
    /* A missing handler is told early, though it matters last, as there is time to add it. */
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

/* Why an entry under way does not go on, if it does not. */
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

/* What is read of a pending entry. Its context is left out, as it may be large. */
struct looked_up {
    rdv_window window;
    char label[RDV_NAME_MAX + 1];
};

static int keep_entry(void *user, const rdv_entry *entry)
{
    struct looked_up *looked_up = user;
    looked_up->window = entry->window;
    snprintf(looked_up->label, sizeof looked_up->label, "%s", entry->label);
    return 0;
}

static int look_up_pending(rdv_store *store, int64_t number, struct looked_up *ret_looked_up)
{
    int result = rdv__listing_unfinished(store, number, NULL, 0, keep_entry, ret_looked_up);
    if (result < 0)
        return result;
    return result == 1 ? 0 : RDV_ENOTFOUND;
}

/* When something happens to a pending entry next, as far as that is known; 0 = it is not. */
static rdv_time next_of_pending(const rdv_trigger *trigger, rdv_why why, const rdv_window *window,
                                rdv_time now)
{
    switch (why) {
    case RDV_WHY_WINDOW:
        return window->start;
    case RDV_WHY_CLOCK:
        return rdv__time_later(now, RDV_SECOND);
    case RDV_WHY_STORE:
        return rdv__time_later(now, trigger->retry_delay);
    case RDV_WHY_STARTS:
    case RDV_WHY_NO_HANDLER:
        return now;
    case RDV_WHY_HELD:
    case RDV_WHY_NO_AGENT:
        return 0;
    default:
        return window->end != 0 ? rdv__time_later(window->end, 1) : 0;
    }
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
        answer.next = next_of_pending(trigger, answer.why, &entry.window, now);
    }
    write_explanation(&answer, &facts);
    *ret_explanation = answer;
    return 0;
}
