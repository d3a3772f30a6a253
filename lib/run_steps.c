/* SPDX-License-Identifier: MIT */
/*
 * The life of a run of steps:
 *
 *      CLEANING -> JOURNALLING -> RUNNING -> ENDING -> gone
 *                       ^            |
 *                       |            +-> the next step, or, by way of WAITING, the same one again
 *                       +------------+
 *
 * CLEANING ends the processes that a killed predecessor of ours left behind; it also comes between RUNNING and what follows where
 * a supervisor was killed. JOURNALLING waits until the step is on disk: nothing is ever started before that. WAITING is the time
 * before a retry. ENDING waits until the end is on disk, and tries again where the disk refuses. LEAVING is a way to ENDING from
 * where a run can't end at once.
 *
 * While some run asks for a reboot, others come to rest: in WAITING, or, in place of the next JOURNALLING, in HOLDING. The one that
 * asks goes through three phases. ASKING: that it asks is put on disk. ASKED: others are waited for. REBOOTING: the command is
 * started, once all that the others have written is on disk; then the end of the machine is waited for.
 *
 * The journal's row says which step and attempt was about to start or had started. Its state is one of
 *   "step"    that step may be under way,
 *   "wait"    nothing is that could be interrupted; the next attempt is attempt + 1,
 *   "reboot"  the step is the next one (or their number: none is left), and comes after a reboot.
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

#include "base.h"
#include "leftovers.h"
#include "output.h"
#include "process.h"
#include "record.h"
#include "step.h"
#include "steps.h"
#include "store.h"
#include "task.h"

/* ------------------------------------------------------------------- steps */

static void finish_cancelled(struct steps *run)
{
    rdv__steps_finish(run, RDV_STATUS_FAILED, RDV_ECANCELLED);
}

/* Put the step and attempt on disk; the step starts when they are. While a reboot is to come it is put off. */
static int journal(struct steps *run)
{
    if (run->run.runs->asking == 0)
        return rdv__steps_journal(run, JOURNALLING, run->step, run->attempt, "step");
    run->released = false;
    return rdv__steps_journal(run, HOLDING, run->step, run->attempt - 1, "wait");
}

static void cannot_record(struct steps *run, int result)
{
    const char *words = rdv_store_message(run->run.runs->store);
    char after[512];
    snprintf(after, sizeof after, ": %s", *words ? words : rdv_strerror(result));
    rdv__steps_say_step(run, "cannot record ", after);
    rdv__steps_finish_soon(run, result);
}

static void next_attempt(struct steps *run)
{
    int result = journal(run);
    if (result)
        cannot_record(run, result);
}

/* While a retry waits nothing can be interrupted. Only a document that asks for more than to go on needs to be told. */
static void journal_waiting(struct steps *run)
{
    if (run->handler->on_interrupt != RDV__INTERRUPT_RESUME)
        rdv__steps_note(run, run->step, run->attempt, "wait");
}

/* ---------------------------------------------------------- how steps end */

static void retry_later(struct steps *run, int retries, int code, const char *words,
                        const char *line)
{
    rdv_duration delay = rdv__step_delay(step_of(run), run->attempt);
    char text[RDV_DURATION_TEXT_SIZE];
    rdv_duration_format(delay, text, sizeof text);
    rdv__steps_say(run, "trying again in %s (attempt %d of %d): %s%s%s", text, run->attempt + 1,
                   retries + 1, words, *line ? ": " : "", line);
    run->code = code;
    run->progress = -1;
    run->phase = WAITING;
    rdv_timer_start(run->timer, delay);
    journal_waiting(run);
    rdv__steps_tell(run);
    if (run->run.gone && run->phase == WAITING)
        rdv__steps_finish_soon(run, code);
    else
        rdv__runs_rested(run->run.runs);
}

/* May free the run. */
static void step_failed(struct steps *run, const struct rdv__step_end *end)
{
    char line[LINE_SHOWN] = "";
    if (run->output)
        rdv__output_last_line(run->output, line, sizeof line);
    int retries = rdv__step_retries(step_of(run), end);
    if (run->attempt <= retries && run->interrupted) {
        rdv__steps_note(run, run->step, run->attempt, "wait");
        rdv__steps_leave(run);
        return;
    }
    if (run->attempt <= retries) {
        retry_later(run, retries, end->code, end->words, line);
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
        rdv__steps_note(run, run->step + 1, 0, "wait");
        rdv__steps_leave(run);
    } else {
        run->step++;
        run->attempt = 1;
        next_attempt(run);
    }
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

static void swept(void *user, int found)
{
    struct steps *run = user;
    run->leftovers = NULL;
    if (found > 0)
        rdv__log(log_of(run), RDV_LOG_WARNING,
                 "%s: ended %d process%s that the killed rdvtask-child of step %zu had left behind",
                 identifier_of(run), found, found == 1 ? "" : "es", run->step + 1);
    take_end(run);
}

static void not_adopted(struct steps *run);

static void hear_end(void *user, int result, int code)
{
    struct steps *run = user;
    const bool started = !rdv__process_not_started(run->process);
    rdv__steps_read_end(run, step_of(run), run->timed_out, result, code, &run->end);
    rdv_timer_stop(run->timer);
    rdv__process_free(run->process);
    run->process = NULL;
    if (run->adopted && result && started && !run->cancelled && !run->interrupted &&
        !run->run.gone) {
        not_adopted(run); /* its supervisor was killed */
        return;
    }
    if (!started || !rdv__steps_sweep(run, result, code, swept))
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
        if (run->phase == JOURNALLING || run->phase == RUNNING)
            journal_waiting(run);
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
        next_attempt(run);
        return;
    }
    const struct rdv__step *step = step_of(run);
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
    int result = rdv__steps_start_process(run, step, hear_end, &error);
    if (result) {
        struct rdv__step_end end;
        rdv__step_not_started(result, error.text, &end);
        step_failed(run, &end);
    } else if (step->timeout > 0) {
        rdv_timer_start(run->timer, step->timeout);
    }
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

/* Follow a step again that was left running. */
static void go_on_with_adopted(struct steps *run)
{
    const struct rdv__step *step = step_of(run);
    char program[RDV__PROGRAM_SHOWN];
    run->phase = RUNNING;
    run->status = step->status;
    run->code = 0;
    run->progress = -1;
    rdv__steps_say(run, "step %zu of %zu: %s (left running over a restart)", run->step + 1,
                   run->handler->step_count, rdv__step_program(step, program));
    rdv__log(log_of(run), RDV_LOG_INFO, "%s: step %zu was left running, and is followed again",
             identifier_of(run), run->step + 1);
    if (step->timeout > 0)
        rdv_timer_start(run->timer, step->timeout);
    if (!run->cancelled)
        rdv__steps_tell(run);
    if (run->cancelled || run->run.gone)
        rdv__process_end(run->process, run->handler->grace);
}

/* Take up a run again, after what was left of it is gone. 0, or next_attempt's failure. */
static int continue_run(struct steps *run)
{
    if (run->adopting) {
        run->adopting = false;
        if (run->interrupted && !run->cancelled)
            rdv__steps_leave(run); /* it is still left running */
        else if (rdv__steps_adopt(run, hear_end) == 0)
            go_on_with_adopted(run);
        else
            not_adopted(run);
        return 0;
    }
    if (run->asked_before) {
        run->asked_before = false;
        rdv__steps_say(run, "rebooting: the machine is still in the boot that was to end");
        rdv__steps_ask_for_reboot(run, run->step);
        return 0;
    }
    if (run->rebooted) {
        run->rebooted = false;
        run->status = RDV_STATUS_REBOOTED;
        run->code = 0;
        run->progress = -1;
        rdv__steps_say(run, "rebooted");
        rdv__steps_tell(run);
        if (rdv__steps_is_over(run))
            return 0;
    }
    if (run->step >= run->handler->step_count) {
        rdv__steps_finish_done(run);
        return 0;
    }
    return journal(run);
}

/* ------------------------------------------------------------------ events */

/* StartTask has not come for a run that was prepared: its start could not be recorded, or nothing starts any more. */
static void not_started(struct steps *run, int result)
{
    if (!result)
        journal_waiting(run);
    rdv__steps_leave(run);
}

static void settle(struct rdv__store_change *change, int result)
{
    struct steps *run = (struct steps *)((char *)change - offsetof(struct steps, change));
    run->settling = false;
    if (run->run.runs->freeing)
        return;
    if (run->run.prepared) {
        not_started(run, result);
    } else if (result && (run->phase == JOURNALLING || run->phase == HOLDING)) {
        cannot_record(run, result);
    } else if (result && (run->phase == ASKING || run->phase == REBOOTING)) {
        rdv__steps_fail_soon(run, result, "cannot record that a reboot is to come",
                             rdv_strerror(result));
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

static void continue_soon(struct steps *run)
{
    int result = continue_run(run);
    if (result)
        cannot_record(run, result);
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
            run->attempt++;
            next_attempt(run);
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
            next_attempt(run);
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
        continue_soon(run);
        break;
    case JOURNALLING:
    case ASKING:
        break; /* no timer is set in these */
    }
}

static void cleaned(void *user, int found)
{
    struct steps *run = user;
    run->leftovers = NULL;
    if (found > 0)
        rdv__log(log_of(run), RDV_LOG_WARNING,
                 "%s: ended %d process%s that a run cut short had left behind", identifier_of(run),
                 found, found == 1 ? "" : "es");
    rdv__steps_forget_records(run);
    if (run->given_up && !run->interrupted)
        rdv__steps_finish(run, RDV_STATUS_FAILED, RDV_EFAILED);
    else if (!rdv__steps_is_over(run))
        continue_soon(run);
}

/* The run was cut short in the step and attempt that it is at: go on as the document says. */
static void take_up_interrupted(struct steps *run, bool known, bool waited)
{
    enum rdv__on_interrupt choice = waited ? RDV__INTERRUPT_RESUME : run->handler->on_interrupt;
    rdv__log(log_of(run), RDV_LOG_INFO, "%s: was interrupted during step %zu, attempt %d",
             identifier_of(run), run->step + 1, run->attempt);
    if (choice == RDV__INTERRUPT_FAIL) {
        run->given_up = true;
        rdv__steps_say_step(run, "interrupted during ", "");
    }
    if (choice == RDV__INTERRUPT_RESTART) {
        run->step = 0;
        run->attempt = 1;
    } else if (known) {
        run->attempt++;
    }
}

/* What was left running is not, or is followed by nobody: it is as if it had been interrupted. */
static void not_adopted(struct steps *run)
{
    run->phase = CLEANING;
    run->adopted = run->leavable = false;
    take_up_interrupted(run, true, false);
    int result =
        rdv__leftovers_end(run->run.runs->loop, rdv__store_path(run->run.runs->store), run->number,
                           run->nonce, run->handler->grace, cleaned, run, &run->leftovers);
    if (result) {
        rdv__steps_say_step(run, "cannot take up ", "");
        rdv__steps_finish_soon(run, result);
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
    else if (run->phase == WAITING || run->phase == ENDING || (is_at_rest(run) && !run->settling))
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
    return ((const struct steps *)base)->handler->grace + 2 * RDV__SUPERVISOR_WAIT;
}

static const struct rdv__run_ops ops = {cancel, interrupt, destroy, rest, rdv__steps_reboot,
                                        go_on,  end_wait};

/* ------------------------------------------------------------------- start */

/* What the journal has on the identifier. */
struct found {
    const rdv_task *task;
    bool any, ours, waited, reboot;
    int64_t run;
    int step, attempt, reboots;
    char boot_id[RDV__BOOT_ID_ROOM], nonce[RDV__NONCE_SIZE];
};

static int look(void *user, const struct rdv__journal *row)
{
    struct found *found = user;
    int64_t number = rdv_task_run(found->task);
    size_t size;
    const void *context = rdv_task_context(found->task, &size);
    found->any = true;
    /* A trigger agent that doesn't count its runs can only mean the one that looks the same. */
    found->ours = number != 0
                      ? row->run == number
                      : row->run < 0 && strcmp(row->label, rdv_task_label(found->task)) == 0 &&
                            row->context_size == size &&
                            (size == 0 || memcmp(row->context, context, size) == 0);
    found->run = row->run;
    found->step = row->step;
    found->attempt = row->attempt;
    found->waited = strcmp(row->state, "wait") == 0;
    found->reboot = strcmp(row->state, "reboot") == 0;
    found->reboots = row->reboots;
    snprintf(found->boot_id, sizeof found->boot_id, "%s", row->boot_id);
    snprintf(found->nonce, sizeof found->nonce, "%s", row->nonce);
    return 0;
}

/* Go on with a run that has asked for a reboot. */
static void take_up_reboot(struct steps *run, const struct found *found, bool same_boot)
{
    run->step = found->step >= 0 && (size_t)found->step < run->handler->step_count
                    ? (size_t)found->step
                    : run->handler->step_count;
    run->asked_before = same_boot && run->handler->reboot.step.argv;
    run->rebooted = !same_boot;
    /* A new document may have no rule any more. */
    if (same_boot && !run->asked_before)
        memcpy(run->boot_id, found->boot_id, sizeof run->boot_id);
    rdv__log(log_of(run), RDV_LOG_INFO, "%s: %s", identifier_of(run),
             same_boot ? "had asked for a reboot that has not come" : "goes on after the reboot");
}

/* Go on with a run that an earlier process has left, as the document says. */
static int take_up(struct steps *run, const struct found *found, struct rdv_error *error)
{
    char boot_id[RDV__BOOT_ID_ROOM];
    run->number = found->run;
    memcpy(run->nonce, found->nonce, sizeof run->nonce);
    run->resumed = true;
    run->journalled = true;
    run->stale = true;
    run->reboots = found->reboots;
    if (found->boot_id[0]) {
        int result = rdv__runs_boot_id(run->run.runs, boot_id, error);
        if (result && found->reboot)
            return result;
        bool same = result == 0 && strcmp(boot_id, found->boot_id) == 0;
        if (found->reboot) {
            take_up_reboot(run, found, same);
            return 0;
        }
        /* A reboot that a step has asked for may have come meanwhile. */
        if (result || same)
            memcpy(run->boot_id, found->boot_id, sizeof run->boot_id);
    }
    /* The document may have changed, and have fewer steps now. */
    bool known = found->step >= 0 && (size_t)found->step < run->handler->step_count;
    if (known) {
        run->step = (size_t)found->step;
        run->attempt = found->attempt;
    }
    run->adopting = known && !found->waited && rdv__steps_has_record(run);
    if (!run->adopting)
        take_up_interrupted(run, known, found->waited);
    return 0;
}

/* A run of the task, as it is before it does anything. */
static int new_run(struct rdv__runs *runs, rdv_task *task, struct rdv__handlers *handlers,
                   const struct rdv__handler *handler, struct steps **ret_run)
{
    struct steps *run = calloc(1, sizeof *run);
    if (!run)
        return RDV_ENOMEM;
    int result = rdv_timer_new(runs->loop, time_came, run, &run->timer);
    if (result) {
        free(run);
        return result;
    }
    run->change.settle = settle;
    run->change.owner = runs;
    run->handlers = rdv__handlers_ref(handlers);
    run->handler = handler;
    run->number = rdv_task_run(task);
    run->own_number = run->number == 0;
    run->attempt = 1;
    rdv__runs_add(runs, &run->run, &ops, task);
    *ret_run = run;
    return 0;
}

static int find(struct rdv__runs *runs, const rdv_task *task, struct found *ret_found)
{
    *ret_found = (struct found){.task = task};
    int result = rdv__journal_get(runs->store, rdv_task_identifier(task), look, ret_found);
    return result == RDV_ENOTFOUND ? 0 : result;
}

static int begin(struct rdv__runs *runs, rdv_task *task, struct rdv__handlers *handlers,
                 const struct rdv__handler *handler, bool cancelled)
{
    struct found found;
    struct steps *run = NULL;
    int result = find(runs, task, &found);
    if (!result)
        result = new_run(runs, task, handlers, handler, &run);
    if (result)
        return result;

    if (found.ours) {
        struct rdv_error error = {0};
        result = take_up(run, &found, &error);
        if (result) {
            run->given_up = true;
            rdv__steps_say(run, "cannot tell whether the machine was rebooted: %s", error.text);
        }
    }
    if (cancelled) {
        run->cancelled = true;
        run->given_up = false;
        rdv__steps_say(run, "cancelled");
    }
    /* In memory there is no row of another process. */
    const char *path = rdv__store_path(runs->store);
    if (run->adopting && !cancelled) {
        run->phase = CLEANING; /* reports come later */
        rdv_timer_start(run->timer, 0);
    } else if (found.any && path) {
        run->adopting = false;
        run->phase = CLEANING;
        result = rdv__leftovers_end(runs->loop, path, found.run, found.nonce, handler->grace,
                                    cleaned, run, &run->leftovers);
    } else if (run->given_up || cancelled) {
        rdv__steps_finish_soon(run, run->given_up ? RDV_EFAILED : RDV_ECANCELLED);
    } else if (found.ours && found.reboot) {
        run->phase = CLEANING; /* reports come later */
        rdv_timer_start(run->timer, 0);
    } else {
        result = journal(run);
    }
    if (result)
        rdv__steps_leave(run);
    return result;
}

int rdv__steps_start(struct rdv__runs *runs, rdv_task *task, struct rdv__handlers *handlers,
                     const struct rdv__handler *handler)
{
    return begin(runs, task, handlers, handler, false);
}

int rdv__steps_prepare(struct rdv__runs *runs, rdv_task *task, struct rdv__handlers *handlers,
                       const struct rdv__handler *handler)
{
    struct found found;
    struct steps *run = NULL;
    if (runs->asking > 0)
        return 0;
    int result = find(runs, task, &found);
    if (result || found.any)
        return result;
    result = new_run(runs, task, handlers, handler, &run);
    if (result)
        return result;
    run->run.prepared = true;
    result = journal(run);
    if (result)
        rdv__steps_leave(run);
    return result;
}

/* The task of a row. */
static int make_task(void *user, const struct rdv__journal *row)
{
    return rdv__task_new(row->label, strlen(row->label), row->identifier, strlen(row->identifier),
                         row->context, row->context_size, row->run > 0 ? row->run : 0, user);
}

int rdv__steps_cancel(struct rdv__runs *runs, const char *identifier,
                      struct rdv__handlers *handlers)
{
    rdv_task *task = NULL;
    int result = rdv__journal_get(runs->store, identifier, make_task, &task);
    if (result)
        return result;
    const struct rdv__handler *handler = rdv__handlers_find(handlers, rdv_task_label(task));
    result = handler ? begin(runs, task, handlers, handler, true) : RDV_ENOTFOUND;
    rdv_task_unref(task);
    return result;
}
