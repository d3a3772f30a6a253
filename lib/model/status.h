/* SPDX-License-Identifier: MIT */
/* Rule 6: the one place that says which status may follow which. */
#ifndef RDV__MODEL_STATUS_H
#define RDV__MODEL_STATUS_H

#include <stdbool.h>

#include <rdvtask/task.h>

/* SUCCESS, FAILED and TIMEOUT. */
bool rdv__status_terminal(rdv_status status);

/* Whether a task agent may send `to` for a run whose status is `from`: from any non-terminal to any of SEARCHING..FAILED. */
bool rdv__status_may_follow(rdv_status from, rdv_status to);

/* The status that goes with an outcome: SUCCESS, FAILED, FAILED, TIMEOUT, TIMEOUT; UNKNOWN for RDV_OUTCOME_NONE. */
rdv_status rdv__outcome_status(rdv_outcome outcome);

#endif
