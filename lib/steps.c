/* SPDX-License-Identifier: MIT */
#include "steps.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "journal.h"
#include "output.h"
#include "task.h"

/* How soon something that has failed for now is tried again; doubles from first to last. */
#define DELAY_FIRST RDV_SECOND
#define DELAY_LAST  RDV_MINUTE

/* Room for a number and a space in the journal's `starts`. */
#define START_ROOM 12

/* ------------------------------------------------------------------- words */

void rdv__steps_say(struct steps *run, const char *format, ...)
{
    char words[2 * RDV_MESSAGE_MAX]; /* more than all parts of a message together */
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(words, sizeof words, format, arguments);
    va_end(arguments);
    rdv__output_show(words, strlen(words), run->message, sizeof run->message);
}

void rdv__steps_say_step(struct steps *run, const char *before, const char *after)
{
    char program[RDV__PROGRAM_SHOWN];
    rdv__steps_say(run, "%sstep %zu of %zu (%s)%s", before, run->step + 1, run->handler->step_count,
                   rdv__step_program(step_of(run), program), after);
}

/* ----------------------------------------------------------------- reports */

/* Report what run says. The sink may call back. */
void rdv__steps_tell(struct steps *run)
{
    if (run->run.gone)
        return;
    rdv_report report = RDV_REPORT_INIT;
    report.status = run->status;
    report.code = run->code;
    report.progress = run->progress;
    report.attempt = run->attempt;
    report.message = run->message[0] ? run->message : NULL;
    int result = rdv__runs_report(&run->run, &report);
    if (result == RDV_ENOTFOUND) {
        run->run.gone = true;
        rdv__log(log_of(run), RDV_LOG_INFO, "%s: its run is not wanted any more, and is ended",
                 identifier_of(run));
    } else if (result) {
        rdv__log(log_of(run), RDV_LOG_ERROR, "%s: a report was not taken: %s", identifier_of(run),
                 rdv_strerror(result));
    }
}

/* --------------------------------------------------------------------- end */

static void free_steps(struct steps *run)
{
    assert(!run->settling);
    rdv_timer_free(run->timer);
    rdv_timer_free(run->stop_timer);
    rdv__process_free(run->process);
    rdv__leftovers_free(run->leftovers);
    rdv__output_free(run->output);
    rdv__handlers_unref(run->handlers);
    rdv_task_unref(run->run.task);
    free(run->starts);
    free(run);
}

/* Nothing is left to be done, or the next process does it. Frees the run. */
void rdv__steps_leave(struct steps *run)
{
    rdv__runs_remove(&run->run);
    free_steps(run);
}

rdv_duration rdv__steps_next_delay(struct steps *run)
{
    if (run->delay == 0)
        run->delay = DELAY_FIRST;
    else if (run->delay < DELAY_LAST / 2)
        run->delay *= 2;
    else
        run->delay = DELAY_LAST;
    return run->delay;
}

void rdv__steps_put_off(struct steps *run, void (*again)(struct steps *run), const char *what,
                        const char *why)
{
    rdv_duration delay = rdv__steps_next_delay(run);
    char text[RDV_DURATION_TEXT_SIZE];
    rdv_duration_format(delay, text, sizeof text);
    rdv__log(log_of(run), RDV_LOG_WARNING, "%s: %s: %s; trying again in %s", identifier_of(run),
             what, why, text);
    run->phase = PUT_OFF;
    run->again = again;
    rdv_timer_start(run->timer, delay);
}

void rdv__steps_put_off_for_store(struct steps *run, void (*again)(struct steps *run), int result)
{
    const char *words = rdv_store_message(run->run.runs->store);
    rdv__steps_put_off(run, again, "the store can't be written to",
                       *words ? words : rdv_strerror(result));
}

void rdv__steps_store_end_later(struct steps *run)
{
    rdv_timer_start(run->timer, run->run.runs->terminating ? 0 : rdv__steps_next_delay(run));
}

static int write_end(struct steps *run)
{
    rdv_store *store = run->run.runs->store;
    int result = 0;
    /* Unless the identifier, which is free already, was started anew: then the row is that run's. */
    if (run->journalled && !rdv__runs_find(run->run.runs, identifier_of(run)))
        result = rdv__journal_delete(store, identifier_of(run));
    if (!result && run->output && !run->own_number) {
        size_t size;
        const char *tail = rdv__output_tail(run->output, &size);
        if (size > 0)
            result = rdv__output_put(store, run->number, tail, size);
    }
    if (!result && run->output)
        result = rdv__output_end(run->output);
    return result;
}

/*
 * Take the run from the journal and report its end, in one commit if the sink has the same store. The row goes first: a sink may
 * start the same task anew while it is told. May free the run.
 */
void rdv__steps_store_end(struct steps *run)
{
    rdv_store *store = run->run.runs->store;
    struct rdv__logs *logs = run->run.runs->logs;
    int result = rdv__store_stage(store);
    if (!result) {
        result = write_end(run);
        if (result)
            rdv__store_fail(store, result);
    }
    if (result && run->run.runs->terminating) {
        rdv__log(log_of(run), RDV_LOG_ERROR, "%s: its end can't be recorded: %s",
                 identifier_of(run), rdv_strerror(result));
        rdv__steps_leave(run);
        return;
    }
    if (result) {
        rdv__steps_store_end_later(run);
        return;
    }
    run->settling = true;
    rdv__store_defer(store, &run->change);
    if (!run->told) {
        /* Once: from here on it is the trigger agent's to keep. */
        run->told = true;
        rdv__steps_tell(run);
    }
    /* The end may have had the history forget others: their logs go in the same commit. */
    if (logs)
        rdv__logs_tidy(logs);
}

/* End the run; the message is set. May free it. */
void rdv__steps_finish(struct steps *run, rdv_status status, int code)
{
    run->phase = ENDING;
    run->status = status;
    run->code = code;
    run->progress = -1;
    rdv__runs_release(&run->run);
    rdv__steps_store_end(run);
}

/* End as failed with this message and code, but not from where we are called. */
void rdv__steps_finish_soon(struct steps *run, int code)
{
    run->phase = LEAVING;
    run->code = code;
    rdv_timer_start(run->timer, 0);
}

/* ----------------------------------------------------------------- journal */

void rdv__steps_move(struct steps *run, size_t step)
{
    run->step = step;
    run->failures = 0;
    if (step < run->handler->step_count)
        run->attempt = run->starts[step] + 1;
}

/* Write `starts` as the journal has it: empty if each step was started as often as its place says. */
static const char *starts_text(const struct steps *run, char *buffer, size_t size)
{
    size_t used = 0;
    buffer[0] = '\0';
    if (run->handler->on_interrupt == RDV__INTERRUPT_RESTART)
        for (size_t i = 0; i < run->handler->step_count; i++)
            used += (size_t)snprintf(buffer + used, size - used, "%d ", run->starts[i]);
    return buffer;
}

/* The whole row is written again only if more has changed than where the run is: the context may be large. */
static int put_journal(struct steps *run, int starts, const char *state)
{
    rdv_store *store = run->run.runs->store;
    char texts[RDV__STEPS_MAX * START_ROOM];
    if (run->step < run->handler->step_count && strcmp(state, "reboot") != 0)
        run->starts[run->step] = starts;
    struct rdv__journal row = {
        .identifier = identifier_of(run),
        .label = rdv_task_label(run->run.task),
        .run = run->number,
        .step = (int)run->step,
        .attempt = starts,
        .failures = run->failures,
        .starts = starts_text(run, texts, sizeof texts),
        .grace = run->handler->grace,
        .nonce = run->nonce,
        .state = state,
        .reboots = run->reboots,
        .boot_id = run->boot_id,
    };
    if (run->journalled && !run->stale)
        return rdv__journal_step(store, &row);
    row.context = rdv_task_context(run->run.task, &row.context_size);
    return rdv__journal_put(store, &row);
}

/* Draw the run's mark before the first process that has to have it. */
static int draw_nonce(struct steps *run)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char random[(RDV__NONCE_SIZE - 1) / 2];
    if (rdv__plat_random(random, sizeof random) != 0)
        return RDV_EIO;
    for (size_t i = 0; i < sizeof random; i++) {
        run->nonce[2 * i] = digits[random[i] >> 4];
        run->nonce[2 * i + 1] = digits[random[i] & 15];
    }
    run->stale = true;
    return 0;
}

int rdv__steps_journal(struct steps *run, enum rdv__phase phase, int starts, const char *state,
                       void (*again)(struct steps *run))
{
    rdv_store *store = run->run.runs->store;
    run->phase = phase;
    run->again = again;
    int result = rdv__store_stage(store);
    if (result)
        return result;
    /* One that was drawn in a batch that failed could be drawn again by another process. */
    if (!run->numbered)
        result = rdv__journal_new_run(store, &run->number);
    /* Don't draw one while processes that an older version has started may run: they are recognised by other marks. */
    if (!result && phase == JOURNALLING && !run->nonce[0])
        result = draw_nonce(run);
    if (!result && state)
        result = put_journal(run, starts, state);
    if (result)
        return rdv__store_fail(store, result);
    run->settling = true;
    rdv__store_defer(store, &run->change);
    return 0;
}

void rdv__steps_note(struct steps *run, int starts, const char *state)
{
    rdv_store *store = run->run.runs->store;
    if (rdv__store_stage(store))
        return;
    int result = put_journal(run, starts, state);
    if (result)
        rdv__store_fail(store, result);
}
