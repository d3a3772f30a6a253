/* SPDX-License-Identifier: MIT */
/*
 * The verb `watch`, and `start` where an agent runs the task: following what an agent does, from
 * another process.
 *
 * There are two connections. `stream` brings the changes, as notifications, and the loop waits for
 * it; `session` is for requests meanwhile. `watch` shows each change only once the one before it
 * has been written, so that it can tell at the end where to go on. If that is too slow, the agent
 * sends `late` and cuts the stream off, and this process subscribes again. `start` shows only its
 * own task, and never waits for its reader.
 */
#include "cmd_watch.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "entry_text.h"
#include "journal_prefix.h"
#include "json_text.h"
#include "live_view.h"
#include "messages.h"
#include "options.h"
#include "output_queue.h"
#include "request_params.h"
#include "signals.h"
#include "system.h"
#include "task_options.h"

/* While `watch` waits for its reader, how often it looks for requests to end. */
#define WRITE_LOOK (100 * RDV_MILLISECOND)

struct following {
    const struct options *options;
    struct session *session; /* for requests */
    rdv_client *stream;      /* where changes come from */
    int64_t after;           /* the number of the last change that came */
    int64_t shown; /* `watch`: the number of the last change that is known to be written */
    rdv_loop *loop;
    struct signals *signals;
    struct view *view;

    rdv_task *task; /* the task of `start`; NULL for `watch` */
    int64_t run;
    rdv_outcome outcome;
    int code;

    int ends;   /* how many requests to end were dealt with */
    int result; /* 0 as long as changes come; RDV_ESHUTDOWN if the agent has gone */
    bool late;  /* the agent has said that changes came faster than this process read them */
    bool stopped;
};

/* ------------------------------------------------------------ the view */

static int list_entries(void *source, const char *identifier, int64_t limit, rdv_entry_fn fn,
                        void *user)
{
    struct following *following = source;
    rdv_response *response = NULL;
    int result = identifier
                     ? session_request_task(following->session, "show", identifier, &response)
                     : session_request_list(following->session, "list", NULL, limit, &response);
    if (result == 0)
        result = rdv_response_entries(response, fn, user);
    rdv_response_free(response);
    return result;
}

static void read_figures(void *source, struct view_figures *ret_figures)
{
    struct following *following = source;
    rdv_response *response = NULL;
    int64_t running = 0, waiting = 0;
    if (session_request(following->session, "status", NULL, &response) != 0)
        return;
    const char *text = rdv_response_result(response);
    cJSON *status = session_parse_result(response);
    ret_figures->known = json_find_integer(text, "running", &running) &&
                         json_find_integer(text, "pending", &waiting);
    ret_figures->running = (size_t)running;
    ret_figures->waiting = (size_t)waiting;
    ret_figures->paused = json_is_true(status, "paused");
    json_get_time(status, "next", &ret_figures->next);
    cJSON_Delete(status);
    rdv_response_free(response);
}

/* Called on another thread, when a write to standard output has failed. */
static void on_output_failed(void *user)
{
    struct following *following = user;
    rdv_loop_stop(following->loop);
}

/* Whether what `watch` shows is still being read. */
static bool is_read(const struct following *following)
{
    return output_failure(OUTPUT_STDOUT) == 0 && !signals_reader_gone(following->signals);
}

static void note_what_is_written(struct following *following)
{
    if (output_wait(OUTPUT_STDOUT, 0) && is_read(following))
        following->shown = following->after;
}

/* Wait until all lines have been written, or somebody wants this to end. The agent cuts off a
 * process that is too slow. */
static void wait_until_written(struct following *following)
{
    while (!output_wait(OUTPUT_STDOUT, WRITE_LOOK) &&
           signals_ends(following->signals) == following->ends)
        ;
    note_what_is_written(following);
}

/* ------------------------------------------------------------ following */

static int on_change(void *user, const rdv_entry *entry)
{
    struct following *following = user;
    if (!following->task)
        wait_until_written(following);
    following->after = entry->change;
    if (following->task && entry->run != following->run)
        return 0;
    view_show_change(following->view, entry);
    if (following->task && entry->state == RDV_STATE_FINISHED) {
        following->outcome = entry->outcome;
        following->code = entry->code;
        following->stopped = true;
    }
    return 0;
}

static int on_line(struct following *following, const char *line)
{
    rdv_response *response = NULL;
    int result = rdv_response_parse(line, &response);
    const char *method = result == 0 ? rdv_response_method(response) : NULL;
    if (method && strcmp(method, "change") == 0)
        result = rdv_response_entries(response, on_change, following);
    else if (method && strcmp(method, "late") == 0)
        following->late = true;
    rdv_response_free(response);
    return result;
}

/* Take the lines that have come. */
static void take_lines(void *user)
{
    struct following *following = user;
    while (!following->stopped && following->result == 0) {
        const char *line;
        int result = rdv_client_receive(following->stream, 0, &line);
        if (result == RDV_ETIMEDOUT)
            return;
        if (result == 0)
            result = on_line(following, line);
        following->result = result;
    }
    rdv_loop_stop(following->loop);
}

static bool agent_has_gone(const struct following *following)
{
    return following->result == RDV_ESHUTDOWN;
}

static void on_end_request(struct following *following)
{
    rdv_response *response = NULL;
    if (++following->ends > 1 || !following->task) {
        following->stopped = true;
        return;
    }
    if (!following->options->quiet)
        view_print_line(following->view, JOURNAL_NOTICE,
                        "cancelling; once more to stop waiting for its end");
    int result = session_request_task(following->session, "cancel",
                                      rdv_task_identifier(following->task), &response);
    rdv_response_free(response);
    /* It is no failure if the task has just ended, or if the agent ends it and has no room to
     * record that yet. */
    if (result && result != RDV_ENOTFOUND && result != RDV_EUNRECORDED) {
        view_print_line(following->view, JOURNAL_ERROR, session_error_text(following->session));
        following->stopped = true;
    }
}

static void finish_following(struct following *following)
{
    output_watch_failures(NULL, NULL);
    view_free(following->view);
    rdv_client_close(following->stream);
    session_close(following->session);
    signals_stop(following->signals);
    rdv_loop_free(following->loop);
}

/* Have the agent send the changes after following->after. */
static int subscribe(struct following *following)
{
    struct session *session = NULL;
    rdv_response *response = NULL;
    int code = session_open(following->options, SESSION_NEED_AGENT, &session);
    if (code)
        return code;
    cJSON *params = cJSON_CreateObject();
    int result = RDV_ENOMEM;
    if (json_add_integer(params, "after", following->after))
        result = session_request(session, "watch", params, &response);
    else
        cJSON_Delete(params);
    if (result)
        code = session_report_failure(session, "watch", result);
    else
        following->stream = session_take_client(session);
    rdv_response_free(response);
    session_close(session);
    return code;
}

/* If the agent has cut off the stream because this process was late, subscribe again, after the
 * last change that was read. Returns false if it did not, or that fails. */
static bool watch_again(struct following *following)
{
    if (!following->late || !agent_has_gone(following))
        return false;
    following->late = false;
    view_print_line(
        following->view, JOURNAL_WARNING,
        "changes came faster than they could be shown: of some entries only the latest is");
    rdv_client_close(following->stream);
    following->stream = NULL;
    if (subscribe(following) != EXIT_OK)
        return false;
    following->result =
        rdv_client_attach(following->stream, following->loop, take_lines, following);
    if (following->result == 0)
        take_lines(following);
    return true;
}

static int report_no_start(int result)
{
    report_error("cannot start: %s", rdv_strerror(result));
    return EXIT_FAILED;
}

/* From now on requests to end are taken, and follow_changes() does what they ask. Returns an exit
 * code. */
static int take_signals(struct following *following)
{
    int result = rdv_loop_new(&following->loop);
    if (result == 0 && signals_start(following->loop, following->task ? 0 : SIGNALS_READER,
                                     &following->signals) != 0)
        result = RDV_ENOMEM;
    return result ? report_no_start(result) : EXIT_OK;
}

/* Follow changes until it is stopped. Returns an exit code. */
static int follow_changes(struct following *following)
{
    const struct view_source source = {list_entries, read_figures, following};
    const char *identifier = following->task ? rdv_task_identifier(following->task) : NULL;
    int result =
        view_new(following->options, following->loop, &source, identifier, &following->view);
    if (result == 0)
        result = rdv_client_attach(following->stream, following->loop, take_lines, following);
    if (result)
        return report_no_start(result);
    if (!following->task)
        output_watch_failures(on_output_failed, following);
    view_begin(following->view);
    take_lines(following);
    while (!following->stopped && (following->result == 0 || watch_again(following))) {
        result = rdv_loop_run(following->loop);
        if (following->result == 0)
            following->result = result;
        while (!following->stopped && following->ends < signals_ends(following->signals))
            on_end_request(following);
        if (signals_resized(following->signals))
            view_resized(following->view);
        if (!following->task && !is_read(following))
            following->stopped = true;
    }
    view_end(following->view);
    if (following->result && !agent_has_gone(following))
        report_error("cannot follow the agent any more: %s", rdv_strerror(following->result));
    return following->result ? EXIT_FAILED : EXIT_OK;
}

/* ------------------------------------------------------------ watch */

/* Find the number of the last change, to begin after it. */
static int find_last_change(struct following *following)
{
    rdv_response *status = NULL;
    int result = session_request(following->session, "status", NULL, &status);
    if (result == 0 && !json_find_integer(rdv_response_result(status), "change", &following->after))
        result = RDV_ENOTSUP;
    rdv_response_free(status);
    return result ? session_report_failure(following->session, "watch", result) : EXIT_OK;
}

static int open_watch(struct following *following)
{
    const struct options *options = following->options;
    int code =
        integer_from_option(options, "after", options->after, 0, INT64_MAX, &following->after);
    if (code == 0)
        code = session_open(options, SESSION_NEED_AGENT, &following->session);
    if (code == 0 && !options->after)
        code = find_last_change(following);
    return code;
}

/* Report where to go on, or what became of the output. Returns the exit code. */
static int end_watch(struct following *following, int code)
{
    if (agent_has_gone(following))
        wait_until_written(following);
    output_settle();
    note_what_is_written(following);
    const int failure = output_failure(OUTPUT_STDOUT);
    if (signals_reader_gone(following->signals) || (failure && system_reader_gone()))
        return EXIT_OK; /* the reader wanted no more */
    if (failure)
        code = report_output_failure(failure);
    if (agent_has_gone(following))
        report_error(
            "the agent has gone: once one is running again, 'rdvtask watch --after %" PRId64
            "' goes on from here",
            following->shown);
    else if (code == 0 || failure)
        print_note(following->options->quiet,
                   "'rdvtask watch --after %" PRId64 "' goes on from here", following->shown);
    return code;
}

int command_watch(const struct options *options)
{
    struct following following = {.options = options};
    if (!output_begin())
        return report_no_start(RDV_ENOMEM);
    int code = open_watch(&following);
    following.shown = following.after;
    if (code == 0)
        code = subscribe(&following);
    if (code == 0)
        code = take_signals(&following);
    if (code == 0)
        code = end_watch(&following, follow_changes(&following));
    finish_following(&following);
    output_end();
    return code;
}

/* ------------------------------------------------------------ start */

static int on_scheduled(void *user, const rdv_entry *entry)
{
    struct following *following = user;
    following->run = entry->run;
    return 0;
}

static int schedule_task(struct following *following, const rdv_window *window)
{
    cJSON *params = NULL;
    rdv_window first = *window;
    rdv_response *response = NULL;
    if (first.deadline == 0)
        first.deadline = RDV_DEADLINE_FIRST;
    int code = params_from_task(following->task, &first, &params);
    if (code)
        return code;
    int result = session_request(following->session, "schedule", params, &response);
    if (result == 0)
        result = rdv_response_entries(response, on_scheduled, following);
    if (result == RDV_EBUSY) {
        report_error("task '%s' is running already: give another identifier, or none",
                     rdv_task_identifier(following->task));
        code = EXIT_BUSY;
    } else if (result) {
        code = session_report_failure(following->session, "record the task", result);
    }
    rdv_response_free(response);
    return code;
}

/* Whether this reason keeps a task from starting although its options would let it start. */
static bool holds_up(const char *why)
{
    static const rdv_why reasons[] = {RDV_WHY_BEHIND, RDV_WHY_PAUSED, RDV_WHY_CLOCK,
                                      RDV_WHY_REBOOT, RDV_WHY_STORE,  RDV_WHY_NO_AGENT};
    for (size_t i = 0; i < sizeof(reasons) / sizeof(*reasons); i++)
        if (strcmp(why, rdv_why_name(reasons[i])) == 0)
            return true;
    return false;
}

/* Print what keeps the task from starting, and the way out, in the agent's words. */
static void print_way_out(struct following *following)
{
    const char *identifier = rdv_task_identifier(following->task);
    rdv_response *response = NULL;
    if (session_request_task(following->session, "explain", identifier, &response) != 0)
        return;
    cJSON *explanation = session_parse_result(response);
    const char *why = json_get_string(explanation, "why");
    const char *words = json_get_string(explanation, "words");
    if (why && words && holds_up(why))
        print_note(following->options->quiet, "%s: %s", identifier, words);
    cJSON_Delete(explanation);
    rdv_response_free(response);
}

static int print_output(void *user, const rdv_entry *entry)
{
    const struct following *following = user;
    return entry->run == following->run ? entry_print_output_end(NULL, entry) : 0;
}

int start_by_agent(const struct options *options, struct session *session, rdv_task *task,
                   const rdv_window *window)
{
    struct following following = {.options = options, .session = session, .task = task};
    /* The subscription comes before the request, so that no change of the task is missed. */
    int code = find_last_change(&following);
    if (code == 0)
        code = subscribe(&following);
    /* Once the task may run, Ctrl-C ends it. */
    if (code == 0)
        code = take_signals(&following);
    if (code == 0)
        code = schedule_task(&following, window);
    if (code == 0 && !options->quiet)
        print_way_out(&following);
    if (code == 0)
        code = follow_changes(&following);
    if (agent_has_gone(&following)) {
        report_error(
            "the agent has gone before the task ended: the next 'rdvtask run' goes on with it");
    } else if (code == 0) {
        code = entry_exit_code(following.outcome, following.code);
        if ((code == EXIT_FAILED || code == EXIT_TIMED_OUT) && !options->json && !options->quiet)
            session_show_entry(following.session, rdv_task_identifier(task), print_output,
                               &following);
    }
    finish_following(&following);
    return code;
}
