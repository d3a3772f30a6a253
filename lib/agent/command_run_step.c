/* SPDX-License-Identifier: MIT */
/*
 * One step of a run. Its program is started once the attempt is on disk, or, if an earlier agent
 * has left it running, followed again. When it has ended, this file decides how the run goes on:
 * with the next step, the same step again, a reboot, or its end. command_run.c calls it for the
 * events of its phases.
 *
 * Unless a function says otherwise, the run may be freed when it returns.
 */
#include "agent/command_run_step.h"

#include <string.h>

#include "agent/command_run_process.h"
#include "agent/command_run_reboot.h"
#include "agent/command_run_resume.h"
#include "agent/orphans.h"
#include "agent/output.h"
#include "agent/process.h"
#include "agent/step_result.h"
#include "base/error.h"
#include "platform/platform.h"
#include "store/store.h"

/* ---------------------------------------------------------------- at rest */

/* Come to rest for this long, after so many starts of the step; the message says why. */
static void rest_for(struct rdv__command_run *command, rdv_duration delay, int starts)
{
    command->report.progress = -1;
    command->phase = WAITING;
    rdv_timer_start(command->timer, delay);
    /* If this process is killed meanwhile, nothing was interrupted. */
    rdv__command_run_note_state(command, starts, "wait");
    rdv__command_run_report(command);
    if (command->run.gone && command->phase == WAITING)
        rdv__command_run_finish_soon(command, command->report.code);
    else
        rdv__runs_rested(command->run.runs);
}

/* ---------------------------------------------------------- how steps end */

static void retry_later(struct rdv__command_run *command, int retries,
                        const struct rdv__step_end *end, const char *line)
{
    rdv_duration delay = rdv__step_delay(step_of(command), command->step.failures);
    char text[RDV_DURATION_TEXT_SIZE];
    rdv_duration_format(delay, text, sizeof text);
    rdv__command_run_set_message(command, "trying again in %s (retry %d of %d): %s%s%s", text,
                                 command->step.failures, retries, end->words, *line ? ": " : "",
                                 line);
    command->report.code = end->code;
    rest_for(command, delay, command->step.attempt);
}

static void handle_failure(struct rdv__command_run *command, const struct rdv__step_end *end)
{
    char line[LINE_SHOWN] = "";
    if (command->output)
        rdv__output_last_line(command->output, line, sizeof line);
    int retries = rdv__step_retries(step_of(command), end);
    command->step.failures++;
    if (command->step.failures <= retries && is_interrupted(command)) {
        rdv__command_run_note_state(command, command->step.attempt, "wait");
        rdv__command_run_leave(command);
        return;
    }
    if (command->step.failures <= retries) {
        retry_later(command, retries, end, line);
        return;
    }
    char program[RDV__PROGRAM_SHOWN];
    rdv__command_run_set_message(command, "step %zu of %zu (%s): %s%s%s", command->step.index + 1,
                                 command->handler->step_count,
                                 rdv__step_program(step_of(command), program), end->words,
                                 *line ? ": " : "", line);
    rdv__command_run_finish(command, RDV_STATUS_FAILED, end->code);
}

static void handle_success(struct rdv__command_run *command, enum rdv__step_kind kind)
{
    bool reboot = kind == RDV__STEP_REBOOT;
    bool last = command->step.index + 1 == command->handler->step_count;
    if (reboot && !command->handler->reboot.step.argv)
        rdv__command_run_remember_reboot(command);
    if (command->stop.cancelled && !last) {
        rdv__command_run_set_step_message(command, "cancelled after ", "");
        rdv__command_run_finish_cancelled(command);
    } else if (!command->stop.cancelled && kind == RDV__STEP_REBOOTING) {
        rdv__command_run_reboot_has_begun(command);
    } else if (!command->stop.cancelled && rdv__command_run_reboot_after_step(command, reboot)) {
        /* It goes on from there. */
    } else if (last) {
        rdv__command_run_finish_done(command);
    } else if (is_interrupted(command)) {
        rdv__command_run_go_to_step(command, command->step.index + 1);
        rdv__command_run_note_state(command, command->step.attempt - 1, "wait");
        rdv__command_run_leave(command);
    } else {
        rdv__command_run_go_to_step(command, command->step.index + 1);
        rdv__command_run_begin_attempt(command);
    }
}

/* How much is left of the timeout of a step that is about to be started. Frees nothing. */
static rdv_duration get_time_left(struct rdv__command_run *command)
{
    const rdv_duration now = rdv__plat_running();
    if (command->step.end_by == 0)
        command->step.end_by = now + step_of(command)->timeout;
    return command->step.end_by > now ? command->step.end_by - now : 0;
}

/* The step could not be started. If the system was only short of something, that does not count as
 * a failed try: the step is started later, as long as its timeout allows. */
static void handle_no_start(struct rdv__command_run *command, int result, const char *words)
{
    struct rdv__step_end end;
    command->step.record = RECORD_NONE;
    rdv__step_not_started(result, words, &end);
    if (!rdv__step_is_short(result)) {
        command->step.end_by = 0;
        handle_failure(command, &end);
        return;
    }
    rdv_duration delay = rdv__command_run_next_delay(command);
    char text[RDV_DURATION_TEXT_SIZE];
    if (step_of(command)->timeout > 0 && delay > get_time_left(command))
        delay = get_time_left(command);
    rdv_duration_format(delay, text, sizeof text);
    rdv__command_run_set_step_message(command, "", "");
    rdv__log(log_of(command), RDV_LOG_WARNING, "%s: %s: %s; starting it again in %s",
             identifier_of(command), command->report.message, end.words, text);
    rdv__command_run_set_message(command, "starting step %zu of %zu again in %s: %s",
                                 command->step.index + 1, command->handler->step_count, text,
                                 end.words);
    command->report.code = end.code;
    rest_for(command, delay, command->step.attempt - 1);
}

/* The step has ended, and nothing is left of it: decide how the run goes on. */
static void handle_end(struct rdv__command_run *command)
{
    const struct rdv__step_end end = command->step.end;
    command->step.record = RECORD_NONE;
    if (command->run.gone)
        rdv__command_run_finish(command, RDV_STATUS_FAILED, RDV_ECANCELLED);
    else if (command->stop.shutdown == SHUTDOWN_NOW && !command->stop.cancelled)
        /* Also with code 0: a program that is asked to end may well call that a success. */
        rdv__command_run_leave(command);
    else if (end.kind != RDV__STEP_FAILED && end.kind != RDV__STEP_LATER)
        handle_success(command, end.kind);
    else if (command->stop.cancelled) {
        rdv__command_run_set_step_message(command, "cancelled during ", "");
        rdv__command_run_finish_cancelled(command);
    } else
        handle_failure(command, &end);
}

static void tree_swept(void *user, int found)
{
    struct rdv__command_run *command = user;
    command->orphans = NULL;
    if (found > 0)
        rdv__log(log_of(command), RDV_LOG_WARNING,
                 "%s: ended %d process%s that the killed rdvtask-child of step %zu had left behind",
                 identifier_of(command), found, found == 1 ? "" : "es", command->step.index + 1);
    handle_end(command);
}

/* End at once what the step has left behind, as the supervisor would have done. */
static void sweep_tree(struct rdv__command_run *command)
{
    command->phase = CLEANING;
    int result = rdv__orphans_end(
        command->run.runs->loop, rdv__store_path(command->run.runs->store), command->journal.number,
        command->journal.nonce, 0, tree_swept, command, &command->orphans);
    if (result)
        rdv__command_run_put_off(command, sweep_tree, "cannot end what a step has left behind",
                                 rdv_strerror(result));
}

static void step_ended(void *user, int result, int code)
{
    struct rdv__command_run *command = user;
    const bool started = !rdv__process_not_started(command->process);
    rdv__command_run_read_process_end(command, step_of(command), command->step.timed_out, result,
                                      code, &command->step.end);
    rdv_timer_stop(command->timer);
    rdv__process_free(command->process);
    command->process = NULL;
    if (started)
        command->retry.delay = command->step.end_by = 0;
    if (command->step.record == RECORD_ADOPTED && result && started && !command->stop.cancelled &&
        !is_interrupted(command) && !command->run.gone) {
        /* Its supervisor was killed. */
        rdv__command_run_treat_as_interrupted(command);
        return;
    }
    if (!started && !command->step.timed_out && !command->stop.cancelled &&
        !is_interrupted(command) && !command->run.gone)
        handle_no_start(command, command->step.end.code, command->step.end.words);
    else if (started && rdv__command_run_may_have_left_tree(command, result, code))
        sweep_tree(command);
    else
        handle_end(command);
}

/* -------------------------------------------------------- how steps begin */

/* Start the step: its attempt is on disk. */
void rdv__command_run_begin_step(struct rdv__command_run *command)
{
    if (rdv__command_run_end_if_over(command))
        return;
    if (command->run.runs->asking > 0) {
        /* Another run has asked for a reboot meanwhile. */
        rdv__command_run_begin_attempt(command);
        return;
    }
    const struct rdv__step *step = step_of(command);
    if (command->step.end_by > 0 && get_time_left(command) == 0) {
        struct rdv__step_end end;
        rdv__step_not_started_in_time(step, &end);
        command->step.end_by = 0;
        handle_failure(command, &end);
        return;
    }
    char program[RDV__PROGRAM_SHOWN];
    command->phase = RUNNING;
    command->step.timed_out = false;
    rdv__command_run_set_status(command, step->status);
    rdv__command_run_set_message(command, "step %zu of %zu: %s", command->step.index + 1,
                                 command->handler->step_count,
                                 rdv__step_program(step_of(command), program));
    rdv__command_run_report(command);
    if (rdv__command_run_end_if_over(command))
        return;

    struct rdv_error error = {0};
    int result = rdv__command_run_start_process(command, step, step_ended, &error);
    if (result) {
        handle_no_start(command, result, error.text);
        return;
    }
    if (step->timeout > 0)
        rdv_timer_start(command->timer, get_time_left(command));
}

/* A step that was left running is followed again: say so. */
static void go_on_with_adopted(struct rdv__command_run *command)
{
    const struct rdv__step *step = step_of(command);
    char program[RDV__PROGRAM_SHOWN];
    command->phase = RUNNING;
    rdv__command_run_set_status(command, step->status);
    rdv__command_run_set_message(command, "step %zu of %zu: %s (left running over a restart)",
                                 command->step.index + 1, command->handler->step_count,
                                 rdv__step_program(step, program));
    rdv__log(log_of(command), RDV_LOG_INFO, "%s: step %zu was left running, and is followed again",
             identifier_of(command), command->step.index + 1);
    if (step->timeout > 0)
        rdv_timer_start(command->timer, step->timeout);
    if (!command->stop.cancelled)
        rdv__command_run_report(command);
    if (command->stop.cancelled || command->run.gone)
        rdv__process_end(command->process, command->handler->grace);
}

/* Follow again what was left running, or leave it running if the agent shuts down. */
void rdv__command_run_adopt_step(struct rdv__command_run *command)
{
    if (is_interrupted(command) && !command->stop.cancelled) {
        rdv__command_run_leave(command); /* The step runs on. */
        return;
    }
    command->phase = CLEANING;
    int result = rdv__command_run_adopt_process(command, step_ended);
    if (result == 0)
        go_on_with_adopted(command);
    else if (rdv__step_is_short(result))
        rdv__command_run_put_off(command, rdv__command_run_adopt_step,
                                 "cannot follow what was left running", rdv_strerror(result));
    else
        rdv__command_run_treat_as_interrupted(command);
}
