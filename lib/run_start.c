/* SPDX-License-Identifier: MIT */
/*
 * How runs of steps begin, and how runs that another process has left in the journal are taken up. A run whose step was left running
 * is adopted. Any other goes on as the document says, once what is left of its processes is gone; or it ends, if the document has no
 * handler for it any more, or if it is to be cancelled. If the row is of another run of the same identifier, what is left of that
 * run is ended in the same way.
 */
#include "journal.h"
#include "run_steps.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "left.h"
#include "leftovers.h"
#include "process.h"
#include "steps.h"
#include "store.h"
#include "task.h"

/* ----------------------------------------------------------- how runs go on */

/* Follow again a step that was left running. */
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

/* Follow again what was left running, or leave it running if we are shut down. */
static void adopt(struct steps *run)
{
    if (run->interrupted && !run->cancelled) {
        rdv__steps_leave(run); /* it is still left running */
        return;
    }
    run->phase = CLEANING;
    int result = rdv__steps_adopt(run, rdv__steps_hear_end);
    if (result == 0)
        go_on_with_adopted(run);
    else if (rdv__step_is_short(result))
        rdv__steps_put_off(run, adopt, "cannot follow what was left running", rdv_strerror(result));
    else
        rdv__steps_not_adopted(run);
}

void rdv__steps_continue(struct steps *run)
{
    if (run->adopting) {
        run->adopting = false;
        adopt(run);
        return;
    }
    if (run->asked_before) {
        run->asked_before = false;
        rdv__steps_say(run, "rebooting: the machine is still in the boot that was to end");
        rdv__steps_ask_for_reboot(run, run->step);
        return;
    }
    if (run->rebooted) {
        run->rebooted = false;
        run->status = RDV_STATUS_REBOOTED;
        run->code = 0;
        run->progress = -1;
        rdv__steps_say(run, "rebooted");
        rdv__steps_tell(run);
        if (rdv__steps_is_over(run))
            return;
        rdv__steps_move(run, run->step);
    }
    if (run->step >= run->handler->step_count)
        rdv__steps_finish_done(run);
    else
        rdv__steps_next_attempt(run);
}

/* ------------------------------------------------------- what is left of runs */

static void cleaned(void *user, int found)
{
    struct steps *run = user;
    const char *path = rdv__store_path(run->run.runs->store);
    run->leftovers = NULL;
    run->delay = 0;
    if (found > 0)
        rdv__log(log_of(run), RDV_LOG_WARNING,
                 "%s: ended %d process%s that a run cut short had left behind", identifier_of(run),
                 found, found == 1 ? "" : "es");
    rdv__left_forget(path, run->left_run);
    if (run->given_up && !run->interrupted)
        rdv__steps_finish(run, RDV_STATUS_FAILED, run->given_up_code);
    else if (!rdv__steps_is_over(run))
        rdv__steps_continue(run);
}

/* End what another process has left of the run, or of an earlier one, before anything else is done. This is done for a cancelled run,
 * too: its end is told afterwards. */
static void clean(struct steps *run)
{
    if (run->interrupted && !run->cancelled && run->phase == PUT_OFF) {
        rdv__steps_leave(run);
        return;
    }
    run->phase = CLEANING;
    int result = rdv__leftovers_end(run->run.runs->loop, rdv__store_path(run->run.runs->store),
                                    run->left_run, run->left_nonce, run->left_grace, cleaned, run,
                                    &run->leftovers);
    if (result)
        rdv__steps_put_off(run, clean, "cannot end what a run cut short has left behind",
                           rdv_strerror(result));
}

static void give_up(struct steps *run, int code)
{
    run->given_up = true;
    run->given_up_code = code;
}

/* Go on, as the document says, with a run that was cut short in the step that it is at. */
static void take_up_interrupted(struct steps *run)
{
    rdv__log(log_of(run), RDV_LOG_INFO, "%s: was interrupted during step %zu, attempt %d",
             identifier_of(run), run->step + 1, run->attempt);
    if (run->handler->on_interrupt == RDV__INTERRUPT_FAIL) {
        give_up(run, RDV_EFAILED);
        rdv__steps_say_step(run, "interrupted during ", "");
    } else if (run->handler->on_interrupt == RDV__INTERRUPT_RESTART) {
        rdv__steps_move(run, 0);
    } else {
        run->attempt = run->starts[run->step] + 1;
    }
}

void rdv__steps_not_adopted(struct steps *run)
{
    run->adopted = run->leavable = false;
    take_up_interrupted(run);
    clean(run);
}

/* ------------------------------------------------------- what the journal has */

/* What the journal has on the identifier. */
struct found {
    const rdv_task *task;
    bool any, ours, waited, reboot;
    int64_t run;
    int step, attempt, failures, reboots;
    int starts[RDV__STEPS_MAX]; /* -1 = the row does not say */
    rdv_duration grace;
    char boot_id[RDV__BOOT_ID_ROOM], nonce[RDV__NONCE_SIZE];
};

static void read_starts(const char *text, int *starts)
{
    for (size_t i = 0; i < RDV__STEPS_MAX; i++) {
        char *end;
        long number = strtol(text, &end, 10);
        starts[i] = end != text && number >= 0 && number < INT_MAX ? (int)number : -1;
        text = end;
    }
}

static int look(void *user, const struct rdv__journal *row)
{
    struct found *found = user;
    int64_t number = rdv_task_run(found->task);
    size_t size;
    const void *context = rdv_task_context(found->task, &size);
    found->any = true;
    /* If the trigger agent doesn't number its runs, this can only be the run that looks the same. */
    found->ours = strcmp(row->label, rdv_task_label(found->task)) == 0 &&
                  (number != 0 ? row->run == number
                               : row->run < 0 && row->context_size == size &&
                                     (size == 0 || memcmp(row->context, context, size) == 0));
    found->run = row->run;
    found->step = row->step;
    found->attempt = row->attempt;
    found->failures = row->failures;
    found->grace = row->grace;
    read_starts(row->starts, found->starts);
    found->waited = strcmp(row->state, "wait") == 0;
    found->reboot = strcmp(row->state, "reboot") == 0;
    found->reboots = row->reboots;
    snprintf(found->boot_id, sizeof found->boot_id, "%s", row->boot_id);
    snprintf(found->nonce, sizeof found->nonce, "%s", row->nonce);
    return 0;
}

static int find(struct rdv__runs *runs, const rdv_task *task, struct found *ret_found)
{
    *ret_found = (struct found){.task = task};
    int result = rdv__journal_get(runs->store, rdv_task_identifier(task), look, ret_found);
    return result == RDV_ENOTFOUND ? 0 : result;
}

/* Steps are done in order: one before the run's step was started, even if the row does not say so. */
static void take_up_starts(struct steps *run, const struct found *found)
{
    for (size_t i = 0; i < run->handler->step_count; i++)
        run->starts[i] = found->starts[i] >= 0 ? found->starts[i] : (int)i < found->step;
}

/* Go on with a run that has asked for a reboot. */
static void take_up_reboot(struct steps *run, const struct found *found, bool same_boot)
{
    run->step = found->step >= 0 && (size_t)found->step < run->handler->step_count
                    ? (size_t)found->step
                    : run->handler->step_count;
    run->attempt = found->attempt;
    run->asked_before = same_boot && run->handler->reboot.step.argv;
    run->rebooted = !same_boot;
    /* A new document may not say how to reboot any more. */
    if (same_boot && !run->asked_before)
        memcpy(run->boot_id, found->boot_id, sizeof run->boot_id);
    rdv__log(log_of(run), RDV_LOG_INFO, "%s: %s", identifier_of(run),
             same_boot ? "had asked for a reboot that has not come" : "goes on after the reboot");
}

/* Go on with a run that an earlier process has left, as the document says. */
static int take_up(struct steps *run, const struct found *found, struct rdv_error *error)
{
    char boot_id[RDV__BOOT_ID_ROOM];
    run->reboots = found->reboots;
    take_up_starts(run, found);
    if (found->boot_id[0]) {
        int result = rdv__runs_boot_id(run->run.runs, boot_id, error);
        if (result && found->reboot)
            return result;
        bool same = result == 0 && strcmp(boot_id, found->boot_id) == 0;
        if (found->reboot) {
            take_up_reboot(run, found, same);
            return 0;
        }
        /* The reboot that a step has asked for may have happened meanwhile. */
        if (result || same)
            memcpy(run->boot_id, found->boot_id, sizeof run->boot_id);
    }
    /* The document may have changed, and have fewer steps now. */
    if (found->step < 0 || (size_t)found->step >= run->handler->step_count) {
        rdv__steps_move(run, 0);
        return 0;
    }
    run->step = (size_t)found->step;
    run->failures = found->failures;
    run->starts[run->step] = found->attempt;
    run->attempt = found->waited ? found->attempt + 1 : found->attempt;
    run->adopting = !found->waited && rdv__steps_has_record(run);
    if (!found->waited && !run->adopting)
        take_up_interrupted(run);
    return 0;
}

/* ------------------------------------------------------------------- start */

/* Begin with what the journal has on the identifier. This may end the run, but only after our caller has returned. */
static void begin_with(struct steps *run, const struct found *found)
{
    struct rdv_error error = {0};
    const bool has_handler = run->handler != &run->no_handler;
    /* A store in memory has no row of another process. */
    const bool to_clean = found->any && rdv__store_path(run->run.runs->store);
    if (found->any) {
        run->journalled = run->stale = true;
        run->left_run = found->run;
        memcpy(run->left_nonce, found->nonce, sizeof run->left_nonce);
        run->left_grace = found->grace >= 0 ? found->grace
                          : has_handler     ? run->handler->grace
                                            : RDV__GRACE_DEFAULT;
        run->no_handler.grace = run->left_grace;
    }
    if (found->ours) {
        run->number = found->run;
        run->numbered = run->resumed = true;
        memcpy(run->nonce, found->nonce, sizeof run->nonce);
    }
    if (!has_handler) {
        give_up(run, RDV_ENOHANDLER);
        rdv__steps_say(run, "no handler is configured for the label '%s'",
                       rdv_task_label(run->run.task));
    } else if (found->ours) {
        int result = take_up(run, found, &error);
        if (result) {
            give_up(run, RDV_EFAILED);
            rdv__steps_say(run, "cannot tell whether the machine was rebooted: %s", error.text);
        }
    }
    if (run->cancelled) {
        run->given_up = run->adopting = false;
        rdv__steps_say(run, "cancelled");
    }
    run->phase = CLEANING;
    if (run->adopting)
        rdv_timer_start(run->timer, 0); /* reports come later */
    else if (to_clean)
        clean(run);
    else if (run->given_up || run->cancelled)
        rdv__steps_finish_soon(run, run->given_up ? run->given_up_code : RDV_ECANCELLED);
    else if (found->ours)
        rdv_timer_start(run->timer, 0);
    else
        rdv__steps_next_attempt(run);
}

/* Try again to read the journal, which failed when the run began. */
static void look_again(struct steps *run)
{
    struct found found;
    if (run->interrupted && !run->cancelled) {
        rdv__steps_leave(run);
        return;
    }
    int result = find(run->run.runs, run->run.task, &found);
    if (result)
        rdv__steps_put_off(run, look_again, "the journal can't be read", rdv_strerror(result));
    else
        begin_with(run, &found);
}

int rdv__steps_start(struct rdv__runs *runs, rdv_task *task, struct rdv__handlers *handlers,
                     const struct rdv__handler *handler)
{
    struct found found;
    struct steps *run = NULL;
    int looked = find(runs, task, &found);
    if (!handler && looked == 0 && !found.any)
        return RDV_ENOHANDLER;
    int result = rdv__steps_new(runs, task, handlers, handler, &run);
    if (result)
        return result;
    if (looked)
        rdv__steps_put_off(run, look_again, "the journal can't be read", rdv_strerror(looked));
    else
        begin_with(run, &found);
    return 0;
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
    result = rdv__steps_new(runs, task, handlers, handler, &run);
    if (result)
        return result;
    run->run.prepared = true;
    result = rdv__steps_journal_attempt(run);
    if (result)
        rdv__steps_leave(run);
    return result;
}

/* Make the task of a row. */
static int make_task(void *user, const struct rdv__journal *row)
{
    return rdv__task_new(row->label, strlen(row->label), row->identifier, strlen(row->identifier),
                         row->context, row->context_size, row->run > 0 ? row->run : 0, user);
}

/* End what is left of the run of a row. gone: nobody waits for the run, and its end is not told. */
static int end_left(struct rdv__runs *runs, rdv_task *task, struct rdv__handlers *handlers,
                    bool gone)
{
    struct found found;
    struct steps *run = NULL;
    int result = find(runs, task, &found);
    if (!result)
        result = rdv__steps_new(runs, task, handlers,
                                rdv__handlers_find(handlers, rdv_task_label(task)), &run);
    if (result)
        return result;
    run->cancelled = true;
    run->run.gone = gone;
    begin_with(run, &found);
    return 0;
}

int rdv__steps_cancel(struct rdv__runs *runs, const char *identifier,
                      struct rdv__handlers *handlers)
{
    rdv_task *task = NULL;
    int result = rdv__journal_get(runs->store, identifier, make_task, &task);
    if (!result)
        result = end_left(runs, task, handlers, false);
    rdv_task_unref(task);
    return result;
}

int rdv__steps_clear(struct rdv__runs *runs, rdv_task *task, struct rdv__handlers *handlers)
{
    struct found found;
    int result = find(runs, task, &found);
    if (!result && found.any)
        result = end_left(runs, task, handlers, true);
    else
        return result;
    return result ? result : RDV_EBUSY;
}

/* Tasks of rows, the latest first. */
struct orphans {
    rdv_task **tasks;
    size_t count, room;
};

static int add_orphan(void *user, const struct rdv__journal *row)
{
    struct orphans *orphans = user;
    if (orphans->count == orphans->room) {
        size_t room = orphans->room > 0 ? 2 * orphans->room : 4;
        rdv_task **tasks = realloc(orphans->tasks, room * sizeof *tasks);
        if (!tasks)
            return RDV_ENOMEM;
        orphans->tasks = tasks;
        orphans->room = room;
    }
    int result = make_task(&orphans->tasks[orphans->count], row);
    if (!result)
        orphans->count++;
    return result;
}

void rdv__steps_clean_up(struct rdv__runs *runs, struct rdv__handlers *handlers)
{
    struct orphans orphans = {0};
    int result = rdv__journal_orphans(runs->store, add_orphan, &orphans);
    for (size_t i = 0; i < orphans.count; i++) {
        int ended = end_left(runs, orphans.tasks[i], handlers, true);
        result = result ? result : ended;
        rdv_task_unref(orphans.tasks[i]);
    }
    free(orphans.tasks);
    if (result)
        rdv__log(&runs->log, RDV_LOG_WARNING,
                 "what runs that are not known any more have left behind can't be ended: %s",
                 rdv_strerror(result));
}
