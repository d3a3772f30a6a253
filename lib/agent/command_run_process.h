/* SPDX-License-Identifier: MIT */
/* The processes of a command run: how they are started and heard, left running, and found again. */
#ifndef RDV__AGENT_COMMAND_RUN_PROCESS_H
#define RDV__AGENT_COMMAND_RUN_PROCESS_H

#include "agent/command_run_state.h"

/* Start the program of a step, or the one that reboots. */
int rdv__command_run_start_process(struct rdv__command_run *command, const struct rdv__step *step,
                                   void (*ended)(void *user, int result, int code),
                                   struct rdv_error *error);

/* Whether a record says that the attempt of the step which the run is at may have been left
 * running. */
bool rdv__command_run_has_record(const struct rdv__command_run *command);

/* Whether the step under way can be left running for the next process now. */
bool rdv__command_run_can_leave_process(const struct rdv__command_run *command);

/* Leave it running. */
void rdv__command_run_leave_process(struct rdv__command_run *command);

/* Follow again what was left running, or has ended since. RDV_ENOTFOUND if how it ended is not
 * known. */
int rdv__command_run_adopt_process(struct rdv__command_run *command,
                                   void (*ended)(void *user, int result, int code));

/* Tell how the process has ended, or why it could not be started: inside its `ended`. step is what
 * it was started for. */
void rdv__command_run_read_process_end(const struct rdv__command_run *command,
                                       const struct rdv__step *step, bool timed_out, int result,
                                       int code, struct rdv__step_end *ret_end);

/* Whether a step that has ended so may have left processes behind, as its supervisor was killed,
 * and they can be found. */
bool rdv__command_run_may_have_left_tree(const struct rdv__command_run *command, int result,
                                         int code);

/* Delete the records of the run: nothing of it is to be found again. */
void rdv__command_run_forget_records(struct rdv__command_run *command);

#endif
