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
#include "run_steps.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "leftovers.h"
#include "output.h"
#include "plat.h"
#include "process.h"
#include "step.h"
#include "steps.h"
#include "store.h"
#include "task.h"

/* ------------------------------------------------------------------- steps */

static void finish_cancelled(struct steps *run)
{
    rdv__steps_finish(run, RDV_STATUS_FAILED, RDV_ECANCELLED);
}

/* The step starts when that is on disk. While a reboot is due, it is put off. */
int rdv__steps_journal_attempt(struct steps *run)
{
    if (run->run.runs->asking == 0)
        return rdv__steps_journal(run, JOURNALLING, run->attempt, "step", rdv__steps_next_attempt);
    run->released = false;
    return rdv__steps_journal(run, HOLDING, run->attempt - 1, "wait", rdv__steps_next_attempt);
}

void rdv__steps_next_attempt(struct steps *run)
{
    if (run->phase == PUT_OFF && rdv__steps_is_over(run))
        return;
    int result = rdv__steps_journal_attempt(run);
    if (result)
        rdv__steps_put_off_for_store(run, rdv__steps_next_attempt, result);
}

/* Come to rest for this long, for this reason, after so many starts. May free the run. */
static void wait_for(struct steps *run, rdv_duration delay, int starts)
{
    run->progress = -1;
    run->phase = WAITING;
    rdv_timer_start(run->timer, delay);
    /* If we are killed meanwhile, nothing was interrupted. */
    rdv__steps_note(run, starts, "wait");
    rdv__steps_tell(run);
    if (run->run.gone && run->phase == WAITING)
        rdv__steps_finish_soon(run, run->code);
    else
        rdv__runs_rested(run->run.runs);
}

/* ---------------------------------------------------------- how steps end */

/* May free the run. */
static void retry_later(struct steps *run, int retries, const struct rdv__step_end *end,
                        const char *line)
{
    rdv_duration delay = rdv__step_delay(step_of(run), run->failures);
    char text[RDV_DURATION_TEXT_SIZE];
    rdv_duration_format(delay, text, sizeof text);
    rdv__steps_say(run, "trying again in %s (retry %d of %d): %s%s%s", text, run->failures, retries,
                   end->words, *line ? ": " : "", line);
    run->code = end->code;
    wait_for(run, delay, run->attempt);
}

/* May free the run. */
static void step_failed(struct steps *run, const struct rdv__step_end *end)
{
    char line[LINE_SHOWN] = "";
    if (run->output)
        rdv__output_last_line(run->output, line, sizeof line);
    int retries = rdv__step_retries(step_of(run), end);
    run->failures++;
    if (run->failures <= retries && run->interrupted) {
        rdv__steps_note(run, run->attempt, "wait");
        rdv__steps_leave(run);
        return;
    }
    if (run->failures <= retries) {
        retry_later(run, retries, end, line);
        return;
    }
    char program[RDV__PROGRAM_SHOWN];
    rdv__steps_say(run, "step %zu of %zu (%s): %s%s%s", run->step + 1, run->handler->step_count,
                   rdv__step_program(step_of(run), program), end->words, *line ? ": " : "", line);
    rdv__steps_finish(run, RDV_STATUS_FAILED, end->code);
}

static void step_done(struct steps *run, enum rdv__step_kind kind)
{
    bool reboot = kind == RDV__STEP_REBOOT;
    bool last = run->step + 1 == run->handler->step_count;
    if (reboot && !run->handler->reboot.step.argv)
        rdv__steps_remember_reboot(run);
    if (run->cancelled && !last) {
        rdv__steps_say_step(run, "cancelled after ", "");
        finish_cancelled(run);
    } else if (!run->cancelled && kind == RDV__STEP_REBOOTING) {
        rdv__steps_reboot_begun(run);
    } else if (!run->cancelled && rdv__steps_reboot_after(run, reboot)) {
        /* That goes on by itself. */
    } else if (last) {
        rdv__steps_finish_done(run);
    } else if (run->interrupted) {
        rdv__steps_move(run, run->step + 1);
        rdv__steps_note(run, run->attempt - 1, "wait");
        rdv__steps_leave(run);
    } else {
        rdv__steps_move(run, run->step + 1);
        rdv__steps_next_attempt(run);
    }
}

/* What is left of the timeout of a step that is about to be started. */
static rdv_duration time_left(struct steps *run)
{
    const rdv_duration now = rdv__plat_running();
    if (run->end_by == 0)
        run->end_by = now + step_of(run)->timeout;
    return run->end_by > now ? run->end_by - now : 0;
}

/*
 * The step could not be started. If the system was only short of something, that does not count as a failed try: the step is
 * started later, as long as its timeout allows. May free the run.
 */
static void not_started(struct steps *run, int result, const char *words)
{
    struct rdv__step_end end;
    run->leavable = false;
    rdv__step_not_started(result, words, &end);
    if (!rdv__step_is_short(result)) {
        run->end_by = 0;
        step_failed(run, &end);
        return;
    }
    rdv_duration delay = rdv__steps_next_delay(run);
    char text[RDV_DURATION_TEXT_SIZE];
    if (step_of(run)->timeout > 0 && delay > time_left(run))
        delay = time_left(run);
    rdv_duration_format(delay, text, sizeof text);
    rdv__steps_say_step(run, "", "");
    rdv__log(log_of(run), RDV_LOG_WARNING, "%s: %s: %s; starting it again in %s",
             identifier_of(run), run->message, end.words, text);
    rdv__steps_say(run, "starting step %zu of %zu again in %s: %s", run->step + 1,
                   run->handler->step_count, text, end.words);
    run->code = end.code;
    wait_for(run, delay, run->attempt - 1);
}

/* ------------------------------------------------------- the step's process */

/* As the step has ended, and nothing is left of it: how the run goes on. May free it. */
static void take_end(struct steps *run)
{
    const struct rdv__step_end end = run->end;
    run->adopted = run->leavable = false;
    if (run->run.gone)
        rdv__steps_finish(run, RDV_STATUS_FAILED, RDV_ECANCELLED);
    else if (run->interrupted && !run->stopping && !run->cancelled)
        rdv__steps_leave(
            run); /* also with code 0: a program that is asked to end may well call that a success */
    else if (end.kind != RDV__STEP_FAILED && end.kind != RDV__STEP_LATER)
        step_done(run, end.kind);
    else if (run->cancelled) {
        rdv__steps_say_step(run, "cancelled during ", "");
        finish_cancelled(run);
    } else
        step_failed(run, &end);
}

void rdv__steps_swept(void *user, int found)
{
    struct steps *run = user;
    run->leftovers = NULL;
    if (found > 0)
        rdv__log(log_of(run), RDV_LOG_WARNING,
                 "%s: ended %d process%s that the killed rdvtask-child of step %zu had left behind",
                 identifier_of(run), found, found == 1 ? "" : "es", run->step + 1);
    take_end(run);
}

void rdv__steps_hear_end(void *user, int result, int code)
{
    struct steps *run = user;
    const bool started = !rdv__process_not_started(run->process);
    rdv__steps_read_end(run, step_of(run), run->timed_out, result, code, &run->end);
    rdv_timer_stop(run->timer);
    rdv__process_free(run->process);
    run->process = NULL;
    if (started)
        run->delay = run->end_by = 0;
    if (run->adopted && result && started && !run->cancelled && !run->interrupted &&
        !run->run.gone) {
        rdv__steps_not_adopted(run); /* its supervisor was killed */
        return;
    }
    if (!started && !run->timed_out && !run->cancelled && !run->interrupted && !run->run.gone)
        not_started(run, run->end.code, run->end.words);
    else if (!started || !rdv__steps_sweep(run, result, code))
        take_end(run);
}

/* Whether what happened meanwhile forbids to start anything; then it is done, and the run may be freed. */
bool rdv__steps_is_over(struct steps *run)
{
    if (run->run.gone) {
        rdv__steps_finish(run, RDV_STATUS_FAILED, RDV_ECANCELLED);
    } else if (run->cancelled) {
        rdv__steps_say(run, "cancelled");
        finish_cancelled(run);
    } else if (run->interrupted) {
        /* This attempt has not begun, so there is nothing that could have been interrupted. */
        if (run->phase == JOURNALLING || run->phase == RUNNING ||
            (run->phase == PUT_OFF && run->again == rdv__steps_next_attempt))
            rdv__steps_note(run, run->attempt - 1, "wait");
        rdv__steps_leave(run);
    } else {
        return false;
    }
    return true;
}

/* The step is on disk. May free the run. */
static void begin_step(struct steps *run)
{
    if (rdv__steps_is_over(run))
        return;
    if (run->run.runs->asking > 0) {
        /* Another run has come to that meanwhile. */
        rdv__steps_next_attempt(run);
        return;
    }
    const struct rdv__step *step = step_of(run);
    if (run->end_by > 0 && time_left(run) == 0) {
        struct rdv__step_end end;
        rdv__step_not_started_in_time(step, &end);
        run->end_by = 0;
        step_failed(run, &end);
        return;
    }
    char program[RDV__PROGRAM_SHOWN];
    run->phase = RUNNING;
    run->timed_out = false;
    run->status = step->status;
    run->code = 0;
    run->progress = -1;
    rdv__steps_say(run, "step %zu of %zu: %s", run->step + 1, run->handler->step_count,
                   rdv__step_program(step_of(run), program));
    rdv__steps_tell(run);
    if (rdv__steps_is_over(run))
        return;

    struct rdv_error error = {0};
    int result = rdv__steps_start_process(run, step, rdv__steps_hear_end, &error);
    if (result) {
        not_started(run, result, error.text);
        return;
    }
    if (step->timeout > 0)
        rdv_timer_start(run->timer, time_left(run));
}

/* ----------------------------------------------------- at rest, and again */

static enum rdv__rest rest(const struct rdv__run *base)
{
    const struct steps *run = (const struct steps *)base;
    switch (run->phase) {
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
    struct steps *run = of(base);
    if (run->phase != HOLDING)
        return;
    run->released = true;
    rdv_timer_start(run->timer, 0);
}

/* May free the run. */
static void hold(struct steps *run)
{
    if (rdv__steps_is_over(run))
        return;
    const struct rdv__run *other = rdv__runs_asking(run->run.runs);
    if (!other)
        return; /* so go_on() was called */
    run->status = step_of(run)->status;
    run->code = 0;
    run->progress = -1;
    rdv__steps_say(run, "waits for the reboot that %s asked for", rdv_task_identifier(other->task));
    rdv__steps_tell(run);
    if (!rdv__steps_is_over(run))
        rdv__runs_rested(run->run.runs);
}

/* ------------------------------------------------------------------ events */

/* StartTask has not come for a run that was prepared: its start could not be recorded, or nothing starts any more. */
static void not_wanted(struct steps *run, int result)
{
    if (!result)
        rdv__steps_note(run, run->attempt - 1, "wait");
    rdv__steps_leave(run);
}

static void settle(struct rdv__store_change *change, int result)
{
    struct steps *run = (struct steps *)((char *)change - offsetof(struct steps, change));
    run->settling = false;
    if (run->run.runs->freeing)
        return;
    if (!result && run->phase != ENDING) {
        run->numbered = run->journalled = true;
        run->stale = false;
        if (run->phase !=
            JOURNALLING) /* of which it is not known yet whether the step can be started */
            run->delay = 0;
    }
    if (run->run.prepared) {
        not_wanted(run, result);
    } else if (result && run->phase != ENDING) {
        run->stale = true;
        rdv__steps_put_off_for_store(run, run->again, result);
    } else if (run->phase == JOURNALLING) {
        begin_step(run);
    } else if (run->phase == HOLDING) {
        hold(run);
    } else if (run->phase == ASKING) {
        run->phase = ASKED;
        if (!rdv__steps_is_over(run))
            rdv__runs_rested(run->run.runs);
    } else if (run->phase == REBOOTING) {
        if (!rdv__steps_is_over(run))
            rdv__steps_begin_reboot(run);
    } else {
        assert(run->phase == ENDING);
        if (result) {
            rdv__steps_store_end_later(
                run); /* and not at once: this may be inside rdv__steps_tell() */
            return;
        }
        rdv__steps_forget_records(run);
        rdv__steps_leave(run);
    }
}

static void time_came(void *user)
{
    struct steps *run = user;
    switch (run->phase) {
    case RUNNING:
        if (run->interrupted && rdv__steps_can_leave_process(run)) {
            rdv__steps_leave_process(run);
            rdv__steps_leave(run);
            break;
        }
        run->timed_out = true;
        rdv__process_end(run->process, run->handler->grace);
        break;
    case WAITING:
        if (run->interrupted) {
            rdv__steps_leave(run);
        } else {
            run->attempt = run->starts[run->step] + 1;
            rdv__steps_next_attempt(run);
        }
        break;
    case LEAVING:
        if (run->interrupted && !run->cancelled)
            rdv__steps_leave(run);
        else
            rdv__steps_finish(run, RDV_STATUS_FAILED, run->code);
        break;
    case ENDING:
        if (!run->settling)
            rdv__steps_store_end(run);
        break;
    case HOLDING:
        if (run->settling)
            rdv_timer_start(run->timer, 0);
        else if (!rdv__steps_is_over(run) && run->released)
            rdv__steps_next_attempt(run);
        break;
    case ASKED:
        rdv__steps_is_over(run);
        break;
    case REBOOTING:
        if (run->settling || rdv__steps_is_over(run))
            break;
        run->timed_out = true;
        if (run->process)
            rdv__process_end(run->process, run->handler->grace);
        else
            rdv__steps_stay_up(run);
        break;
    case CLEANING:
        rdv__steps_continue(run);
        break;
    case PUT_OFF:
        run->again(run);
        break;
    case JOURNALLING:
    case ASKING:
        break; /* no timer is set in these */
    }
}

/* In a phase that ends for what others do, or the machine. */
static bool is_at_rest(const struct steps *run)
{
    return run->phase == HOLDING || run->phase == ASKED || run->phase == REBOOTING;
}

static void stop_waited(void *user)
{
    struct steps *run = user;
    run->stopping = false;
    if (run->process)
        rdv__process_end(run->process, run->handler->grace);
}

/* Whether a shutdown waits for the step. */
static bool waits_for_step(struct steps *run)
{
    if (run->handler->on_stop != RDV__STOP_WAIT || run->cancelled || run->run.gone ||
        rdv_timer_new(run->run.runs->loop, stop_waited, run, &run->stop_timer))
        return false;
    run->stopping = true;
    rdv_timer_start(run->stop_timer, run->handler->stop_wait);
    return true;
}

static void cancel(struct rdv__run *base)
{
    struct steps *run = of(base);
    run->cancelled = true;
    if ((run->phase == RUNNING || run->phase == REBOOTING) && run->process) {
        rdv__process_end(run->process, run->handler->grace);
    } else if (run->phase == WAITING || (is_at_rest(run) && !run->settling)) {
        rdv__steps_say(run, "cancelled");
        rdv__steps_finish_soon(run, RDV_ECANCELLED);
    } else if (run->phase == PUT_OFF) {
        rdv_timer_start(run->timer, 0);
    }
}

/* Like cancel, this may be called from inside rdv__steps_tell(), so it frees nothing. */
static void interrupt(struct rdv__run *base)
{
    struct steps *run = of(base);
    run->interrupted = true;
    if (run->phase == RUNNING && run->process && waits_for_step(run))
        return;
    if (rdv__steps_can_leave_process(run))
        rdv_timer_start(run->timer, 0);
    else if ((run->phase == RUNNING || run->phase == REBOOTING) && run->process)
        rdv__process_end(run->process, run->handler->grace);
    else if (run->phase == WAITING || run->phase == PUT_OFF || run->phase == ENDING ||
             (is_at_rest(run) && !run->settling))
        rdv_timer_start(run->timer, 0);
}

static void destroy(struct rdv__run *base)
{
    if (rdv__steps_can_leave_process(of(base)))
        rdv__steps_leave_process(of(base));
    rdv__steps_leave(of(base));
}

/* One grace, whether a process is ended or what one has left behind, and then what a kill may take: that of a supervisor's tree, and of
 * what a supervisor leaves behind that had to be killed itself. */
static rdv_duration end_wait(const struct rdv__run *base)
{
    const struct steps *run = (const struct steps *)base;
    const rdv_duration grace = run->handler->grace;
    return (run->left_grace > grace ? run->left_grace : grace) + 2 * RDV__SUPERVISOR_WAIT;
}

static const struct rdv__run_ops ops = {cancel, interrupt, destroy, rest, rdv__steps_reboot,
                                        go_on,  end_wait};

/* ------------------------------------------------------------------- start */

int rdv__steps_new(struct rdv__runs *runs, rdv_task *task, struct rdv__handlers *handlers,
                   const struct rdv__handler *handler, struct steps **ret_run)
{
    struct steps *run = calloc(1, sizeof *run);
    int result = RDV_ENOMEM;
    if (!run)
        return result;
    run->starts = calloc(handler ? handler->step_count : 1, sizeof *run->starts);
    if (run->starts)
        result = rdv_timer_new(runs->loop, time_came, run, &run->timer);
    if (result) {
        free(run->starts);
        free(run);
        return result;
    }
    run->change.settle = settle;
    run->change.owner = runs;
    run->handlers = handlers ? rdv__handlers_ref(handlers) : NULL;
    run->handler = handler ? handler : &run->no_handler;
    run->number = rdv_task_run(task);
    run->own_number = run->number == 0;
    run->numbered = !run->own_number;
    run->attempt = 1;
    rdv__runs_add(runs, &run->run, &ops, task);
    *ret_run = run;
    return 0;
}
