/* SPDX-License-Identifier: MIT */
/* How a run that another process has left is brought to the point where it can go on, or to its
 * end. */
#ifndef RDV__AGENT_COMMAND_RUN_RESUME_H
#define RDV__AGENT_COMMAND_RUN_RESUME_H

#include "agent/command_run_state.h"

/* End what another process has left of the run, or of an earlier run of the same identifier; then
 * go on. May free the run. */
void rdv__command_run_clean(struct rdv__command_run *command);

/* Have the run fail with this code, and the message that was set, once what is left of it is
 * gone. */
void rdv__command_run_give_up(struct rdv__command_run *command, int code);

/* The run was cut short in the step that it is at: apply what the document says of that. */
void rdv__command_run_take_up_interrupted(struct rdv__command_run *command);

/* What was left running does not run any more, or its supervisor was killed: go on as if the step
 * had been interrupted. May free the run. */
void rdv__command_run_treat_as_interrupted(struct rdv__command_run *command);

/* Go on with a run that was taken up, after what was left of it is gone. May free the run. */
void rdv__command_run_go_on(struct rdv__command_run *command);

#endif
