/* SPDX-License-Identifier: MIT */
#include "explain.h"

#include <stdio.h>
#include <string.h>

#include "base.h"

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

static void say_behind(rdv_explanation *explanation, const struct rdv__facts *facts)
{
    char ahead[64] = "";
    if (explanation->ahead > 0)
        snprintf(ahead, sizeof ahead, "%zu ready task%s come%s before it, and ", explanation->ahead,
                 explanation->ahead == 1 ? "" : "s", explanation->ahead == 1 ? "s" : "");
    snprintf(explanation->words, sizeof explanation->words, "%s%zu of at most %d %s", ahead,
             explanation->running, facts->max_running,
             explanation->running == 1 ? "is running" : "are running");
}

void rdv__explain(rdv_explanation *explanation, const struct rdv__facts *facts)
{
    char *words = explanation->words;
    size_t size = sizeof explanation->words;
    char moment[80], text[200];
    switch (explanation->why) {
    case RDV_WHY_STARTS:
        snprintf(words, size, "nothing holds it up: it starts now");
        break;
    case RDV_WHY_RUNNING:
        snprintf(words, size, "it is running");
        break;
    case RDV_WHY_WINDOW:
        say_moment(facts->window.start, facts->now, moment, sizeof moment);
        snprintf(words, size, "its window opens at %s", moment);
        break;
    case RDV_WHY_BEHIND:
        say_behind(explanation, facts);
        break;
    case RDV_WHY_PAUSED:
        snprintf(words, size, "the trigger agent is paused: 'rdvtask resume' lets tasks start");
        break;
    case RDV_WHY_CLOCK:
        snprintf(words, size, "the system has just started and its clock is not synchronised");
        break;
    case RDV_WHY_REBOOT:
        rdv__escape(facts->blocker ? facts->blocker : "another task",
                    facts->blocker ? strlen(facts->blocker) : 12, text, sizeof text);
        snprintf(words, size, "%s is about to reboot the machine, and nothing starts before that",
                 text);
        break;
    case RDV_WHY_NO_HANDLER:
        rdv__escape(facts->label, strlen(facts->label), text, sizeof text);
        snprintf(
            words, size,
            "nothing holds it up, but no handler is configured for its label '%s', so it will fail",
            text);
        break;
    case RDV_WHY_STORE:
        snprintf(words, size,
                 "the store can't be written to, and nothing starts that can't be recorded");
        break;
    case RDV_WHY_NO_AGENT:
        snprintf(words, size, "no task agent is running: 'rdvtask run' starts tasks");
        break;
    case RDV_WHY_HELD:
        snprintf(words, size, "it waits for 'rdvtask run'");
        break;
    }
    size_t used = strlen(words);
    if (explanation->why == RDV_WHY_RUNNING && explanation->next != 0) {
        say_moment(explanation->next, facts->now, moment, sizeof moment);
        snprintf(words + used, size - used, "; its limit is %s", moment);
    } else if (explanation->why != RDV_WHY_RUNNING && facts->window.end != 0) {
        say_moment(facts->window.end, facts->now, moment, sizeof moment);
        snprintf(words + used, size - used, "; it expires if it has not started by %s", moment);
    }
}
