/* SPDX-License-Identifier: MIT */
/*
 * The processes of a command run: the programs of its steps, and the command that reboots. Each is
 * started with the environment, the supervisor and the record that the handler asks for, and what
 * it prints and says is passed on. What its end means is not decided here: command_run_step.c and
 * command_run_reboot.c hand in what hears of that.
 */
#include "agent/command_run_process.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/left_running.h"
#include "agent/output.h"
#include "base/error.h"
#include "model/task.h"

/* Comes before the last output of a program that has run on while nobody followed it. */
static const char left_words[] =
    "[rdvtask: left running over a restart; the last that it printed:]\n";

/* ------------------------------------------------------------- what it says */

static void hear_output(void *user, const char *data, size_t size)
{
    struct rdv__command_run *command = user;
    /* Of an adopted step there is output once only, at its end. */
    if (command->step.record == RECORD_ADOPTED)
        rdv__output_add(command->output, left_words, sizeof left_words - 1);
    rdv__output_add(command->output, data, size);
}

static void hear_trouble(void *user, const char *words)
{
    struct rdv__command_run *command = user;
    rdv__log(log_of(command), RDV_LOG_WARNING, "%s: step %zu: %s", identifier_of(command),
             command->step.index + 1, words);
}

static void hear_notice(void *user, const struct rdv__child_notice *notice)
{
    struct rdv__command_run *command = user;
    bool said = notice->message || notice->progress >= 0;
    if (notice->status) {
        rdv_status status;
        if (rdv_status_parse(notice->status, &status) || status < RDV_STATUS_SEARCHING ||
            status > RDV_STATUS_APPLYING) {
            char shown[64];
            rdv__output_show(notice->status, strlen(notice->status), shown, sizeof shown);
            rdv__log(log_of(command), RDV_LOG_WARNING,
                     "%s: step %zu: a step can't say STATUS=%s, only searching, downloading or "
                     "applying",
                     identifier_of(command), command->step.index + 1, shown);
        } else {
            if (status != command->report.status)
                command->report.progress = -1;
            command->report.status = status;
            said = true;
        }
    }
    if (notice->progress >= 0)
        command->report.progress = notice->progress;
    if (notice->message)
        rdv__output_show(notice->message, strlen(notice->message), command->report.message,
                         sizeof command->report.message);
    if (!said)
        return;
    rdv__command_run_report(command);
    if (command->run.gone && command->process)
        rdv__process_end(command->process, command->handler->grace);
}

/* What the command that reboots says is not passed on: the status is REBOOTING. */
static void hear_no_notice(void *user, const struct rdv__child_notice *notice)
{
    (void)user;
    (void)notice;
}

/* ------------------------------------------------------------------- start */

static int prepare_output(struct rdv__command_run *command)
{
    int result = 0;
    if (!command->output)
        result = rdv__output_new(command->run.runs->logs, command->journal.number, command->resumed,
                                 &command->output);
    if (!result)
        rdv__output_mark(command->output);
    return result;
}

/* Fill in what the handler asks for beyond its program. If there is to be a record, the caller
 * frees its path. */
static int fill_in_supervision(struct rdv__command_run *command,
                               struct rdv__supervision *supervision, char **ret_record,
                               struct rdv_error *error)
{
    const struct rdv__handler *handler = command->handler;
    const char *path = rdv__store_path(command->run.runs->store);
    char *record = NULL;
    supervision->program = command->run.runs->supervisor;
    /* A reboot is the machine's matter, and not this handler's. */
    if (command->phase == REBOOTING)
        return 0;
    supervision->user = handler->user;
    supervision->directory = handler->directory;
    supervision->limits = handler->limits.list;
    supervision->limit_count = handler->limits.count;
    if (handler->on_stop == RDV__STOP_LEAVE && path) {
        record = rdv__left_record(path, command->journal.number, command->step.index,
                                  command->step.attempt);
        if (!record)
            return rdv__fail(error, RDV_ENOMEM, "%s", rdv_strerror(RDV_ENOMEM));
        supervision->record = record;
    }
    int result = rdv__plat_check_supervision(supervision, error);
    if (!result && record)
        result = rdv__left_prepare(path, error);
    if (result)
        free(record);
    else
        *ret_record = record;
    return result;
}

/* Make the environment of a program. The command that reboots runs with the rights of rdvtask
 * itself, whatever the user of the handler is, so it gets nothing of the handler's environment. */
static int make_environment(const struct rdv__command_run *command, const struct rdv__variable *own,
                            size_t count, const char ***ret_environment)
{
    const struct rdv__environment *environment =
        command->phase == REBOOTING ? &command->handlers->base : &command->handler->environment;
    return rdv__environment_join(environment, own, count, ret_environment);
}

/* Start the program of a step, or the one that reboots. */
int rdv__command_run_start_process(struct rdv__command_run *command, const struct rdv__step *step,
                                   void (*ended)(void *user, int result, int code),
                                   struct rdv_error *error)
{
    struct rdv__supervision supervision = {0};
    char *record = NULL;
    int result = prepare_output(command);
    if (result)
        return rdv__fail(error, result, "%s", rdv_strerror(result));
    result = fill_in_supervision(command, &supervision, &record, error);
    if (result)
        return result;

    char number[24], attempt[16];
    snprintf(number, sizeof number, "%" PRId64, command->journal.number);
    snprintf(attempt, sizeof attempt, "%d", command->step.attempt);
    /* The last ones, from RUN on, are what a run is recognised by, and all of the environment that
     * a supervisor gets. */
    enum { LABEL, IDENTIFIER, ATTEMPT, RUN, STORE, NONCE, OWN };
    const struct rdv__variable own[OWN] = {
        [LABEL] = {"RDV_LABEL", rdv_task_label(command->run.task)},
        [IDENTIFIER] = {"RDV_IDENTIFIER", identifier_of(command)},
        [ATTEMPT] = {"RDV_ATTEMPT", attempt},
        [RUN] = {"RDV_RUN", number},
        [STORE] = {"RDV_STORE", rdv__store_path(command->run.runs->store)},
        [NONCE] = {"RDV_NONCE", command->journal.nonce[0] ? command->journal.nonce : NULL},
    };
    const struct rdv__environment nothing = {NULL, 0};
    const char **environment = NULL, **marks = NULL;
    result = make_environment(command, own, OWN, &environment);
    if (!result)
        result = rdv__environment_join(&nothing, own + RUN, OWN - RUN, &marks);
    if (result) {
        free((void *)environment);
        free(record);
        return rdv__fail(error, result, "%s", rdv_strerror(result));
    }
    supervision.marks = marks;
    struct rdv__process_options options = {
        .argv = (const char *const *)step->argv,
        .environment = environment,
        .supervision = &supervision,
        .user = command,
        .output = hear_output,
        .notice = command->phase == REBOOTING ? hear_no_notice : hear_notice,
        .trouble = hear_trouble,
        .ended = ended,
    };
    options.input = rdv_task_context(command->run.task, &options.input_size);
    result = rdv__process_start(command->run.runs->loop, &options, &command->process, error);
    command->step.record = result == 0 && record ? RECORD_KEPT : RECORD_NONE;
    free((void *)environment);
    free((void *)marks);
    free(record);
    return result;
}

void rdv__command_run_read_process_end(const struct rdv__command_run *command,
                                       const struct rdv__step *step, bool timed_out, int result,
                                       int code, struct rdv__step_end *ret_end)
{
    const char *words = rdv__process_not_started(command->process);
    if (words)
        rdv__step_not_started(result, words, ret_end);
    else
        rdv__step_ended(step, timed_out, result, code, ret_end);
}

/* ----------------------------------------------------- lost by its supervisor */

bool rdv__command_run_may_have_left_tree(const struct rdv__command_run *command, int result,
                                         int code)
{
    const char *path = rdv__store_path(command->run.runs->store);
    const bool supervised = command->step.record == RECORD_ADOPTED || command->run.runs->supervisor;
    return path && supervised && (result || rdv__plat_end_is_lost(code));
}

/* --------------------------------------------------- left, and found again */

static char *record_of(const struct rdv__command_run *command)
{
    const char *path = rdv__store_path(command->run.runs->store);
    return path ? rdv__left_record(path, command->journal.number, command->step.index,
                                   command->step.attempt)
                : NULL;
}

bool rdv__command_run_has_record(const struct rdv__command_run *command)
{
    char *record = record_of(command);
    bool has = record && rdv__left_has(record);
    free(record);
    return has;
}

int rdv__command_run_adopt_process(struct rdv__command_run *command,
                                   void (*ended)(void *user, int result, int code))
{
    const struct rdv__process_options options = {
        .user = command,
        .output = hear_output,
        .notice = hear_notice,
        .trouble = hear_trouble,
        .ended = ended,
    };
    char *record = record_of(command);
    int result = record ? prepare_output(command) : RDV_ENOMEM;
    if (!result)
        result = rdv__process_adopt(command->run.runs->loop, record, &options, &command->process);
    free(record);
    command->step.record = result == 0 ? RECORD_ADOPTED : RECORD_NONE;
    return result;
}

bool rdv__command_run_can_leave_process(const struct rdv__command_run *command)
{
    return command->phase == RUNNING && command->process && command->step.record != RECORD_NONE &&
           command->handler->on_stop == RDV__STOP_LEAVE && !command->stop.cancelled &&
           !command->step.timed_out && !command->run.gone;
}

void rdv__command_run_leave_process(struct rdv__command_run *command)
{
    rdv__process_leave(command->process);
    command->process = NULL;
}

void rdv__command_run_forget_records(struct rdv__command_run *command)
{
    const char *path = rdv__store_path(command->run.runs->store);
    if (path && (command->resumed || command->handler->on_stop == RDV__STOP_LEAVE))
        rdv__left_forget(path, command->journal.number);
}
