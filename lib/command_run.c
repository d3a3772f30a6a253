/* SPDX-License-Identifier: MIT */
/*
 * The life of a run of steps, after run_start.c has begun it or taken it up:
 *
 *      CLEANING -> JOURNALLING -> RUNNING -> ENDING -> gone
 *                       ^            |
 *                       |            +-> the next step, or, by way of WAITING, the same one again
 *                       +------------+
 *
 * CLEANING ends the processes that a killed predecessor of ours left behind; it also comes between RUNNING and what follows where
 * a supervisor was killed. JOURNALLING waits until the step is on disk: nothing is ever started before that. WAITING is the time
 * before a retry. ENDING waits until the end is on disk, and tries again if the disk refuses. PUT_OFF takes the place of any phase
 * before ENDING that can't be entered now, because the store is busy or full, or the system is short of something; that phase is
 * entered later, unless the run is to end. LEAVING is a way to ENDING from where a run can't end at once.
 *
 * While some run asks for a reboot, others come to rest: in WAITING, or, in place of the next JOURNALLING, in HOLDING. The one that
 * asks goes through three phases. ASKING: that it asks is put on disk. ASKED: others are waited for. REBOOTING: the command is
 * started, once all that the others have written is on disk; then the end of the machine is waited for.
 *
 * The journal's row says at which step the run is. Its state is one of
 *   "step"    that step was started as often as `attempt` says, and may be under way,
 *   "wait"    that step was started as often, and nothing is under way that could be interrupted,
 *   "reboot"  the step is the next one (or the number of steps, if none is left), and comes after a reboot; `attempt` is that of the
 *             step before it.
 * Tries that have failed are counted apart from starts: neither a stop nor an interruption uses up a retry.
 * Its boot id is that of the boot which is to end in state "reboot"; in other states, that of the boot in which a step has asked
 * for a reboot that no rule says how to do. A run that a shutdown interrupts leaves its row, and goes.
 */
#include "command_run.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base.h"
#include "command_run_state.h"
#include "orphans.h"
#include "output.h"
#include "plat.h"
#include "process.h"
#include "step_result.h"
#include "store.h"
#include "task.h"

/* ------------------------------------------------------------------- steps */

static void finish_cancelled(struct rdv__command_run *command)
{
    rdv__command_run_finish(command, RDV_STATUS_FAILED, RDV_ECANCELLED);
}

/* The step starts when that is on disk. While a reboot is due, it is put off. */
int rdv__command_run_journal_attempt(struct rdv__command_run *command)
{
    if (command->run.runs->asking == 0)
        return rdv__command_run_write_journal(command, JOURNALLING, command->attempt, "step",
                                              rdv__command_run_begin_attempt);
    command->released = false;
    return rdv__command_run_write_journal(command, HOLDING, command->attempt - 1, "wait",
                                          rdv__command_run_begin_attempt);
}

void rdv__command_run_begin_attempt(struct rdv__command_run *command)
{
    if (command->phase == PUT_OFF && rdv__command_run_end_if_over(command))
        return;
    int result = rdv__command_run_journal_attempt(command);
    if (result)
        rdv__command_run_put_off_for_store(command, rdv__command_run_begin_attempt, result);
}

/* Come to rest for this long, for this reason, after so many starts. May free the run. */
static void wait_for(struct rdv__command_run *command, rdv_duration delay, int starts)
{
    command->progress = -1;
    command->phase = WAITING;
    rdv_timer_start(command->timer, delay);
    /* If we are killed meanwhile, nothing was interrupted. */
    rdv__command_run_note_state(command, starts, "wait");
    rdv__command_run_report(command);
    if (command->run.gone && command->phase == WAITING)
        rdv__command_run_finish_soon(command, command->code);
    else
        rdv__runs_rested(command->run.runs);
}

/* ---------------------------------------------------------- how steps end */

/* May free the run. */
static void retry_later(struct rdv__command_run *command, int retries,
                        const struct rdv__step_end *end, const char *line)
{
    rdv_duration delay = rdv__step_delay(step_of(command), command->failures);
    char text[RDV_DURATION_TEXT_SIZE];
    rdv_duration_format(delay, text, sizeof text);
    rdv__command_run_set_message(command, "trying again in %s (retry %d of %d): %s%s%s", text,
                                 command->failures, retries, end->words, *line ? ": " : "", line);
    command->code = end->code;
    wait_for(command, delay, command->attempt);
}

/* May free the run. */
static void step_failed(struct rdv__command_run *command, const struct rdv__step_end *end)
{
    char line[LINE_SHOWN] = "";
    if (command->output)
        rdv__output_last_line(command->output, line, sizeof line);
    int retries = rdv__step_retries(step_of(command), end);
    command->failures++;
    if (command->failures <= retries && command->interrupted) {
        rdv__command_run_note_state(command, command->attempt, "wait");
        rdv__command_run_leave(command);
        return;
    }
    if (command->failures <= retries) {
        retry_later(command, retries, end, line);
        return;
    }
    char program[RDV__PROGRAM_SHOWN];
    rdv__command_run_set_message(
        command, "step %zu of %zu (%s): %s%s%s", command->step + 1, command->handler->step_count,
        rdv__step_program(step_of(command), program), end->words, *line ? ": " : "", line);
    rdv__command_run_finish(command, RDV_STATUS_FAILED, end->code);
}

static void step_done(struct rdv__command_run *command, enum rdv__step_kind kind)
{
    bool reboot = kind == RDV__STEP_REBOOT;
    bool last = command->step + 1 == command->handler->step_count;
    if (reboot && !command->handler->reboot.step.argv)
        rdv__command_run_remember_reboot(command);
    if (command->cancelled && !last) {
        rdv__command_run_set_step_message(command, "cancelled after ", "");
        finish_cancelled(command);
    } else if (!command->cancelled && kind == RDV__STEP_REBOOTING) {
        rdv__command_run_reboot_has_begun(command);
    } else if (!command->cancelled && rdv__command_run_reboot_after_step(command, reboot)) {
        /* That goes on by itself. */
    } else if (last) {
        rdv__command_run_finish_done(command);
    } else if (command->interrupted) {
        rdv__command_run_go_to_step(command, command->step + 1);
        rdv__command_run_note_state(command, command->attempt - 1, "wait");
        rdv__command_run_leave(command);
    } else {
        rdv__command_run_go_to_step(command, command->step + 1);
        rdv__command_run_begin_attempt(command);
    }
}

/* What is left of the timeout of a step that is about to be started. */
static rdv_duration time_left(struct rdv__command_run *command)
{
    const rdv_duration now = rdv__plat_running();
    if (command->end_by == 0)
        command->end_by = now + step_of(command)->timeout;
    return command->end_by > now ? command->end_by - now : 0;
}

/*
 * The step could not be started. If the system was only short of something, that does not count as a failed try: the step is
 * started later, as long as its timeout allows. May free the run.
 */
static void not_started(struct rdv__command_run *command, int result, const char *words)
{
    struct rdv__step_end end;
    command->leavable = false;
    rdv__step_not_started(result, words, &end);
    if (!rdv__step_is_short(result)) {
        command->end_by = 0;
        step_failed(command, &end);
        return;
    }
    rdv_duration delay = rdv__command_run_next_delay(command);
    char text[RDV_DURATION_TEXT_SIZE];
    if (step_of(command)->timeout > 0 && delay > time_left(command))
        delay = time_left(command);
    rdv_duration_format(delay, text, sizeof text);
    rdv__command_run_set_step_message(command, "", "");
    rdv__log(log_of(command), RDV_LOG_WARNING, "%s: %s: %s; starting it again in %s",
             identifier_of(command), command->message, end.words, text);
    rdv__command_run_set_message(command, "starting step %zu of %zu again in %s: %s",
                                 command->step + 1, command->handler->step_count, text, end.words);
    command->code = end.code;
    wait_for(command, delay, command->attempt - 1);
}

/* ------------------------------------------------------- the step's process */

/* As the step has ended, and nothing is left of it: how the run goes on. May free it. */
static void take_end(struct rdv__command_run *command)
{
    const struct rdv__step_end end = command->end;
    command->adopted = command->leavable = false;
    if (command->run.gone)
        rdv__command_run_finish(command, RDV_STATUS_FAILED, RDV_ECANCELLED);
    else if (command->interrupted && !command->stopping && !command->cancelled)
        rdv__command_run_leave(
            command); /* also with code 0: a program that is asked to end may well call that a success */
    else if (end.kind != RDV__STEP_FAILED && end.kind != RDV__STEP_LATER)
        step_done(command, end.kind);
    else if (command->cancelled) {
        rdv__command_run_set_step_message(command, "cancelled during ", "");
        finish_cancelled(command);
    } else
        step_failed(command, &end);
}

void rdv__command_run_swept(void *user, int found)
{
    struct rdv__command_run *command = user;
    command->leftovers = NULL;
    if (found > 0)
        rdv__log(log_of(command), RDV_LOG_WARNING,
                 "%s: ended %d process%s that the killed rdvtask-child of step %zu had left behind",
                 identifier_of(command), found, found == 1 ? "" : "es", command->step + 1);
    take_end(command);
}

void rdv__command_run_step_ended(void *user, int result, int code)
{
    struct rdv__command_run *command = user;
    const bool started = !rdv__process_not_started(command->process);
    rdv__command_run_read_process_end(command, step_of(command), command->timed_out, result, code,
                                      &command->end);
    rdv_timer_stop(command->timer);
    rdv__process_free(command->process);
    command->process = NULL;
    if (started)
        command->delay = command->end_by = 0;
    if (command->adopted && result && started && !command->cancelled && !command->interrupted &&
        !command->run.gone) {
        rdv__command_run_treat_as_interrupted(command); /* its supervisor was killed */
        return;
    }
    if (!started && !command->timed_out && !command->cancelled && !command->interrupted &&
        !command->run.gone)
        not_started(command, command->end.code, command->end.words);
    else if (!started || !rdv__command_run_sweep(command, result, code))
        take_end(command);
}

/* Whether what happened meanwhile forbids to start anything; then it is done, and the run may be freed. */
bool rdv__command_run_end_if_over(struct rdv__command_run *command)
{
    if (command->run.gone) {
        rdv__command_run_finish(command, RDV_STATUS_FAILED, RDV_ECANCELLED);
    } else if (command->cancelled) {
        rdv__command_run_set_message(command, "cancelled");
        finish_cancelled(command);
    } else if (command->interrupted) {
        /* This attempt has not begun, so there is nothing that could have been interrupted. */
        if (command->phase == JOURNALLING || command->phase == RUNNING ||
            (command->phase == PUT_OFF && command->again == rdv__command_run_begin_attempt))
            rdv__command_run_note_state(command, command->attempt - 1, "wait");
        rdv__command_run_leave(command);
    } else {
        return false;
    }
    return true;
}

/* The step is on disk. May free the run. */
static void begin_step(struct rdv__command_run *command)
{
    if (rdv__command_run_end_if_over(command))
        return;
    if (command->run.runs->asking > 0) {
        /* Another run has come to that meanwhile. */
        rdv__command_run_begin_attempt(command);
        return;
    }
    const struct rdv__step *step = step_of(command);
    if (command->end_by > 0 && time_left(command) == 0) {
        struct rdv__step_end end;
        rdv__step_not_started_in_time(step, &end);
        command->end_by = 0;
        step_failed(command, &end);
        return;
    }
    char program[RDV__PROGRAM_SHOWN];
    command->phase = RUNNING;
    command->timed_out = false;
    command->status = step->status;
    command->code = 0;
    command->progress = -1;
    rdv__command_run_set_message(command, "step %zu of %zu: %s", command->step + 1,
                                 command->handler->step_count,
                                 rdv__step_program(step_of(command), program));
    rdv__command_run_report(command);
    if (rdv__command_run_end_if_over(command))
        return;

    struct rdv_error error = {0};
    int result = rdv__command_run_start_process(command, step, rdv__command_run_step_ended, &error);
    if (result) {
        not_started(command, result, error.text);
        return;
    }
    if (step->timeout > 0)
        rdv_timer_start(command->timer, time_left(command));
}

/* ----------------------------------------------------- at rest, and again */

static enum rdv__rest rest(const struct rdv__run *base)
{
    const struct rdv__command_run *command = (const struct rdv__command_run *)base;
    switch (command->phase) {
    case ASKED:
        return RDV__REST_ASKS;
    case WAITING:
    case HOLDING:
        return RDV__REST_IDLE;
    default:
        return RDV__REST_NONE;
    }
}

static void go_on(struct rdv__run *base)
{
    struct rdv__command_run *command = command_of(base);
    if (command->phase != HOLDING)
        return;
    command->released = true;
    rdv_timer_start(command->timer, 0);
}

/* May free the run. */
static void hold(struct rdv__command_run *command)
{
    if (rdv__command_run_end_if_over(command))
        return;
    const struct rdv__run *other = rdv__runs_asking(command->run.runs);
    if (!other)
        return; /* so go_on() was called */
    command->status = step_of(command)->status;
    command->code = 0;
    command->progress = -1;
    rdv__command_run_set_message(command, "waits for the reboot that %s asked for",
                                 rdv_task_identifier(other->task));
    rdv__command_run_report(command);
    if (!rdv__command_run_end_if_over(command))
        rdv__runs_rested(command->run.runs);
}

/* ------------------------------------------------------------------ events */

/* StartTask has not come for a run that was prepared: its start could not be recorded, or nothing starts any more. */
static void not_wanted(struct rdv__command_run *command, int result)
{
    if (!result)
        rdv__command_run_note_state(command, command->attempt - 1, "wait");
    rdv__command_run_leave(command);
}

static void settle(struct rdv__store_change *change, int result)
{
    struct rdv__command_run *command =
        (struct rdv__command_run *)((char *)change - offsetof(struct rdv__command_run, change));
    command->settling = false;
    if (command->run.runs->freeing)
        return;
    if (!result && command->phase != ENDING) {
        command->numbered = command->journalled = true;
        command->stale = false;
        if (command->phase !=
            JOURNALLING) /* of which it is not known yet whether the step can be started */
            command->delay = 0;
    }
    if (command->run.prepared) {
        not_wanted(command, result);
    } else if (result && command->phase != ENDING) {
        command->stale = true;
        rdv__command_run_put_off_for_store(command, command->again, result);
    } else if (command->phase == JOURNALLING) {
        begin_step(command);
    } else if (command->phase == HOLDING) {
        hold(command);
    } else if (command->phase == ASKING) {
        command->phase = ASKED;
        if (!rdv__command_run_end_if_over(command))
            rdv__runs_rested(command->run.runs);
    } else if (command->phase == REBOOTING) {
        if (!rdv__command_run_end_if_over(command))
            rdv__command_run_start_reboot(command);
    } else {
        assert(command->phase == ENDING);
        if (result) {
            rdv__command_run_store_end_later(
                command); /* and not at once: this may be inside rdv__command_run_report() */
            return;
        }
        rdv__command_run_forget_records(command);
        rdv__command_run_leave(command);
    }
}

static void time_came(void *user)
{
    struct rdv__command_run *command = user;
    switch (command->phase) {
    case RUNNING:
        if (command->interrupted && rdv__command_run_can_leave_process(command)) {
            rdv__command_run_leave_process(command);
            rdv__command_run_leave(command);
            break;
        }
        command->timed_out = true;
        rdv__process_end(command->process, command->handler->grace);
        break;
    case WAITING:
        if (command->interrupted) {
            rdv__command_run_leave(command);
        } else {
            command->attempt = command->starts[command->step] + 1;
            rdv__command_run_begin_attempt(command);
        }
        break;
    case LEAVING:
        if (command->interrupted && !command->cancelled)
            rdv__command_run_leave(command);
        else
            rdv__command_run_finish(command, RDV_STATUS_FAILED, command->code);
        break;
    case ENDING:
        if (!command->settling)
            rdv__command_run_store_end(command);
        break;
    case HOLDING:
        if (command->settling)
            rdv_timer_start(command->timer, 0);
        else if (!rdv__command_run_end_if_over(command) && command->released)
            rdv__command_run_begin_attempt(command);
        break;
    case ASKED:
        rdv__command_run_end_if_over(command);
        break;
    case REBOOTING:
        if (command->settling || rdv__command_run_end_if_over(command))
            break;
        command->timed_out = true;
        if (command->process)
            rdv__process_end(command->process, command->handler->grace);
        else
            rdv__command_run_fail_still_up(command);
        break;
    case CLEANING:
        rdv__command_run_go_on(command);
        break;
    case PUT_OFF:
        command->again(command);
        break;
    case JOURNALLING:
    case ASKING:
        break; /* no timer is set in these */
    }
}

/* In a phase that ends for what others do, or the machine. */
static bool is_at_rest(const struct rdv__command_run *command)
{
    return command->phase == HOLDING || command->phase == ASKED || command->phase == REBOOTING;
}

static void stop_waited(void *user)
{
    struct rdv__command_run *command = user;
    command->stopping = false;
    if (command->process)
        rdv__process_end(command->process, command->handler->grace);
}

/* Whether a shutdown waits for the step. */
static bool waits_for_step(struct rdv__command_run *command)
{
    if (command->handler->on_stop != RDV__STOP_WAIT || command->cancelled || command->run.gone ||
        rdv_timer_new(command->run.runs->loop, stop_waited, command, &command->stop_timer))
        return false;
    command->stopping = true;
    rdv_timer_start(command->stop_timer, command->handler->stop_wait);
    return true;
}

static void cancel(struct rdv__run *base)
{
    struct rdv__command_run *command = command_of(base);
    command->cancelled = true;
    if ((command->phase == RUNNING || command->phase == REBOOTING) && command->process) {
        rdv__process_end(command->process, command->handler->grace);
    } else if (command->phase == WAITING || (is_at_rest(command) && !command->settling)) {
        rdv__command_run_set_message(command, "cancelled");
        rdv__command_run_finish_soon(command, RDV_ECANCELLED);
    } else if (command->phase == PUT_OFF) {
        rdv_timer_start(command->timer, 0);
    }
}

/* Like cancel, this may be called from inside rdv__command_run_report(), so it frees nothing. */
static void interrupt(struct rdv__run *base)
{
    struct rdv__command_run *command = command_of(base);
    command->interrupted = true;
    if (command->phase == RUNNING && command->process && waits_for_step(command))
        return;
    if (rdv__command_run_can_leave_process(command))
        rdv_timer_start(command->timer, 0);
    else if ((command->phase == RUNNING || command->phase == REBOOTING) && command->process)
        rdv__process_end(command->process, command->handler->grace);
    else if (command->phase == WAITING || command->phase == PUT_OFF || command->phase == ENDING ||
             (is_at_rest(command) && !command->settling))
        rdv_timer_start(command->timer, 0);
}

static void destroy(struct rdv__run *base)
{
    if (rdv__command_run_can_leave_process(command_of(base)))
        rdv__command_run_leave_process(command_of(base));
    rdv__command_run_leave(command_of(base));
}

/* One grace, whether a process is ended or what one has left behind, and then what a kill may take: that of a supervisor's tree, and of
 * what a supervisor leaves behind that had to be killed itself. */
static rdv_duration end_wait(const struct rdv__run *base)
{
    const struct rdv__command_run *command = (const struct rdv__command_run *)base;
    const rdv_duration grace = command->handler->grace;
    return (command->left_grace > grace ? command->left_grace : grace) + 2 * RDV__SUPERVISOR_WAIT;
}

static const struct rdv__run_ops ops = {cancel, interrupt, destroy, rest, rdv__command_run_reboot,
                                        go_on,  end_wait};

/* ------------------------------------------------------------------- start */

int rdv__command_run_new(struct rdv__runs *runs, rdv_task *task, struct rdv__handlers *handlers,
                         const struct rdv__handler *handler, struct rdv__command_run **ret_command)
{
    struct rdv__command_run *command = calloc(1, sizeof *command);
    int result = RDV_ENOMEM;
    if (!command)
        return result;
    command->starts = calloc(handler ? handler->step_count : 1, sizeof *command->starts);
    if (command->starts)
        result = rdv_timer_new(runs->loop, time_came, command, &command->timer);
    if (result) {
        free(command->starts);
        free(command);
        return result;
    }
    command->change.settle = settle;
    command->change.owner = runs;
    command->handlers = handlers ? rdv__handlers_ref(handlers) : NULL;
    command->handler = handler ? handler : &command->no_handler;
    command->number = rdv_task_run(task);
    command->own_number = command->number == 0;
    command->numbered = !command->own_number;
    command->attempt = 1;
    rdv__runs_add(runs, &command->run, &ops, task);
    *ret_command = command;
    return 0;
}
