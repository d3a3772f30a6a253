/* SPDX-License-Identifier: MIT */
/*
 * A session: what answers the requests of a verb, and how they get there.
 *
 * Exactly one of these is open in a session:
 *   - `client`: an agent runs on the store, and answers.
 *   - `store` alone: no agent runs, and the verb only reads.
 *   - `store` with loop, trigger and control (and `agent`, if a run may have to be ended): no agent
 *     runs, this process holds the writer lock, and rdv_control_call() answers. Stored tasks are
 *     held, so that nothing is started.
 *
 * There is one exception: with a client, a listing that is too large for one answer opens the store
 * for reading, too.
 */
#include "session.h"

#include <stdlib.h>
#include <string.h>

#include <rdvtask/agent.h>

#include "commands.h"
#include "display_text.h"
#include "json_text.h"
#include "messages.h"
#include "options.h"
#include "paths.h"
#include "system.h"

/* How long an agent may take to answer. Its disk may be slow. */
#define ANSWER_WAIT RDV_MINUTE

struct session {
    const struct options *options;
    /* The id of the last request. */
    int64_t id;
    /* What went wrong last. */
    char words[512];
    /* The answer that session_list_entries() and session_show_entry() keep for another pass. */
    rdv_response *listed;

    /* The connection to the agent, or NULL. */
    rdv_client *client;

    /* Without an agent. All but the store are NULL if the verb only reads. */
    rdv_store *store;
    rdv_loop *loop;
    rdv_trigger *trigger;
    rdv_control *control;
    /* NULL unless a run may have to be ended. */
    rdv_agent *agent;
    /* The line that control has answered. */
    struct text answer;
};

static void set_error_text(struct session *session, const char *words)
{
    snprintf(session->words, sizeof(session->words), "%s", words);
}

static void log_line(void *user, rdv_log_level level, const char *text)
{
    const struct session *session = user;
    /* A failure is reported with the answer. The trigger agent's "it is tried again" would be
     * wrong here, since this process ends. */
    if (session->options->verbose)
        print_log_line((int)level, text);
}

/* ------------------------------------------------------------ opening */

/* Connect to an agent. session->client stays NULL if none listens. */
static int connect_agent(struct session *session, enum session_fallback fallback, const char *path)
{
    struct rdv_error error = {0};
    int result = rdv_client_open(path, &session->client, &error);
    switch (result) {
    case 0:
    case RDV_ENOTFOUND:
        return EXIT_OK;
    case RDV_EACCES:
    case RDV_EINVAL:
        /* The store may be accessible all the same. If it is not, that failure tells the user
         * more than this one. */
        if (!session->options->socket && fallback != SESSION_NEED_AGENT)
            return EXIT_OK;
        break;
    default:
        break;
    }
    report_error("cannot talk to the agent that runs on the store: %s",
                 error.text[0] ? error.text : rdv_strerror(result));
    return result == RDV_EBUSY ? EXIT_BUSY : EXIT_FAILED;
}

/* Answer requests in this process as an agent would, but start nothing. */
static int make_control(struct session *session)
{
    rdv_trigger_options how;
    rdv_trigger_options_init(&how);
    how.flags = RDV_TRIGGER_HOLD_STORED;
    how.log.write = log_line;
    how.log.user = session;
    int result = rdv_loop_new(&session->loop);
    if (result == 0)
        result = rdv_trigger_new(session->loop, session->store, &how, &session->trigger);
    if (result == 0)
        result = rdv_control_new(session->loop, session->store, session->trigger, NULL,
                                 &session->control, NULL);
    return result ? paths_report_failure(session->store, "read the schedule", result) : EXIT_OK;
}

int session_become_agent(struct session *session)
{
    rdv_agent_options how;
    if (session->client || session->agent)
        return EXIT_OK;
    rdv_agent_options_init(&how);
    how.log.write = log_line;
    how.log.user = session;
    int result = rdv_agent_new(session->loop, session->store, &how, &session->agent);
    if (result == 0)
        result = rdv_trigger_attach(session->trigger, rdv_agent_plugin(session->agent));
    return result ? paths_report_failure(session->store, "end the task", result) : EXIT_OK;
}

/* The run that session_wait_for_end() waits for. */
struct ending {
    struct session *session;
    const char *identifier;
    bool running, stopped;
};

static int read_whether_running(void *user, const rdv_entry *entry)
{
    struct ending *ending = user;
    ending->running = entry->state == RDV_STATE_RUNNING;
    return 0;
}

static void on_trigger_stopped(void *user, int reason)
{
    struct ending *ending = user;
    (void)reason;
    ending->stopped = true;
    rdv_loop_stop(ending->session->loop);
}

static int on_change(void *user, const rdv_entry *entry)
{
    struct ending *ending = user;
    if (entry->state == RDV_STATE_FINISHED && strcmp(entry->identifier, ending->identifier) == 0) {
        ending->running = false;
        rdv_loop_stop(ending->session->loop);
    }
    return 0;
}

int session_wait_for_end(struct session *session, const char *identifier, bool *ret_waited)
{
    struct ending ending = {.session = session, .identifier = identifier};
    const rdv_filter filter = {
        .size = sizeof(filter), .flags = RDV_FILTER_RUNNING, .identifier = identifier, .limit = 1};
    rdv_watch *watch = NULL;
    *ret_waited = false;
    if (!session->agent)
        return 0;
    int result = rdv_trigger_watch(session->trigger, on_change, &ending, &watch);
    if (result == 0)
        result = rdv_store_entries(session->store, &filter, read_whether_running, &ending);
    *ret_waited = ending.running;
    while (result == 0 && ending.running)
        result = rdv_loop_run(session->loop);
    /* Shut down in order, so that what is left of other runs has its time to end, too. */
    if (result == 0)
        result = rdv_trigger_terminate(session->trigger, 0, on_trigger_stopped, &ending);
    while (result == 0 && !ending.stopped)
        result = rdv_loop_run(session->loop);
    if (result)
        set_error_text(session, rdv_strerror(result));
    rdv_watch_free(watch);
    return result;
}

/* Connect to the agent, or open the store. A store that is locked may belong to an agent that is
 * about to listen, so both are tried for some time. */
static int find_agent_or_store(struct session *session, enum session_fallback fallback,
                               const char *path)
{
    struct paths_locked locked = {0};
    for (int try = 0; try < PATHS_LOCKED_TRIES; try++) {
        int code = connect_agent(session, fallback, path);
        if (code || session->client || fallback == SESSION_ONLY_AGENT)
            return code;
        if (fallback == SESSION_READ_STORE)
            return paths_open_reader(session->options, &session->store);
        if (fallback == SESSION_NEED_AGENT) {
            report_error(
                "no agent listens on %s: start one with 'rdvtask run', or give the --socket "
                "of the one that runs",
                path);
            return EXIT_NOTHING;
        }
        code = paths_try_writer(session->options, fallback == SESSION_MAKE_STORE, &session->store,
                                &locked);
        if (code != EXIT_BUSY)
            return code ? code : session->store ? make_control(session) : EXIT_OK;
        system_pause(PATHS_LOCKED_PAUSE);
    }
    return paths_report_locked(session->options, &locked);
}

int session_open(const struct options *options, enum session_fallback fallback,
                 struct session **ret_session)
{
    char *path = NULL;
    int code = paths_find_socket(options, &path);
    if (code)
        return code;
    struct session *session = calloc(1, sizeof(*session));
    if (!session) {
        free(path);
        report_error("%s", rdv_strerror(RDV_ENOMEM));
        return EXIT_FAILED;
    }
    session->options = options;
    code = find_agent_or_store(session, fallback, path);
    free(path);
    if (code || (!session->client && !session->store)) {
        session_close(session);
        session = NULL;
    }
    if (code == 0)
        *ret_session = session;
    return code;
}

int session_open_task(const struct options *options, enum session_fallback fallback,
                      struct session **ret_session, const char **ret_identifier)
{
    struct session *session = NULL;
    if (!options->arguments[0][0])
        return report_usage_error(options->verb, "an identifier can't be empty");
    int code = session_open(options, fallback, &session);
    if (code == 0 && !session)
        code = EXIT_NOTHING;
    if (code)
        return code;
    *ret_session = session;
    *ret_identifier = options->arguments[0];
    return EXIT_OK;
}

void session_close(struct session *session)
{
    if (!session)
        return;
    rdv_response_free(session->listed);
    rdv_client_close(session->client);
    rdv_control_free(session->control);
    rdv_trigger_free(session->trigger);
    rdv_agent_free(session->agent);
    rdv_store_close(session->store);
    rdv_loop_free(session->loop);
    text_finish(&session->answer);
    free(session);
}

rdv_client *session_take_client(struct session *session)
{
    rdv_client *client = session->client;
    session->client = NULL;
    return client;
}

/* ------------------------------------------------------------ requests */

/* Whether a response is the answer to the last request. An error without an id is one, too: the
 * agent could not tell which request it refused. */
static bool is_answer(const struct session *session, const rdv_response *response)
{
    const int64_t id = rdv_response_id(response);
    return !rdv_response_method(response) &&
           (id == session->id || (id < 0 && rdv_response_error(response, NULL) != 0));
}

/* Wait for the answer to the last request. */
static int receive_answer(struct session *session, rdv_response **ret_response)
{
    for (;;) {
        const char *line;
        rdv_response *response = NULL;
        int result = rdv_client_receive(session->client, ANSWER_WAIT, &line);
        if (result == 0)
            result = rdv_response_parse(line, &response);
        if (result == 0 && !is_answer(session, response)) {
            rdv_response_free(response); /* a notification, or an answer that came too late */
            continue;
        }
        if (result == 0)
            *ret_response = response;
        else if (result == RDV_ETIMEDOUT)
            set_error_text(session,
                           "the agent does not answer; it may still do what was requested");
        else if (result == RDV_ESHUTDOWN)
            set_error_text(
                session,
                "the agent has gone without an answer; it may have done what was requested");
        else
            set_error_text(session, rdv_strerror(result));
        return result;
    }
}

static void on_answer(void *user, const char *line)
{
    struct session *session = user;
    text_clear(&session->answer);
    text_add_string(&session->answer, line);
}

static int call_control(struct session *session, const char *line, rdv_response **ret_response)
{
    int result = rdv_control_call(session->control, line, on_answer, session);
    if (result == 0)
        result = session->answer.failed || !session->answer.data ? RDV_ENOMEM : 0;
    if (result == 0)
        result = rdv_response_parse(session->answer.data, ret_response);
    if (result)
        set_error_text(session, rdv_strerror(result));
    return result;
}

/* The line of a request. Takes params. */
static int make_request(struct session *session, const char *method, cJSON *params, char **ret_line)
{
    char *text = params ? cJSON_PrintUnformatted(params) : NULL;
    const bool complete = !params || text;
    /* The tree goes before the line is made, since both may be large. */
    cJSON_Delete(params);
    int result = complete ? rdv_request_new(++session->id, method, text, ret_line) : RDV_ENOMEM;
    cJSON_free(text);
    return result;
}

int session_request(struct session *session, const char *method, cJSON *params,
                    rdv_response **ret_response)
{
    rdv_response *response = NULL;
    char *line = NULL;
    int result = make_request(session, method, params, &line);
    if (result) {
        set_error_text(session, rdv_strerror(result));
    } else if (session->client) {
        result = rdv_client_send(session->client, line);
        if (result)
            set_error_text(session,
                           result == RDV_ESHUTDOWN ? "the agent has gone" : rdv_strerror(result));
        else
            result = receive_answer(session, &response);
    } else {
        result = call_control(session, line, &response);
    }
    rdv_free(line);
    const char *words = "";
    if (result == 0)
        result = rdv_response_error(response, &words);
    if (result == 0) {
        *ret_response = response;
        return 0;
    }
    if (words[0])
        set_error_text(session, words);
    rdv_response_free(response);
    return result;
}

/* Add an identifier to the parameters. RDV_ENOTFOUND if no task can have it: then there is none. */
static int add_identifier(cJSON *params, const char *identifier)
{
    rdv_task *task = NULL; /* it knows what an identifier can be */
    if (rdv_task_new("label", identifier, NULL, 0, &task) != 0)
        return RDV_ENOTFOUND;
    rdv_task_unref(task);
    return cJSON_AddStringToObject(params, "identifier", identifier) ? 0 : RDV_ENOMEM;
}

int session_request_list(struct session *session, const char *method, const char *identifier,
                         int64_t limit, rdv_response **ret_response)
{
    cJSON *params = cJSON_CreateObject();
    int result = params ? 0 : RDV_ENOMEM;
    if (result == 0 && identifier)
        result = add_identifier(params, identifier);
    if (result == 0 && limit > 0)
        result = json_add_integer(params, "limit", limit) ? 0 : RDV_ENOMEM;
    if (result) {
        set_error_text(session, rdv_strerror(result));
        cJSON_Delete(params);
        return result;
    }
    return session_request(session, method, params, ret_response);
}

int session_request_task(struct session *session, const char *method, const char *identifier,
                         rdv_response **ret_response)
{
    return session_request_list(session, method, identifier, 0, ret_response);
}

cJSON *session_parse_result(const rdv_response *response)
{
    return cJSON_Parse(rdv_response_result(response));
}

const char *session_error_text(const struct session *session)
{
    return session->words;
}

int session_report_failure(const struct session *session, const char *doing, int code)
{
    report_error("cannot %s: %s", doing, session->words[0] ? session->words : rdv_strerror(code));
    switch (code) {
    case RDV_EBUSY:
    case RDV_ELOCKED:
    case RDV_ESHUTDOWN:
    case RDV_ETIMEDOUT:
        return EXIT_BUSY;
    case RDV_ENOTFOUND:
        return EXIT_NOTHING;
    default:
        return EXIT_FAILED;
    }
}

/* ------------------------------------------------------------ entries */

int session_list_entries(struct session *session, const char *method, const rdv_filter *filter,
                         rdv_entry_fn fn, void *user)
{
    int result = 0;
    if (session->client && !session->store && !session->listed)
        result = session_request_list(session, method, filter->identifier, filter->limit,
                                      &session->listed);
    if (result == RDV_ENOTFOUND) /* no entry can have that identifier */
        return 0;
    /* What is too much for one answer can still be read, if this user may read the store. */
    if (result == RDV_ELIMIT && paths_open_reader(session->options, &session->store) != 0)
        return result;
    if (result != 0 && result != RDV_ELIMIT)
        return result;
    if (!session->store)
        return rdv_response_entries(session->listed, fn, user);
    result = rdv_store_entries(session->store, filter, fn, user);
    if (result)
        set_error_text(session, rdv_store_message(session->store));
    return result;
}

bool session_is_paused(struct session *session)
{
    rdv_response *response = NULL;
    bool paused = false;
    if (!session->client)
        return rdv_store_paused(session->store, &paused) == 0 && paused;
    if (session_request(session, "status", NULL, &response) != 0)
        return false;
    cJSON *status = session_parse_result(response);
    paused = json_is_true(status, "paused");
    cJSON_Delete(status);
    rdv_response_free(response);
    return paused;
}

/* Passes entries on, and remembers whether there was one. */
struct shown {
    rdv_entry_fn fn;
    void *user;
    bool any;
};

static int pass_entry(void *user, const rdv_entry *entry)
{
    struct shown *shown = user;
    shown->any = true;
    return shown->fn(shown->user, entry);
}

int session_show_entry(struct session *session, const char *identifier, rdv_entry_fn fn, void *user)
{
    const unsigned kinds[] = {RDV_FILTER_PENDING | RDV_FILTER_RUNNING, RDV_FILTER_FINISHED};
    rdv_filter filter = {.size = sizeof(filter), .identifier = identifier, .limit = 1};
    if (session->client) {
        int result = 0;
        if (!session->listed)
            result = session_request_task(session, "show", identifier, &session->listed);
        return result ? result : rdv_response_entries(session->listed, fn, user);
    }
    /* First the one that has not ended, then the one that ended last. A task that ends in
     * between is found by the second look. */
    struct shown shown = {.fn = fn, .user = user};
    for (size_t i = 0; i < 2; i++) {
        filter.flags = kinds[i] | RDV_FILTER_CHANGES | RDV_FILTER_OUTPUT;
        int result = rdv_store_entries(session->store, &filter, pass_entry, &shown);
        if (shown.any)
            return result;
        if (result) {
            set_error_text(session, rdv_store_message(session->store));
            return result;
        }
    }
    return RDV_ENOTFOUND;
}
