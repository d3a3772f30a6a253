/* SPDX-License-Identifier: MIT */
/*
 * The control of an agent: two ways to the methods (methods.c). Clients of a socket send requests
 * through a line server, which calls the functions of server_ops; rdv_control_call() does a
 * request directly.
 *
 * Through the socket, a turn of the loop does requests in two parts. The early part, before the
 * commit, is for methods that stage: all of a turn share one commit, and each is answered when the
 * batch is durable (struct pending), or fails with it. The late part, after the commit, is for the
 * others: they show only what is durable. A listing is done in slices, one a call of client_late().
 *
 *   request -> early: it stages -> pending -> batch settled -> answer
 *           -> late:  it reads  -> done at once             -> answer
 *                               -> work -> slice ... slice  -> answer
 *
 * A request that waits for its part of the turn is kept as it was read. What all clients together
 * can make the agent take is bounded: see RDV_CONTROL_MEMORY_MAX below.
 */
#include <rdvtask/control.h>

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "control/change_stream.h"
#include "control/line_server.h"
#include "control/methods.h"
#include "control/rpc.h"
#include "json/writer.h"
#include "loop/loop.h"
#include "platform/platform.h"
#include "store/store.h"

/* With more than this in answers that wait for their commit, in bytes, the lines that follow wait
 * too. */
#define PREPARED_MAX (1024 * 1024)

/*
 * The memory that clients can make the agent take, in bytes: RDV_CONTROL_MEMORY_MAX all together.
 * Readers, which may not change anything, have RDV_CONTROL_READER_MEMORY_MAX of it.
 *
 *                          readers      the agent's own user and root
 *   lines that have come   4 MiB        100 MiB
 *   what waits to be read  6 MiB        100 MiB   (with answers being made, and kept requests)
 *   one line being done    6 MiB        288 MiB   (see below; or one entry with all its changes)
 *
 * The largest line is that of `schedule`. Besides its text, which is among those that have come, it
 * takes the scanner's table of RDV_DOCUMENT_VALUES, 24 MiB; its tasks, at most a million with two
 * values each, 184 MiB with two tables about them; the tree of one of them, of at most
 * RDV_CONTROL_VALUES; and the answer, 64 MiB. A single task that is nearly all of the line has its
 * text in the tree, decoded and as a context, which is less.
 */
#define MIB               ((size_t)1024 * 1024)
#define INPUT_MAX         (100 * MIB)
#define OUTPUT_MAX        (100 * MIB)
#define DOING_MAX         (288 * MIB)
#define READER_INPUT_MAX  (4 * MIB)
#define READER_OUTPUT_MAX (6 * MIB)
#define READER_DOING_MAX  (6 * MIB)

static_assert(READER_INPUT_MAX + READER_OUTPUT_MAX + READER_DOING_MAX <=
                  RDV_CONTROL_READER_MEMORY_MAX,
              "readers have more memory than they may");
static_assert(INPUT_MAX + OUTPUT_MAX + DOING_MAX + RDV_CONTROL_READER_MEMORY_MAX <=
                  RDV_CONTROL_MEMORY_MAX,
              "clients have more memory than they may");

/* How long a turn may do requests of the agent's own user and of root, and those of readers. */
#define OWNERS_TIME  (20 * RDV_MILLISECOND)
#define READERS_TIME (2 * RDV_MILLISECOND)

/* A request that comes in the part of a turn where it can't be done is kept as it was read, if its
 * line is not longer than this, in bytes. A longer line is read again: a tree takes several times
 * the memory of its text. */
#define KEPT_LINE_MAX 2048

/* The most that a value takes in the tree of a request, in bytes. */
#define VALUE_MEMORY 160

/* How long a client may leave its output unread. */
#define PATIENCE (30 * RDV_SECOND)

/* After it was logged that there are too many clients, it is not logged again for this long. */
#define QUIET RDV_MINUTE

struct rdv_control {
    rdv_store *store;
    rdv_trigger *trigger;
    struct rdv__target target;
    rdv__group group;
    /* NULL without a socket. */
    struct rdv__server *server;
    char *busy_line, *refuse_line, *late_line;
    struct rdv__change_streams streams;
    /* The size of all answers that wait for their commit, in bytes. */
    size_t prepared;
    /* The control is attached to the store. */
    bool attached;
};

/* The state that the line server keeps for each connection. */
struct client {
    rdv_control *control;
    struct rdv__connection *connection;
    bool may_write;
    struct rdv__change_stream changes;
    /* The request of the line that waits, if is_kept. It borrows the line, which stays in its place
     * while it waits. */
    struct rdv__request kept;
    bool is_kept;
    /* A request that takes more than one slice; work is NULL while there is none. */
    struct rdv__work *work;
    struct rdv__json_writer *writer;
    char *id;
};

/* A request that is answered once its batch is durable. */
struct pending {
    struct rdv__store_change change;
    rdv_control *control;
    /* The place of the answer; NULL if nobody waits for one. */
    struct rdv__answer *answer;
    /* The request's id, and the answer if all goes well. */
    char *id, *line;
    /* The size of line. */
    size_t size;
};

/* ---------------------------------------------------------- through a socket */

/* The method `watch` of a client. */
static int client_watch(void *user, int64_t after)
{
    struct client *client = user;
    return rdv__change_stream_open(&client->control->streams, &client->changes, client->connection,
                                   after);
}

static void *client_opened(void *user, struct rdv__connection *connection, enum rdv__peer peer)
{
    struct client *client = calloc(1, sizeof *client);
    if (!client)
        return NULL;
    client->control = user;
    client->connection = connection;
    client->may_write = peer == RDV__PEER_OWNER;
    return client;
}

/* Forget a request that takes several slices: it is done, or its client is gone. */
static void drop_work(struct client *client)
{
    rdv__work_free(client->work);
    rdv__json_writer_free(client->writer);
    free(client->id);
    client->work = NULL;
    client->writer = NULL;
    client->id = NULL;
}

/* Keep the request of a line that waits, so that the line is not parsed a second time. Takes the
 * request. The memory counts as if it waited to be read by the client. */
static void keep_request(struct client *client, struct rdv__request *request, size_t line_size)
{
    size_t memory = line_size + (line_size / 2 + 1) * VALUE_MEMORY;
    if (line_size > KEPT_LINE_MAX || !rdv__connection_hold(client->connection, memory)) {
        (void)rdv__connection_hold(client->connection, 0);
        rdv__request_finish(request);
        return;
    }
    client->kept = *request;
    client->is_kept = true;
}

/* Read the request of a line, or take the one that was kept of it. */
static int take_request(struct client *client, const char *line, size_t size,
                        struct rdv__request *ret_request, struct rdv__failure *ret_failure)
{
    if (!client->is_kept)
        return rdv__request_read(line, size, ret_request, ret_failure);
    *ret_request = client->kept;
    client->is_kept = false;
    (void)rdv__connection_hold(client->connection, 0);
    memset(ret_failure, 0, sizeof *ret_failure);
    return 0;
}

static void client_closed(void *user, void *state)
{
    rdv_control *control = user;
    struct client *client = state;
    rdv__change_stream_close(&control->streams, &client->changes);
    if (client->is_kept)
        rdv__request_finish(&client->kept);
    drop_work(client);
    free(client);
}

static void client_too_long(void *user, void *state, size_t limit)
{
    (void)user;
    struct client *client = state;
    struct rdv__failure failure;
    rdv__failure_set(&failure, RDV__RPC_REQUEST, RDV_ELIMIT, "the request is longer than %zu bytes",
                     limit);
    rdv__connection_answer(client->connection, rdv__answer_failure("null", &failure));
}

static void pending_free(struct pending *pending)
{
    free(pending->id);
    free(pending->line);
    free(pending);
}

/* Answer a staged request: its batch is durable, or lost. */
static void pending_settle(struct rdv__store_change *change, int result)
{
    struct pending *pending = (struct pending *)change;
    rdv_control *control = pending->control;
    struct rdv__failure failure;
    control->prepared -= pending->size;
    if (result != 0) {
        rdv__failure_of_store(&failure, control->store, result);
        free(pending->line);
        pending->line = pending->answer ? rdv__answer_failure(pending->id, &failure) : NULL;
    }
    if (pending->answer) {
        rdv__answer_give(pending->answer, pending->line);
        pending->line = NULL;
    }
    pending_free(pending);
}

/* Make the line of an answer: of what was written, or of the failure. The line is NULL if id is
 * NULL, as no answer is due then. Takes the writer. If there is no memory for the line of a result,
 * the request has failed. */
static int finish_answer(struct rdv__json_writer *writer, const char *id, int result,
                         struct rdv__failure *failure, char **ret_line)
{
    *ret_line = NULL;
    if (result == 0 && id)
        result = rdv__json_writer_finish(writer, ret_line);
    else
        rdv__json_writer_free(writer);
    if (result == RDV_ENOMEM)
        rdv__failure_set(failure, 0, result, "%s", rdv_strerror(result));
    if (result != 0 && id)
        *ret_line = rdv__answer_failure(id, failure);
    return result;
}

/* Do a request to its end, and write its answer. On failure nothing was done: if there is no memory
 * for the answer of a method that stages, its batch is undone. */
static int perform_request(const struct rdv__target *target, const struct rdv__method *method,
                           const struct rdv__request *request, char **ret_line)
{
    struct rdv__failure failure = {0};
    struct rdv__json_writer *writer = NULL;
    struct rdv__work *work = NULL;
    int result = rdv__answer_begin(request->id ? request->id : "null", &writer);
    if (result == 0)
        result = rdv__dispatch(target, method, request, writer, &failure, &work);
    if (work)
        while ((result = rdv__work_step(work, writer, &failure)) == 1)
            ;
    rdv__work_free(work);
    bool done = result == 0;
    result = finish_answer(writer, request->id, result, &failure, ret_line);
    if (done && result != 0 && rdv__method_stages(method))
        (void)rdv__store_fail(target->store, result);
    return result;
}

/* Have a staged request answered when its batch is durable. From here on it can fail only with the
 * whole batch. */
static void defer_answer(struct client *client, struct pending *pending, char *line)
{
    rdv_control *control = client->control;
    pending->line = line;
    pending->size = line ? strlen(line) : 0;
    control->prepared += pending->size;
    rdv__store_defer(control->store, &pending->change);
}

static int pending_new(struct client *client, const struct rdv__request *request,
                       struct pending **ret_pending)
{
    struct pending *pending = calloc(1, sizeof *pending);
    if (!pending)
        return RDV_ENOMEM;
    pending->change.settle = pending_settle;
    pending->change.owner = client->control;
    pending->control = client->control;
    if (request->id) {
        size_t size = strlen(request->id) + 1;
        pending->id = malloc(size);
        if (pending->id)
            memcpy(pending->id, request->id, size);
        if (pending->id)
            pending->answer = rdv__connection_expect(client->connection);
        if (!pending->answer) {
            pending_free(pending);
            return RDV_ENOMEM;
        }
    }
    *ret_pending = pending;
    return 0;
}

/* Answer a request now, if it wants an answer. Takes line. If an answer is due and line is NULL,
 * there was no memory for it. */
static void answer_request(struct client *client, const struct rdv__request *request, char *line)
{
    if (request->id)
        rdv__connection_answer(client->connection, line);
}

/* Do a request that stages. Its answer keeps its place among those of the client until the batch
 * is durable. */
static void do_staging_request(struct client *client, const struct rdv__method *method,
                               const struct rdv__request *request)
{
    rdv_control *control = client->control;
    struct pending *pending = NULL;
    struct rdv__failure failure;
    char *line = NULL;
    int result = pending_new(client, request, &pending);
    bool done = result == 0;
    if (done) {
        result = perform_request(&control->target, method, request, &line);
        done = result == 0;
        /* A batch is needed even if the method had nothing to change: the answer goes with it. */
        if (done)
            result = rdv__store_stage(control->store);
    }
    if (result != 0 && (done || !pending)) {
        free(line);
        rdv__failure_of_store(&failure, control->store, result);
        line = request->id ? rdv__answer_failure(request->id, &failure) : NULL;
    }
    if (result == 0) {
        defer_answer(client, pending, line);
        return;
    }
    if (pending && pending->answer)
        rdv__answer_give(pending->answer, line);
    else
        answer_request(client, request, line);
    if (pending)
        pending_free(pending);
}

/* Do a slice of the client's request. Returns false if it has been answered. */
static bool do_slice(struct client *client)
{
    struct rdv__connection *connection = client->connection;
    struct rdv__failure failure;
    char *line = NULL;
    int result = rdv__work_step(client->work, client->writer, &failure);
    if (result == 1) {
        size_t memory = rdv__work_memory(client->work) + rdv__json_writer_memory(client->writer);
        if (rdv__connection_hold(connection, memory))
            return true;
        result = RDV_EBUSY;
        rdv__failure_set(&failure, 0, result, "too much waits for clients that do not read");
    }
    (void)finish_answer(client->writer, client->id, result, &failure, &line);
    client->writer = NULL;
    drop_work(client);
    (void)rdv__connection_hold(connection, 0);
    rdv__connection_answer(connection, line);
    return false;
}

/* Late in a turn, when there is room for output: do a slice of a request, or have a stream of
 * changes catch up with the store. Returns true if there is more to do. */
static bool client_late(void *user, void *state)
{
    (void)user;
    struct client *client = state;
    if (client->work && do_slice(client))
        return true;
    return rdv__change_stream_catch_up(&client->control->streams, &client->changes);
}

/* Do a request that does not stage: to its end, or, for a listing, its first slice. In that case
 * the request's id is taken. */
static void do_late_request(struct client *client, const struct rdv__method *method,
                            struct rdv__request *request)
{
    struct rdv__target target = client->control->target;
    struct rdv__failure failure = {0};
    struct rdv__json_writer *writer = NULL;
    struct rdv__work *work = NULL;
    char *line = NULL;
    target.watch = client_watch;
    target.watch_user = client;
    if (!client->may_write) {
        target.answer_max = RDV_CONTROL_READER_ANSWER_MAX;
        target.roomy = false;
    }
    int result = rdv__answer_begin(request->id ? request->id : "null", &writer);
    if (result == 0)
        result = rdv__dispatch(&target, method, request, writer, &failure, &work);
    if (work && request->id) {
        client->work = work;
        client->writer = writer;
        client->id = request->id;
        request->id = NULL;
        if (do_slice(client))
            rdv__connection_more(client->connection);
        return;
    }
    /* If there is work, the request was a notification: nobody waits for what it finds. */
    rdv__work_free(work);
    (void)finish_answer(writer, request->id, result, &failure, &line);
    answer_request(client, request, line);
}

static void set_no_method(const struct rdv__request *request, struct rdv__failure *failure)
{
    rdv__failure_set(failure, RDV__RPC_METHOD, RDV_ENOTSUP, "there is no method '%s'",
                     request->method);
}

/* Check whether the client may call the method now. Returns 0, or the code of the failure, which
 * says why not. */
static int check_call(const struct client *client, const struct rdv__method *method,
                      const struct rdv__request *request, struct rdv__failure *failure)
{
    if (!method)
        set_no_method(request, failure);
    else if (!client->may_write && !rdv__method_reads(method))
        rdv__failure_set(failure, 0, RDV_EACCES, "'%s' is not for clients that may only read",
                         request->method);
    else if (!rdv__connection_has_room(client->connection, 0))
        rdv__failure_set(failure, 0, RDV_EBUSY, "too much waits for clients that do not read");
    else
        return 0;
    return failure->error.code;
}

static bool is_blank(const char *line, size_t size)
{
    while (size > 0 && (line[size - 1] == ' ' || line[size - 1] == '\t' || line[size - 1] == '\r'))
        size--;
    return size == 0;
}

/* Do a line, or have it wait for the part of the turn where it belongs. */
static enum rdv__line client_line(void *user, void *state, const char *line, size_t size, bool late)
{
    rdv_control *control = user;
    struct client *client = state;
    struct rdv__connection *connection = client->connection;
    struct rdv__request request;
    struct rdv__failure failure;
    if (is_blank(line, size))
        return RDV__LINE_DONE;
    if (control->prepared > PREPARED_MAX || client->work)
        return RDV__LINE_WAIT;
    const struct rdv__method *method = NULL;
    int result = take_request(client, line, size, &request, &failure);
    if (result == 0) {
        method = rdv__method_find(request.method);
        result = check_call(client, method, &request, &failure);
    } else if (!request.id) {
        /* There is not even memory to answer with an error. */
        rdv__connection_close(connection);
    }
    /* A client that changes something and then reads finds it changed, as reading comes after the
     * commit. Nothing is staged in the late part: reading commits what is open. */
    if (result == 0 && rdv__method_stages(method) == late) {
        keep_request(client, &request, size);
        return RDV__LINE_WAIT;
    }
    if (result != 0)
        answer_request(client, &request,
                       request.id ? rdv__answer_failure(request.id, &failure) : NULL);
    else if (rdv__method_stages(method))
        do_staging_request(client, method, &request);
    else
        do_late_request(client, method, &request);
    rdv__request_finish(&request);
    return RDV__LINE_DONE;
}

static const struct rdv__server_ops server_ops = {
    .opened = client_opened,
    .closed = client_closed,
    .line = client_line,
    .too_long = client_too_long,
    .late = client_late,
};

/* ---------------------------------------------------------------- directly */

/* Check whether a request can be done directly. Returns 0, or the code of the failure, which says
 * why not. */
static int check_direct_call(const rdv_control *control, const struct rdv__method *method,
                             const struct rdv__request *request, struct rdv__failure *failure)
{
    if (!method)
        set_no_method(request, failure);
    else if (rdv__store_is_held(control->store))
        rdv__failure_set(failure, 0, RDV_ESTATE, "a batch is open");
    else
        return 0;
    return failure->error.code;
}

int rdv_control_call(rdv_control *control, const char *text, rdv_control_reply_fn fn, void *user)
{
    if (!control || !text || !fn)
        return RDV_EINVAL;
    struct rdv__request request;
    struct rdv__failure failure;
    const struct rdv__method *method = NULL;
    char *line = NULL;
    int result = rdv__request_read(text, strlen(text), &request, &failure);
    bool read = result == 0;
    if (read) {
        method = rdv__method_find(request.method);
        result = check_direct_call(control, method, &request, &failure);
    }
    bool refused = result != 0;
    if (!refused)
        result = perform_request(&control->target, method, &request, &line);
    if (result == 0 && rdv__method_stages(method)) {
        result = rdv__store_commit(control->store);
        refused = result != 0;
        if (refused)
            rdv__failure_of_store(&failure, control->store, result);
    }
    if (refused) {
        free(line);
        line = request.id ? rdv__answer_failure(request.id, &failure) : NULL;
    }
    bool answered = line || (read && !request.id && result != RDV_ENOMEM);
    if (line)
        fn(user, line);
    free(line);
    rdv__request_finish(&request);
    return answered ? 0 : RDV_ENOMEM;
}

/* -------------------------------------------------------------------- life */

void rdv_control_options_init(rdv_control_options *options)
{
    *options = (rdv_control_options){.size = sizeof *options};
}

static int make_lines(rdv_control *control)
{
    struct rdv__failure failure;
    rdv__failure_set(&failure, 0, RDV_EBUSY, "the agent has too many clients");
    control->busy_line = rdv__answer_failure("null", &failure);
    rdv__failure_set(&failure, 0, RDV_EACCES, "the agent does not take requests from this user");
    control->refuse_line = rdv__answer_failure("null", &failure);
    static const char late[] = "{\"jsonrpc\":\"2.0\",\"method\":\"late\",\"params\":{}}";
    control->late_line = malloc(sizeof late);
    if (control->late_line)
        memcpy(control->late_line, late, sizeof late);
    return control->busy_line && control->refuse_line && control->late_line ? 0 : RDV_ENOMEM;
}

static int listen_for_clients(rdv_control *control, rdv_loop *loop,
                              const rdv_control_options *options, struct rdv_error *error)
{
    struct rdv__server_options how = {
        .path = options->socket,
        .queue_max = RDV_CONTROL_QUEUE_MAX,
        .owners = {.line_max = RDV_CONTROL_LINE_MAX,
                   .input_max = INPUT_MAX,
                   .output_max = OUTPUT_MAX,
                   .time = OWNERS_TIME},
        .readers = {.line_max = RDV_CONTROL_READER_LINE_MAX,
                    .input_max = READER_INPUT_MAX,
                    .output_max = READER_OUTPUT_MAX,
                    .time = READERS_TIME},
        .connections = RDV_CONTROL_CLIENTS,
        .reader_connections = RDV_CONTROL_READERS,
        .patience = PATIENCE,
        .quiet = QUIET,
        .running = rdv__plat_running,
        .log = options->log,
    };
    int result = make_lines(control);
    if (result != 0)
        return rdv__fail(error, result, "%s", rdv_strerror(result));
    how.busy_line = control->busy_line;
    how.refuse_line = control->refuse_line;
    how.late_line = control->late_line;
    if (options->reader_group) {
        result = rdv__socket_group(options->reader_group, &control->group, error);
        how.group = &control->group;
    }
    return result != 0 ? result
                       : rdv__server_new(loop, &how, &server_ops, control, &control->server, error);
}

int rdv_control_new(rdv_loop *loop, rdv_store *store, rdv_trigger *trigger,
                    const rdv_control_options *options, rdv_control **ret_control,
                    struct rdv_error *error)
{
    rdv_control_options defaults;
    rdv_control_options_init(&defaults);
    if (!options)
        options = &defaults;
    if (!loop || !store || !trigger || !ret_control || options->size != sizeof *options)
        return rdv__fail(error, RDV_EINVAL, "invalid argument to rdv_control_new");
    rdv_control *control = calloc(1, sizeof *control);
    if (!control)
        return rdv__fail(error, RDV_ENOMEM, "out of memory");
    control->store = store;
    control->trigger = trigger;
    control->streams =
        (struct rdv__change_streams){.store = store, .trigger = trigger, .log = options->log};
    control->target = (struct rdv__target){.store = store,
                                           .trigger = trigger,
                                           .reload = options->reload,
                                           .reload_user = options->user,
                                           .answer_max = RDV_CONTROL_LINE_MAX,
                                           .roomy = true};
    int result = rdv__store_attach(store, loop);
    if (result == 0)
        control->attached = true;
    else
        (void)rdv__fail(error, result, "the store belongs to another loop");
    if (result == 0 && options->socket)
        result = listen_for_clients(control, loop, options, error);
    if (result != 0) {
        rdv_control_free(control);
        return result;
    }
    *ret_control = control;
    return 0;
}

void rdv_control_free(rdv_control *control)
{
    if (!control)
        return;
    rdv__server_free(control->server);
    if (control->attached)
        rdv__store_disown(control->store, control);
    free(control->busy_line);
    free(control->refuse_line);
    free(control->late_line);
    free(control);
}
