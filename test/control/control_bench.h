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

#include "kit/kit.h"
#include "store/database.h"
#include "store/store.h"
#include "system.h"
#include "wire.h"

#define NOW (INT64_C(420000) * RDV_DAY)

/* How long something that must come is waited for, in milliseconds. */
#define BENCH_PATIENCE 60000

struct bench {
    char directory[RDV_TEST_PATH], store_path[RDV_TEST_PATH + 16], socket[RDV_TEST_PATH + 16];
    rdv_loop *loop;
    rdv_store *store;
    rdv_trigger *trigger;
    rdv_control *control;
    rdv_control_options options;
    struct rdv_kit_plugin plugin; /* does only what a test tells it to */
    struct rdv_kit_clock clock;
    struct rdv_kit_log log;
    int commits;      /* counted since it was last zeroed */
    bool fail_commit; /* the next one fails */
    void (*at_commit)(struct bench *bench);
};

static inline int bench_report(struct bench *bench, const char *identifier, rdv_status status,
                               int progress, const char *message)
{
    return rdv_kit_plugin_report(&bench->plugin, identifier, status, progress, message);
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
    rdv_kit_clock_init(&bench->clock, NOW);
    ck_assert_int_eq(rdv_loop_new(&bench->loop), 0);
    ck_assert_int_eq(rdv_store_open(bench->store_path, NULL, &bench->store, NULL), 0);
    /* Nothing here is about power cuts, and it waits for the disk most of the time. */
    ck_assert_int_eq(sqlite3_exec(rdv__store_database(bench->store)->handle,
                                  "PRAGMA synchronous=OFF", NULL, NULL, NULL),
                     SQLITE_OK);
    rdv_trigger_options how;
    rdv_trigger_options_init(&how);
    how.clock = rdv_kit_clock_ops(&bench->clock);
    ck_assert_int_eq(rdv_trigger_new(bench->loop, bench->store, &how, &bench->trigger), 0);
    rdv_control_options_init(&bench->options);
    bench->options.socket = listening ? bench->socket : NULL;
    bench->options.log = rdv_kit_log_ops(&bench->log);
    bench_listen(bench);
    rdv_kit_plugin_init(&bench->plugin, RDV_KIT_CANCELS);
    bench->plugin.name = "the test's";
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
    rdv_kit_plugin_finish(&bench->plugin);
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
