/* SPDX-License-Identifier: MIT */
/*
 * The ready-made task agent. It owns the table of runs, and knows which label has a handler: a C
 * function of the program, or the steps of an agent document. The public functions of
 * <rdvtask/agent.h> come here, and so do the calls of a trigger agent, through the plug-in's table.
 * It begins a run, or finds the one that is meant; what the run then does is the matter of
 * command_run.c and function_run.c.
 *
 * An identifier has at most one run in flight. Once terminate() was called, nothing is begun any
 * more, and the sink is told when the last run has gone. Everything happens on the owner thread.
 */
#include <rdvtask/agent.h>

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent/command_run_start.h"
#include "agent/function_run.h"
#include "agent/left_running.h"
#include "agent/run_table.h"
#include "base/error.h"
#include "document/handlers.h"
#include "model/task.h"
#include "plugin/table.h"
#include "store/journal.h"
#include "store/store.h"

#define LOG_RUN_BYTES   (INT64_C(1) << 20)
#define LOG_TOTAL_BYTES (INT64_C(64) << 20)
#define REBOOT_WAIT     (10 * RDV_MINUTE)

/* A handler that is a C function of the program. */
struct call_handler {
    struct call_handler *next;
    rdv_handler_fn fn;
    void *user;
    unsigned flags;
    char label[];
};

struct rdv_agent {
    rdv_plugin plugin;
    struct rdv__runs runs;
    struct rdv__function_runs *calls;
    struct call_handler *call_handlers;
    /* What the agent document says; NULL before the first one was loaded. */
    struct rdv__handlers *handlers;
    char *boot_id_file, *supervisor;
    /* An earlier process has left rows in the journal. */
    bool has_left;
    /* The sink was told that the agent has terminated, and was given back. */
    bool terminated;
    int reason;
};

static rdv_agent *agent_of(rdv_plugin *plugin)
{
    return (rdv_agent *)plugin;
}

static const struct call_handler *find_call_handler(const rdv_agent *agent, const char *label)
{
    const struct call_handler *handler = agent->call_handlers;
    while (handler && strcmp(handler->label, label) != 0)
        handler = handler->next;
    return handler;
}

/* ----------------------------------------------------------------- plug-in */

static const char *name(rdv_plugin *plugin)
{
    const struct rdv__handlers *handlers = agent_of(plugin)->handlers;
    return handlers ? handlers->name : "rdvtask";
}

static int initialize(rdv_plugin *plugin, rdv_sink *sink)
{
    rdv_agent *agent = agent_of(plugin);
    if (!sink)
        return RDV_EINVAL;
    if (agent->runs.sink || agent->terminated)
        return RDV_ESTATE;
    sink->ops->ref(sink);
    agent->runs.sink = sink;
    return 0;
}

/*
 * Whether the run in flight is the one that this start is about. It is not if the trigger agent has
 * given that run up meanwhile and starts the same task anew: then the numbers differ, or the run
 * was told that it is not wanted.
 */
static bool is_same(const struct rdv__run *run, const rdv_task *task)
{
    return !run->gone && rdv_task_run(run->task) == rdv_task_run(task) &&
           rdv__task_same(run->task, task);
}

static int start_task(rdv_plugin *plugin, rdv_task *task)
{
    rdv_agent *agent = agent_of(plugin);
    if (!task)
        return RDV_EINVAL;
    if (agent->runs.terminating)
        return RDV_ESHUTDOWN;
    if (!agent->runs.sink)
        return RDV_ESTATE;
    struct rdv__run *run = rdv__runs_find(&agent->runs, rdv_task_identifier(task));
    if (run && is_same(run, task)) {
        run->prepared = false;
        return 0;
    }
    if (run)
        return RDV_EBUSY;

    const char *label = rdv_task_label(task);
    const struct call_handler *call = find_call_handler(agent, label);
    /* A C function can't be told to wait for the reboot. A trigger agent of this library starts
     * nothing before a reboot; another one may. */
    if (call && agent->runs.rebooter)
        return RDV_EBUSY;
    if (call && agent->has_left) {
        int result = rdv__command_run_clear(&agent->runs, task, agent->handlers);
        if (result)
            return result;
    }
    if (call)
        return rdv__function_runs_start(agent->calls, task, call->fn, call->user, call->flags);
    return rdv__command_run_start(&agent->runs, task, agent->handlers,
                                  rdv__handlers_find(agent->handlers, label));
}

static int cancel_task(rdv_plugin *plugin, const char *identifier)
{
    rdv_agent *agent = agent_of(plugin);
    if (!identifier)
        return RDV_EINVAL;
    if (!agent->runs.sink)
        return RDV_ENOTFOUND;
    struct rdv__run *run = rdv__runs_find(&agent->runs, identifier);
    if (run) {
        run->ops->cancel(run);
        return 0;
    }
    return agent->runs.terminating
               ? RDV_ENOTFOUND
               : rdv__command_run_cancel(&agent->runs, identifier, agent->handlers);
}

/* The last run has gone, or there was none: tell the sink that the agent has terminated. */
static void tell_terminated(struct rdv__runs *runs)
{
    rdv_agent *agent = (rdv_agent *)((char *)runs - offsetof(rdv_agent, runs));
    if (!runs->terminating || agent->terminated)
        return;
    rdv_sink *sink = runs->sink;
    agent->terminated = true;
    runs->sink = NULL;
    sink->ops->terminated(sink, agent->reason);
    sink->ops->unref(sink);
}

static int terminate(rdv_plugin *plugin, int reason)
{
    rdv_agent *agent = agent_of(plugin);
    if (agent->runs.terminating || !agent->runs.sink)
        return RDV_ESTATE;
    agent->reason = reason;
    agent->runs.terminating = true;
    for (struct rdv__run *run = agent->runs.first; run; run = run->next)
        run->ops->interrupt(run);
    if (agent->runs.held == 0)
        tell_terminated(&agent->runs);
    return 0;
}

static int check_label(rdv_plugin *plugin, const char *label)
{
    const rdv_agent *agent = agent_of(plugin);
    return find_call_handler(agent, label) || rdv__handlers_find(agent->handlers, label)
               ? 0
               : RDV_ENOHANDLER;
}

static rdv_duration end_wait(rdv_plugin *plugin, const char *identifier)
{
    const rdv_agent *agent = agent_of(plugin);
    const struct rdv__run *run = identifier ? rdv__runs_find(&agent->runs, identifier) : NULL;
    return run && run->ops->end_wait ? run->ops->end_wait(run) : 0;
}

/* ------------------------------------- for a trigger agent on the same store */

static int prepare_start(rdv_plugin *plugin, const rdv_store *store, rdv_task *task)
{
    rdv_agent *agent = agent_of(plugin);
    const char *label = rdv_task_label(task);
    const struct rdv__handler *handler = rdv__handlers_find(agent->handlers, label);
    /* What StartTask would refuse, or do at once, is left to it. */
    if (agent->runs.store != store || agent->runs.terminating || !agent->runs.sink || !handler ||
        find_call_handler(agent, label) || rdv__runs_find(&agent->runs, rdv_task_identifier(task)))
        return 0;
    return rdv__command_run_prepare(&agent->runs, task, agent->handlers, handler);
}

struct reading {
    const rdv_task *task;
    const char *store_path;
    struct rdv__left_of_run *left;
};

static int read_row(void *user, const struct rdv__journal *row)
{
    const struct reading *reading = user;
    if (row->run != rdv_task_run(reading->task))
        return 0;
    const bool is_step = strcmp(row->state, "step") == 0;
    char *record =
        is_step && reading->store_path && row->step >= 0
            ? rdv__left_record(reading->store_path, row->run, (size_t)row->step, row->attempt)
            : NULL;
    reading->left->asked_for_reboot = strcmp(row->state, "reboot") == 0;
    reading->left->under_way = is_step && !(record && rdv__left_can_adopt(record));
    reading->left->step = row->step;
    free(record);
    return 0;
}

static int read_left(rdv_plugin *plugin, const rdv_store *store, const rdv_task *task,
                     struct rdv__left_of_run *ret_left)
{
    const rdv_agent *agent = agent_of(plugin);
    if (agent->runs.store != store)
        return 0;
    struct reading reading = {task, rdv__store_path(store), ret_left};
    int result = rdv__journal_get(agent->runs.store, rdv_task_identifier(task), read_row, &reading);
    return result == RDV_ENOTFOUND ? 0 : result;
}

static void clean_up(rdv_plugin *plugin, const rdv_store *store)
{
    rdv_agent *agent = agent_of(plugin);
    if (agent->runs.store == store && agent->has_left)
        rdv__command_run_clean_up(&agent->runs, agent->handlers);
}

static const struct rdv__store_plugin_ops plugin_ops = {
    .ops =
        {
            .size = sizeof plugin_ops,
            .flags = RDV_PLUGIN_RESTART_SAFE,
            .name = name,
            .initialize = initialize,
            .start_task = start_task,
            .cancel_task = cancel_task,
            .terminate = terminate,
            .check_label = check_label,
            .end_wait = end_wait,
        },
    .self = &plugin_ops,
    .prepare_start = prepare_start,
    .read_left = read_left,
    .clean_up = clean_up,
};

rdv_plugin *rdv_agent_plugin(rdv_agent *agent)
{
    return agent ? &agent->plugin : NULL;
}

/* ---------------------------------------------------------------- handlers */

int rdv_agent_load(rdv_agent *agent, const char *path, struct rdv_error *error)
{
    if (!agent || !path)
        return rdv__fail(error, RDV_EINVAL, "%s", rdv_strerror(RDV_EINVAL));
    struct rdv__handlers *handlers;
    int result = rdv__handlers_load_trusted(path, &handlers, error);
    if (result)
        return result;
    for (const struct call_handler *call = agent->call_handlers; call; call = call->next) {
        const struct rdv__handler *handler = rdv__handlers_find(handlers, call->label);
        if (handler) {
            result = rdv__handler_fail(handler, error, RDV_EEXISTS,
                                       "the program itself has a handler for this label");
            rdv__handlers_unref(handlers);
            return result;
        }
    }
    rdv__handlers_unref(agent->handlers);
    agent->handlers = handlers;
    return 0;
}

int rdv_agent_add_handler(rdv_agent *agent, const char *label, rdv_handler_fn fn, void *user,
                          unsigned flags)
{
    if (!agent || !label || !fn || (flags & ~RDV_HANDLER_THREAD))
        return RDV_EINVAL;
    size_t size = strlen(label);
    int result = rdv__name_check(label, size);
    if (result)
        return result;
    if (find_call_handler(agent, label) || rdv__handlers_find(agent->handlers, label))
        return RDV_EEXISTS;
    struct call_handler *handler = malloc(sizeof *handler + size + 1);
    if (!handler)
        return RDV_ENOMEM;
    handler->fn = fn;
    handler->user = user;
    handler->flags = flags;
    memcpy(handler->label, label, size + 1);
    handler->next = agent->call_handlers;
    agent->call_handlers = handler;
    return 0;
}

/* ------------------------------------------------------------- new and free */

void rdv_agent_options_init(rdv_agent_options *options)
{
    memset(options, 0, sizeof *options);
    options->size = sizeof *options;
    options->log_run_bytes = LOG_RUN_BYTES;
    options->log_total_bytes = LOG_TOTAL_BYTES;
    options->reboot_wait = REBOOT_WAIT;
}

static int copy_string(const char *string, char **ret_copy)
{
    size_t size = string ? strlen(string) + 1 : 0;
    *ret_copy = size ? malloc(size) : NULL;
    if (size && !*ret_copy)
        return RDV_ENOMEM;
    if (size)
        memcpy(*ret_copy, string, size);
    return 0;
}

static int open_logs(rdv_agent *agent, const rdv_agent_options *options)
{
    struct rdv__runs *runs = &agent->runs;
    const struct rdv__logs_options how = {
        .directory = options->log_directory,
        .run_bytes = options->log_run_bytes,
        .total_bytes = options->log_total_bytes,
        .log = options->log,
    };
    return how.directory ? rdv__logs_new(runs->loop, runs->store, &how, &runs->logs) : 0;
}

int rdv_agent_new(rdv_loop *loop, rdv_store *store, const rdv_agent_options *options,
                  rdv_agent **ret_agent)
{
    rdv_agent_options defaults;
    rdv_agent_options_init(&defaults);
    if (!options)
        options = &defaults;
    if (!loop || !store || !ret_agent || options->size != sizeof *options ||
        options->log_run_bytes <= 0 || options->log_total_bytes <= 0 || options->reboot_wait <= 0 ||
        options->reboot_wait > RDV_LIMIT_MAX ||
        (options->supervisor && !rdv__plat_is_absolute(options->supervisor)))
        return RDV_EINVAL;
    rdv_agent *agent = calloc(1, sizeof *agent);
    if (!agent)
        return RDV_ENOMEM;
    agent->plugin.ops = &plugin_ops.ops;
    int result = rdv__store_attach(store, loop);
    if (result)
        goto out;
    agent->runs.store = store;
    /* If the store takes no journal, it is better to refuse it now than with each start. */
    result = rdv__store_stage(store);
    if (!result)
        result = rdv__store_commit(store);
    if (result)
        goto out;
    result = copy_string(options->boot_id_file, &agent->boot_id_file);
    if (!result)
        result = copy_string(options->supervisor, &agent->supervisor);
    if (result)
        goto out;
    agent->runs.loop = loop;
    agent->runs.log = options->log;
    agent->runs.supervisor = agent->supervisor;
    agent->runs.boot_id_file = agent->boot_id_file;
    agent->runs.reboot_wait = options->reboot_wait;
    agent->runs.emptied = tell_terminated;
    result = rdv__runs_init(&agent->runs);
    if (!result)
        result = rdv__function_runs_new(&agent->runs, &agent->calls);
    if (!result)
        result = open_logs(agent, options);
    if (result)
        goto out;
    result = rdv__journal_has_any(store, &agent->has_left);
    if (result)
        goto out;
    rdv__left_clean(store, &options->log);
    *ret_agent = agent;
    agent = NULL;
out:
    rdv_agent_free(agent);
    return result;
}

void rdv_agent_free(rdv_agent *agent)
{
    if (!agent)
        return;
    struct rdv__runs *runs = &agent->runs;
    runs->freeing = true;
    rdv__function_runs_free(agent->calls);
    if (runs->store)
        rdv__store_disown(runs->store, runs);
    for (struct rdv__run *run = runs->first, *next; run; run = next) {
        next = run->next;
        run->ops->destroy(run);
    }
    rdv__runs_finish(runs);
    rdv__logs_free(runs->logs);
    if (runs->sink)
        runs->sink->ops->unref(runs->sink);
    while (agent->call_handlers) {
        struct call_handler *handler = agent->call_handlers;
        agent->call_handlers = handler->next;
        free(handler);
    }
    rdv__handlers_unref(agent->handlers);
    free(agent->boot_id_file);
    free(agent->supervisor);
    free(agent);
}
