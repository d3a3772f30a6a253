/* SPDX-License-Identifier: MIT */
/*
 * What all files of a command run need: the words and the reports of the run, its row in the
 * journal, trying again later, and its end. command_run.c draws the phases.
 *
 * Nothing here starts anything. What is written is staged in a batch, and command_run.c hears when
 * that is on disk. A function that may free the run says so; whoever calls it touches the run no
 * more.
 */
#include "agent/command_run_state.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/output.h"
#include "base/error.h"
#include "model/task.h"
#include "store/journal.h"

/* How soon something that has failed for now is tried again. It doubles from first to last. */
#define DELAY_FIRST RDV_SECOND
#define DELAY_LAST  RDV_MINUTE

/* Room for a number and a space in the journal's `starts`. */
#define START_ROOM 12

/* ------------------------------------------------------------------- words */

void rdv__command_run_set_message(struct rdv__command_run *command, const char *format, ...)
{
    /* More than all parts of a message together. */
    char words[2 * RDV_MESSAGE_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(words, sizeof words, format, arguments);
    va_end(arguments);
    rdv__output_show(words, strlen(words), command->report.message, sizeof command->report.message);
}

void rdv__command_run_set_status(struct rdv__command_run *command, rdv_status status)
{
    command->report.status = status;
    command->report.code = 0;
    command->report.progress = -1;
}

void rdv__command_run_set_step_message(struct rdv__command_run *command, const char *before,
                                       const char *after)
{
    char program[RDV__PROGRAM_SHOWN];
    rdv__command_run_set_message(command, "%sstep %zu of %zu (%s)%s", before,
                                 command->step.index + 1, command->handler->step_count,
                                 rdv__step_program(step_of(command), program), after);
}

/* ----------------------------------------------------------------- reports */

void rdv__command_run_report(struct rdv__command_run *command)
{
    if (command->run.gone)
        return;
    rdv_report report = RDV_REPORT_INIT;
    report.status = command->report.status;
    report.code = command->report.code;
    report.progress = command->report.progress;
    report.attempt = command->step.attempt;
    report.message = command->report.message[0] ? command->report.message : NULL;
    int result = rdv__runs_report(&command->run, &report);
    if (result == RDV_ENOTFOUND) {
        command->run.gone = true;
        rdv__log(log_of(command), RDV_LOG_INFO, "%s: its run is not wanted any more, and is ended",
                 identifier_of(command));
    } else if (result) {
        rdv__log(log_of(command), RDV_LOG_ERROR, "%s: a report was not taken: %s",
                 identifier_of(command), rdv_strerror(result));
    }
}

/* --------------------------------------------------------------------- end */

static void free_command(struct rdv__command_run *command)
{
    assert(!command->journal.settling);
    rdv_timer_free(command->timer);
    rdv_timer_free(command->stop.timer);
    rdv__process_free(command->process);
    rdv__orphans_free(command->orphans);
    rdv__output_free(command->output);
    rdv__handlers_unref(command->handlers);
    rdv_task_unref(command->run.task);
    free(command->step.starts);
    free(command);
}

void rdv__command_run_leave(struct rdv__command_run *command)
{
    rdv__runs_remove(&command->run);
    free_command(command);
}

rdv_duration rdv__command_run_next_delay(struct rdv__command_run *command)
{
    if (command->retry.delay == 0)
        command->retry.delay = DELAY_FIRST;
    else if (command->retry.delay < DELAY_LAST / 2)
        command->retry.delay *= 2;
    else
        command->retry.delay = DELAY_LAST;
    return command->retry.delay;
}

void rdv__command_run_put_off(struct rdv__command_run *command,
                              void (*again)(struct rdv__command_run *command), const char *what,
                              const char *why)
{
    rdv_duration delay = rdv__command_run_next_delay(command);
    char text[RDV_DURATION_TEXT_SIZE];
    rdv_duration_format(delay, text, sizeof text);
    rdv__log(log_of(command), RDV_LOG_WARNING, "%s: %s: %s; trying again in %s",
             identifier_of(command), what, why, text);
    command->phase = PUT_OFF;
    command->retry.again = again;
    rdv_timer_start(command->timer, delay);
}

void rdv__command_run_put_off_for_store(struct rdv__command_run *command,
                                        void (*again)(struct rdv__command_run *command), int result)
{
    const char *words = rdv_store_message(command->run.runs->store);
    rdv__command_run_put_off(command, again, "the store can't be written to",
                             *words ? words : rdv_strerror(result));
}

void rdv__command_run_store_end_later(struct rdv__command_run *command)
{
    rdv_timer_start(command->timer,
                    command->run.runs->terminating ? 0 : rdv__command_run_next_delay(command));
}

static int write_end(struct rdv__command_run *command)
{
    rdv_store *store = command->run.runs->store;
    int result = 0;
    /* If the identifier, which is free already, was started anew, the row is that run's. */
    if (command->journal.row != ROW_NONE &&
        !rdv__runs_find(command->run.runs, identifier_of(command)))
        result = rdv__journal_delete(store, identifier_of(command));
    if (!result && command->output && command->journal.numbering == NUMBER_GIVEN) {
        size_t size;
        const char *tail = rdv__output_tail(command->output, &size);
        if (size > 0)
            result = rdv__output_put(store, command->journal.number, tail, size);
    }
    if (!result && command->output)
        result = rdv__output_end(command->output);
    return result;
}

/* The row goes before the end is reported: the sink may start the same task anew while it is
 * told. */
void rdv__command_run_store_end(struct rdv__command_run *command)
{
    rdv_store *store = command->run.runs->store;
    struct rdv__logs *logs = command->run.runs->logs;
    int result = rdv__store_stage(store);
    if (!result) {
        result = write_end(command);
        if (result)
            rdv__store_fail(store, result);
    }
    if (result && command->run.runs->terminating) {
        rdv__log(log_of(command), RDV_LOG_ERROR, "%s: its end can't be recorded: %s",
                 identifier_of(command), rdv_strerror(result));
        rdv__command_run_leave(command);
        return;
    }
    if (result) {
        rdv__command_run_store_end_later(command);
        return;
    }
    command->journal.settling = true;
    rdv__store_defer(store, &command->journal.change);
    if (!command->report.end_told) {
        /* It is reported once: from now on, the trigger agent keeps it. */
        command->report.end_told = true;
        rdv__command_run_report(command);
    }
    /* As the run has ended, the history may have forgotten others: their logs go in the same
     * commit. */
    if (logs)
        rdv__logs_tidy(logs);
}

void rdv__command_run_finish(struct rdv__command_run *command, rdv_status status, int code)
{
    command->phase = ENDING;
    command->report.status = status;
    command->report.code = code;
    command->report.progress = -1;
    rdv__runs_release(&command->run);
    rdv__command_run_store_end(command);
}

void rdv__command_run_finish_soon(struct rdv__command_run *command, int code)
{
    command->phase = LEAVING;
    command->report.code = code;
    rdv_timer_start(command->timer, 0);
}

/* ----------------------------------------------------------------- journal */

void rdv__command_run_go_to_step(struct rdv__command_run *command, size_t step)
{
    command->step.index = step;
    command->step.failures = 0;
    if (step < command->handler->step_count)
        command->step.attempt = command->step.starts[step] + 1;
}

void rdv__command_run_outdate_row(struct rdv__command_run *command)
{
    if (command->journal.row == ROW_CURRENT)
        command->journal.row = ROW_OUTDATED;
}

/* Write `starts` as the journal has it: empty if each step was started as often as its place
 * says. */
static const char *starts_text(const struct rdv__command_run *command, char *buffer, size_t size)
{
    size_t used = 0;
    buffer[0] = '\0';
    if (command->handler->on_interrupt == RDV__INTERRUPT_RESTART)
        for (size_t i = 0; i < command->handler->step_count; i++)
            used += (size_t)snprintf(buffer + used, size - used, "%d ", command->step.starts[i]);
    return buffer;
}

/* Write the row. All of it is written again only if more has changed than where the run is: the
 * context may be large. */
static int put_journal(struct rdv__command_run *command, int starts, const char *state)
{
    rdv_store *store = command->run.runs->store;
    char texts[RDV__STEPS_MAX * START_ROOM];
    if (command->step.index < command->handler->step_count && strcmp(state, "reboot") != 0)
        command->step.starts[command->step.index] = starts;
    struct rdv__journal row = {
        .identifier = identifier_of(command),
        .label = rdv_task_label(command->run.task),
        .run = command->journal.number,
        .step = (int)command->step.index,
        .attempt = starts,
        .failures = command->step.failures,
        .starts = starts_text(command, texts, sizeof texts),
        .grace = command->handler->grace,
        .nonce = command->journal.nonce,
        .state = state,
        .reboots = command->reboot.count,
        .boot_id = command->reboot.boot_id,
    };
    if (command->journal.row == ROW_CURRENT)
        return rdv__journal_step(store, &row);
    row.context = rdv_task_context(command->run.task, &row.context_size);
    return rdv__journal_put(store, &row);
}

/* Draw the mark of the run's processes, before the first process that has to have it. */
static int draw_nonce(struct rdv__command_run *command)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char random[(RDV__NONCE_SIZE - 1) / 2];
    if (rdv__plat_random(random, sizeof random) != 0)
        return RDV_EIO;
    for (size_t i = 0; i < sizeof random; i++) {
        command->journal.nonce[2 * i] = digits[random[i] >> 4];
        command->journal.nonce[2 * i + 1] = digits[random[i] & 15];
    }
    rdv__command_run_outdate_row(command);
    return 0;
}

int rdv__command_run_write_journal(struct rdv__command_run *command, enum rdv__phase phase,
                                   int starts, const char *state,
                                   void (*again)(struct rdv__command_run *command))
{
    rdv_store *store = command->run.runs->store;
    command->phase = phase;
    command->retry.again = again;
    int result = rdv__store_stage(store);
    if (result)
        return result;
    /* A number that was drawn in a batch that failed could be drawn again by another process, so it
     * is drawn anew. */
    if (command->journal.numbering == NUMBER_TO_DRAW)
        result = rdv__journal_new_run(store, &command->journal.number);
    /* No mark is drawn while processes that an older version has started may run: they are
     * recognised in another way. */
    if (!result && phase == JOURNALLING && !command->journal.nonce[0])
        result = draw_nonce(command);
    if (!result && state)
        result = put_journal(command, starts, state);
    if (result)
        return rdv__store_fail(store, result);
    command->journal.settling = true;
    rdv__store_defer(store, &command->journal.change);
    return 0;
}

void rdv__command_run_note_state(struct rdv__command_run *command, int starts, const char *state)
{
    rdv_store *store = command->run.runs->store;
    if (rdv__store_stage(store))
        return;
    int result = put_journal(command, starts, state);
    if (result)
        rdv__store_fail(store, result);
}

/* ------------------------------------------------------- the next attempt */

/* While a reboot is asked for, the run holds in place of starting the step. */
int rdv__command_run_journal_attempt(struct rdv__command_run *command)
{
    if (command->run.runs->asking == 0)
        return rdv__command_run_write_journal(command, JOURNALLING, command->step.attempt, "step",
                                              rdv__command_run_begin_attempt);
    return rdv__command_run_write_journal(command, HOLDING, command->step.attempt - 1, "wait",
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

/* ----------------------------------------------------- whether it goes on */

void rdv__command_run_finish_cancelled(struct rdv__command_run *command)
{
    rdv__command_run_finish(command, RDV_STATUS_FAILED, RDV_ECANCELLED);
}

bool rdv__command_run_end_if_over(struct rdv__command_run *command)
{
    if (command->run.gone) {
        rdv__command_run_finish(command, RDV_STATUS_FAILED, RDV_ECANCELLED);
    } else if (command->stop.cancelled) {
        rdv__command_run_set_message(command, "cancelled");
        rdv__command_run_finish_cancelled(command);
    } else if (is_interrupted(command)) {
        /* This attempt has not begun, so nothing was interrupted. */
        if (command->phase == JOURNALLING || command->phase == RUNNING ||
            (command->phase == PUT_OFF && command->retry.again == rdv__command_run_begin_attempt))
            rdv__command_run_note_state(command, command->step.attempt - 1, "wait");
        rdv__command_run_leave(command);
    } else {
        return false;
    }
    return true;
}
