/* SPDX-License-Identifier: MIT */
/* A command run: the work on a task whose handler is the steps of a document. The steps are child
 * processes, one after the other, and each of them is in the journal before it starts. */
#ifndef RDV__AGENT_COMMAND_RUN_H
#define RDV__AGENT_COMMAND_RUN_H

#include "agent/command_run_state.h"

/* Make a run for the task. It has not done anything yet. */
int rdv__command_run_new(struct rdv__runs *runs, rdv_task *task, struct rdv__handlers *handlers,
                         const struct rdv__handler *handler, struct rdv__command_run **ret_command);

#endif
