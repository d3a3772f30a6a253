/* SPDX-License-Identifier: MIT */
/*
 * A plug-in that does one thing wrong, which its configuration names; without one it is right: each task succeeds at once. It
 * logs what it is answered, for the test to see.
 */
#define _DEFAULT_SOURCE

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rdvtask/module.h>

/* How long it blocks where it does, in microseconds, if its configuration names no file that it waits for; and what it waits at
 * most. */
#define BLOCKED      150000
#define BLOCKED_MOST 20000000

/* How often a thread that nothing stops calls what it can. */
#define WILD_TURNS 2000

struct faulty {
    rdv_plugin base;
    rdv_plugin_ops ops;
    const rdv_module_host *host;
    rdv_sink *sink;
    rdv_task *task; /* the last one that it left unfinished */
    pthread_t thread;
    bool has_thread;
};

/* What may be called as long as this is in memory: a checker for leaks sees that it is not lost. */
static struct faulty *volatile latest;
static const rdv_module_host *volatile latest_host;
static rdv_sink *volatile latest_sink;

static struct faulty *faulty_of(rdv_plugin *plugin)
{
    return (struct faulty *)(void *)plugin;
}

/* A path may come after the fault's name and a space. */
static bool configured(const rdv_module_host *host, const char *fault)
{
    const size_t size = strlen(fault);
    return strncmp(host->configuration, fault, size) == 0 &&
           (host->configuration[size] == '\0' || host->configuration[size] == ' ');
}

static bool does(const struct faulty *faulty, const char *fault)
{
    return configured(faulty->host, fault);
}

static void block(const rdv_module_host *host)
{
    const char *space = strchr(host->configuration, ' ');
    if (!space)
        usleep(BLOCKED);
    for (int waited = 0; space && access(space + 1, F_OK) != 0 && waited < BLOCKED_MOST;
         waited += 1000)
        usleep(1000);
}

static void say(const struct faulty *faulty, const char *what, int number)
{
    char line[128];
    snprintf(line, sizeof line, "%s %d", what, number);
    faulty->host->log(faulty->host, RDV_LOG_INFO, line);
}

static int report(struct faulty *faulty, const char *identifier, rdv_status status)
{
    rdv_report words = RDV_REPORT_INIT;
    words.status = status;
    return faulty->sink->ops->task_state_changed(faulty->sink, identifier, &words);
}

static const char *faulty_name(rdv_plugin *plugin)
{
    const struct faulty *faulty = faulty_of(plugin);
    static char long_name[400];
    if (does(faulty, "nameless"))
        return NULL;
    if (does(faulty, "empty-name"))
        return "";
    if (does(faulty, "bad-name"))
        return "no \xFF UTF-8";
    if (!does(faulty, "long-name"))
        return "Faulty";
    memset(long_name, 'n', sizeof long_name - 1);
    return long_name;
}

/* ------------------------------------------------------------------- threads */

/* Goes on, whatever it is told, for a time that is longer than that of all others. */
static void *run_wild(void *user)
{
    struct faulty *faulty = user;
    for (int i = 0; i < WILD_TURNS; i++) {
        report(faulty, "wild", RDV_STATUS_APPLYING);
        say(faulty, "wild", i);
        faulty->sink->ops->ref(faulty->sink);
        faulty->sink->ops->unref(faulty->sink);
        usleep(100);
    }
    return NULL;
}

static void *flood(void *user)
{
    struct faulty *faulty = user;
    for (int i = 0; i < 1000; i++)
        say(faulty, "flood", i);
    report(faulty, faulty->host->task_identifier(faulty->task), RDV_STATUS_SUCCESS);
    return NULL;
}

static void *count(void *user)
{
    struct faulty *faulty = user;
    for (int i = 0; i < 10; i++)
        say(faulty, "count", i);
    report(faulty, faulty->host->task_identifier(faulty->task), RDV_STATUS_SUCCESS);
    return NULL;
}

static void *resign(void *user)
{
    struct faulty *faulty = user;
    faulty->sink->ops->terminated(faulty->sink, RDV_EIO);
    faulty->sink->ops->unref(faulty->sink);
    return NULL;
}

static void *terminate_late(void *user)
{
    struct faulty *faulty = user;
    block(faulty->host);
    resign(faulty);
    say(faulty, "late", 1);
    return NULL;
}

static void start_thread(struct faulty *faulty, void *(*fn)(void *user))
{
    faulty->has_thread = pthread_create(&faulty->thread, NULL, fn, faulty) == 0;
}

/* On another thread, while the loop's waits for it. */
static void do_elsewhere(struct faulty *faulty, void *(*fn)(void *user))
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, fn, faulty) == 0)
        pthread_join(thread, NULL);
}

/* ------------------------------------------------------------------- calls */

static int faulty_initialize(rdv_plugin *plugin, rdv_sink *sink)
{
    struct faulty *faulty = faulty_of(plugin);
    if (does(faulty, "initialize-fails"))
        return RDV_EACCES;
    faulty->sink = sink;
    latest_sink = sink;
    sink->ops->ref(sink);
    if (does(faulty, "initialize-fails-keeping-the-sink"))
        return RDV_EACCES;
    if (does(faulty, "initialize-strange"))
        return 1;
    if (does(faulty, "initialize-blocks"))
        block(faulty->host);
    if (does(faulty, "terminates-in-initialize")) {
        sink->ops->terminated(sink, 0);
        sink->ops->unref(sink);
    }
    if (does(faulty, "runs-wild")) {
        start_thread(faulty, run_wild);
        pthread_detach(faulty->thread); /* it won't be closed */
    }
    if (does(faulty, "gives-back-too-much")) {
        sink->ops->unref(sink);
        sink->ops->unref(sink);
        sink->ops->unref(sink);
        sink->ops->ref(sink);
    }
    return 0;
}

static void report_wrongly(struct faulty *faulty, const char *identifier)
{
    rdv_sink *sink = faulty->sink;
    rdv_window window = {.start = 2, .end = 1};
    rdv_report words = RDV_REPORT_INIT;
    say(faulty, "UNKNOWN", report(faulty, identifier, RDV_STATUS_UNKNOWN));
    say(faulty, "TIMEOUT", report(faulty, identifier, RDV_STATUS_TIMEOUT));
    say(faulty, "no report", sink->ops->task_state_changed(sink, identifier, NULL));
    say(faulty, "no identifier", report(faulty, NULL, RDV_STATUS_APPLYING));
    say(faulty, "empty identifier", report(faulty, "", RDV_STATUS_APPLYING));
    say(faulty, "unknown identifier", report(faulty, "nobody", RDV_STATUS_APPLYING));
    words.status = RDV_STATUS_APPLYING;
    words.progress = 101;
    say(faulty, "progress", sink->ops->task_state_changed(sink, identifier, &words));
    words.progress = 50;
    words.message = "bad \xC3 UTF-8";
    say(faulty, "message", sink->ops->task_state_changed(sink, identifier, &words));
    words.message = NULL;
    words.size = 4;
    say(faulty, "size", sink->ops->task_state_changed(sink, identifier, &words));
    say(faulty, "no task", sink->ops->schedule_task(sink, NULL, NULL));
    say(faulty, "window", sink->ops->schedule_task(sink, &window, faulty->task));
    say(faulty, "delete nothing", sink->ops->delete_schedule(sink, NULL));
    say(faulty, "delete nobody", sink->ops->delete_schedule(sink, "nobody"));
}

static int faulty_start_task(rdv_plugin *plugin, rdv_task *task)
{
    struct faulty *faulty = faulty_of(plugin);
    const char *identifier = faulty->host->task_identifier(task);
    if (does(faulty, "start-strange"))
        return 7;
    if (does(faulty, "start-fails"))
        return RDV_EIO;
    if (does(faulty, "crashes"))
        raise(SIGSEGV);
    if (does(faulty, "start-blocks"))
        block(faulty->host);
    faulty->host->task_unref(faulty->task);
    faulty->task = faulty->host->task_ref(task);
    if (does(faulty, "never-reports") || does(faulty, "ends-slowly") || does(faulty, "no-cancel") ||
        does(faulty, "cancel-strange"))
        return 0;
    if (does(faulty, "floods")) {
        do_elsewhere(faulty, flood);
        return 0;
    }
    if (does(faulty, "resigns")) {
        say(faulty, "resigning", 1);
        do_elsewhere(faulty, resign);
        return 0;
    }
    if (does(faulty, "counts")) {
        start_thread(faulty, count);
        return 0;
    }
    if (does(faulty, "reports-wrongly"))
        report_wrongly(faulty, identifier);
    if (does(faulty, "nags"))
        for (int i = 0; i < 300; i++)
            report(faulty, identifier, RDV_STATUS_UNKNOWN);
    report(faulty, identifier, RDV_STATUS_SUCCESS);
    if (does(faulty, "reports-after-the-end"))
        say(faulty, "after the end", report(faulty, identifier, RDV_STATUS_APPLYING));
    return does(faulty, "succeeds-and-fails") ? RDV_EIO : 0;
}

static int faulty_cancel_task(rdv_plugin *plugin, const char *identifier)
{
    struct faulty *faulty = faulty_of(plugin);
    (void)identifier;
    return does(faulty, "cancel-strange") ? 9 : 0;
}

static int faulty_check_label(rdv_plugin *plugin, const char *label)
{
    (void)plugin;
    return strcmp(label, "unknown") == 0 ? RDV_ENOHANDLER : 0;
}

static rdv_duration faulty_end_wait(rdv_plugin *plugin, const char *identifier)
{
    struct faulty *faulty = faulty_of(plugin);
    if (does(faulty, "end_wait-blocks"))
        block(faulty->host);
    return does(faulty, "ends-slowly") && strcmp(identifier, "unknown") != 0 ? 5 * RDV_MINUTE : 0;
}

static int faulty_terminate(rdv_plugin *plugin, int reason)
{
    struct faulty *faulty = faulty_of(plugin);
    rdv_sink *sink = faulty->sink;
    if (does(faulty, "never-terminates") || does(faulty, "runs-wild"))
        return 0;
    if (does(faulty, "terminates-late")) {
        start_thread(faulty, terminate_late);
        return 0;
    }
    if (does(faulty, "terminate-fails"))
        return RDV_EBUSY;
    sink->ops->terminated(sink, does(faulty, "terminates-strangely") ? 5 : reason);
    if (does(faulty, "goes-on-after-the-end")) {
        say(faulty, "report", report(faulty, "x", RDV_STATUS_APPLYING));
        say(faulty, "schedule", sink->ops->schedule_task(sink, NULL, faulty->task));
        say(faulty, "delete", sink->ops->delete_schedule(sink, "x"));
        sink->ops->terminated(sink, 0);
    }
    if (!does(faulty, "keeps-the-sink"))
        sink->ops->unref(sink);
    return 0;
}

/* ------------------------------------------------------------------ its life */

static void faulty_close(rdv_plugin *plugin)
{
    struct faulty *faulty = faulty_of(plugin);
    if (faulty->has_thread)
        pthread_join(faulty->thread, NULL);
    faulty->host->task_unref(faulty->task);
    if (does(faulty, "close-blocks"))
        block(faulty->host);
    latest = NULL;
    free(faulty);
}

static int faulty_open(const rdv_module_host *host, rdv_plugin **ret_plugin)
{
    if (strcmp(host->configuration, "open-fails") == 0)
        return RDV_EACCES;
    if (strcmp(host->configuration, "open-strange") == 0)
        return 42;
    if (configured(host, "open-blocks"))
        block(host);
    if (strcmp(host->configuration, "no-plugin") == 0)
        return 0;
    struct faulty *faulty = calloc(1, sizeof *faulty);
    if (!faulty)
        return RDV_ENOMEM;
    faulty->host = host;
    latest = faulty;
    latest_host = host;
    faulty->ops = (rdv_plugin_ops){
        .size = sizeof faulty->ops,
        .flags = does(faulty, "restart-safe") ? RDV_PLUGIN_RESTART_SAFE : 0,
        .name = does(faulty, "no-name") ? NULL : faulty_name,
        .initialize = does(faulty, "no-initialize") ? NULL : faulty_initialize,
        .start_task = does(faulty, "no-start_task") ? NULL : faulty_start_task,
        .cancel_task = does(faulty, "no-cancel") ? NULL : faulty_cancel_task,
        .terminate = does(faulty, "no-terminate") ? NULL : faulty_terminate,
        .check_label = does(faulty, "no-check") ? NULL : faulty_check_label,
        .end_wait = does(faulty, "no-end_wait") ? NULL : faulty_end_wait,
    };
    if (does(faulty, "small-table"))
        faulty->ops.size = offsetof(rdv_plugin_ops, terminate);
    if (does(faulty, "old-table")) { /* of a time before check_label */
        faulty->ops.size = offsetof(rdv_plugin_ops, check_label);
        memset(&faulty->ops.check_label, 0x5A, sizeof faulty->ops.check_label);
    }
    if (does(faulty, "old-table") || does(faulty, "table-before-end_wait"))
        memset(&faulty->ops.end_wait, 0x5A, sizeof faulty->ops.end_wait);
    if (does(faulty, "table-before-end_wait")) /* of a time before end_wait */
        faulty->ops.size = offsetof(rdv_plugin_ops, end_wait);
    faulty->base.ops = does(faulty, "no-table") ? NULL : &faulty->ops;
    say(faulty, host->version, (int)host->size);
    host->log(host, RDV_LOG_INFO, host->configuration);
    *ret_plugin = &faulty->base;
    return 0;
}

const rdv_module_entry rdvtask_plugin = {
    .size = sizeof(rdv_module_entry),
    .abi = RDV_MODULE_ABI,
    .open = faulty_open,
    .close = faulty_close,
};
