/* SPDX-License-Identifier: MIT */
/*
 * The verbs that change the schedule: `schedule`, `delete` and `cancel`. Each is one request of a
 * session, and prints the entries of the answer. This process itself starts no task; `delete` and
 * `cancel` may have to end what a former agent has left behind.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "display_text.h"
#include "entry_text.h"
#include "json_text.h"
#include "messages.h"
#include "options.h"
#include "paths.h"
#include "request_params.h"
#include "session.h"
#include "system.h"
#include "task_options.h"

/* How many of a file's tasks are printed one by one. */
#define PRINTED_MOST 20

/* The entries of an answer, being printed. */
struct printing {
    const struct options *options;
    const char *word; /* "deleted" */
    size_t printed;
};

static void print_window(const rdv_window *window)
{
    static const char *const words[] = {"not before", "not after", "deadline"};
    const rdv_time times[] = {window->start, window->end, window->deadline};
    const char *between = ": ";
    for (int i = 0; i < 3; i++) {
        char buffer[RDV_TIME_TEXT_SIZE];
        if (times[i] == 0 || rdv_time_format(times[i], buffer, sizeof(buffer)) != 0)
            continue;
        printf("%s%s %s", between, words[i], buffer);
        between = ", ";
    }
}

static int print_entry_json(void *user, const rdv_entry *entry)
{
    (void)user;
    int result = entry_print_json(stdout, entry);
    fputc('\n', stdout);
    return result;
}

static int print_scheduled(void *user, const rdv_entry *entry)
{
    struct printing *printing = user;
    if (printing->printed++ >= PRINTED_MOST)
        return 0;
    fputs("scheduled ", stdout);
    text_print(stdout, entry->identifier);
    fputs(" (", stdout);
    text_print(stdout, entry->label);
    fputs(")", stdout);
    print_window(&entry->window);
    fputc('\n', stdout);
    return 0;
}

static int print_changed(void *user, const rdv_entry *entry)
{
    const struct printing *printing = user;
    /* A task that is running is only asked to end. */
    fputs(entry->state == RDV_STATE_RUNNING ? "cancelling" : printing->word, stdout);
    fputc(' ', stdout);
    text_print(stdout, entry->identifier);
    fputc('\n', stdout);
    return 0;
}

/* Print what the answer says was done. */
static int print_answer(struct printing *printing, const rdv_response *response, rdv_entry_fn words)
{
    const struct options *options = printing->options;
    if (options->quiet && !options->json)
        return EXIT_OK;
    if (strcmp(rdv_response_result(response), "true") == 0) {
        print_note(options->quiet, "done; there is too much of it to be shown");
        return EXIT_OK;
    }
    int result = rdv_response_entries(response, options->json ? print_entry_json : words, printing);
    if (result) {
        report_error("it is done, but the answer can't be read: %s", rdv_strerror(result));
        return EXIT_FAILED;
    }
    if (printing->printed > PRINTED_MOST)
        printf("and %zu more\n", printing->printed - PRINTED_MOST);
    return EXIT_OK;
}

/* Have tasks recorded. Takes params. Returns an exit code. */
static int record_tasks(const struct options *options, cJSON *params)
{
    struct printing printing = {.options = options};
    struct session *session = NULL;
    rdv_response *response = NULL;
    int code = session_open(options, SESSION_MAKE_STORE, &session);
    if (code) {
        cJSON_Delete(params);
        return code;
    }
    int result = session_request(session, "schedule", params, &response);
    if (result == RDV_EBUSY) {
        report_error("%s: try again when it has ended", session_error_text(session));
        code = EXIT_BUSY;
    } else if (result) {
        code = session_report_failure(session, "record the schedule", result);
    } else {
        code = print_answer(&printing, response, print_scheduled);
    }
    rdv_response_free(response);
    session_close(session);
    return code;
}

static int schedule_files(const struct options *options)
{
    cJSON *params = NULL;
    int code = EXIT_OK;
    /* All files are checked before anything else, so that the mistakes of each one are reported. */
    for (size_t i = 0; i < options->argument_count; i++) {
        const int checked = paths_check_document(options->arguments[i], RDV_DOCUMENT_SCHEDULE);
        if (checked)
            code = checked;
    }
    if (code == 0)
        code = params_from_files(options, &params);
    if (code == 0)
        code = record_tasks(options, params);
    return code;
}

static int schedule_task(const struct options *options)
{
    cJSON *params = NULL;
    rdv_window window;
    rdv_task *task = NULL;
    int code = window_from_options(options, &window);
    if (code == 0)
        code = task_from_options(options, 0, &task);
    if (code)
        return code;
    if (options->argument_count == 1 && !options->literal && system_exists(options->arguments[0]))
        print_note(options->quiet, "'%s' is taken as a label; to schedule the file, write ./%s",
                   options->arguments[0], options->arguments[0]);
    code = params_from_task(task, &window, &params);
    if (code == 0)
        code = record_tasks(options, params);
    rdv_task_unref(task);
    return code;
}

int command_schedule(const struct options *options)
{
    const bool has_task_options = options->start || options->end || options->deadline ||
                                  options->run_limit || options->context || options->context_file;
    size_t files = 0;
    if (!options->literal)
        for (size_t i = 0; i < options->argument_count; i++)
            files += options_is_file_name(options->arguments[i]);
    if (files == 0) {
        if (options->argument_count > 2)
            return report_usage_error(options->verb, "'%s' is too much: give LABEL [IDENTIFIER]",
                                      options->arguments[2]);
        return schedule_task(options);
    }
    if (files < options->argument_count)
        return report_usage_error(
            options->verb, "give files or a label, not both: what ends in .json or has a '/' is a "
                           "file, unless it comes after '--'");
    if (has_task_options)
        return report_usage_error(
            options->verb,
            "'%s' is a file, which has its own times and contexts: for a label of "
            "that name write '--' before it",
            options->arguments[0]);
    return schedule_files(options);
}

/* The agent ends the task, but has no room on its disk to record that. Report both. */
static int report_unrecorded(const struct options *options, const char *identifier,
                             const char *words)
{
    struct text line = {0};
    if (options->json) {
        cJSON *entry = cJSON_CreateObject();
        if (!cJSON_AddStringToObject(entry, "identifier", identifier) ||
            !cJSON_AddStringToObject(entry, "state", "running") ||
            !cJSON_AddTrueToObject(entry, "cancelling") ||
            !cJSON_AddFalseToObject(entry, "recorded"))
            line.failed = true;
        json_print_shown(entry, &line);
        text_add_string(&line, "\n");
        cJSON_Delete(entry);
    } else if (!options->quiet) {
        text_add_string(&line, "cancelling ");
        text_add_escaped(&line, identifier, strlen(identifier), 0);
        text_add_string(&line, "\n");
    }
    if (line.size > 0 && !line.failed)
        system_print(stdout, line.data, line.size);
    text_finish(&line);
    report_error(
        "%s; it will be recorded as soon as that works; if the agent crashes before, the task "
        "is taken up again",
        words);
    return EXIT_UNRECORDED;
}

/* Cancel or delete the task that the argument names. */
static int change_one(const struct options *options, const char *method, const char *word)
{
    struct printing printing = {.options = options, .word = word};
    struct session *session = NULL;
    rdv_response *response = NULL;
    const char *identifier;
    int code = session_open_task(options, SESSION_CHANGE_STORE, &session, &identifier);
    if (code)
        return code;
    code = session_become_agent(session);
    if (code) {
        session_close(session);
        return code;
    }
    int result = session_request_task(session, method, identifier, &response);
    bool waited = false;
    if (result == 0)
        result = session_wait_for_end(session, identifier, &waited);
    if (result == 0 && waited) {
        rdv_response_free(response);
        response = NULL;
        result = session_request_task(session, "show", identifier, &response);
    }
    switch (result) {
    case 0:
        code = print_answer(&printing, response, print_changed);
        break;
    case RDV_EBUSY:
        report_error("task '%s' is running: 'rdvtask cancel' ends it", identifier);
        code = EXIT_BUSY;
        break;
    case RDV_EUNRECORDED:
        code = report_unrecorded(options, identifier, session_error_text(session));
        break;
    case RDV_ENOTFOUND:
        report_error("no task '%s' is %s: 'rdvtask list' shows what is", identifier,
                     strcmp(method, "delete") == 0 ? "pending" : "pending or running");
        code = EXIT_NOTHING;
        break;
    default:
        code = session_report_failure(
            session, strcmp(method, "delete") == 0 ? "delete the task" : "cancel the task", result);
    }
    rdv_response_free(response);
    session_close(session);
    return code;
}

int command_delete(const struct options *options)
{
    return change_one(options, "delete", "deleted");
}

int command_cancel(const struct options *options)
{
    return change_one(options, "cancel", "cancelled");
}
