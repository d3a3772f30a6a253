/* SPDX-License-Identifier: MIT */
/* One step of a command run, from its start to how the run goes on as it ends. */
#ifndef RDV__AGENT_COMMAND_RUN_STEP_H
#define RDV__AGENT_COMMAND_RUN_STEP_H

#include "agent/command_run_state.h"

/* The attempt is on disk: start the step. May free the run. */
void rdv__command_run_begin_step(struct rdv__command_run *command);

/* Follow a step again that was left running, or leave it running if the agent shuts down. May free
 * the run. */
void rdv__command_run_adopt_step(struct rdv__command_run *command);

#endif
