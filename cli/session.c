/* SPDX-License-Identifier: MIT */
#include "session.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <rdvtask/agent.h>

#include "commands.h"
#include "messages.h"
#include "options.h"
#include "paths.h"
#include "system.h"

/* How long an agent may take for an answer: its disk may be slow. */
#define ANSWER_WAIT RDV_MINUTE

struct ask {
    const struct options *options;
    int64_t id; /* of the last request */
    char words[512];
    rdv_response *listed; /* what ask_entries() was answered */

    rdv_client *client; /* to the agent; else NULL */

    /* Without an agent. */
    rdv_store *store;
    rdv_loop *loop;   /* this and what follows: NULL for reading */
    rdv_agent *agent; /* NULL unless a run may have to be ended */
    rdv_trigger *trigger;
    rdv_control *control;
    struct text answer;
};

static void set_words(struct ask *asked, const char *words)
{
    snprintf(asked->words, sizeof(asked->words), "%s", words);
}

static void log_line(void *user, rdv_log_level level, const char *text)
{
    const struct ask *asked = user;
    /* What fails is said with the answer; and nothing is tried again after that, whatever the trigger agent says. */
    if (asked->options->verbose)
        say_line((int)level, text);
}

/* ------------------------------------------------------------ who is asked */

/* Connect to an agent; asked->client stays NULL if there is none. */
static int connect_agent(struct ask *asked, enum ask_else otherwise, const char *path)
{
    struct rdv_error error = {0};
    int result = rdv_client_open(path, &asked->client, &error);
    switch (result) {
    case 0:
    case RDV_ENOTFOUND:
        return EXIT_OK;
    case RDV_EACCES:
    case RDV_EINVAL:
        /* The store may be open to us all the same, and if it is not, that says more. */
        if (!asked->options->socket && otherwise != ASK_AGENT)
            return EXIT_OK;
        break;
    default:
        break;
    }
    say_error("the agent that runs on the store can't be asked: %s",
              error.text[0] ? error.text : rdv_strerror(result));
    return result == RDV_EBUSY ? EXIT_BUSY : EXIT_FAILED;
}

/* Be to oneself what an agent would be, but start nothing. */
static int make_control(struct ask *asked)
{
    rdv_trigger_options how;
    rdv_trigger_options_init(&how);
    how.flags = RDV_TRIGGER_HOLD_STORED;
    how.log.write = log_line;
    how.log.user = asked;
    int result = rdv_loop_new(&asked->loop);
    if (result == 0)
        result = rdv_trigger_new(asked->loop, asked->store, &how, &asked->trigger);
    if (result == 0)
        result =
            rdv_control_new(asked->loop, asked->store, asked->trigger, NULL, &asked->control, NULL);
    return result ? place_store_failed(asked->store, "read the schedule", result) : EXIT_OK;
}

int ask_be_agent(struct ask *asked)
{
    rdv_agent_options how;
    if (asked->client || asked->agent)
        return EXIT_OK;
    rdv_agent_options_init(&how);
    how.log.write = log_line;
    how.log.user = asked;
    int result = rdv_agent_new(asked->loop, asked->store, &how, &asked->agent);
    if (result == 0)
        result = rdv_trigger_attach(asked->trigger, rdv_agent_plugin(asked->agent));
    return result ? place_store_failed(asked->store, "end the task", result) : EXIT_OK;
}

/* A run that is waited for. */
struct ending {
    struct ask *asked;
    const char *identifier;
    bool running, stopped;
};

static int look_whether_running(void *user, const rdv_entry *entry)
{
    struct ending *ending = user;
    ending->running = entry->state == RDV_STATE_RUNNING;
    return 0;
}

static void on_stopped(void *user, int reason)
{
    struct ending *ending = user;
    (void)reason;
    ending->stopped = true;
    rdv_loop_stop(ending->asked->loop);
}

static int on_change(void *user, const rdv_entry *entry)
{
    struct ending *ending = user;
    if (entry->state == RDV_STATE_FINISHED && strcmp(entry->identifier, ending->identifier) == 0) {
        ending->running = false;
        rdv_loop_stop(ending->asked->loop);
    }
    return 0;
}

int ask_wait_end(struct ask *asked, const char *identifier, bool *ret_waited)
{
    struct ending ending = {.asked = asked, .identifier = identifier};
    const rdv_filter filter = {
        .size = sizeof(filter), .flags = RDV_FILTER_RUNNING, .identifier = identifier, .limit = 1};
    rdv_watch *watch = NULL;
    *ret_waited = false;
    if (!asked->agent)
        return 0;
    int result = rdv_trigger_watch(asked->trigger, on_change, &ending, &watch);
    if (result == 0)
        result = rdv_store_entries(asked->store, &filter, look_whether_running, &ending);
    *ret_waited = ending.running;
    while (result == 0 && ending.running)
        result = rdv_loop_run(asked->loop);
    /* Shut down in order: what is left of other runs, and is being ended meanwhile, has its time, too. */
    if (result == 0)
        result = rdv_trigger_terminate(asked->trigger, 0, on_stopped, &ending);
    while (result == 0 && !ending.stopped)
        result = rdv_loop_run(asked->loop);
    if (result)
        set_words(asked, rdv_strerror(result));
    rdv_watch_free(watch);
    return result;
}

/* Connect to the agent or open the store. */
static int find_out(struct ask *asked, enum ask_else otherwise, const char *path)
{
    struct rdv_error locked = {0};
    for (int try = 0; try < PLACE_LOCKED_TRIES; try++) {
        int code = connect_agent(asked, otherwise, path);
        if (code || asked->client || otherwise == ASK_NOBODY)
            return code;
        if (otherwise == ASK_READ)
            return place_open_reader(asked->options, &asked->store);
        if (otherwise == ASK_AGENT) {
            say_error("no agent listens on %s: start one with 'rdvtask run', or give the --socket "
                      "of the one that runs",
                      path);
            return EXIT_NOTHING;
        }
        code = place_try_writer(asked->options, otherwise == ASK_MAKE, &asked->store, &locked);
        if (code != EXIT_BUSY)
            return code ? code : asked->store ? make_control(asked) : EXIT_OK;
        system_pause(PLACE_LOCKED_PAUSE);
    }
    return place_say_locked(asked->options, &locked);
}

int ask_open(const struct options *options, enum ask_else otherwise, struct ask **ret_ask)
{
    char *path = NULL;
    int code = place_socket(options, &path);
    if (code)
        return code;
    struct ask *asked = calloc(1, sizeof(*asked));
    if (!asked) {
        free(path);
        say_error("%s", rdv_strerror(RDV_ENOMEM));
        return EXIT_FAILED;
    }
    asked->options = options;
    code = find_out(asked, otherwise, path);
    free(path);
    if (code || (!asked->client && !asked->store)) {
        ask_close(asked);
        asked = NULL;
    }
    if (code == 0)
        *ret_ask = asked;
    return code;
}

void ask_close(struct ask *asked)
{
    if (!asked)
        return;
    rdv_response_free(asked->listed);
    rdv_client_close(asked->client);
    rdv_control_free(asked->control);
    rdv_trigger_free(asked->trigger);
    rdv_agent_free(asked->agent);
    rdv_store_close(asked->store);
    rdv_loop_free(asked->loop);
    text_finish(&asked->answer);
    free(asked);
}

rdv_client *ask_take_client(struct ask *asked)
{
    rdv_client *client = asked->client;
    asked->client = NULL;
    return client;
}

/* ------------------------------------------------------------ asking */

/* Whether it answers the last request: also where the agent could not tell which request it refuses. */
static bool answers(const struct ask *asked, const rdv_response *response)
{
    const int64_t id = rdv_response_id(response);
    return !rdv_response_method(response) &&
           (id == asked->id || (id < 0 && rdv_response_error(response, NULL) != 0));
}

/* Wait for the answer to the last request. */
static int receive(struct ask *asked, rdv_response **ret_response)
{
    for (;;) {
        const char *line;
        rdv_response *response = NULL;
        int result = rdv_client_receive(asked->client, ANSWER_WAIT, &line);
        if (result == 0)
            result = rdv_response_parse(line, &response);
        if (result == 0 && !answers(asked, response)) {
            rdv_response_free(response); /* a change, or late */
            continue;
        }
        if (result == 0)
            *ret_response = response;
        else if (result == RDV_ETIMEDOUT)
            set_words(asked, "the agent does not answer; what was asked for may still be done");
        else if (result == RDV_ESHUTDOWN)
            set_words(asked,
                      "the agent has gone without an answer; what was asked for may be done");
        else
            set_words(asked, rdv_strerror(result));
        return result;
    }
}

static void on_answer(void *user, const char *line)
{
    struct ask *asked = user;
    text_clear(&asked->answer);
    text_add_string(&asked->answer, line);
}

static int call(struct ask *asked, const char *line, rdv_response **ret_response)
{
    int result = rdv_control_call(asked->control, line, on_answer, asked);
    if (result == 0)
        result = asked->answer.failed || !asked->answer.data ? RDV_ENOMEM : 0;
    if (result == 0)
        result = rdv_response_parse(asked->answer.data, ret_response);
    if (result)
        set_words(asked, rdv_strerror(result));
    return result;
}

int ask(struct ask *asked, const char *method, const char *params, rdv_response **ret_response)
{
    rdv_response *response = NULL;
    char *line = NULL;
    int result = rdv_request_new(++asked->id, method, params, &line);
    if (result) {
        set_words(asked, rdv_strerror(result));
    } else if (asked->client) {
        result = rdv_client_send(asked->client, line);
        if (result)
            set_words(asked, result == RDV_ESHUTDOWN ? "the agent has gone" : rdv_strerror(result));
        else
            result = receive(asked, &response);
    } else {
        result = call(asked, line, &response);
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
        set_words(asked, words);
    rdv_response_free(response);
    return result;
}

const char *ask_words(const struct ask *asked)
{
    return asked->words;
}

int ask_failed(const struct ask *asked, const char *doing, int code)
{
    say_error("cannot %s: %s", doing, asked->words[0] ? asked->words : rdv_strerror(code));
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

/* "identifier":"…" */
static bool add_identifier(struct text *params, const char *identifier)
{
    rdv_task *task = NULL; /* it knows what an identifier can be */
    if (rdv_task_new("label", identifier, NULL, 0, &task) != 0)
        return false;
    rdv_task_unref(task);
    text_add_string(params, "\"identifier\":");
    text_add_json(params, identifier);
    return true;
}

bool ask_add_identifier(struct text *params, const char *identifier)
{
    text_add_string(params, "{");
    const bool possible = add_identifier(params, identifier);
    text_add_string(params, "}");
    return possible && !params->failed;
}

/* ------------------------------------------------------------ entries */

/* Ask the agent for a listing, once. */
static int list(struct ask *asked, const char *method, const rdv_filter *filter)
{
    struct text params = {0};
    char limit[48];
    int result = 0;
    if (asked->listed)
        return 0;
    text_add_string(&params, "{");
    if (filter->identifier && !add_identifier(&params, filter->identifier))
        result = RDV_ENOTFOUND; /* what can't be an identifier isn't there */
    if (filter->limit > 0) {
        snprintf(limit, sizeof(limit), "%s\"limit\":%" PRId64, filter->identifier ? "," : "",
                 filter->limit);
        text_add_string(&params, limit);
    }
    text_add_string(&params, "}");
    if (result == 0)
        result = params.failed ? RDV_ENOMEM : ask(asked, method, params.data, &asked->listed);
    text_finish(&params);
    return result;
}

int ask_entries(struct ask *asked, const char *method, const rdv_filter *filter, rdv_entry_fn fn,
                void *user)
{
    int result = 0;
    if (asked->client && !asked->store)
        result = list(asked, method, filter);
    if (result == RDV_ENOTFOUND)
        return 0;
    /* What is too much for one answer can still be read, if the store is ours to read. */
    if (result == RDV_ELIMIT && place_open_reader(asked->options, &asked->store) != 0)
        return result;
    if (result != 0 && result != RDV_ELIMIT)
        return result;
    if (!asked->store)
        return rdv_response_entries(asked->listed, fn, user);
    result = rdv_store_entries(asked->store, filter, fn, user);
    if (result)
        set_words(asked, rdv_store_message(asked->store));
    return result;
}

bool ask_paused(struct ask *asked)
{
    rdv_response *status = NULL;
    bool paused = false;
    if (!asked->client)
        return rdv_store_paused(asked->store, &paused) == 0 && paused;
    if (ask(asked, "status", NULL, &status) == 0)
        paused = ask_member_true(status, "paused");
    rdv_response_free(status);
    return paused;
}

/* Passes entries on, and knows whether there was one. */
struct shown {
    rdv_entry_fn fn;
    void *user;
    bool any;
};

static int show(void *user, const rdv_entry *entry)
{
    struct shown *shown = user;
    shown->any = true;
    return shown->fn(shown->user, entry);
}

int ask_entry(struct ask *asked, const char *identifier, rdv_entry_fn fn, void *user)
{
    const unsigned kinds[] = {RDV_FILTER_PENDING | RDV_FILTER_RUNNING, RDV_FILTER_FINISHED};
    rdv_filter filter = {.size = sizeof(filter), .identifier = identifier, .limit = 1};
    if (asked->client) {
        struct text params = {0};
        int result = ask_add_identifier(&params, identifier) ? 0 : RDV_ENOTFOUND;
        if (result == 0 && !asked->listed)
            result = ask(asked, "show", params.data, &asked->listed);
        text_finish(&params);
        return result ? result : rdv_response_entries(asked->listed, fn, user);
    }
    /* A look counts only if it shows something: between two of them the task may end. */
    struct shown shown = {.fn = fn, .user = user};
    for (size_t i = 0; i < 2; i++) {
        filter.flags = kinds[i] | RDV_FILTER_CHANGES | RDV_FILTER_OUTPUT;
        int result = rdv_store_entries(asked->store, &filter, show, &shown);
        if (shown.any)
            return result;
        if (result) {
            set_words(asked, rdv_store_message(asked->store));
            return result;
        }
    }
    return RDV_ENOTFOUND;
}
