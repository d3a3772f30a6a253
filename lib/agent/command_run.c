/* SPDX-License-Identifier: MIT */
/*
 * A command run: the events of its life. It is begun by command_run_start.c; run_table.c, the timer
 * and the store call this file, which calls the others for what the phase of the run asks for. What
 * a run is in the middle of is its phase:
 *
 *     CLEANING ---> JOURNALLING ---> RUNNING ------------> ENDING ---> gone
 *        ^            ^   ^   ^         |                    ^
 *        |            |   |   +---------+ the next step      |
 *        |            |   |             |                    |
 *        |            |   +-- WAITING <-+ the step is        |
 *        |            |                 | tried again     LEAVING
 *        |            |                 |
 *        +------------|-----------------+ its supervisor was killed
 *                     |
 *     HOLDING ---> RELEASED     in place of JOURNALLING, while another run asks for a reboot
 *
 *     RUNNING ---> ASKING ---> ASKED ---> REBOOTING     after a step that a reboot follows
 *
 * CLEANING ends the processes that a killed process of rdvtask, or a killed supervisor, has left
 * behind. JOURNALLING waits until the step is on disk: nothing is ever started before that. RUNNING
 * has a process. WAITING is the time before a retry. LEAVING is a turn of the loop on the way to
 * ENDING, for a run that can't end where that is decided. ENDING waits until the end is on disk,
 * and tries again if the disk refuses.
 *
 * PUT_OFF takes the place of any phase before ENDING that can't be entered now, because the store
 * is busy or full, or the system is short of something. That phase is entered later, unless the run
 * is to end.
 *
 * While a run asks for a reboot, others come to rest in WAITING or in HOLDING; a run in HOLDING is
 * RELEASED when no reboot is asked for any more. The run that asks goes through three phases. In
 * ASKING, the request is put on disk. In ASKED, the run waits for the others. In REBOOTING, once
 * all that the others have written is on disk, the command is started, and the end of the machine
 * is waited for.
 *
 * The journal's row says at which step the run is. Its state is one of
 *
 *     "step"    the step was started as often as `attempt` says, and may be under way
 *     "wait"    the step was started as often as that, and nothing is under way that could be
 *               interrupted
 *     "reboot"  the step comes after a reboot (or it is the number of steps, if none is left);
 *               `attempt` is that of the step before it
 *
 * Tries that have failed are counted apart from starts: neither a stop nor an interruption uses up
 * a retry. The row's boot id is, in state "reboot", that of the boot which is to end; in other
 * states, that of the boot in which a step has asked for a reboot that no rule says how to do. A
 * run that a shutdown interrupts leaves its row behind, and goes.
 */
#include "agent/command_run.h"

#include <assert.h>
#include <stdlib.h>

#include "agent/command_run_process.h"
#include "agent/command_run_reboot.h"
#include "agent/command_run_resume.h"
#include "agent/command_run_step.h"
#include "agent/process.h"
#include "model/task.h"
#include "store/store.h"

/* ----------------------------------------------------- at rest, and again */

static enum rdv__rest tell_rest(const struct rdv__run *base)
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

static void release(struct rdv__run *base)
{
    struct rdv__command_run *command = command_of(base);
    if (command->phase != HOLDING)
        return;
    command->phase = RELEASED;
    rdv_timer_start(command->timer, 0);
}

/* That the run waits for a reboot is on disk: report it. May free the run. */
static void begin_to_hold(struct rdv__command_run *command)
{
    if (rdv__command_run_end_if_over(command))
        return;
    const struct rdv__run *other = rdv__runs_asking(command->run.runs);
    if (!other)
        return; /* The run was released meanwhile. */
    rdv__command_run_set_status(command, step_of(command)->status);
    rdv__command_run_set_message(command, "waits for the reboot that %s asked for",
                                 rdv_task_identifier(other->task));
    rdv__command_run_report(command);
    if (!rdv__command_run_end_if_over(command))
        rdv__runs_rested(command->run.runs);
}

/* ------------------------------------------------------------------ events */

/* StartTask has not come for a run that was prepared: its start could not be recorded, or nothing
 * is started any more. Frees the run. */
static void leave_unwanted(struct rdv__command_run *command, int result)
{
    if (!result)
        rdv__command_run_note_state(command, command->step.attempt - 1, "wait");
    rdv__command_run_leave(command);
}

static void change_settled(struct rdv__store_change *change, int result)
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
        /* In JOURNALLING it is not known yet whether the step can be started. */
        if (command->phase != JOURNALLING)
            command->retry.delay = 0;
    }
    if (command->run.prepared) {
        leave_unwanted(command, result);
    } else if (result && command->phase != ENDING) {
        rdv__command_run_outdate_row(command);
        rdv__command_run_put_off_for_store(command, command->retry.again, result);
    } else if (command->phase == JOURNALLING) {
        rdv__command_run_begin_step(command);
    } else if (command->phase == HOLDING || command->phase == RELEASED) {
        begin_to_hold(command);
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
            /* Not at once: this may be inside rdv__command_run_report(). */
            rdv__command_run_store_end_later(command);
            return;
        }
        rdv__command_run_forget_records(command);
        rdv__command_run_leave(command);
    }
}

/* In RUNNING: a shutdown leaves the step running, or the step has had its time. May free the run. */
static void running_time_came(struct rdv__command_run *command)
{
    if (is_interrupted(command) && rdv__command_run_can_leave_process(command)) {
        rdv__command_run_leave_process(command);
        rdv__command_run_leave(command);
        return;
    }
    command->step.timed_out = true;
    rdv__process_end(command->process, command->handler->grace);
}

static void time_came(void *user)
{
    struct rdv__command_run *command = user;
    switch (command->phase) {
    case RUNNING:
        running_time_came(command);
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
        break; /* The timer is not set in these phases. */
    }
}

/* Whether the run is in a phase that ends by what others do, or the machine. */
static bool is_at_rest(const struct rdv__command_run *command)
{
    return command->phase == HOLDING || command->phase == RELEASED || command->phase == ASKED ||
           command->phase == REBOOTING;
}

static void stop_wait_over(void *user)
{
    struct rdv__command_run *command = user;
    command->stop.shutdown = SHUTDOWN_NOW;
    if (command->process)
        rdv__process_end(command->process, command->handler->grace);
}

/* Have a shutdown wait for the step, if the handler says so. Returns whether it does. */
static bool begin_to_wait_for_step(struct rdv__command_run *command)
{
    if (command->handler->on_stop != RDV__STOP_WAIT || command->stop.cancelled ||
        command->run.gone ||
        rdv_timer_new(command->run.runs->loop, stop_wait_over, command, &command->stop.timer))
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

/* This frees nothing, nor does cancel(): either may be called from inside
 * rdv__command_run_report(). */
static void interrupt(struct rdv__run *base)
{
    struct rdv__command_run *command = command_of(base);
    command->stop.shutdown = SHUTDOWN_NOW;
    if (command->phase == RUNNING && command->process && begin_to_wait_for_step(command))
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
 * One grace, whether a process is ended or what one has left behind. Then comes what a kill may
 * take: that of a supervisor's tree, and that of what a supervisor leaves behind which had to be
 * killed itself.
 */
static rdv_duration end_wait(const struct rdv__run *base)
{
    const struct rdv__command_run *command = (const struct rdv__command_run *)base;
    const rdv_duration grace = command->handler->grace;
    return (command->left.grace > grace ? command->left.grace : grace) + 2 * RDV__SUPERVISOR_WAIT;
}

static const struct rdv__run_ops ops = {
    .cancel = cancel,
    .interrupt = interrupt,
    .destroy = destroy,
    .rest = tell_rest,
    .reboot = rdv__command_run_reboot,
    .go_on = release,
    .end_wait = end_wait,
};

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
    command->journal.change.settle = change_settled;
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
