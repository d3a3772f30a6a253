/* SPDX-License-Identifier: MIT */
/*
 * An agent with a control, on a clock and a task agent of the test's own, and raw clients of it: everything happens in the
 * test's thread, which dispatches the loop itself.
 */
#ifndef RDV_TEST_CONTROL_BENCH_H
#define RDV_TEST_CONTROL_BENCH_H

#include <check.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rdvtask/rdvtask.h>

#include "database.h"
#include "store.h"
#include "system.h"
#include "wire.h"

#define NOW (INT64_C(420000) * RDV_DAY)

/* How long something that must come is waited for, in milliseconds. */
#define BENCH_PATIENCE 60000

/* A task agent that does only what a test tells it to. */
struct bench_plugin {
    rdv_plugin base;
    rdv_sink *sink;
    int cancel_result;
    bool finish_at_once;
};

struct bench {
    char directory[RDV_TEST_PATH], store_path[RDV_TEST_PATH + 16], socket[RDV_TEST_PATH + 16];
    rdv_loop *loop;
    rdv_store *store;
    rdv_trigger *trigger;
    rdv_control *control;
    rdv_control_options options;
    struct bench_plugin plugin;
    rdv_time now;
    char last_log[1024];
    int commits;      /* counted since it was last zeroed */
    bool fail_commit; /* the next one fails */
    void (*at_commit)(struct bench *bench);
};

static inline const char *bench_name(rdv_plugin *base)
{
    (void)base;
    return "the test's";
}

static inline int bench_report(struct bench *bench, const char *identifier, rdv_status status,
                               int progress, const char *message)
{
    rdv_report report = RDV_REPORT_INIT;
    report.status = status;
    report.progress = progress;
    report.message = message;
    return bench->plugin.sink->ops->task_state_changed(bench->plugin.sink, identifier, &report);
}

static inline int bench_initialize(rdv_plugin *base, rdv_sink *sink)
{
    struct bench_plugin *plugin = (struct bench_plugin *)base;
    sink->ops->ref(sink);
    plugin->sink = sink;
    return 0;
}

static inline int bench_start_task(rdv_plugin *base, rdv_task *task)
{
    struct bench_plugin *plugin = (struct bench_plugin *)base;
    rdv_report report = RDV_REPORT_INIT;
    report.status = RDV_STATUS_SUCCESS;
    if (plugin->finish_at_once)
        ck_assert_int_eq(
            plugin->sink->ops->task_state_changed(plugin->sink, rdv_task_identifier(task), &report),
            0);
    return 0;
}

static inline int bench_cancel_task(rdv_plugin *base, const char *identifier)
{
    (void)identifier;
    return ((struct bench_plugin *)base)->cancel_result;
}

static inline int bench_terminate(rdv_plugin *base, int reason)
{
    struct bench_plugin *plugin = (struct bench_plugin *)base;
    plugin->sink->ops->terminated(plugin->sink, reason);
    return 0;
}

static const rdv_plugin_ops bench_plugin_ops = {
    .size = sizeof bench_plugin_ops,
    .name = bench_name,
    .initialize = bench_initialize,
    .start_task = bench_start_task,
    .cancel_task = bench_cancel_task,
    .terminate = bench_terminate,
};

static inline rdv_time bench_now(void *user)
{
    return ((struct bench *)user)->now;
}

static inline void bench_log(void *user, rdv_log_level level, const char *text)
{
    struct bench *bench = user;
    (void)level;
    snprintf(bench->last_log, sizeof bench->last_log, "%s", text);
}

static inline int bench_committing(void *user)
{
    struct bench *bench = user;
    bench->commits++;
    if (bench->at_commit)
        bench->at_commit(bench);
    if (!bench->fail_commit)
        return 0;
    bench->fail_commit = false;
    return 1;
}

/* Let the loop do all that is ready. */
static inline void bench_turns(struct bench *bench)
{
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(rdv_loop_dispatch(bench->loop), 0);
}

static inline void bench_listen(struct bench *bench)
{
    struct rdv_error error = {0};
    int result = rdv_control_new(bench->loop, bench->store, bench->trigger, &bench->options,
                                 &bench->control, &error);
    ck_assert_msg(result == 0, "%s", error.text);
}

/* With a socket, or without. The task agent is attached by bench_attach(). */
static inline void bench_open(struct bench *bench, bool listening)
{
    memset(bench, 0, sizeof *bench);
    rdv_test_make_folder(bench->directory, "control");
    snprintf(bench->store_path, sizeof bench->store_path, "%s/store.db", bench->directory);
    snprintf(bench->socket, sizeof bench->socket, "%s/socket", bench->directory);
    bench->now = NOW;
    ck_assert_int_eq(rdv_loop_new(&bench->loop), 0);
    ck_assert_int_eq(rdv_store_open(bench->store_path, NULL, &bench->store, NULL), 0);
    /* Nothing here is about power cuts, and it waits for the disk most of the time. */
    ck_assert_int_eq(sqlite3_exec(rdv__store_database(bench->store)->handle,
                                  "PRAGMA synchronous=OFF", NULL, NULL, NULL),
                     SQLITE_OK);
    rdv_trigger_options how;
    rdv_trigger_options_init(&how);
    how.clock = (rdv_clock){.now = bench_now, .user = bench};
    ck_assert_int_eq(rdv_trigger_new(bench->loop, bench->store, &how, &bench->trigger), 0);
    rdv_control_options_init(&bench->options);
    bench->options.socket = listening ? bench->socket : NULL;
    bench->options.log = (rdv_log){bench_log, bench};
    bench_listen(bench);
    bench->plugin.base.ops = &bench_plugin_ops;
    sqlite3_commit_hook(rdv__store_database(bench->store)->handle, bench_committing, bench);
}

static inline void bench_attach(struct bench *bench)
{
    ck_assert_int_eq(rdv_trigger_attach(bench->trigger, &bench->plugin.base), 0);
    bench_turns(bench);
}

static inline void bench_close(struct bench *bench)
{
    if (!bench->loop)
        return;
    rdv_control_free(bench->control);
    rdv_trigger_free(bench->trigger);
    if (bench->plugin.sink)
        bench->plugin.sink->ops->unref(bench->plugin.sink);
    rdv_store_close(bench->store);
    rdv_loop_free(bench->loop);
    bench->loop = NULL;
    rdv_test_remove(bench->directory);
}

/* One more round of a wait for what must come: false = it has taken too long. */
static inline bool bench_goes_on(struct bench *bench, int64_t begun)
{
    bench_turns(bench);
    /* Where the loop has no descriptor it may be told a moment later of what is there. */
    (void)rdv_test_wait(bench->loop, 1);
    return rdv_test_clock() - begun < BENCH_PATIENCE;
}

/* Let the agent take in what was sent, until it has so many tasks that are not over. */
static inline void bench_until_unfinished(struct bench *bench, size_t count)
{
    int64_t begun = rdv_test_clock();
    bench_turns(bench);
    while (rdv_trigger_unfinished(bench->trigger) != count && bench_goes_on(bench, begun))
        ;
    ck_assert_uint_eq(rdv_trigger_unfinished(bench->trigger), count);
}

/* ------------------------------------------------------------------ clients */

/* A client that has been taken. */
static inline struct wire *bench_client(struct bench *bench)
{
    struct wire *wire = wire_open(bench->socket);
    bench_turns(bench);
    return wire;
}

/* Send without letting the agent do anything, as long as there is room. */
static inline void bench_send(struct wire *wire, const char *text)
{
    size_t size = strlen(text);
    ck_assert_uint_eq(wire_send(wire, text, size), size);
}

/* A line that stays valid until the next but seven is kept; NULL stays NULL. */
static inline const char *bench_keep_line(const char *line)
{
    static char *lines[8];
    static int next;
    if (!line)
        return NULL;
    char **kept = &lines[next++ % 8];
    free(*kept);
    size_t size = strlen(line) + 1;
    *kept = malloc(size);
    ck_assert_ptr_nonnull(*kept);
    return memcpy(*kept, line, size);
}

/* The next line, if one comes without waiting for anything: the agent has some turns for it. NULL if none does. */
static inline const char *bench_hear_now(struct bench *bench, struct wire *wire)
{
    const char *line = NULL;
    size_t there = 0;
    for (int quiet = 0; quiet < 4 && !line;) {
        line = wire_line(wire);
        if (line)
            break;
        quiet = wire->end == there ? quiet + 1 : 0;
        there = wire->end;
        bench_turns(bench);
    }
    return bench_keep_line(line);
}

/* The next line, which comes: it is waited for. */
static inline const char *bench_hear(struct bench *bench, struct wire *wire)
{
    int64_t begun = rdv_test_clock();
    const char *line = bench_hear_now(bench, wire);
    while (!line && bench_goes_on(bench, begun))
        line = bench_hear_now(bench, wire);
    ck_assert_msg(line != NULL, "nothing was heard");
    return line;
}

/* Send a line, and hear the next. */
static inline const char *bench_ask(struct bench *bench, struct wire *wire, const char *line)
{
    bench_send(wire, line);
    bench_send(wire, "\n");
    return bench_hear(bench, wire);
}

/* Whether the agent closes the connection; what it has sent is thrown away. */
static inline bool bench_closed(struct bench *bench, struct wire *wire)
{
    char buffer[4096];
    int64_t begun = rdv_test_clock();
    do {
        size_t size = 1;
        while (size > 0)
            if (!wire_receive(wire, buffer, sizeof buffer, &size))
                return true;
    } while (bench_goes_on(bench, begun));
    return false;
}

static inline void bench_keep(void *user, const char *line)
{
    char **kept = user;
    free(*kept);
    size_t size = strlen(line) + 1;
    *kept = malloc(size);
    ck_assert_ptr_nonnull(*kept);
    memcpy(*kept, line, size);
}

/* The direct way. The caller frees it. NULL if there was no answer. */
static inline char *bench_call(struct bench *bench, const char *request)
{
    char *answer = NULL;
    ck_assert_int_eq(rdv_control_call(bench->control, request, bench_keep, &answer), 0);
    return answer;
}

/* Whether there is anything to do within so many milliseconds. */
static inline bool bench_busy(struct bench *bench, int patience)
{
    return wire_loop_works(bench->loop, patience);
}

#define REQUEST(id, method, params) \
    "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"method\":\"" method "\",\"params\":" params "}"
#define CALL(method, params) REQUEST("1", method, params)

/* What is looked at once only may be what has just come. */
#define ck_assert_has(text, part)                                                        \
    do {                                                                                 \
        const char *has_text = (text), *has_part = (part);                               \
        ck_assert_msg(strstr(has_text, has_part) != NULL, "'%s' is not in %s", has_part, \
                      has_text);                                                         \
    } while (0)

#endif
