/* SPDX-License-Identifier: MIT */
/*
 * A task agent on a bench: a loop, a store and a log in a temporary directory, and a sink that writes down what it is told.
 * Test programs include this once.
 */
#ifndef RDV_TEST_AGENT_BENCH_H
#define RDV_TEST_AGENT_BENCH_H

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>

#include <rdvtask/rdvtask.h>

#include "commands.h"
#include "harness.h"
#include "kit/kit.h"
#include "system.h"

#define BENCH_WAIT_MS 20000

struct bench {
    struct rdv_kit_sink sink;
    int act_at; /* for what the sink does when it has heard: at which number of reports */
    rdv_loop *loop;
    rdv_store *store;
    rdv_agent *agent;
    rdv_plugin *plugin;
    char directory[RDV_TEST_PATH];
    struct rdv_kit_log log;
    bool keep_directory;
};

/* A path in the bench's directory; the text is overwritten by the next but seven. */
static inline const char *bench_path(const struct bench *bench, const char *name)
{
    static char paths[8][RDV_TEST_PATH + 64];
    static int next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", bench->directory, name);
    return path;
}

/* An agent on a store in this directory (NULL: a new temporary one), initialized. in_memory: the store is not in the directory. */
static inline struct bench *bench_new(const char *directory, bool in_memory)
{
    struct bench *bench = calloc(1, sizeof *bench);
    ck_assert_ptr_nonnull(bench);
    rdv_kit_sink_init(&bench->sink);
    bench->sink.user = bench;
#ifndef _WIN32
    umask(022); /* documents that others may write to are refused */
#endif
    if (directory)
        snprintf(bench->directory, sizeof bench->directory, "%s", directory);
    else
        rdv_test_make_folder(bench->directory, "bench");
    rdv_agent_options options;
    rdv_agent_options_init(&options);
    options.log_directory = bench_path(bench, "log");
    options.log = rdv_kit_log_ops(&bench->log);
    ck_assert_int_eq(rdv_loop_new(&bench->loop), 0);
    struct rdv_error error = {0};
    int result =
        rdv_store_open(in_memory ? NULL : bench_path(bench, "store"), NULL, &bench->store, &error);
    ck_assert_msg(result == 0, "%s", error.text);
    ck_assert_int_eq(rdv_agent_new(bench->loop, bench->store, &options, &bench->agent), 0);
    bench->plugin = rdv_agent_plugin(bench->agent);
    ck_assert_int_eq(bench->plugin->ops->initialize(bench->plugin, &bench->sink.base), 0);
    return bench;
}

static inline void bench_free(struct bench *bench)
{
    rdv_agent_free(bench->agent);
    ck_assert_int_eq(bench->sink.references, 0);
    rdv_store_close(bench->store);
    rdv_loop_free(bench->loop);
    if (!bench->keep_directory)
        rdv_test_remove(bench->directory);
    rdv_kit_sink_finish(&bench->sink);
    free(bench);
}

/* Run the loop until *counter has reached count. */
static inline void bench_wait(struct bench *bench, const int *counter, int count)
{
    int64_t end = rdv_test_clock() + BENCH_WAIT_MS;
    for (;;) {
        ck_assert_int_eq(rdv_loop_dispatch(bench->loop), 0);
        if (*counter >= count)
            return;
        int64_t left = end - rdv_test_clock();
        if (left <= 0)
            ck_abort_msg("waited in vain; the log says:\n%s", bench->log.text);
        rdv_test_wait(bench->loop, left < 50 ? (int)left : 50);
    }
}

/* Run the loop until there is a file of this name. */
static inline void bench_wait_file(struct bench *bench, const char *name)
{
    int64_t end = rdv_test_clock() + BENCH_WAIT_MS;
    while (!rdv_test_exists(bench_path(bench, name))) {
        ck_assert_int_eq(rdv_loop_dispatch(bench->loop), 0);
        if (rdv_test_clock() > end)
            ck_abort_msg("no file %s; the log says:\n%s", name, bench->log.text);
        rdv_test_wait(bench->loop, 5);
    }
}

/* Run the loop for a while. */
static inline void bench_linger(struct bench *bench, int milliseconds)
{
    int64_t end = rdv_test_clock() + milliseconds;
    int64_t left;
    do {
        ck_assert_int_eq(rdv_loop_dispatch(bench->loop), 0);
        left = end - rdv_test_clock();
        if (left > 0)
            rdv_test_wait(bench->loop, (int)left);
    } while (left > 0);
}

static inline void bench_write(const struct bench *bench, const char *name, const char *text)
{
    rdv_test_write_text(bench_path(bench, name), text);
}

/* The text of a file, "" if there is none; overwritten by the next. */
static inline const char *bench_read(const struct bench *bench, const char *name)
{
    static char text[1 << 16];
    text[0] = '\0';
    FILE *file = fopen(bench_path(bench, name), "rb");
    if (file) {
        text[fread(text, 1, sizeof text - 1, file)] = '\0';
        fclose(file);
    }
    return text;
}

/* Whether a command comes here that the handlers' own PATH does not have. */
static inline bool bench_needs_folder(const char *document, const char *at)
{
    static const char before[] = "'run':['";
    const size_t size = sizeof before - 1;
#ifdef _WIN32
    return (size_t)(at - document) >= size && memcmp(at - size, before, size) == 0 && *at != '/' &&
           at[1] != ':';
#else
    (void)document;
    (void)at;
    (void)size;
    return false;
#endif
}

/* Load a document, in which ' stands for ", and @ for the bench's directory. */
static inline int bench_try(struct bench *bench, const char *document, struct rdv_error *error)
{
    FILE *file = fopen(bench_path(bench, "agent.json"), "w");
    ck_assert_ptr_nonnull(file);
    for (const char *c = document; *c; c++) {
        if (bench_needs_folder(document, c))
            fprintf(file, "%s/", rdv_test_commands());
        if (*c == '@')
            fputs(bench->directory, file);
        else
            fputc(*c == '\'' ? '"' : *c, file);
    }
    fclose(file);
    return rdv_agent_load(bench->agent, bench_path(bench, "agent.json"), error);
}

static inline void bench_load(struct bench *bench, const char *document)
{
    struct rdv_error error = {0};
    int result = bench_try(bench, document, &error);
    ck_assert_msg(result == 0, "%d:%d %s: %s", error.line, error.column, error.path, error.text);
}

/* Load one handler, "l", with these steps. */
static inline void bench_steps(struct bench *bench, const char *steps)
{
    char document[4096];
    int size = snprintf(document, sizeof document,
                        "{'handlers':[{'label':'l','grace':'%s','steps':[%s]}]}",
                        rdv_test_no_asking() ? "200ms" : "5s", steps);
    ck_assert_int_lt(size, (int)sizeof document);
    bench_load(bench, document);
}

static inline int bench_start(struct bench *bench, const char *label, const char *identifier,
                              const char *context)
{
    rdv_task *task;
    ck_assert_int_eq(rdv_task_new(label, identifier, context, strlen(context), &task), 0);
    int result = bench->plugin->ops->start_task(bench->plugin, task);
    rdv_task_unref(task);
    return result;
}

/* Start a task of the label "l" and wait for its end. */
static inline const struct rdv_kit_heard *bench_do(struct bench *bench, const char *context)
{
    int count = bench->sink.ended + 1;
    ck_assert_int_eq(bench_start(bench, "l", "task", context), 0);
    bench_wait(bench, &bench->sink.ended, count);
    return &bench->sink.heard[bench->sink.heard_count - 1];
}

/* How many of the reports have this status and a message that begins so. */
static inline int bench_count(const struct bench *bench, rdv_status status, const char *begin)
{
    int count = 0;
    for (int i = 0; i < bench->sink.heard_count; i++)
        count += bench->sink.heard[i].status == status &&
                 strncmp(bench->sink.heard[i].message, begin, strlen(begin)) == 0;
    return count;
}

static inline void bench_wait_gone(int64_t process)
{
    ck_assert_msg(rdv_test_goes(process), "process %lld is still there", (long long)process);
}

/* ---- a second process, which the test kills ---- */

/*
 * As main() of it: run this test, with assertions and all. Its own arguments are the caller's to keep. bench_second_kill() ends it.
 */
static inline int bench_second_main(const TTest *test)
{
    rdv_test_set_variable("CK_FORK", "no");
    Suite *suite = suite_create("second");
    TCase *tcase = tcase_create("second");
    tcase_set_timeout(tcase, 0);
    tcase_add_test(tcase, test);
    suite_add_tcase(suite, tcase);
    return rdv_test_main(suite);
}

/* Start this program with these arguments (NULL ends them), and kill it, however that is done here, once there is such a file. */
static inline void bench_second_kill(const char *const *arguments, const char *path)
{
    struct rdv_test_child *second = rdv_test_child_start(arguments);
    int64_t end = rdv_test_clock() + BENCH_WAIT_MS;
    while (!rdv_test_exists(path)) {
        ck_assert_msg(rdv_test_clock() < end, "no file %s", path);
        rdv_test_sleep(5);
    }
    rdv_test_child_kill(second);
    ck_assert_int_eq(rdv_test_child_wait(second), -1);
}

#endif
