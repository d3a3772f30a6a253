/* SPDX-License-Identifier: MIT */
/*
 * How a command run asks for a reboot, and does it, in the phases ASKING, ASKED and REBOOTING of
 * command_run.c. Which of the runs that ask does it, and when, is decided by run_table.c.
 *
 * A reboot is only ever begun when all that is to be known after it is on disk. If the machine does
 * not go down in time, the run fails.
 */
#include "agent/command_run_reboot.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "agent/command_run_process.h"
#include "agent/output.h"
#include "base/error.h"
#include "model/task.h"
#include "platform/boot.h"
#include "platform/folder.h"

/* ----------------------------------------------------------------- reboots */

/* Whether a step has asked for a reboot that no rule says how to do: such a run ends with the exit
 * code of that step. */
static bool needs_reboot(const struct rdv__command_run *command)
{
    return command->reboot.boot_id[0] != '\0' && !command->handler->reboot.step.argv;
}

void rdv__command_run_finish_done(struct rdv__command_run *command)
{
    command->report.message[0] = '\0';
    if (needs_reboot(command))
        rdv__command_run_set_message(command, "done; a reboot is needed");
    rdv__command_run_finish(command, RDV_STATUS_SUCCESS,
                            needs_reboot(command) ? RDV__EXIT_REBOOT : 0);
}

static void fail_soon(struct rdv__command_run *command, int code, const char *before,
                      const char *words)
{
    rdv__command_run_set_message(command, "%s: %s", before, words);
    rdv__command_run_finish_soon(command, code);
}

/* Put on disk that the run asks, and why; and report it, in the same commit if that can be done. */
static void record_asking(struct rdv__command_run *command)
{
    if (command->phase == PUT_OFF && rdv__command_run_end_if_over(command))
        return;
    int result =
        rdv__command_run_write_journal(command, command->reboot.going_down ? REBOOTING : ASKING,
                                       command->step.attempt, "reboot", record_asking);
    if (result) {
        rdv__command_run_put_off_for_store(command, record_asking, result);
        return;
    }
    rdv__command_run_set_status(command, RDV_STATUS_REBOOTING);
    rdv__command_run_report(command);
}

/* Others come to rest from now on, and nothing is done before it is on disk that the run asks. */
void rdv__command_run_ask_for_reboot(struct rdv__command_run *command, size_t next)
{
    struct rdv_error error = {0};
    command->step.index = next;
    command->step.failures = 0;
    if (command->reboot.count >= RDV__REBOOTS_MAX) {
        char why[RDV_MESSAGE_MAX + 1];
        memcpy(why, command->report.message, sizeof why);
        rdv__command_run_set_message(command, "rebooted %d times, and that is enough (%s)",
                                     command->reboot.count, why);
        rdv__command_run_finish_soon(command, RDV_EFAILED);
        return;
    }
    int result = rdv__runs_boot_id(command->run.runs, command->reboot.boot_id, &error);
    if (result) {
        fail_soon(command, result, "cannot reboot", error.text);
        return;
    }
    command->reboot.count++;
    rdv__command_run_outdate_row(command);
    rdv__runs_ask(&command->run);
    record_asking(command);
}

/* Ask for a reboot, with this step to follow it; the message says why. May free the run. */
static void reboot_before(struct rdv__command_run *command, size_t next)
{
    if (!is_interrupted(command)) {
        rdv__command_run_ask_for_reboot(command, next);
        return;
    }
    /* The next process asks. */
    if (!rdv__runs_boot_id(command->run.runs, command->reboot.boot_id, NULL)) {
        command->step.index = next;
        command->step.failures = 0;
        rdv__command_run_outdate_row(command);
        rdv__command_run_note_state(command, command->step.attempt, "reboot");
    }
    rdv__command_run_leave(command);
}

void rdv__command_run_reboot_has_begun(struct rdv__command_run *command)
{
    command->reboot.going_down = true;
    rdv__command_run_set_step_message(command, "rebooting: ", " has begun it");
    reboot_before(command, command->step.index + 1);
}

/* If the document says nothing of such a case, there is no reboot. */
bool rdv__command_run_reboot_after_step(struct rdv__command_run *command, bool asked)
{
    const struct rdv__reboot *rule = &command->handler->reboot;
    size_t next = command->step.index + 1;
    if (rule->step.argv && asked) {
        rdv__command_run_set_step_message(command, "rebooting: ", " asks for it");
    } else if (rule->when_exists && next == command->handler->step_count &&
               rdv__folder_has(rule->when_exists)) {
        rdv__command_run_set_message(command, "rebooting: %s exists", rule->when_exists);
    } else {
        return false;
    }
    reboot_before(command, next);
    return true;
}

/* If it can't be told which boot this is, "?" stands for one that is never the same. */
void rdv__command_run_remember_reboot(struct rdv__command_run *command)
{
    struct rdv_error error;
    if (rdv__runs_boot_id(command->run.runs, command->reboot.boot_id, &error)) {
        rdv__log(log_of(command), RDV_LOG_WARNING, "%s: %s", identifier_of(command), error.text);
        snprintf(command->reboot.boot_id, sizeof command->reboot.boot_id, "?");
    }
    rdv__command_run_outdate_row(command);
}

/* ------------------------------------------------------- the reboot itself */

/* The command that reboots has failed. May free the run. */
static void reboot_failed(struct rdv__command_run *command, int code, const char *words,
                          const char *line)
{
    char program[RDV__PROGRAM_SHOWN];
    rdv__command_run_set_message(command, "cannot reboot (%s): %s%s%s",
                                 rdv__step_program(&command->handler->reboot.step, program), words,
                                 *line ? ": " : "", line);
    rdv__command_run_finish(command, RDV_STATUS_FAILED, code);
}

void rdv__command_run_fail_still_up(struct rdv__command_run *command)
{
    char wait[RDV_DURATION_TEXT_SIZE];
    rdv_duration_format(command->run.runs->reboot_wait, wait, sizeof wait);
    rdv__command_run_set_message(command, "the machine did not reboot within %s", wait);
    rdv__command_run_finish(command, RDV_STATUS_FAILED, RDV_ETIMEDOUT);
}

static void reboot_command_ended(void *user, int result, int code)
{
    struct rdv__command_run *command = user;
    struct rdv__step_end end;
    char line[LINE_SHOWN] = "";
    rdv__command_run_read_process_end(command, &command->handler->reboot.step, false, result, code,
                                      &end);
    rdv__process_free(command->process);
    command->process = NULL;
    if (is_interrupted(command) && !command->stop.cancelled) {
        /* Most likely, it is the machine that shuts down: the row says what was asked for. */
        rdv__command_run_leave(command);
    } else if (rdv__command_run_end_if_over(command)) {
        return;
    } else if (command->step.timed_out) {
        rdv__command_run_fail_still_up(command);
    } else if (end.kind != RDV__STEP_DONE && end.kind != RDV__STEP_REBOOTING) {
        rdv__output_last_line(command->output, line, sizeof line);
        reboot_failed(command, end.code, end.words, line);
    }
    /* Otherwise, the timer waits for the machine to go down. */
}

void rdv__command_run_start_reboot(struct rdv__command_run *command)
{
    struct rdv_error error = {0};
    command->step.timed_out = false;
    if (command->reboot.going_down) {
        rdv_timer_start(command->timer, command->run.runs->reboot_wait);
        return;
    }
    rdv__log(log_of(command), RDV_LOG_INFO, "%s: the machine is rebooted now",
             identifier_of(command));
    int result = rdv__command_run_start_process(command, &command->handler->reboot.step,
                                                reboot_command_ended, &error);
    if (result)
        reboot_failed(command, result, error.text, "");
    else
        rdv_timer_start(command->timer, command->run.runs->reboot_wait);
}

/* Put on disk, before the reboot, what the others have written when they came to rest. */
static void record_all(struct rdv__command_run *command)
{
    if (command->phase == PUT_OFF && rdv__command_run_end_if_over(command))
        return;
    int result =
        rdv__command_run_write_journal(command, REBOOTING, command->step.attempt, NULL, record_all);
    if (result)
        rdv__command_run_put_off_for_store(command, record_all, result);
}

void rdv__command_run_reboot(struct rdv__run *base)
{
    assert(command_of(base)->phase == ASKED);
    record_all(command_of(base));
}
