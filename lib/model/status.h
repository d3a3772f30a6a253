/* SPDX-License-Identifier: MIT */
/* The one place that says which status may follow which (rule 6). */
#ifndef RDV__MODEL_STATUS_H
#define RDV__MODEL_STATUS_H

#include <stdbool.h>

#include <rdvtask/task.h>

/* Whether a status is terminal: SUCCESS, FAILED or TIMEOUT. */
bool rdv__status_terminal(rdv_status status);

/*
 * Whether a task agent may send `to` for a run whose status is `from`: from any status that is not
 * terminal to any of SEARCHING to FAILED.
 */
bool rdv__status_may_follow(rdv_status from, rdv_status to);

/*
 * Return the status that goes with an outcome. In the order of the outcomes: UNKNOWN for
 * RDV_OUTCOME_NONE, then SUCCESS, FAILED, FAILED, TIMEOUT, TIMEOUT.
 */
rdv_status rdv__outcome_status(rdv_outcome outcome);

#endif
