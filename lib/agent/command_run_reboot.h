/* SPDX-License-Identifier: MIT */
/* How a command run asks for a reboot, and does it. */
#ifndef RDV__AGENT_COMMAND_RUN_REBOOT_H
#define RDV__AGENT_COMMAND_RUN_REBOOT_H

#include "agent/command_run_state.h"

/* All steps are done: end the run. May free it. */
void rdv__command_run_finish_done(struct rdv__command_run *command);

/* If the step that has just ended is followed by a reboot, ask for it, and return true. asked: the
 * step has asked for one. May free the run. */
bool rdv__command_run_reboot_after_step(struct rdv__command_run *command, bool asked);

/* A step has made the machine begin to reboot: nothing is left but to wait for that. May free the
 * run. */
void rdv__command_run_reboot_has_begun(struct rdv__command_run *command);

/* A step has asked for a reboot, and no rule says how to do it: remember that until the run
 * ends. */
void rdv__command_run_remember_reboot(struct rdv__command_run *command);

/* Ask for a reboot, with this step to follow it; the message says why. That is on disk, with the
 * report if the sink has the same store, before anything is done. */
void rdv__command_run_ask_for_reboot(struct rdv__command_run *command, size_t next);

/* All other runs are at rest: put on disk what they have written, and reboot then. This is `reboot`
 * of struct rdv__run_ops. */
void rdv__command_run_reboot(struct rdv__run *base);

/* All that is to be kept is on disk: start the command that reboots. May free the run. */
void rdv__command_run_start_reboot(struct rdv__command_run *command);

/* The machine has not gone down in time: the run fails. May free it. */
void rdv__command_run_fail_still_up(struct rdv__command_run *command);

#endif
