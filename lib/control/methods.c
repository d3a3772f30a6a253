/* SPDX-License-Identifier: MIT */
/*
 * The methods that an agent has for its clients: a table of names and functions. control.c calls
 * them through rdv__dispatch(), whether a request came through a socket or not.
 *
 * A method reads its parameters, of which all are checked before anything is done; then it asks the
 * trigger agent or changes it, and writes the result. Methods that stage write their result from
 * what is staged, so that it is ready when the batch is committed. Listings only begin here: what
 * is left of one is a struct rdv__work, which is done in slices.
 */
#include "control/methods.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "document/entry_json.h"
#include "document/schedule.h"
#include "platform/socket.h"
#include "store/listing.h"
#include "store/records.h"
#include "store/store.h"
#include "trigger/api.h"
#include "trigger/load_document.h"
#include "trigger/query.h"

/* The largest number of entries that may be asked for. */
#define LIMIT_MAX INT32_MAX

/* Room for the end of a line after its last entry, in bytes. */
#define LINE_END 64

/* Entries that are written into an answer. */
struct answer {
    struct rdv__json_writer *writer;
    /* How long the line of the answer may be, in bytes. */
    size_t max;
    /* The key under which the entry is written; NULL in an array. */
    const char *key;
    int64_t count;
};

/* A request under way. */
struct method_call {
    const struct rdv__target *target;
    const struct rdv__request *request;
    struct rdv__json_writer *writer;
    struct rdv__failure *failure;
    /* What is left to do; NULL if nothing is. */
    struct rdv__work *work;
    struct answer answer;
};

struct rdv__work {
    rdv_store *store;
    struct rdv__query *query;
    /* Its writer is set during a step only. */
    struct answer answer;
    /* The identifier of the one entry that is to be shown. */
    char identifier[];
};

/* See rdv__method_reads() and rdv__method_stages(). */
struct rdv__method {
    const char *name;
    bool reads, stages;
    /* Do a request: read its parameters, do it, and write the result. Returns 0, or an error with
     * the call's failure filled in. */
    int (*run)(struct method_call *call);
};

/* ---------------------------------------------------------------- failures */

/* Whether the store may have words of its own for this code. */
static bool is_of_store(int code)
{
    return code == RDV_EIO || code == RDV_ENOSPC || code == RDV_EACCES || code == RDV_EREADONLY ||
           code == RDV_ELOCKED || code == RDV_ECORRUPT || code == RDV_ELOST;
}

void rdv__failure_of_store(struct rdv__failure *failure, const rdv_store *store, int code)
{
    const char *words = rdv_store_message(store);
    rdv__failure_set(failure, 0, code, "%s",
                     is_of_store(code) && *words ? words : rdv_strerror(code));
}

static int fail_by_store(struct method_call *call, int code)
{
    rdv__failure_of_store(call->failure, call->target->store, code);
    return code;
}

/* Fail for parameters that are not right; the error has been filled in when they were read. */
static int refuse_params(struct method_call *call, int code)
{
    call->failure->number = code == RDV_ENOMEM ? code : RDV__RPC_PARAMS;
    return code;
}

/* Fail, with words that follow the identifier that the client gave. */
static int refuse_identifier(struct method_call *call, int code, const char *identifier,
                             const char *words)
{
    rdv__failure_set(call->failure, 0, code, "'%s' %s", identifier, words);
    return code;
}

/* -------------------------------------------------------------- parameters */

/* Read the parameters. If the request has none, all are absent. */
static int read_params(struct method_call *call, const char *const *names,
                       struct rdv__value *ret_values)
{
    const struct rdv__request *request = call->request;
    if (request->params.item) {
        int result = rdv__json_members(request->params, names, ret_values, &call->failure->error);
        return result != 0 ? refuse_params(call, result) : 0;
    }
    for (size_t i = 0; names[i]; i++) {
        ret_values[i] = rdv__json_root(request->json);
        ret_values[i].item = NULL;
    }
    return 0;
}

/* Check that there are no parameters. */
static int check_no_params(struct method_call *call)
{
    static const char *const names[] = {NULL};
    return read_params(call, names, NULL);
}

static int read_limit(struct method_call *call, struct rdv__value value, int64_t *ret_limit)
{
    int result =
        value.item ? rdv__json_integer(value, 0, LIMIT_MAX, ret_limit, &call->failure->error) : 0;
    return result != 0 ? refuse_params(call, result) : 0;
}

static int read_name(struct method_call *call, struct rdv__value value, const char **ret_name)
{
    int result = value.item ? rdv__document_name(value, ret_name, &call->failure->error) : 0;
    return result != 0 ? refuse_params(call, result) : 0;
}

/* Read the identifier, which is the only parameter of many methods. */
static int read_identifier(struct method_call *call, const char **ret_identifier)
{
    static const char *const names[] = {"identifier", NULL};
    struct rdv__value value;
    int result = read_params(call, names, &value);
    if (result != 0)
        return result;
    if (!value.item) {
        rdv__failure_set(call->failure, RDV__RPC_PARAMS, RDV_EINVAL, "an \"identifier\" is needed");
        return RDV_EINVAL;
    }
    return read_name(call, value, ret_identifier);
}

/* ----------------------------------------------------------------- entries */

static bool too_long(const struct rdv__json_writer *writer, size_t max)
{
    return rdv__json_writer_size(writer) > max - LINE_END;
}

static int write_entry(void *user, const rdv_entry *entry)
{
    struct answer *answer = user;
    answer->count++;
    rdv__entry_write(answer->writer, answer->key, entry);
    return too_long(answer->writer, answer->max) ? RDV_ELIMIT : 0;
}

/* Begin a listing: its result is an array, or, if there is a key, one entry. */
static int begin_query(struct method_call *call, const struct rdv__query_terms *terms,
                       const char *key)
{
    const struct rdv__target *target = call->target;
    size_t size = key ? strlen(terms->identifier) + 1 : 0;
    struct rdv__work *work = malloc(sizeof *work + size);
    if (!work)
        return fail_by_store(call, RDV_ENOMEM);
    *work = (struct rdv__work){.store = target->store,
                               .answer = {.max = target->answer_max, .key = key}};
    if (key)
        memcpy(work->identifier, terms->identifier, size);
    int result = rdv__query_new(target->trigger, terms, &work->query);
    if (result != 0) {
        free(work);
        return fail_by_store(call, result);
    }
    if (!key)
        rdv__json_begin_array(call->writer, "result");
    call->work = work;
    return 0;
}

static int fail_by_query(const struct rdv__work *work, int code, struct rdv__failure *failure)
{
    if (code == RDV_ELIMIT)
        rdv__failure_set(failure, 0, code, "the answer would be longer than %zu MiB%s",
                         work->answer.max / (1024 * 1024),
                         work->answer.key ? "" : ": ask for less, with \"limit\"");
    else
        rdv__failure_of_store(failure, work->store, code);
    return code;
}

int rdv__work_step(struct rdv__work *work, struct rdv__json_writer *writer,
                   struct rdv__failure *ret_failure)
{
    memset(ret_failure, 0, sizeof *ret_failure);
    work->answer.writer = writer;
    int result = rdv__query_step(work->query, write_entry, &work->answer);
    if (result < 0)
        return fail_by_query(work, result, ret_failure);
    if (result > 0)
        return 1;
    if (!work->answer.key) {
        rdv__json_end(writer);
    } else if (work->answer.count == 0) {
        rdv__failure_set(ret_failure, 0, RDV_ENOTFOUND, "'%s' is not known", work->identifier);
        return RDV_ENOTFOUND;
    }
    return 0;
}

size_t rdv__work_memory(const struct rdv__work *work)
{
    return sizeof *work + rdv__query_memory(work->query);
}

void rdv__work_free(struct rdv__work *work)
{
    if (work)
        rdv__query_free(work->query);
    free(work);
}

static int run_list(struct method_call *call)
{
    enum { LABEL, LIMIT, PARAMS };
    static const char *const names[] = {"label", "limit", NULL};
    struct rdv__query_terms terms = {.kind = RDV__QUERY_LIST, .roomy = call->target->roomy};
    struct rdv__value values[PARAMS];
    int result = read_params(call, names, values);
    if (result == 0)
        result = read_name(call, values[LABEL], &terms.label);
    if (result == 0)
        result = read_limit(call, values[LIMIT], &terms.limit);
    return result != 0 ? result : begin_query(call, &terms, NULL);
}

static int run_history(struct method_call *call)
{
    enum { IDENTIFIER, LIMIT, PARAMS };
    static const char *const names[] = {"identifier", "limit", NULL};
    struct rdv__query_terms terms = {.kind = RDV__QUERY_HISTORY};
    struct rdv__value values[PARAMS];
    int result = read_params(call, names, values);
    if (result == 0)
        result = read_name(call, values[IDENTIFIER], &terms.identifier);
    if (result == 0)
        result = read_limit(call, values[LIMIT], &terms.limit);
    return result != 0 ? result : begin_query(call, &terms, NULL);
}

static int run_show(struct method_call *call)
{
    struct rdv__query_terms terms = {.kind = RDV__QUERY_SHOW};
    int result = read_identifier(call, &terms.identifier);
    return result != 0 ? result : begin_query(call, &terms, "result");
}

/* ----------------------------------------------------------------- changes */

/* Where the store was before a method has staged something. */
struct before {
    int64_t change, number;
};

static struct before note_position(const struct method_call *call)
{
    return (struct before){rdv__record_last_change(call->target->store),
                           rdv__record_last_number(call->target->store)};
}

/* Write the entries from number first to last that were staged since `before`. If they can't be
 * read, the batch is undone. */
static int write_staged(struct method_call *call, struct before before, int64_t first, int64_t last)
{
    rdv_store *store = call->target->store;
    int result = rdv__listing_staged(store, before.change, first, last, write_entry, &call->answer);
    return result == 0 || result == RDV_ELIMIT
               ? result
               : fail_by_store(call, rdv__store_fail(store, result));
}

/* Fail as a task of the schedule is running, and so can't be scheduled again. */
static int refuse_running(struct method_call *call, const struct rdv__schedule *schedule,
                          size_t item)
{
    call->failure->number = RDV_EBUSY;
    return rdv__json_fail(rdv__json_element(schedule->tasks, item), &call->failure->error,
                          RDV_EBUSY, "'%s' is running",
                          rdv_task_identifier(schedule->items[item].task));
}

static int run_schedule(struct method_call *call)
{
    const struct rdv__target *target = call->target;
    const struct rdv__request *request = call->request;
    struct rdv__schedule schedule;
    int result =
        rdv__schedule_read(request->params.item ? request->params : rdv__json_root(request->json),
                           rdv__trigger_now(target->trigger), &schedule, &call->failure->error);
    if (result != 0)
        return refuse_params(call, result);

    struct before before = note_position(call);
    struct rdv__json_mark mark = rdv__json_writer_mark(call->writer);
    size_t failed = 0;
    result = rdv__trigger_schedule_all(target->trigger, &schedule, &failed);
    if (result == RDV_EBUSY)
        (void)refuse_running(call, &schedule, failed);
    else if (result != 0)
        (void)fail_by_store(call, result);
    rdv__schedule_finish(&schedule);
    if (result != 0)
        return result;
    rdv__json_begin_array(call->writer, "result");
    result = write_staged(call, before, before.number + 1, INT64_MAX);
    rdv__json_end(call->writer);
    if (result == RDV_ELIMIT) {
        /* The schedule is done all the same: only its answer would be too long. */
        rdv__json_writer_rewind(call->writer, mark);
        rdv__json_write_bool(call->writer, "result", true);
        result = 0;
    }
    return result;
}

/* Do `delete` or `cancel`: change one entry, and write it as it is then. */
static int change_entry(struct method_call *call,
                        int (*change)(rdv_trigger *trigger, const char *identifier),
                        const char *words_busy)
{
    rdv_trigger *trigger = call->target->trigger;
    const char *identifier;
    int64_t number = 0;
    bool running = false;
    int result = read_identifier(call, &identifier);
    if (result != 0)
        return result;
    struct before before = note_position(call);
    result = rdv__trigger_find(trigger, identifier, &number, &running);
    if (result == 0)
        result = change(trigger, identifier);
    if (result == RDV_ENOTFOUND)
        return refuse_identifier(call, result, identifier, "is neither pending nor running");
    if (result == RDV_EBUSY || result == RDV_ENOTSUP)
        return refuse_identifier(call, result, identifier, words_busy);
    if (result == RDV_EUNRECORDED) {
        const char *words = rdv_store_message(call->target->store);
        rdv__failure_set(call->failure, 0, result,
                         "'%s' is being cancelled, and that is not on disk yet%s%s", identifier,
                         *words ? ": " : "", words);
        return result;
    }
    if (result != 0)
        return fail_by_store(call, result);
    call->answer.key = "result";
    result = write_staged(call, before, number, number);
    /* If hardly any history is kept, the entry may be gone already. */
    if (result == 0 && call->answer.count == 0)
        rdv__json_write_bool(call->writer, "result", true);
    return result;
}

static int run_delete(struct method_call *call)
{
    return change_entry(call, rdv__trigger_delete, "is running: cancel it instead");
}

static int run_cancel(struct method_call *call)
{
    return change_entry(call, rdv__trigger_cancel,
                        rdv__trigger_agent_name(call->target->trigger)
                            ? "is running, and its task agent can't cancel"
                            : "was running, and no task agent is there to cancel it");
}

/* ----------------------------------------------------- the agent as a whole */

static int write_true(struct method_call *call)
{
    rdv__json_write_bool(call->writer, "result", true);
    return 0;
}

static int run_pause(struct method_call *call)
{
    int result = check_no_params(call);
    if (result != 0)
        return result;
    result = rdv_trigger_pause(call->target->trigger);
    return result != 0 ? fail_by_store(call, result) : write_true(call);
}

static int run_resume(struct method_call *call)
{
    int result = check_no_params(call);
    if (result != 0)
        return result;
    result = rdv_trigger_resume(call->target->trigger);
    return result != 0 ? fail_by_store(call, result) : write_true(call);
}

static int run_reload(struct method_call *call)
{
    const struct rdv__target *target = call->target;
    int result = check_no_params(call);
    if (result != 0)
        return result;
    if (!target->reload) {
        rdv__failure_set(call->failure, 0, RDV_ENOTSUP, "there is nothing to reload");
        return RDV_ENOTSUP;
    }
    result = target->reload(target->reload_user, &call->failure->error);
    if (result == 0)
        return write_true(call);
    call->failure->number = result;
    if (call->failure->error.code != result)
        rdv__failure_set(call->failure, 0, result, "%s", rdv_strerror(result));
    return result;
}

static void write_text(struct rdv__json_writer *writer, const char *key, const char *text)
{
    rdv__json_write_string(writer, key, text, text ? strlen(text) : 0);
}

static int run_explain(struct method_call *call)
{
    rdv_explanation explanation = {.size = sizeof explanation};
    struct rdv__json_writer *writer = call->writer;
    const char *identifier;
    int result = read_identifier(call, &identifier);
    if (result != 0)
        return result;
    result = rdv_trigger_explain(call->target->trigger, identifier, &explanation);
    if (result == RDV_ENOTFOUND)
        return refuse_identifier(call, result, identifier, "is neither pending nor running");
    if (result != 0)
        return fail_by_store(call, result);
    rdv__json_begin_object(writer, "result");
    rdv__json_write_integer(writer, "run", explanation.run);
    write_text(writer, "identifier", identifier);
    write_text(writer, "why", rdv_why_name(explanation.why));
    write_text(writer, "words", explanation.words);
    rdv__json_write_integer(writer, "ahead", (int64_t)explanation.ahead);
    rdv__json_write_integer(writer, "running", (int64_t)explanation.running);
    rdv__json_write_time(writer, "next", explanation.next);
    rdv__json_end(writer);
    return 0;
}

static int run_status(struct method_call *call)
{
    rdv_trigger *trigger = call->target->trigger;
    struct rdv__json_writer *writer = call->writer;
    int result = check_no_params(call);
    if (result != 0)
        return result;
    size_t unfinished = rdv_trigger_unfinished(trigger), running = rdv_trigger_running(trigger);
    rdv__json_begin_object(writer, "result");
    write_text(writer, "version", rdv_version());
    rdv__json_write_integer(writer, "protocol", RDV_CONTROL_VERSION);
    rdv__json_write_integer(writer, "pid", rdv__socket_own_pid());
    write_text(writer, "agent", rdv__trigger_agent_name(trigger));
    rdv__json_write_bool(writer, "paused", rdv_trigger_paused(trigger));
    rdv__json_write_integer(writer, "pending",
                            (int64_t)(unfinished > running ? unfinished - running : 0));
    rdv__json_write_integer(writer, "running", (int64_t)running);
    rdv__json_write_integer(writer, "max_running", rdv__trigger_max_running(trigger));
    rdv__json_write_time(writer, "next", rdv_trigger_next(trigger));
    rdv__json_write_integer(writer, "change", rdv__record_last_change(call->target->store));
    rdv__json_end(writer);
    return 0;
}

static int run_watch(struct method_call *call)
{
    static const char *const names[] = {"after", NULL};
    const struct rdv__target *target = call->target;
    struct rdv__value value;
    int64_t after = 0, last = rdv__record_last_change(target->store);
    int result = read_params(call, names, &value);
    if (result != 0)
        return result;
    if (value.item) {
        result = rdv__json_integer(value, 0, INT64_MAX, &after, &call->failure->error);
        if (result == 0 && after > last)
            result = rdv__json_fail(value, &call->failure->error, RDV_EINVAL,
                                    "the last change of this store is %" PRId64, last);
        if (result != 0)
            return refuse_params(call, result);
    }
    result = target->watch ? target->watch(target->watch_user, after) : RDV_ENOTSUP;
    if (result != 0) {
        rdv__failure_set(call->failure, 0, result, "%s",
                         target->watch ? rdv_strerror(result)
                                       : "no agent is running that could be watched");
        return result;
    }
    rdv__json_begin_object(call->writer, "result");
    rdv__json_write_integer(call->writer, "after", after);
    rdv__json_write_integer(call->writer, "last", last);
    rdv__json_end(call->writer);
    return 0;
}

/* ---------------------------------------------------------------- dispatch */

static const struct rdv__method methods[] = {
    {"list", .reads = true, .run = run_list},
    {"history", .reads = true, .run = run_history},
    {"show", .reads = true, .run = run_show},
    {"explain", .reads = true, .run = run_explain},
    {"status", .reads = true, .run = run_status},
    {"watch", .reads = true, .run = run_watch},
    {"schedule", .stages = true, .run = run_schedule},
    {"delete", .stages = true, .run = run_delete},
    {"cancel", .stages = true, .run = run_cancel},
    {"pause", .run = run_pause},
    {"resume", .run = run_resume},
    {"reload", .run = run_reload},
};

const struct rdv__method *rdv__method_find(const char *name)
{
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
        if (strcmp(methods[i].name, name) == 0)
            return &methods[i];
    return NULL;
}

bool rdv__method_reads(const struct rdv__method *method)
{
    return method->reads;
}

bool rdv__method_stages(const struct rdv__method *method)
{
    return method->stages;
}

int rdv__dispatch(const struct rdv__target *target, const struct rdv__method *method,
                  const struct rdv__request *request, struct rdv__json_writer *writer,
                  struct rdv__failure *ret_failure, struct rdv__work **ret_work)
{
    struct method_call call = {
        .target = target,
        .request = request,
        .writer = writer,
        .failure = ret_failure,
        .answer = {.writer = writer, .max = target->answer_max},
    };
    memset(ret_failure, 0, sizeof *ret_failure);
    /* Only what is durable is shown. If the commit fails, the batch's own changes tell their
     * clients. */
    if (!method->stages)
        (void)rdv__store_commit(target->store);
    int result = method->run(&call);
    *ret_work = call.work;
    return result;
}
