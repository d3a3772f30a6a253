/* SPDX-License-Identifier: MIT */
/*
 * How command runs begin: anew, or from what another process has left in the journal. agent.c calls
 * this file, and command_run.c has the run from then on.
 *
 * A run whose step was left running is adopted. Any other goes on as the document says, once what
 * is left of its processes is gone; or it ends, if the document has no handler for it any more, or
 * if it is to be cancelled. If the journal's row is of another run of the same identifier, what is
 * left of that run is ended in the same way.
 */
#include "agent/command_run_start.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/command_run.h"
#include "agent/command_run_process.h"
#include "agent/command_run_resume.h"
#include "base/error.h"
#include "model/task.h"
#include "store/journal.h"
#include "store/store.h"

/* ------------------------------------------------------- what the journal has */

/* What the journal has on the identifier. */
struct found {
    const rdv_task *task;
    bool any, ours, waited, reboot;
    int64_t run;
    int step, attempt, failures, reboots;
    /* -1 = the row does not say. */
    int starts[RDV__STEPS_MAX];
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

static int read_row(void *user, const struct rdv__journal *row)
{
    struct found *found = user;
    int64_t number = rdv_task_run(found->task);
    size_t size;
    const void *context = rdv_task_context(found->task, &size);
    found->any = true;
    /* If the trigger agent does not number its runs, this can only be the run that looks the
     * same. */
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

static int find_row(struct rdv__runs *runs, const rdv_task *task, struct found *ret_found)
{
    *ret_found = (struct found){.task = task};
    int result = rdv__journal_get(runs->store, rdv_task_identifier(task), read_row, ret_found);
    return result == RDV_ENOTFOUND ? 0 : result;
}

/* Steps are done in order: one before the step of the run was started, even if the row does not say
 * so. */
static void take_up_starts(struct rdv__command_run *command, const struct found *found)
{
    for (size_t i = 0; i < command->handler->step_count; i++)
        command->step.starts[i] = found->starts[i] >= 0 ? found->starts[i] : (int)i < found->step;
}

/* Go on with a run that has asked for a reboot. */
static void take_up_reboot(struct rdv__command_run *command, const struct found *found,
                           bool same_boot)
{
    command->step.index = found->step >= 0 && (size_t)found->step < command->handler->step_count
                              ? (size_t)found->step
                              : command->handler->step_count;
    command->step.attempt = found->attempt;
    if (!same_boot)
        command->left.next = TELL_REBOOTED;
    else if (command->handler->reboot.step.argv)
        command->left.next = ASK_AGAIN;
    else /* the document has changed, and does not say how to reboot any more */
        memcpy(command->reboot.boot_id, found->boot_id, sizeof command->reboot.boot_id);
    rdv__log(log_of(command), RDV_LOG_INFO, "%s: %s", identifier_of(command),
             same_boot ? "had asked for a reboot that has not come" : "goes on after the reboot");
}

/* Go on with a run that an earlier process has left, as the document says. */
static int take_up(struct rdv__command_run *command, const struct found *found,
                   struct rdv_error *error)
{
    char boot_id[RDV__BOOT_ID_ROOM];
    command->reboot.count = found->reboots;
    take_up_starts(command, found);
    if (found->boot_id[0]) {
        int result = rdv__runs_boot_id(command->run.runs, boot_id, error);
        if (result && found->reboot)
            return result;
        bool same = result == 0 && strcmp(boot_id, found->boot_id) == 0;
        if (found->reboot) {
            take_up_reboot(command, found, same);
            return 0;
        }
        /* The reboot that a step has asked for may have happened meanwhile. */
        if (result || same)
            memcpy(command->reboot.boot_id, found->boot_id, sizeof command->reboot.boot_id);
    }
    /* The document may have changed, and have fewer steps now. */
    if (found->step < 0 || (size_t)found->step >= command->handler->step_count) {
        rdv__command_run_go_to_step(command, 0);
        return 0;
    }
    command->step.index = (size_t)found->step;
    command->step.failures = found->failures;
    command->step.starts[command->step.index] = found->attempt;
    command->step.attempt = found->waited ? found->attempt + 1 : found->attempt;
    if (!found->waited && rdv__command_run_has_record(command))
        command->left.next = ADOPT_STEP;
    else if (!found->waited)
        rdv__command_run_take_up_interrupted(command);
    return 0;
}

/* ------------------------------------------------------------------- start */

/* Begin with what the journal has on the identifier. This may end the run, but not before the
 * caller has returned to the loop. */
static void begin_with(struct rdv__command_run *command, const struct found *found)
{
    struct rdv_error error = {0};
    const bool has_handler = command->handler != &command->no_handler;
    /* A store in memory has no row of another process. */
    const bool to_clean = found->any && rdv__store_path(command->run.runs->store);
    if (found->any) {
        command->journal.row = ROW_OUTDATED;
        command->left.run = found->run;
        memcpy(command->left.nonce, found->nonce, sizeof command->left.nonce);
        command->left.grace = found->grace >= 0 ? found->grace
                              : has_handler     ? command->handler->grace
                                                : RDV__GRACE_DEFAULT;
        command->no_handler.grace = command->left.grace;
    }
    if (found->ours) {
        command->journal.number = found->run;
        command->resumed = true;
        if (command->journal.numbering == NUMBER_TO_DRAW)
            command->journal.numbering = NUMBER_DRAWN;
        memcpy(command->journal.nonce, found->nonce, sizeof command->journal.nonce);
    }
    if (!has_handler) {
        rdv__command_run_give_up(command, RDV_ENOHANDLER);
        rdv__command_run_set_message(command, "no handler is configured for the label '%s'",
                                     rdv_task_label(command->run.task));
    } else if (found->ours) {
        int result = take_up(command, found, &error);
        if (result) {
            rdv__command_run_give_up(command, RDV_EFAILED);
            rdv__command_run_set_message(
                command, "cannot tell whether the machine was rebooted: %s", error.text);
        }
    }
    if (command->stop.cancelled) {
        command->left.next = GO_ON;
        rdv__command_run_set_message(command, "cancelled");
    }
    command->phase = CLEANING;
    if (command->left.next == ADOPT_STEP)
        rdv_timer_start(command->timer, 0); /* Its reports come later. */
    else if (to_clean)
        rdv__command_run_clean(command);
    else if (command->left.next == GIVE_UP || command->stop.cancelled)
        rdv__command_run_finish_soon(command, command->left.next == GIVE_UP ? command->left.code
                                                                            : RDV_ECANCELLED);
    else if (found->ours)
        rdv_timer_start(command->timer, 0);
    else
        rdv__command_run_begin_attempt(command);
}

/* Try again to read the journal, which failed when the run began. */
static void find_row_again(struct rdv__command_run *command)
{
    struct found found;
    if (is_interrupted(command) && !command->stop.cancelled) {
        rdv__command_run_leave(command);
        return;
    }
    int result = find_row(command->run.runs, command->run.task, &found);
    if (result)
        rdv__command_run_put_off(command, find_row_again, "the journal can't be read",
                                 rdv_strerror(result));
    else
        begin_with(command, &found);
}

int rdv__command_run_start(struct rdv__runs *runs, rdv_task *task, struct rdv__handlers *handlers,
                           const struct rdv__handler *handler)
{
    struct found found;
    struct rdv__command_run *command = NULL;
    int looked = find_row(runs, task, &found);
    if (!handler && looked == 0 && !found.any)
        return RDV_ENOHANDLER;
    int result = rdv__command_run_new(runs, task, handlers, handler, &command);
    if (result)
        return result;
    if (looked)
        rdv__command_run_put_off(command, find_row_again, "the journal can't be read",
                                 rdv_strerror(looked));
    else
        begin_with(command, &found);
    return 0;
}

int rdv__command_run_prepare(struct rdv__runs *runs, rdv_task *task, struct rdv__handlers *handlers,
                             const struct rdv__handler *handler)
{
    struct found found;
    struct rdv__command_run *command = NULL;
    if (runs->asking > 0)
        return 0;
    int result = find_row(runs, task, &found);
    if (result || found.any)
        return result;
    result = rdv__command_run_new(runs, task, handlers, handler, &command);
    if (result)
        return result;
    command->run.prepared = true;
    result = rdv__command_run_journal_attempt(command);
    if (result)
        rdv__command_run_leave(command);
    return result;
}

/* Make the task that a row of the journal is about. */
static int make_task(void *user, const struct rdv__journal *row)
{
    return rdv__task_new(row->label, strlen(row->label), row->identifier, strlen(row->identifier),
                         row->context, row->context_size, row->run > 0 ? row->run : 0, user);
}

/* End what is left of the task's run in the journal. If `gone` is true, nobody waits for the run,
 * and its end is not reported. */
static int end_left(struct rdv__runs *runs, rdv_task *task, struct rdv__handlers *handlers,
                    bool gone)
{
    struct found found;
    struct rdv__command_run *command = NULL;
    int result = find_row(runs, task, &found);
    if (!result)
        result = rdv__command_run_new(runs, task, handlers,
                                      rdv__handlers_find(handlers, rdv_task_label(task)), &command);
    if (result)
        return result;
    command->stop.cancelled = true;
    command->run.gone = gone;
    begin_with(command, &found);
    return 0;
}

int rdv__command_run_cancel(struct rdv__runs *runs, const char *identifier,
                            struct rdv__handlers *handlers)
{
    rdv_task *task = NULL;
    int result = rdv__journal_get(runs->store, identifier, make_task, &task);
    if (!result)
        result = end_left(runs, task, handlers, false);
    rdv_task_unref(task);
    return result;
}

int rdv__command_run_clear(struct rdv__runs *runs, rdv_task *task, struct rdv__handlers *handlers)
{
    struct found found;
    int result = find_row(runs, task, &found);
    if (!result && found.any)
        result = end_left(runs, task, handlers, true);
    else
        return result;
    return result ? result : RDV_EBUSY;
}

/* The tasks of rows, the latest first. */
struct task_list {
    rdv_task **tasks;
    size_t count, room;
};

static int add_task(void *user, const struct rdv__journal *row)
{
    struct task_list *list = user;
    if (list->count == list->room) {
        size_t room = list->room > 0 ? 2 * list->room : 4;
        rdv_task **tasks = realloc(list->tasks, room * sizeof *tasks);
        if (!tasks)
            return RDV_ENOMEM;
        list->tasks = tasks;
        list->room = room;
    }
    int result = make_task(&list->tasks[list->count], row);
    if (!result)
        list->count++;
    return result;
}

void rdv__command_run_clean_up(struct rdv__runs *runs, struct rdv__handlers *handlers)
{
    struct task_list list = {0};
    int result = rdv__journal_orphans(runs->store, add_task, &list);
    for (size_t i = 0; i < list.count; i++) {
        int ended = end_left(runs, list.tasks[i], handlers, true);
        result = result ? result : ended;
        rdv_task_unref(list.tasks[i]);
    }
    free(list.tasks);
    if (result)
        rdv__log(&runs->log, RDV_LOG_WARNING,
                 "what runs that are not known any more have left behind can't be ended: %s",
                 rdv_strerror(result));
}
