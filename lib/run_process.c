/* SPDX-License-Identifier: MIT */
/* The processes of a run of steps: how they are started and heard, left running, and found again. */
#include "steps.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "left.h"
#include "output.h"
#include "task.h"

/* Comes before the last that a program has printed which has run on without us. */
static const char left_words[] =
    "[rdvtask: left running over a restart; the last that it printed:]\n";

/* ------------------------------------------------------------- what it says */

static void hear_output(void *user, const char *data, size_t size)
{
    struct steps *run = user;
    if (run->adopted) /* once, at its end */
        rdv__output_add(run->output, left_words, sizeof left_words - 1);
    rdv__output_add(run->output, data, size);
}

static void hear_trouble(void *user, const char *words)
{
    struct steps *run = user;
    rdv__log(log_of(run), RDV_LOG_WARNING, "%s: step %zu: %s", identifier_of(run), run->step + 1,
             words);
}

static void hear_notice(void *user, const struct rdv__notice *notice)
{
    struct steps *run = user;
    bool said = notice->message || notice->progress >= 0;
    if (notice->status) {
        rdv_status status;
        if (rdv_status_parse(notice->status, &status) || status < RDV_STATUS_SEARCHING ||
            status > RDV_STATUS_APPLYING) {
            char shown[64];
            rdv__output_show(notice->status, strlen(notice->status), shown, sizeof shown);
            rdv__log(log_of(run), RDV_LOG_WARNING,
                     "%s: step %zu: a step can't say STATUS=%s, only searching, downloading or "
                     "applying",
                     identifier_of(run), run->step + 1, shown);
        } else {
            if (status != run->status)
                run->progress = -1;
            run->status = status;
            said = true;
        }
    }
    if (notice->progress >= 0)
        run->progress = notice->progress;
    if (notice->message)
        rdv__output_show(notice->message, strlen(notice->message), run->message,
                         sizeof run->message);
    if (!said)
        return;
    rdv__steps_tell(run);
    if (run->run.gone && run->process)
        rdv__process_end(run->process, run->handler->grace);
}

/* The command that reboots has nothing to say: the status is REBOOTING. */
static void hear_no_notice(void *user, const struct rdv__notice *notice)
{
    (void)user;
    (void)notice;
}

/* ------------------------------------------------------------------- start */

static int prepare_output(struct steps *run)
{
    int result = 0;
    if (!run->output)
        result = rdv__output_new(run->run.runs->logs, run->number, run->resumed, &run->output);
    if (!result)
        rdv__output_mark(run->output);
    return result;
}

/* What the handler asks for beyond the program; the record, if there is to be one, is the caller's to free. */
static int supervise(struct steps *run, struct rdv__supervision *supervision, char **ret_record,
                     struct rdv_error *error)
{
    const struct rdv__handler *handler = run->handler;
    const char *path = rdv__store_path(run->run.runs->store);
    char *record = NULL;
    supervision->program = run->run.runs->supervisor;
    if (run->phase == REBOOTING) /* which is the machine's matter, not this handler's */
        return 0;
    supervision->user = handler->user;
    supervision->directory = handler->directory;
    supervision->limits = handler->limits.list;
    supervision->limit_count = handler->limits.count;
    if (handler->on_stop == RDV__STOP_LEAVE && path) {
        record = rdv__left_record(path, run->number, run->step, run->attempt);
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

/* The environment of a program. The command that reboots runs with our rights, whoever the handler's user is, so it gets nothing of the
 * handler's environment. */
static int make_environment(const struct steps *run, const struct rdv__variable *own, size_t count,
                            const char ***ret_environment)
{
    const struct rdv__environment *environment =
        run->phase == REBOOTING ? &run->handlers->base : &run->handler->environment;
    return rdv__environment_join(environment, own, count, ret_environment);
}

/* Start the program of a step, or the one that reboots. */
int rdv__steps_start_process(struct steps *run, const struct rdv__step *step,
                             void (*ended)(void *user, int result, int code),
                             struct rdv_error *error)
{
    struct rdv__supervision supervision = {0};
    char *record = NULL;
    int result = prepare_output(run);
    if (result)
        return rdv__fail(error, result, "%s", rdv_strerror(result));
    result = supervise(run, &supervision, &record, error);
    if (result)
        return result;

    char number[24], attempt[16];
    snprintf(number, sizeof number, "%" PRId64, run->number);
    snprintf(attempt, sizeof attempt, "%d", run->attempt);
    /* The last ones are what a run is recognised by, and all that a supervisor gets of the environment. */
    enum { LABEL, IDENTIFIER, ATTEMPT, RUN, STORE, NONCE, OWN };
    const struct rdv__variable own[OWN] = {
        [LABEL] = {"RDV_LABEL", rdv_task_label(run->run.task)},
        [IDENTIFIER] = {"RDV_IDENTIFIER", identifier_of(run)},
        [ATTEMPT] = {"RDV_ATTEMPT", attempt},
        [RUN] = {"RDV_RUN", number},
        [STORE] = {"RDV_STORE", rdv__store_path(run->run.runs->store)},
        [NONCE] = {"RDV_NONCE", run->nonce[0] ? run->nonce : NULL},
    };
    const struct rdv__environment nothing = {NULL, 0};
    const char **environment = NULL, **marks = NULL;
    result = make_environment(run, own, OWN, &environment);
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
        .user = run,
        .output = hear_output,
        .notice = run->phase == REBOOTING ? hear_no_notice : hear_notice,
        .trouble = hear_trouble,
        .ended = ended,
    };
    options.input = rdv_task_context(run->run.task, &options.input_size);
    result = rdv__process_start(run->run.runs->loop, &options, &run->process, error);
    run->leavable = result == 0 && record;
    free((void *)environment);
    free((void *)marks);
    free(record);
    return result;
}

void rdv__steps_read_end(const struct steps *run, const struct rdv__step *step, bool timed_out,
                         int result, int code, struct rdv__step_end *ret_end)
{
    const char *words = rdv__process_not_started(run->process);
    if (words)
        rdv__step_not_started(result, words, ret_end);
    else
        rdv__step_ended(step, timed_out, result, code, ret_end);
}

/* ----------------------------------------------------- lost by its supervisor */

/* End it at once, as the supervisor would have. */
static void sweep(struct steps *run)
{
    run->phase = CLEANING;
    int result =
        rdv__leftovers_end(run->run.runs->loop, rdv__store_path(run->run.runs->store), run->number,
                           run->nonce, 0, rdv__steps_swept, run, &run->leftovers);
    if (result)
        rdv__steps_put_off(run, sweep, "cannot end what a step has left behind",
                           rdv_strerror(result));
}

bool rdv__steps_sweep(struct steps *run, int result, int code)
{
    const char *path = rdv__store_path(run->run.runs->store);
    const bool supervised = run->adopted || run->run.runs->supervisor;
    if (!path || !supervised || (!result && !rdv__plat_end_is_lost(code)))
        return false;
    sweep(run);
    return true;
}

/* --------------------------------------------------- left, and found again */

static char *record_of(const struct steps *run)
{
    const char *path = rdv__store_path(run->run.runs->store);
    return path ? rdv__left_record(path, run->number, run->step, run->attempt) : NULL;
}

bool rdv__steps_has_record(const struct steps *run)
{
    char *record = record_of(run);
    bool has = record && rdv__left_has(record);
    free(record);
    return has;
}

int rdv__steps_adopt(struct steps *run, void (*ended)(void *user, int result, int code))
{
    const struct rdv__process_options options = {
        .user = run,
        .output = hear_output,
        .notice = hear_notice,
        .trouble = hear_trouble,
        .ended = ended,
    };
    char *record = record_of(run);
    int result = record ? prepare_output(run) : RDV_ENOMEM;
    if (!result)
        result = rdv__process_adopt(run->run.runs->loop, record, &options, &run->process);
    free(record);
    run->adopted = run->leavable = result == 0;
    return result;
}

bool rdv__steps_can_leave_process(const struct steps *run)
{
    return run->phase == RUNNING && run->process && run->leavable &&
           run->handler->on_stop == RDV__STOP_LEAVE && !run->cancelled && !run->timed_out &&
           !run->run.gone;
}

void rdv__steps_leave_process(struct steps *run)
{
    rdv__process_leave(run->process);
    run->process = NULL;
}

void rdv__steps_forget_records(struct steps *run)
{
    const char *path = rdv__store_path(run->run.runs->store);
    if (path && (run->resumed || run->handler->on_stop == RDV__STOP_LEAVE))
        rdv__left_forget(path, run->number);
}
