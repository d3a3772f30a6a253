/* SPDX-License-Identifier: MIT */
/*
 * A task agent in a shared library, the counterpart of a COM task plug-in of the API. It does the
 * tasks with the label "update", one at a time, on a thread of its own. The update itself is left
 * out: each of its steps is a short sleep.
 *
 *     cc -shared -fPIC -pthread -o plugin.so plugin.c $(pkg-config --cflags rdvtask)
 *
 * Only the headers are needed, and no library: `host` brings the functions of rdvtask.
 */
#define _POSIX_C_SOURCE 200809L

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rdvtask/module.h>

#define STEPS 4

struct updater {
    rdv_plugin base; /* the first member, so a pointer to it is a pointer to the updater */
    const rdv_module_host *host;
    long step_ms; /* how long a step takes */
    rdv_sink *sink;
    pthread_t thread;
    bool has_thread;

    pthread_mutex_t lock;   /* guards the members below, which both threads use */
    pthread_cond_t changed; /* signalled when one of them has changed */
    rdv_task *task;         /* the task under way, or NULL */
    bool cancelled, terminating;
    int reason;
};

static struct updater *updater_of(rdv_plugin *plugin)
{
    return (struct updater *)(void *)plugin;
}

/* ------------------------------------------------------------- the thread that does the work */

/* Do a part of the update. Returns false if it was asked to end before that was done. */
static bool do_step(struct updater *updater)
{
    struct timespec end;
    int waited = 0;
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += updater->step_ms / 1000;
    end.tv_nsec += updater->step_ms % 1000 * 1000000;
    end.tv_sec += end.tv_nsec / 1000000000;
    end.tv_nsec %= 1000000000;

    pthread_mutex_lock(&updater->lock);
    while (!updater->cancelled && !updater->terminating && waited == 0)
        waited = pthread_cond_timedwait(&updater->changed, &updater->lock, &end);
    const bool go_on = !updater->cancelled && !updater->terminating;
    pthread_mutex_unlock(&updater->lock);
    return go_on;
}

static void report(struct updater *updater, const rdv_task *task, rdv_status status, int progress,
                   int code, const char *message)
{
    rdv_report report = RDV_REPORT_INIT;
    report.status = status;
    report.progress = progress;
    report.code = code;
    report.message = message;
    updater->sink->ops->task_state_changed(updater->sink, updater->host->task_identifier(task),
                                           &report);
}

static void update(struct updater *updater, rdv_task *task)
{
    static const rdv_status phases[STEPS] = {RDV_STATUS_SEARCHING, RDV_STATUS_DOWNLOADING,
                                             RDV_STATUS_APPLYING, RDV_STATUS_APPLYING};
    bool go_on = true;
    for (int step = 0; step < STEPS && go_on; step++) {
        report(updater, task, phases[step], 100 * step / STEPS, 0, NULL);
        go_on = do_step(updater);
    }

    /* Be ready for the next task before the end of this one is reported: the trigger agent may
     * start it at once. */
    pthread_mutex_lock(&updater->lock);
    const bool cancelled = updater->cancelled;
    updater->task = NULL;
    pthread_mutex_unlock(&updater->lock);
    if (go_on)
        report(updater, task, RDV_STATUS_SUCCESS, 100, 0, "up to date");
    else if (cancelled)
        report(updater, task, RDV_STATUS_FAILED, -1, RDV_ECANCELLED, "cancelled");
    /* Otherwise a shutdown has interrupted the task: it has not ended, so nothing is reported, and
     * the next process starts it again. */
    updater->host->task_unref(task);
}

static void *work(void *user)
{
    struct updater *updater = user;
    pthread_mutex_lock(&updater->lock);
    while (!updater->terminating) {
        rdv_task *task = updater->task;
        if (!task) {
            pthread_cond_wait(&updater->changed, &updater->lock);
            continue;
        }
        pthread_mutex_unlock(&updater->lock);
        update(updater, task);
        pthread_mutex_lock(&updater->lock);
    }
    updater->host->task_unref(updater->task); /* a task that was not begun, or NULL */
    updater->task = NULL;
    pthread_mutex_unlock(&updater->lock);

    /* The last report: nothing may follow it. */
    updater->sink->ops->terminated(updater->sink, updater->reason);
    updater->sink->ops->unref(updater->sink);
    return NULL;
}

/* ---------------------------------- what the trigger agent calls, on its thread: none may wait */

static const char *updater_name(rdv_plugin *plugin)
{
    (void)plugin;
    return "Example updater";
}

static int updater_initialize(rdv_plugin *plugin, rdv_sink *sink)
{
    struct updater *updater = updater_of(plugin);
    updater->sink = sink;
    sink->ops->ref(sink);
    updater->has_thread = pthread_create(&updater->thread, NULL, work, updater) == 0;
    if (updater->has_thread)
        return 0;
    sink->ops->unref(sink);
    return RDV_ENOMEM;
}

static int updater_check_label(rdv_plugin *plugin, const char *label)
{
    (void)plugin;
    return strcmp(label, "update") == 0 ? 0 : RDV_ENOHANDLER;
}

static int updater_start_task(rdv_plugin *plugin, rdv_task *task)
{
    struct updater *updater = updater_of(plugin);
    const rdv_module_host *host = updater->host;
    int result = updater_check_label(plugin, host->task_label(task));
    if (result != 0)
        return result;
    pthread_mutex_lock(&updater->lock);
    if (updater->terminating) {
        result = RDV_ESHUTDOWN;
    } else if (updater->task) {
        /* The trigger agent may ask again for the task under way; there is no second run then. */
        const char *identifier = host->task_identifier(updater->task);
        result = strcmp(identifier, host->task_identifier(task)) == 0 ? 0 : RDV_EBUSY;
    } else {
        updater->task = host->task_ref(task);
        updater->cancelled = false;
        pthread_cond_signal(&updater->changed);
    }
    pthread_mutex_unlock(&updater->lock);
    return result;
}

static int updater_cancel_task(rdv_plugin *plugin, const char *identifier)
{
    struct updater *updater = updater_of(plugin);
    pthread_mutex_lock(&updater->lock);
    const bool ours =
        updater->task && strcmp(updater->host->task_identifier(updater->task), identifier) == 0;
    updater->cancelled |= ours;
    pthread_cond_signal(&updater->changed);
    pthread_mutex_unlock(&updater->lock);
    return ours ? 0 : RDV_ENOTFOUND;
}

static int updater_terminate(rdv_plugin *plugin, int reason)
{
    struct updater *updater = updater_of(plugin);
    pthread_mutex_lock(&updater->lock);
    updater->terminating = true;
    updater->reason = reason;
    pthread_cond_signal(&updater->changed);
    pthread_mutex_unlock(&updater->lock);
    return 0;
}

static const rdv_plugin_ops updater_ops = {
    .size = sizeof(rdv_plugin_ops),
    /* This update may be begun again after a power cut, so the next process may call start_task for
     * a task that was under way. Without this flag it would only wait for a report. */
    .flags = RDV_PLUGIN_RESTART_SAFE,
    .name = updater_name,
    .initialize = updater_initialize,
    .start_task = updater_start_task,
    .cancel_task = updater_cancel_task,
    .terminate = updater_terminate,
    .check_label = updater_check_label,
};

/* ------------------------------------------------------------------------------ the entry point */

/* Called after `terminated`, or if the plug-in was never initialised. When this returns, no code of
 * the plug-in may be running any more. */
static void updater_close(rdv_plugin *plugin)
{
    struct updater *updater = updater_of(plugin);
    if (updater->has_thread)
        pthread_join(updater->thread, NULL);
    pthread_cond_destroy(&updater->changed);
    pthread_mutex_destroy(&updater->lock);
    free(updater);
}

/* Make a condition whose waits go by the monotonic clock, which nobody sets. */
static int make_condition(pthread_cond_t *condition)
{
    pthread_condattr_t attributes;
    if (pthread_condattr_init(&attributes) != 0)
        return RDV_ENOMEM;
    int result = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    if (result == 0)
        result = pthread_cond_init(condition, &attributes);
    pthread_condattr_destroy(&attributes);
    return result == 0 ? 0 : RDV_ENOMEM;
}

static int updater_open(const rdv_module_host *host, rdv_plugin **ret_plugin)
{
    /* The administrator's text for this plug-in is the duration of a step in milliseconds. */
    char *end;
    const long step_ms = *host->configuration ? strtol(host->configuration, &end, 10) : 50;
    if (*host->configuration && (*end || step_ms < 0 || step_ms > 3600000)) {
        host->log(host, RDV_LOG_ERROR, "the configuration is not a number of milliseconds");
        return RDV_EINVAL;
    }
    struct updater *updater = calloc(1, sizeof(*updater));
    if (!updater)
        return RDV_ENOMEM;
    updater->base.ops = &updater_ops;
    updater->host = host;
    updater->step_ms = step_ms;
    if (make_condition(&updater->changed) != 0) {
        free(updater);
        return RDV_ENOMEM;
    }
    pthread_mutex_init(&updater->lock, NULL);
    *ret_plugin = &updater->base;
    return 0;
}

const rdv_module_entry rdvtask_plugin = {
    .size = sizeof(rdv_module_entry),
    .abi = RDV_MODULE_ABI,
    .open = updater_open,
    .close = updater_close,
};
