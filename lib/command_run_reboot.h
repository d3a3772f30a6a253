/* SPDX-License-Identifier: MIT */
/* How a command run asks for a reboot, and does it. */
#ifndef RDV__COMMAND_RUN_REBOOT_H
#define RDV__COMMAND_RUN_REBOOT_H

#include "command_run_state.h"

/* All steps are done. May free the run. */
void rdv__command_run_finish_done(struct rdv__command_run *command);

/*
 * Whether a step that has ended so is followed by a reboot; then it is asked for. May free the run.
 */
bool rdv__command_run_reboot_after_step(struct rdv__command_run *command, bool asked);

/* A step has had the machine begin to reboot: nothing is left but to wait for that. May free the
 * run. */
void rdv__command_run_reboot_has_begun(struct rdv__command_run *command);

/* A step has asked for a reboot, and there is no rule. */
void rdv__command_run_remember_reboot(struct rdv__command_run *command);

/* Ask for a reboot, for the reason that the message gives, with this step to follow it. That is on
 * disk, with the report if the sink has the same store, before anything is done. */
void rdv__command_run_ask_for_reboot(struct rdv__command_run *command, size_t next);

/* All others rest: put on disk what they have written, and reboot then. This is `reboot` of struct
 * rdv__run_ops. */
void rdv__command_run_reboot(struct rdv__run *base);

/* All that is to be kept is on disk: start the command that reboots. May free the run. */
void rdv__command_run_start_reboot(struct rdv__command_run *command);

/* The machine has not gone down. May free the run. */
void rdv__command_run_fail_still_up(struct rdv__command_run *command);

#endif
