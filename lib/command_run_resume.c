/* SPDX-License-Identifier: MIT */
/*
 * How a run that another process has left is brought to where it can go on: what is left of its processes is ended, and what the
 * document says of interruptions is applied. command_run_start.c has found the run in the journal; command_run_step.c comes here with a
 * step whose supervisor was killed while nobody followed it.
 */
#include "command_run_resume.h"

#include <assert.h>
#include <string.h>

#include "command_run_reboot.h"
#include "error.h"
#include "left_running.h"
#include "orphans.h"
#include "store.h"

void rdv__command_run_go_on(struct rdv__command_run *command)
{
    assert(!command->adopting);
    if (command->asked_before) {
        command->asked_before = false;
        rdv__command_run_set_message(command,
                                     "rebooting: the machine is still in the boot that was to end");
        rdv__command_run_ask_for_reboot(command, command->step);
        return;
    }
    if (command->rebooted) {
        command->rebooted = false;
        command->status = RDV_STATUS_REBOOTED;
        command->code = 0;
        command->progress = -1;
        rdv__command_run_set_message(command, "rebooted");
        rdv__command_run_report(command);
        if (rdv__command_run_end_if_over(command))
            return;
        rdv__command_run_go_to_step(command, command->step);
    }
    if (command->step >= command->handler->step_count)
        rdv__command_run_finish_done(command);
    else
        rdv__command_run_begin_attempt(command);
}

static void cleaned(void *user, int found)
{
    struct rdv__command_run *command = user;
    const char *path = rdv__store_path(command->run.runs->store);
    command->leftovers = NULL;
    command->delay = 0;
    if (found > 0)
        rdv__log(log_of(command), RDV_LOG_WARNING,
                 "%s: ended %d process%s that a run cut short had left behind",
                 identifier_of(command), found, found == 1 ? "" : "es");
    rdv__left_forget(path, command->left_run);
    if (command->given_up && !command->interrupted)
        rdv__command_run_finish(command, RDV_STATUS_FAILED, command->given_up_code);
    else if (!rdv__command_run_end_if_over(command))
        rdv__command_run_go_on(command);
}

/* End what another process has left of the run, or of an earlier one, before anything else is done. This is done for a cancelled run,
 * too: its end is told afterwards. */
void rdv__command_run_clean(struct rdv__command_run *command)
{
    if (command->interrupted && !command->cancelled && command->phase == PUT_OFF) {
        rdv__command_run_leave(command);
        return;
    }
    command->phase = CLEANING;
    int result = rdv__leftovers_end(
        command->run.runs->loop, rdv__store_path(command->run.runs->store), command->left_run,
        command->left_nonce, command->left_grace, cleaned, command, &command->leftovers);
    if (result)
        rdv__command_run_put_off(command, rdv__command_run_clean,
                                 "cannot end what a run cut short has left behind",
                                 rdv_strerror(result));
}

void rdv__command_run_give_up(struct rdv__command_run *command, int code)
{
    command->given_up = true;
    command->given_up_code = code;
}

/* Go on, as the document says, with a run that was cut short in the step that it is at. */
void rdv__command_run_take_up_interrupted(struct rdv__command_run *command)
{
    rdv__log(log_of(command), RDV_LOG_INFO, "%s: was interrupted during step %zu, attempt %d",
             identifier_of(command), command->step + 1, command->attempt);
    if (command->handler->on_interrupt == RDV__INTERRUPT_FAIL) {
        rdv__command_run_give_up(command, RDV_EFAILED);
        rdv__command_run_set_step_message(command, "interrupted during ", "");
    } else if (command->handler->on_interrupt == RDV__INTERRUPT_RESTART) {
        rdv__command_run_go_to_step(command, 0);
    } else {
        command->attempt = command->starts[command->step] + 1;
    }
}

void rdv__command_run_treat_as_interrupted(struct rdv__command_run *command)
{
    command->adopted = command->leavable = false;
    rdv__command_run_take_up_interrupted(command);
    rdv__command_run_clean(command);
}
