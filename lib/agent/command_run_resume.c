/* SPDX-License-Identifier: MIT */
/*
 * How a run that another process has left goes on: what is left of its processes is ended first,
 * and then the run goes on as the document says of interruptions, or ends. command_run_start.c has
 * found the run in the journal, and says in `left` what is to follow; command_run_step.c comes here
 * with a step whose supervisor was killed while nobody followed it.
 *
 * All of it happens in phase CLEANING, and nothing of the run is started before it is over.
 */
#include "agent/command_run_resume.h"

#include <assert.h>
#include <string.h>

#include "agent/command_run_reboot.h"
#include "agent/left_running.h"
#include "agent/orphans.h"
#include "base/error.h"
#include "store/store.h"

void rdv__command_run_go_on(struct rdv__command_run *command)
{
    assert(command->left.next != ADOPT_STEP);
    if (command->left.next == ASK_AGAIN) {
        command->left.next = GO_ON;
        rdv__command_run_set_message(command,
                                     "rebooting: the machine is still in the boot that was to end");
        rdv__command_run_ask_for_reboot(command, command->step.index);
        return;
    }
    if (command->left.next == TELL_REBOOTED) {
        command->left.next = GO_ON;
        rdv__command_run_set_status(command, RDV_STATUS_REBOOTED);
        rdv__command_run_set_message(command, "rebooted");
        rdv__command_run_report(command);
        if (rdv__command_run_end_if_over(command))
            return;
        rdv__command_run_go_to_step(command, command->step.index);
    }
    if (command->step.index >= command->handler->step_count)
        rdv__command_run_finish_done(command);
    else
        rdv__command_run_begin_attempt(command);
}

static void orphans_ended(void *user, int found)
{
    struct rdv__command_run *command = user;
    const char *path = rdv__store_path(command->run.runs->store);
    command->orphans = NULL;
    command->retry.delay = 0;
    if (found > 0)
        rdv__log(log_of(command), RDV_LOG_WARNING,
                 "%s: ended %d process%s that a run cut short had left behind",
                 identifier_of(command), found, found == 1 ? "" : "es");
    rdv__left_forget(path, command->left.run);
    if (command->left.next == GIVE_UP && !is_interrupted(command))
        rdv__command_run_finish(command, RDV_STATUS_FAILED, command->left.code);
    else if (!rdv__command_run_end_if_over(command))
        rdv__command_run_go_on(command);
}

/* This is done for a cancelled run, too: its end is reported afterwards. */
void rdv__command_run_clean(struct rdv__command_run *command)
{
    if (is_interrupted(command) && !command->stop.cancelled && command->phase == PUT_OFF) {
        rdv__command_run_leave(command);
        return;
    }
    command->phase = CLEANING;
    int result = rdv__orphans_end(
        command->run.runs->loop, rdv__store_path(command->run.runs->store), command->left.run,
        command->left.nonce, command->left.grace, orphans_ended, command, &command->orphans);
    if (result)
        rdv__command_run_put_off(command, rdv__command_run_clean,
                                 "cannot end what a run cut short has left behind",
                                 rdv_strerror(result));
}

void rdv__command_run_give_up(struct rdv__command_run *command, int code)
{
    command->left.next = GIVE_UP;
    command->left.code = code;
}

/* The step is started again with a number of its own, unless the document says otherwise. */
void rdv__command_run_take_up_interrupted(struct rdv__command_run *command)
{
    rdv__log(log_of(command), RDV_LOG_INFO, "%s: was interrupted during step %zu, attempt %d",
             identifier_of(command), command->step.index + 1, command->step.attempt);
    if (command->handler->on_interrupt == RDV__INTERRUPT_FAIL) {
        rdv__command_run_give_up(command, RDV_EFAILED);
        rdv__command_run_set_step_message(command, "interrupted during ", "");
    } else if (command->handler->on_interrupt == RDV__INTERRUPT_RESTART) {
        rdv__command_run_go_to_step(command, 0);
    } else {
        command->step.attempt = command->step.starts[command->step.index] + 1;
    }
}

void rdv__command_run_treat_as_interrupted(struct rdv__command_run *command)
{
    command->step.record = RECORD_NONE;
    rdv__command_run_take_up_interrupted(command);
    rdv__command_run_clean(command);
}
