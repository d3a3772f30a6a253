/* SPDX-License-Identifier: MIT */
/*
 * The verbs `run` and `start`: a trigger agent and a task agent on the store, and the loop that
 * runs them until they are asked to end.
 *
 * run_init() opens everything and starts nothing. run_loop() attaches the task agent, which starts
 * tasks, and returns once the run is stopped. Signals, the control and the end of a task only set
 * flags and stop the loop; what follows from them is done in run_loop(). `start` does this only
 * where no agent runs; otherwise the agent runs the task, and start_by_agent() follows it.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rdvtask/rdvtask.h>

#include "cmd_watch.h"
#include "com_agent.h"
#include "commands.h"
#include "display_text.h"
#include "entry_text.h"
#include "journal_prefix.h"
#include "live_view.h"
#include "messages.h"
#include "options.h"
#include "output_queue.h"
#include "paths.h"
#include "service_notify.h"
#include "signals.h"
#include "system.h"
#include "task_options.h"

/* How often to compare --until with the clock. A timer follows neither changes of the clock nor
 * sleep. */
#define UNTIL_STEP RDV_MINUTE

/* The largest --max-running and --max-interruptions. */
#define COUNT_MAX 1000000

/* A trigger agent and a task agent on the store. */
struct run {
    const struct options *options;
    rdv_store *store;
    rdv_loop *loop;
    char *config;
    rdv_agent *agent; /* one of these three is the task agent */
    rdv_module *module;
    struct com *com;
    rdv_trigger *trigger;
    rdv_control *control; /* NULL = other processes can't send requests */
    rdv_watch *watch;
    rdv_timer *timer; /* for --until */
    rdv_time until;
    struct signals *signals;
    struct view *view;
    struct notify *notify; /* NULL = there is no service manager to notify */

    const char *identifier; /* of the task of `start`; NULL for `run` */
    rdv_outcome outcome;    /* `start`: how the task ended */
    int code;               /* `start`: the code of its last report */
    int64_t number;         /* `start`: the number of its run */

    size_t not_succeeded;
    bool stopping, stopped; /* it is ending in order; it has ended */
    bool deserted;          /* the task agent has shut down by itself */
    int ends;               /* how many requests to end were dealt with */
};

static void print_run_note(struct run *run, const char *format, ...) MESSAGE_FORMAT(2, 3);

/* Print a note that does not get mixed up with the table. */
static void print_run_note(struct run *run, const char *format, ...)
{
    char line[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    view_print_line(run->view, JOURNAL_NOTICE, line);
}

static void log_line(void *user, rdv_log_level level, const char *text)
{
    struct run *run = user;
    if (level > RDV_LOG_WARNING && !run->options->verbose)
        return;
    view_print_line(run->view, (int)level, text);
}

/* Called on another thread, while a plug-in holds up the thread of the loop. */
static void on_held_up(void *user, const char *text)
{
    (void)user;
    print_log_line(JOURNAL_WARNING, text);
}

static void on_terminated(void *user, int reason)
{
    struct run *run = user;
    (void)reason;
    run->stopped = true;
    rdv_loop_stop(run->loop);
}

/* End in order: running tasks are asked to end. The next process takes up those that do not. */
static void stop_run(struct run *run)
{
    if (run->stopping)
        return;
    run->stopping = true;
    notify_stopping(run->notify);
    if (rdv_trigger_terminate(run->trigger, 0, on_terminated, run) != 0)
        on_terminated(run, 0);
}

/* The task agent has shut down by itself. Without one, nothing can run. */
static void on_deserted(void *user, int reason)
{
    struct run *run = user;
    (void)reason;
    run->deserted = true;
    stop_run(run);
}

static int on_change(void *user, const rdv_entry *entry)
{
    struct run *run = user;
    view_show_change(run->view, entry);
    notify_changed(run->notify);
    if (entry->state != RDV_STATE_FINISHED)
        return 0;
    if (entry->outcome != RDV_OUTCOME_SUCCEEDED)
        run->not_succeeded++;
    if (run->identifier && strcmp(run->identifier, entry->identifier) == 0) {
        run->outcome = entry->outcome;
        run->code = entry->code;
        run->number = entry->run;
        stop_run(run);
    }
    if (run->options->once && rdv_trigger_unfinished(run->trigger) == 0)
        stop_run(run);
    return 0;
}

static void on_until(void *user)
{
    struct run *run = user;
    const rdv_duration left = run->until - rdv_time_now();
    if (left <= 0)
        stop_run(run);
    else
        rdv_timer_start(run->timer, left < UNTIL_STEP ? left : UNTIL_STEP);
}

static void on_end_request(struct run *run)
{
    if (++run->ends > 1) {
        run->stopped = true;
        return;
    }
    if (!run->identifier) {
        if (!run->options->quiet)
            print_run_note(run, "stopping in order; once more to stop at once");
        stop_run(run);
        return;
    }
    if (!run->options->quiet)
        print_run_note(run, "cancelling; once more to stop at once");
    int result = rdv_trigger_cancel(run->trigger, run->identifier);
    if (result && result != RDV_EUNRECORDED) { /* for that one the log has a line */
        print_run_note(run, "the task can't be cancelled: %s", rdv_strerror(result));
        stop_run(run);
    }
}

static int list_entries(void *source, const char *identifier, int64_t limit, rdv_entry_fn fn,
                        void *user)
{
    const struct run *run = source;
    const rdv_filter filter = {.size = sizeof(filter),
                               .flags = RDV_FILTER_PENDING | RDV_FILTER_RUNNING,
                               .identifier = identifier,
                               .limit = limit};
    return rdv_store_entries(run->store, &filter, fn, user);
}

static void read_figures(void *source, struct view_figures *ret_figures)
{
    const struct run *run = source;
    ret_figures->known = true;
    ret_figures->paused = rdv_trigger_paused(run->trigger);
    ret_figures->running = rdv_trigger_running(run->trigger);
    ret_figures->waiting = rdv_trigger_unfinished(run->trigger) - ret_figures->running;
    ret_figures->next = rdv_trigger_next(run->trigger);
}

/* Read the agent document again; if it is wrong, keep the old one. Running tasks are left alone.
 * The words of the error say where in the document it is. */
static int on_reload(void *user, struct rdv_error *error)
{
    struct run *run = user;
    struct rdv_error found = {0};
    if (!run->agent) {
        *error = (struct rdv_error){.code = RDV_ENOTSUP};
        snprintf(error->text, sizeof(error->text),
                 "a plug-in has no document that could be reloaded");
        return RDV_ENOTSUP;
    }
    notify_reloading(run->notify);
    int result = rdv_agent_load(run->agent, run->config, &found);
    notify_ready(run->notify, run->trigger);
    if (result == 0) {
        if (!run->options->quiet)
            print_run_note(run, "reloaded %s", run->config);
        return 0;
    }
    *error = (struct rdv_error){.code = result};
    const int size =
        snprintf(error->text, sizeof(error->text), "%s:%d:%d%s%s: %s", run->config, found.line,
                 found.column, found.path[0] ? " " : "", found.path, found.text);
    if (found.line <= 0 || size < 0 || (size_t)size >= sizeof(error->text))
        memcpy(error->text, found.text,
               sizeof(found.text)); /* it names the file itself, or the place does not fit */
    return result;
}

static void reload_document(struct run *run)
{
    struct rdv_error error = {0};
    if (on_reload(run, &error) != 0)
        print_run_note(run, "not reloaded, so that all stays as it was: %s", error.text);
}

/* Warn if the members of the reader group can't reach the socket. */
static void warn_readers(struct run *run, const char *path)
{
    const char *group = run->options->reader_group;
    char text[512];
    char *folder = group ? system_barred_folder(path, group) : NULL;
    if (!folder)
        return;
    snprintf(
        text, sizeof(text),
        "members of the group '%s' can't reach the socket, as they may not pass the folder %s: "
        "allow that, or give another place with --socket",
        group, folder);
    log_line(run, RDV_LOG_WARNING, text);
    free(folder);
}

/* Listen for requests of other processes. If the default place does not allow that, the run goes
 * on without; if the user has chosen the place or a reader group, it is an error. */
static int open_control(struct run *run)
{
    const struct options *options = run->options;
    rdv_control_options how;
    struct rdv_error error = {0};
    char *path = NULL;
    int code = paths_find_socket(options, &path);
    if (code)
        return code;
    rdv_control_options_init(&how);
    how.socket = path;
    how.reader_group = options->reader_group;
    how.reload = on_reload;
    how.user = run;
    how.log.write = log_line;
    how.log.user = run;
    int result = rdv_control_new(run->loop, run->store, run->trigger, &how, &run->control, &error);
    if (result && !options->socket && !options->reader_group) {
        print_note(
            options->quiet,
            "other processes can't send requests to this one: %s: give another place with --socket",
            error.text);
    } else if (result) {
        report_error("cannot listen: %s", error.text);
        code = result == RDV_ELOCKED ? EXIT_BUSY : EXIT_FAILED;
    } else {
        warn_readers(run, path);
    }
    free(path);
    return code;
}

static void run_finish(struct run *run)
{
    rdv_control_free(run->control);
    rdv_watch_free(run->watch);
    rdv_trigger_free(run->trigger);
    rdv_agent_free(run->agent);
    rdv_module_close(run->module);
    com_close(run->com);
    free(run->config);
    view_free(run->view);
    notify_free(run->notify);
    rdv_timer_free(run->timer);
    rdv_store_close(run->store);
    signals_stop(run->signals); /* until here a third request to end ends the program */
    rdv_loop_free(run->loop);
}

static int read_run_options(const struct options *options, rdv_trigger_options *how,
                            rdv_time *ret_until)
{
    rdv_duration wait = how->clock_wait, limit = how->run_limit;
    rdv_time until = 0;
    int64_t running = how->max_running, interruptions = how->max_interruptions;
    int code =
        integer_from_option(options, "max-running", options->max_running, 1, COUNT_MAX, &running);
    if (code == 0)
        code = integer_from_option(options, "max-interruptions", options->max_interruptions, 0,
                                   COUNT_MAX, &interruptions);
    if (code == 0)
        code = duration_from_option(options, "clock-wait", options->clock_wait, RDV_DAY, &wait);
    if (code == 0)
        code =
            duration_from_option(options, "run-limit", options->run_limit, RDV_LIMIT_MAX, &limit);
    if (code == 0)
        code = time_from_option(options, "until", options->until, rdv_time_now(), &until);
    if (code)
        return code;
    if (options->run_limit && limit == 0)
        return report_usage_error(options->verb, "--run-limit must be longer than 0");
    if (until && until <= rdv_time_now())
        return report_usage_error(options->verb, "--until '%s' has passed already", options->until);
    how->max_running = (int)running;
    how->max_interruptions = (int)interruptions;
    how->clock_wait = wait;
    how->run_limit = limit;
    *ret_until = until;
    return EXIT_OK;
}

static int open_plugin(struct run *run)
{
    rdv_module_options how;
    struct rdv_error error = {0};
    rdv_module_options_init(&how);
    how.configuration = run->options->plugin_config;
    how.held_up = on_held_up;
    how.log.write = log_line;
    how.log.user = run;
    if (rdv_module_open(run->loop, run->options->plugin, &how, &run->module, &error) == 0)
        return EXIT_OK;
    report_error("%s", error.text);
    return EXIT_FAILED;
}

static int open_com(struct run *run)
{
    const rdv_log log = {.write = log_line, .user = run};
    return com_open(run->options, run->loop, &log, &run->com);
}

static int make_agent(struct run *run)
{
    rdv_agent_options how;
    struct rdv_error error = {0};
    char *logs = NULL, *supervisor = NULL;
    int code = paths_find_logs(run->options, &logs);
    if (code)
        return code;
    rdv_agent_options_init(&how);
    how.log_directory = logs;
    how.boot_id_file = run->options->boot_id_file;
    how.log.write = log_line;
    how.log.user = run;
    int result = system_supervisor(&supervisor);
    how.supervisor = supervisor;
    if (result == RDV_ENOTFOUND)
        print_log_line(JOURNAL_WARNING, "rdvtask-child is not where it should be installed: "
                                        "processes that a program leaves behind may outlive it");
    else if (result) {
        free(logs);
        report_error("cannot look for rdvtask-child, without which nothing is started: %s",
                     rdv_strerror(result));
        return EXIT_FAILURE;
    }
    result = rdv_agent_new(run->loop, run->store, &how, &run->agent);
    free(logs);
    free(supervisor);
    if (result)
        return paths_report_failure(run->store, "make the task agent", result);
    result = rdv_agent_load(run->agent, run->config, &error);
    return result ? report_document_error(run->config, &error) : EXIT_OK;
}

/* Open and check everything, but start nothing: the task agent is not attached yet. Returns an
 * exit code. */
static int run_init(struct run *run, const struct options *options, unsigned flags,
                    const char *identifier)
{
    const struct view_source source = {list_entries, read_figures, run};
    rdv_trigger_options how;
    rdv_trigger_options_init(&how);
    how.flags = flags;
    how.boot_id_file = options->boot_id_file;
    how.log.write = log_line;
    how.log.user = run;
    how.terminated = on_deserted;
    how.user = run;
    run->options = options;
    run->identifier = identifier;
    int code = read_run_options(options, &how, &run->until);
    const bool ready_made = !options->plugin && !options->com;
    if (code == 0 && ready_made)
        code = paths_find_config(options, &run->config);
    /* Documents are checked before the store is touched. */
    if (code == 0 && ready_made)
        code = paths_check_document(run->config, RDV_DOCUMENT_AGENT);
    for (size_t i = 0; code == 0 && !identifier && i < options->argument_count; i++)
        code = paths_check_document(options->arguments[i], RDV_DOCUMENT_SCHEDULE);
    if (code == 0)
        code = paths_open_writer(options, true, &run->store);
    if (code)
        return code;

    int result = rdv_loop_new(&run->loop);
    if (result == 0 &&
        signals_start(run->loop, identifier ? 0 : SIGNALS_RELOAD, &run->signals) != 0)
        result = RDV_ENOMEM;
    if (result == 0)
        result = rdv_timer_new(run->loop, on_until, run, &run->timer);
    if (result == 0 && !identifier) /* only `run` is a service */
        result = notify_new(run->loop, &run->notify);
    if (result) {
        report_error("cannot start: %s", rdv_strerror(result));
        return EXIT_FAILED;
    }
    code = options->plugin ? open_plugin(run) : options->com ? open_com(run) : make_agent(run);
    if (code)
        return code;
    result = rdv_trigger_new(run->loop, run->store, &how, &run->trigger);
    if (result == 0)
        result = view_new(options, run->loop, &source, identifier, &run->view);
    if (result == 0)
        result = rdv_trigger_watch(run->trigger, on_change, run, &run->watch);
    if (result)
        return paths_report_failure(run->store, "read the schedule", result);
    return EXIT_OK;
}

/* If something keeps all tasks from starting, print how to change that. `start` takes no
 * requests, so that it has to end first. */
static void print_way_out(struct run *run)
{
    const rdv_why why = rdv_trigger_held_up(run->trigger);
    if (why == RDV_WHY_CLOCK) /* the log has a warning, so that this is not left out with --quiet */
        print_run_note(run, "'--clock-wait 0' starts tasks without waiting for the clock");
    else if (run->options->quiet)
        return;
    else if (why == RDV_WHY_PAUSED)
        print_run_note(run, run->identifier
                                ? "paused: end this, then 'rdvtask resume' starts tasks "
                                  "again"
                                : "paused: 'rdvtask resume' starts tasks again");
    else if (why == RDV_WHY_REBOOT && run->identifier) /* `run` reboots by itself */
        print_run_note(run, "another task needs a reboot before this one starts: end this, then "
                            "'rdvtask run' goes on with that");
}

/* Attach the task agent, and run until stopped. */
static int run_loop(struct run *run)
{
    rdv_plugin *plugin = run->agent    ? rdv_agent_plugin(run->agent)
                         : run->module ? rdv_module_plugin(run->module)
                                       : com_plugin(run->com);
    int result = rdv_trigger_attach(run->trigger, plugin);
    if (result)
        return paths_report_failure(run->store, "start the task agent", result);
    view_begin(run->view);
    notify_ready(run->notify, run->trigger);
    print_way_out(run);
    if (run->until)
        on_until(run);
    while (!run->stopped && result == 0) {
        result = rdv_loop_run(run->loop);
        while (!run->stopped && run->ends < signals_ends(run->signals))
            on_end_request(run);
        if (signals_reload(run->signals) && !run->stopping)
            reload_document(run);
        if (signals_resized(run->signals))
            view_resized(run->view);
    }
    view_end(run->view);
    if (result)
        return paths_report_failure(run->store, "run", result);
    return run->deserted ? EXIT_FAILED : EXIT_OK;
}

/* Carry out a verb whose output must not hold up tasks, and may be lost instead. Lost output
 * does not change the exit code. */
static int run_without_waiting(const struct options *options,
                               int (*verb)(const struct options *options))
{
    if (!output_begin()) {
        report_error("cannot start: %s", rdv_strerror(RDV_ENOMEM));
        return EXIT_FAILED;
    }
    const int code = verb(options);
    finish_output();
    return code;
}

/* ------------------------------------------------------------ run */

static int run_tasks(const struct options *options)
{
    struct run run = {0};
    if (!!options->plugin + !!options->config + !!options->com > 1)
        return report_usage_error(options->verb, "give only one of --config, --plugin and --com");
    if (options->plugin_config && !options->plugin)
        return report_usage_error(options->verb, "--plugin-config is for a --plugin");
    int code = run_init(&run, options, 0, NULL);
    if (code == 0)
        code = paths_record_files(run.trigger, run.store, options);
    if (code == 0)
        code = open_control(&run);
    if (code)
        goto out;
    if (options->once && rdv_trigger_unfinished(run.trigger) == 0) {
        print_note(options->quiet, "nothing is scheduled");
        goto out;
    }
    code = run_loop(&run);
    if (code)
        goto out;
    if (options->once && run.ends > 0 && rdv_trigger_unfinished(run.trigger) > 0)
        code = EXIT_CANCELLED;
    else if (run.ends > 1)
        code = EXIT_CANCELLED; /* it did not end in order */
    else if (options->once && run.not_succeeded > 0)
        code = EXIT_FAILED;
    if (run.not_succeeded > 0)
        print_note(options->quiet,
                   "%zu did not succeed: 'rdvtask history' shows which, and 'rdvtask show "
                   "IDENTIFIER' shows why",
                   run.not_succeeded);
out:
    run_finish(&run);
    return code;
}

int command_run(const struct options *options)
{
    return run_without_waiting(options, run_tasks);
}

/* ------------------------------------------------------------ start */

static int start_task(const struct options *options)
{
    struct run run = {0};
    rdv_window window;
    rdv_task *task = NULL;
    struct session *session = NULL;
    int code = window_from_options(options, &window);
    if (code == 0)
        code = task_from_options(options, 0, &task);
    if (code)
        return code;
    code = session_open(options, SESSION_ONLY_AGENT, &session);
    if (code == 0 && session) {
        code = start_by_agent(options, session, task, &window);
        rdv_task_unref(task);
        return code;
    }
    if (code == 0)
        code = run_init(&run, options, RDV_TRIGGER_HOLD_STORED, rdv_task_identifier(task));
    if (code)
        goto out;
    int result = rdv_trigger_schedule(run.trigger, &window, task);
    if (result == RDV_EBUSY) {
        report_error("task '%s' is running already: give another identifier, or none",
                     run.identifier);
        code = EXIT_BUSY;
    } else if (result) {
        code = paths_report_failure(run.store, "record the task", result);
    }
    if (code)
        goto out;
    code = run_loop(&run);
    if (code)
        goto out;
    code = entry_exit_code(run.outcome, run.code);
    if (code == EXIT_FAILED || code == EXIT_TIMED_OUT) {
        rdv_filter filter = {.size = sizeof(filter),
                             .flags = RDV_FILTER_FINISHED | RDV_FILTER_OUTPUT,
                             .run = run.number};
        if (!options->json && !options->quiet)
            rdv_store_entries(run.store, &filter, entry_print_output_end, NULL);
    }
out:
    run_finish(&run);
    rdv_task_unref(task);
    return code;
}

int command_start(const struct options *options)
{
    return run_without_waiting(options, start_task);
}
