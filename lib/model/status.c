/* SPDX-License-Identifier: MIT */
/*
 * Statuses, outcomes and states of a task: their names, and the transitions between statuses (rule
 * 6). These are pure functions. The trigger agent asks them before it believes a status that a task
 * agent has sent; everything that shows a status or reads one takes its name from here.
 *
 *     searching, downloading, applying, rebooting, rebooted    (in any order, any number of times)
 *         |
 *         +--> success, failed, timeout                         (terminal: nothing follows)
 *
 * A task agent sends statuses from SEARCHING to FAILED only; TIMEOUT is the trigger agent's own.
 */
#include "model/status.h"

#include <stddef.h>
#include <string.h>

#include "base/utf8.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

static const char *const status_names[] = {
    [RDV_STATUS_UNKNOWN] = "unknown",         [RDV_STATUS_SEARCHING] = "searching",
    [RDV_STATUS_DOWNLOADING] = "downloading", [RDV_STATUS_APPLYING] = "applying",
    [RDV_STATUS_REBOOTING] = "rebooting",     [RDV_STATUS_REBOOTED] = "rebooted",
    [RDV_STATUS_SUCCESS] = "success",         [RDV_STATUS_FAILED] = "failed",
    [RDV_STATUS_TIMEOUT] = "timeout",
};

static const char *const state_names[] = {
    [RDV_STATE_PENDING] = "pending",
    [RDV_STATE_RUNNING] = "running",
    [RDV_STATE_FINISHED] = "finished",
};

static const struct {
    const char *name;
    rdv_status status;
} outcomes[] = {
    [RDV_OUTCOME_NONE] = {NULL, RDV_STATUS_UNKNOWN},
    [RDV_OUTCOME_SUCCEEDED] = {"succeeded", RDV_STATUS_SUCCESS},
    [RDV_OUTCOME_FAILED] = {"failed", RDV_STATUS_FAILED},
    [RDV_OUTCOME_CANCELLED] = {"cancelled", RDV_STATUS_FAILED},
    [RDV_OUTCOME_EXPIRED] = {"expired", RDV_STATUS_TIMEOUT},
    [RDV_OUTCOME_TIMED_OUT] = {"timed-out", RDV_STATUS_TIMEOUT},
};

/*
 * An enum's value may come from outside (a store, a C caller), so it is compared as an unsigned
 * number, by which -1 is large.
 */
static bool is_index(int value, size_t count)
{
    return (size_t)(unsigned)value < count;
}

/* Whether a task agent may send the status: SEARCHING to FAILED. */
static bool is_agents(rdv_status status)
{
    return (int)status >= RDV_STATUS_SEARCHING && (int)status <= RDV_STATUS_FAILED;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool same_word(const char *a, const char *b)
{
    for (; *a && lower(*a) == lower(*b); a++)
        b++;
    return lower(*a) == lower(*b);
}

const char *rdv_status_name(rdv_status status)
{
    return is_index((int)status, COUNT_OF(status_names)) ? status_names[status] : NULL;
}

int rdv_status_parse(const char *name, rdv_status *ret_status)
{
    if (!name || !ret_status)
        return RDV_EINVAL;
    for (size_t i = 0; i < COUNT_OF(status_names); i++) {
        if (same_word(name, status_names[i])) {
            *ret_status = (rdv_status)i;
            return 0;
        }
    }
    return RDV_EINVAL;
}

const char *rdv_state_name(rdv_state state)
{
    return is_index((int)state, COUNT_OF(state_names)) ? state_names[state] : NULL;
}

const char *rdv_outcome_name(rdv_outcome outcome)
{
    return is_index((int)outcome, COUNT_OF(outcomes)) ? outcomes[outcome].name : NULL;
}

int rdv_report_check(const rdv_report *report)
{
    /* A larger report is that of a newer caller, whose additional fields are left alone. */
    if (!report || report->size < sizeof *report)
        return RDV_EINVAL;
    if (!is_agents(report->status) || report->progress < -1 || report->progress > 100 ||
        report->attempt < 0)
        return RDV_EINVAL;
    if (report->message && !rdv__utf8_valid(report->message, strlen(report->message)))
        return RDV_EINVAL;
    return 0;
}

bool rdv__status_terminal(rdv_status status)
{
    return status == RDV_STATUS_SUCCESS || status == RDV_STATUS_FAILED ||
           status == RDV_STATUS_TIMEOUT;
}

bool rdv__status_may_follow(rdv_status from, rdv_status to)
{
    return rdv_status_name(from) && !rdv__status_terminal(from) && is_agents(to);
}

rdv_status rdv__outcome_status(rdv_outcome outcome)
{
    return is_index((int)outcome, COUNT_OF(outcomes)) ? outcomes[outcome].status
                                                      : RDV_STATUS_UNKNOWN;
}
