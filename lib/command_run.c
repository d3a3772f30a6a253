/* SPDX-License-Identifier: MIT */
/*
 * The life of a run of steps, after command_run_start.c has begun it or taken it up:
 *
 *      CLEANING -> JOURNALLING -> RUNNING -> ENDING -> gone
 *                       ^            |
 *                       |            +-> the next step, or, by way of WAITING, the same one again
 *                       +------------+
 *
 * CLEANING ends the processes that a killed predecessor of ours left behind; it also comes between
 * RUNNING and what follows where a supervisor was killed. JOURNALLING waits until the step is on
 * disk: nothing is ever started before that. WAITING is the time before a retry. ENDING waits until
 * the end is on disk, and tries again if the disk refuses. PUT_OFF takes the place of any phase
 * before ENDING that can't be entered now, because the store is busy or full, or the system is
 * short of something; that phase is entered later, unless the run is to end. LEAVING is a way to
 * ENDING from where a run can't end at once.
 *
 * While some run asks for a reboot, others come to rest: in WAITING, or, in place of the next
 * JOURNALLING, in HOLDING. The one that asks goes through three phases. ASKING: that it asks is put
 * on disk. ASKED: others are waited for. REBOOTING: the command is started, once all that the
 * others have written is on disk; then the end of the machine is waited for.
 *
 * The journal's row says at which step the run is. Its state is one of
 *   "step"    that step was started as often as `attempt` says, and may be under way,
 *   "wait"    that step was started as often, and nothing is under way that could be interrupted,
 *   "reboot"  the step is the next one (or the number of steps, if none is left), and comes after a reboot; `attempt` is that of the
 *             step before it.
 * Tries that have failed are counted apart from starts: neither a stop nor an interruption uses up
 * a retry. Its boot id is that of the boot which is to end in state "reboot"; in other states, that
 * of the boot in which a step has asked for a reboot that no rule says how to do. A run that a
 * shutdown interrupts leaves its row, and goes.
 */
#include "command_run.h"

#include <assert.h>
#include <stdlib.h>

#include "command_run_process.h"
#include "command_run_reboot.h"
#include "command_run_resume.h"
#include "command_run_step.h"
#include "process.h"
#include "store.h"
#include "task.h"

/* ----------------------------------------------------- at rest, and again */

static enum rdv__rest rest(const struct rdv__run *base)
{
    const struct rdv__command_run *command = (const struct rdv__command_run *)base;
    switch (command->phase) {
    case ASKED:
        return RDV__REST_ASKS;
    case WAITING:
    case HOLDING:
    case RELEASED:
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
    command->phase = RELEASED;
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
    rdv__command_run_set_status(command, step_of(command)->status);
    rdv__command_run_set_message(command, "waits for the reboot that %s asked for",
                                 rdv_task_identifier(other->task));
    rdv__command_run_report(command);
    if (!rdv__command_run_end_if_over(command))
        rdv__runs_rested(command->run.runs);
}

/* ------------------------------------------------------------------ events */

/* StartTask has not come for a run that was prepared: its start could not be recorded, or nothing
 * starts any more. */
static void not_wanted(struct rdv__command_run *command, int result)
{
    if (!result)
        rdv__command_run_note_state(command, command->step.attempt - 1, "wait");
    rdv__command_run_leave(command);
}

static void settle(struct rdv__store_change *change, int result)
{
    struct rdv__command_run *command =
        (struct rdv__command_run *)((char *)change -
                                    offsetof(struct rdv__command_run, journal.change));
    command->journal.settling = false;
    if (command->run.runs->freeing)
        return;
    if (!result && command->phase != ENDING) {
        if (command->journal.numbering == NUMBER_TO_DRAW)
            command->journal.numbering = NUMBER_DRAWN;
        command->journal.row = ROW_CURRENT;
        if (command->phase !=
            JOURNALLING) /* of which it is not known yet whether the step can be started */
            command->retry.delay = 0;
    }
    if (command->run.prepared) {
        not_wanted(command, result);
    } else if (result && command->phase != ENDING) {
        rdv__command_run_outdate_row(command);
        rdv__command_run_put_off_for_store(command, command->retry.again, result);
    } else if (command->phase == JOURNALLING) {
        rdv__command_run_begin_step(command);
    } else if (command->phase == HOLDING || command->phase == RELEASED) {
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
        if (is_interrupted(command) && rdv__command_run_can_leave_process(command)) {
            rdv__command_run_leave_process(command);
            rdv__command_run_leave(command);
            break;
        }
        command->step.timed_out = true;
        rdv__process_end(command->process, command->handler->grace);
        break;
    case WAITING:
        if (is_interrupted(command)) {
            rdv__command_run_leave(command);
        } else {
            command->step.attempt = command->step.starts[command->step.index] + 1;
            rdv__command_run_begin_attempt(command);
        }
        break;
    case LEAVING:
        if (is_interrupted(command) && !command->stop.cancelled)
            rdv__command_run_leave(command);
        else
            rdv__command_run_finish(command, RDV_STATUS_FAILED, command->report.code);
        break;
    case ENDING:
        if (!command->journal.settling)
            rdv__command_run_store_end(command);
        break;
    case HOLDING:
    case RELEASED:
        if (command->journal.settling)
            rdv_timer_start(command->timer, 0);
        else if (!rdv__command_run_end_if_over(command) && command->phase == RELEASED)
            rdv__command_run_begin_attempt(command);
        break;
    case ASKED:
        rdv__command_run_end_if_over(command);
        break;
    case REBOOTING:
        if (command->journal.settling || rdv__command_run_end_if_over(command))
            break;
        command->step.timed_out = true;
        if (command->process)
            rdv__process_end(command->process, command->handler->grace);
        else
            rdv__command_run_fail_still_up(command);
        break;
    case CLEANING:
        if (command->left.next == ADOPT_STEP) {
            command->left.next = GO_ON;
            rdv__command_run_adopt_step(command);
        } else {
            rdv__command_run_go_on(command);
        }
        break;
    case PUT_OFF:
        command->retry.again(command);
        break;
    case JOURNALLING:
    case ASKING:
        break; /* no timer is set in these */
    }
}

/* In a phase that ends for what others do, or the machine. */
static bool is_at_rest(const struct rdv__command_run *command)
{
    return command->phase == HOLDING || command->phase == RELEASED || command->phase == ASKED ||
           command->phase == REBOOTING;
}

static void stop_waited(void *user)
{
    struct rdv__command_run *command = user;
    command->stop.shutdown = SHUTDOWN_NOW;
    if (command->process)
        rdv__process_end(command->process, command->handler->grace);
}

/* Whether a shutdown waits for the step. */
static bool waits_for_step(struct rdv__command_run *command)
{
    if (command->handler->on_stop != RDV__STOP_WAIT || command->stop.cancelled ||
        command->run.gone ||
        rdv_timer_new(command->run.runs->loop, stop_waited, command, &command->stop.timer))
        return false;
    command->stop.shutdown = SHUTDOWN_WAITS;
    rdv_timer_start(command->stop.timer, command->handler->stop_wait);
    return true;
}

static void cancel(struct rdv__run *base)
{
    struct rdv__command_run *command = command_of(base);
    command->stop.cancelled = true;
    if ((command->phase == RUNNING || command->phase == REBOOTING) && command->process) {
        rdv__process_end(command->process, command->handler->grace);
    } else if (command->phase == WAITING || (is_at_rest(command) && !command->journal.settling)) {
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
    command->stop.shutdown = SHUTDOWN_NOW;
    if (command->phase == RUNNING && command->process && waits_for_step(command))
        return;
    if (rdv__command_run_can_leave_process(command))
        rdv_timer_start(command->timer, 0);
    else if ((command->phase == RUNNING || command->phase == REBOOTING) && command->process)
        rdv__process_end(command->process, command->handler->grace);
    else if (command->phase == WAITING || command->phase == PUT_OFF || command->phase == ENDING ||
             (is_at_rest(command) && !command->journal.settling))
        rdv_timer_start(command->timer, 0);
}

static void destroy(struct rdv__run *base)
{
    if (rdv__command_run_can_leave_process(command_of(base)))
        rdv__command_run_leave_process(command_of(base));
    rdv__command_run_leave(command_of(base));
}

/*
 * One grace, whether a process is ended or what one has left behind, and then what a kill may take:
 * that of a supervisor's tree, and of what a supervisor leaves behind that had to be killed itself.
 */
static rdv_duration end_wait(const struct rdv__run *base)
{
    const struct rdv__command_run *command = (const struct rdv__command_run *)base;
    const rdv_duration grace = command->handler->grace;
    return (command->left.grace > grace ? command->left.grace : grace) + 2 * RDV__SUPERVISOR_WAIT;
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
    command->step.starts = calloc(handler ? handler->step_count : 1, sizeof *command->step.starts);
    if (command->step.starts)
        result = rdv_timer_new(runs->loop, time_came, command, &command->timer);
    if (result) {
        free(command->step.starts);
        free(command);
        return result;
    }
    command->journal.change.settle = settle;
    command->journal.change.owner = runs;
    command->handlers = handlers ? rdv__handlers_ref(handlers) : NULL;
    command->handler = handler ? handler : &command->no_handler;
    command->journal.number = rdv_task_run(task);
    command->journal.numbering = command->journal.number == 0 ? NUMBER_TO_DRAW : NUMBER_GIVEN;
    command->step.attempt = 1;
    rdv__runs_add(runs, &command->run, &ops, task);
    *ret_command = command;
    return 0;
}
