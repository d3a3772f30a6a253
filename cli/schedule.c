/* SPDX-License-Identifier: MIT */
/* The verbs that change the schedule and start nothing: `schedule` and `delete`. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <rdvtask/trigger.h>

#include "command.h"
#include "entry.h"
#include "options.h"
#include "place.h"
#include "say.h"
#include "system.h"
#include "task.h"

/* How many of a file's tasks are told one by one. */
#define TOLD_MOST 20

/* An agent-less trigger on the store: it records, and starts nothing. */
struct recorder {
    const struct options *options;
    rdv_loop *loop;
    rdv_store *store;
    rdv_trigger *trigger;
    rdv_watch *watch;
    size_t told;
    int result; /* of printing */
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

static int tell(void *user, const rdv_entry *entry)
{
    struct recorder *recorder = user;
    const struct options *options = recorder->options;
    if (options->json) {
        /* It is recorded; what could come after it here, such as its expiry, is not this verb's news. */
        if (entry->state != RDV_STATE_PENDING && strcmp(options->verb, "schedule") == 0)
            return 0;
        int result = entry_print_json(stdout, entry);
        fputc('\n', stdout);
        if (result)
            recorder->result = result;
    } else if (!options->quiet && entry->state == RDV_STATE_PENDING) {
        if (recorder->told++ >= TOLD_MOST)
            return 0;
        fputs("scheduled ", stdout);
        text_print(stdout, entry->identifier);
        fputs(" (", stdout);
        text_print(stdout, entry->label);
        fputs(")", stdout);
        print_window(&entry->window);
        fputc('\n', stdout);
    }
    return 0;
}

static void log_line(void *user, rdv_log_level level, const char *text)
{
    const struct recorder *recorder = user;
    if (level <= RDV_LOG_WARNING || recorder->options->verbose)
        say_error("%s", text);
}

static void recorder_finish(struct recorder *recorder)
{
    rdv_watch_free(recorder->watch);
    rdv_trigger_free(recorder->trigger);
    rdv_store_close(recorder->store);
    rdv_loop_free(recorder->loop);
}

/* Returns an exit code; recorder->store stays NULL if there is none and none was to be made. */
static int recorder_init(struct recorder *recorder, const struct options *options, bool make)
{
    rdv_trigger_options how;
    memset(recorder, 0, sizeof(*recorder));
    recorder->options = options;
    int code = place_open_writer(options, make, &recorder->store);
    if (code || !recorder->store)
        return code;
    rdv_trigger_options_init(&how);
    how.flags = RDV_TRIGGER_HOLD_STORED;
    how.log.write = log_line;
    how.log.user = recorder;
    int result = rdv_loop_new(&recorder->loop);
    if (result == 0)
        result = rdv_trigger_new(recorder->loop, recorder->store, &how, &recorder->trigger);
    if (result == 0)
        result = rdv_trigger_watch(recorder->trigger, tell, recorder, &recorder->watch);
    if (result == 0)
        return EXIT_OK;
    code = place_store_failed(recorder->store, "read the schedule", result);
    recorder_finish(recorder);
    return code;
}

/* Have what was done told: watchers are called from the loop. */
static int recorder_tell(struct recorder *recorder)
{
    int result = rdv_loop_dispatch(recorder->loop);
    if (result == 0)
        result = recorder->result;
    if (result) {
        say_error("recorded, but it can't be shown: %s", rdv_strerror(result));
        return EXIT_FAILED;
    }
    if (recorder->told > TOLD_MOST)
        printf("and %zu more\n", recorder->told - TOLD_MOST);
    return EXIT_OK;
}

static int schedule_files(const struct options *options)
{
    struct recorder recorder;
    int code = EXIT_OK;
    /* All of them first, so that none is recorded if one is wrong. */
    for (size_t i = 0; i < options->argument_count; i++) {
        const int checked = place_check_document(options->arguments[i], RDV_DOCUMENT_SCHEDULE);
        if (checked)
            code = checked;
    }
    if (code == 0)
        code = recorder_init(&recorder, options, true);
    if (code)
        return code;
    code = place_record_files(recorder.trigger, recorder.store, options);
    const int told = recorder_tell(&recorder);
    recorder_finish(&recorder);
    return code ? code : told;
}

static int schedule_task(const struct options *options)
{
    struct recorder recorder;
    rdv_window window;
    rdv_task *task = NULL;
    int code = window_from_options(options, &window);
    if (code == 0)
        code = task_from_options(options, &task);
    if (code)
        return code;
    if (options->argument_count == 1 && !options->literal && system_exists(options->arguments[0]))
        say_note(options, "'%s' is taken as a label; for the file say ./%s", options->arguments[0],
                 options->arguments[0]);
    code = recorder_init(&recorder, options, true);
    if (code)
        goto out;
    int result = rdv_trigger_schedule(recorder.trigger, &window, task);
    if (result == RDV_EBUSY) {
        say_error("task '%s' is running: try again when it has ended", rdv_task_identifier(task));
        code = EXIT_BUSY;
    } else if (result) {
        code = place_store_failed(recorder.store, "record the task", result);
    } else {
        code = recorder_tell(&recorder);
    }
    recorder_finish(&recorder);
out:
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
            files += place_is_file(options->arguments[i]);
    if (files == 0) {
        if (options->argument_count > 2)
            return say_usage(options->verb, "'%s' is too much: give LABEL [IDENTIFIER]",
                             options->arguments[2]);
        return schedule_task(options);
    }
    if (files < options->argument_count)
        return say_usage(options->verb,
                         "give files or a label, not both: what ends in .json or has a '/' is a "
                         "file, unless it comes after '--'");
    if (has_task_options)
        return say_usage(options->verb,
                         "'%s' is a file, which has its own times and contexts: for a label of "
                         "that name write '--' before it",
                         options->arguments[0]);
    return schedule_files(options);
}

int command_delete(const struct options *options)
{
    struct recorder recorder;
    const char *identifier = options->arguments[0];
    if (!identifier[0])
        return say_usage(options->verb, "an identifier can't be empty");
    int code = recorder_init(&recorder, options, false);
    if (code)
        return code;
    if (!recorder.store)
        return EXIT_NOTHING;
    int result = rdv_trigger_delete(recorder.trigger, identifier);
    switch (result) {
    case 0:
        if (!options->quiet && !options->json) {
            fputs("deleted ", stdout);
            text_print(stdout, identifier);
            fputc('\n', stdout);
        }
        code = recorder_tell(&recorder);
        break;
    case RDV_EBUSY:
        say_error("task '%s' is running: it can't be deleted any more", identifier);
        code = EXIT_BUSY;
        break;
    case RDV_EINVAL: /* what can't be an identifier isn't there */
    case RDV_ELIMIT:
    case RDV_ENOTFOUND:
        say_error("no task '%s' is pending: 'rdvtask list' shows what is", identifier);
        code = EXIT_NOTHING;
        break;
    default:
        code = place_store_failed(recorder.store, "delete the task", result);
    }
    recorder_finish(&recorder);
    return code;
}
