/* SPDX-License-Identifier: MIT */
/*
 * A task agent on a bench: a loop, a store and a log in a temporary directory, and a sink that writes down what it is told.
 * Test programs include this once.
 */
#ifndef RDV_TEST_AGENT_BENCH_H
#define RDV_TEST_AGENT_BENCH_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#include <rdvtask/rdvtask.h>

#include "harness.h"

#define BENCH_REPORTS 2048
#define BENCH_WAIT_MS 20000

struct heard {
    char identifier[64];
    rdv_status status;
    int progress, code, attempt;
    char message[RDV_MESSAGE_MAX + 1];
};

struct bench {
    rdv_sink sink; /* first */
    int references;
    int answer;                              /* what the sink answers to reports */
    void (*when_heard)(struct bench *bench); /* inside the sink, after each report */
    int act_at;                              /* for it: at which number of reports */
    struct heard *heard;
    int heard_count;
    int ended; /* how many reports were SUCCESS or FAILED */
    int terminated;
    int reason;
    rdv_loop *loop;
    rdv_store *store;
    rdv_agent *agent;
    rdv_plugin *plugin;
    char directory[64];
    char log[16384];
    bool keep_directory;
};

static inline struct bench *bench_of(rdv_sink *sink)
{
    return (struct bench *)sink;
}

static inline void bench_ref(rdv_sink *sink)
{
    bench_of(sink)->references++;
}

static inline void bench_unref(rdv_sink *sink)
{
    bench_of(sink)->references--;
}

static inline int bench_schedule(rdv_sink *sink, const rdv_window *window, rdv_task *task)
{
    (void)sink;
    (void)window;
    (void)task;
    return RDV_ENOTSUP;
}

static inline int bench_delete(rdv_sink *sink, const char *identifier)
{
    (void)sink;
    (void)identifier;
    return RDV_ENOTSUP;
}

static inline int bench_changed(rdv_sink *sink, const char *identifier, const rdv_report *report)
{
    struct bench *bench = bench_of(sink);
    ck_assert_int_eq(rdv_report_check(report), 0);
    ck_assert_int_lt(bench->heard_count, BENCH_REPORTS);
    struct heard *heard = &bench->heard[bench->heard_count++];
    snprintf(heard->identifier, sizeof heard->identifier, "%s", identifier);
    heard->status = report->status;
    heard->progress = report->progress;
    heard->code = report->code;
    heard->attempt = report->attempt;
    snprintf(heard->message, sizeof heard->message, "%s", report->message ? report->message : "");
    if (report->status == RDV_STATUS_SUCCESS || report->status == RDV_STATUS_FAILED)
        bench->ended++;
    int answer = bench->answer;
    if (bench->when_heard)
        bench->when_heard(bench);
    return answer;
}

static inline void bench_terminated(rdv_sink *sink, int reason)
{
    bench_of(sink)->terminated++;
    bench_of(sink)->reason = reason;
}

static const rdv_sink_ops bench_ops = {
    sizeof bench_ops, bench_ref,     bench_unref,      bench_schedule,
    bench_delete,     bench_changed, bench_terminated,
};

static inline void bench_log(void *user, rdv_log_level level, const char *text)
{
    struct bench *bench = user;
    size_t used = strlen(bench->log);
    (void)level;
    snprintf(bench->log + used, sizeof bench->log - used, "%s\n", text);
}

/* A path in the bench's directory; the text is overwritten by the next but seven. */
static inline const char *bench_path(const struct bench *bench, const char *name)
{
    static char paths[8][160];
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
    bench->heard = calloc(BENCH_REPORTS, sizeof *bench->heard);
    ck_assert_ptr_nonnull(bench->heard);
    bench->sink.ops = &bench_ops;
    umask(022); /* documents that others may write to are refused */
    if (directory) {
        snprintf(bench->directory, sizeof bench->directory, "%s", directory);
    } else {
        snprintf(bench->directory, sizeof bench->directory, "/tmp/rdv-test-XXXXXX");
        ck_assert_ptr_nonnull(mkdtemp(bench->directory));
    }
    rdv_agent_options options;
    rdv_agent_options_init(&options);
    options.log_directory = bench_path(bench, "log");
    options.log = (rdv_log){bench_log, bench};
    ck_assert_int_eq(rdv_loop_new(&bench->loop), 0);
    struct rdv_error error = {0};
    int result =
        rdv_store_open(in_memory ? NULL : bench_path(bench, "store"), NULL, &bench->store, &error);
    ck_assert_msg(result == 0, "%s", error.text);
    ck_assert_int_eq(rdv_agent_new(bench->loop, bench->store, &options, &bench->agent), 0);
    bench->plugin = rdv_agent_plugin(bench->agent);
    ck_assert_int_eq(bench->plugin->ops->initialize(bench->plugin, &bench->sink), 0);
    return bench;
}

static inline void bench_remove_directory(const char *directory)
{
    DIR *listing = opendir(directory);
    struct dirent *entry;
    if (!listing)
        return;
    while ((entry = readdir(listing))) {
        char path[512];
        int size;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        size = snprintf(path, sizeof path, "%s/%s", directory, entry->d_name);
        if (size < 0 || (size_t)size >= sizeof path)
            continue;
        if (unlink(path) != 0 && (errno == EISDIR || errno == EPERM))
            bench_remove_directory(path);
    }
    closedir(listing);
    rmdir(directory);
}

static inline void bench_free(struct bench *bench)
{
    rdv_agent_free(bench->agent);
    ck_assert_int_eq(bench->references, 0);
    rdv_store_close(bench->store);
    rdv_loop_free(bench->loop);
    if (!bench->keep_directory)
        bench_remove_directory(bench->directory);
    free(bench->heard);
    free(bench);
}

static inline int64_t bench_milliseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Run the loop until *counter has reached count. */
static inline void bench_wait(struct bench *bench, const int *counter, int count)
{
    int64_t end = bench_milliseconds() + BENCH_WAIT_MS;
    for (;;) {
        ck_assert_int_eq(rdv_loop_dispatch(bench->loop), 0);
        if (*counter >= count)
            return;
        struct pollfd ready = {rdv_loop_fd(bench->loop), POLLIN, 0};
        int64_t left = end - bench_milliseconds();
        if (left <= 0)
            ck_abort_msg("waited in vain; the log says:\n%s", bench->log);
        poll(&ready, 1, left < 50 ? (int)left : 50);
    }
}

/* Run the loop until there is a file of this name. */
static inline void bench_wait_file(struct bench *bench, const char *name)
{
    int64_t end = bench_milliseconds() + BENCH_WAIT_MS;
    while (access(bench_path(bench, name), F_OK) != 0) {
        ck_assert_int_eq(rdv_loop_dispatch(bench->loop), 0);
        struct pollfd ready = {rdv_loop_fd(bench->loop), POLLIN, 0};
        if (bench_milliseconds() > end)
            ck_abort_msg("no file %s; the log says:\n%s", name, bench->log);
        poll(&ready, 1, 5);
    }
}

/* Run the loop for a while. */
static inline void bench_linger(struct bench *bench, int milliseconds)
{
    int64_t end = bench_milliseconds() + milliseconds;
    int64_t left;
    do {
        ck_assert_int_eq(rdv_loop_dispatch(bench->loop), 0);
        struct pollfd ready = {rdv_loop_fd(bench->loop), POLLIN, 0};
        left = end - bench_milliseconds();
        if (left > 0)
            poll(&ready, 1, (int)left);
    } while (left > 0);
}

static inline void bench_write(const struct bench *bench, const char *name, const char *text)
{
    FILE *file = fopen(bench_path(bench, name), "w");
    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    fclose(file);
}

/* The text of a file, "" if there is none; overwritten by the next. */
static inline const char *bench_read(const struct bench *bench, const char *name)
{
    static char text[1 << 16];
    text[0] = '\0';
    FILE *file = fopen(bench_path(bench, name), "r");
    if (file) {
        text[fread(text, 1, sizeof text - 1, file)] = '\0';
        fclose(file);
    }
    return text;
}

/* Load a document, in which ' stands for ", and @ for the bench's directory. */
static inline int bench_try(struct bench *bench, const char *document, struct rdv_error *error)
{
    FILE *file = fopen(bench_path(bench, "agent.json"), "w");
    ck_assert_ptr_nonnull(file);
    for (const char *c = document; *c; c++) {
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
                        "{'handlers':[{'label':'l','grace':'5s','steps':[%s]}]}", steps);
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
static inline const struct heard *bench_do(struct bench *bench, const char *context)
{
    int count = bench->ended + 1;
    ck_assert_int_eq(bench_start(bench, "l", "task", context), 0);
    bench_wait(bench, &bench->ended, count);
    return &bench->heard[bench->heard_count - 1];
}

/* How many of the reports have this status and a message that begins so. */
static inline int bench_count(const struct bench *bench, rdv_status status, const char *begin)
{
    int count = 0;
    for (int i = 0; i < bench->heard_count; i++)
        count += bench->heard[i].status == status &&
                 strncmp(bench->heard[i].message, begin, strlen(begin)) == 0;
    return count;
}

/* Whether a process is there and not a zombie. */
static inline bool bench_is_alive(pid_t pid)
{
    char path[64], text[512];
    snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
    FILE *file = fopen(path, "r");
    if (!file)
        return false;
    size_t size = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[size] = '\0';
    const char *end = strrchr(text, ')');
    return end && end[2] != 'Z' && end[2] != 'X';
}

static inline void bench_wait_gone(pid_t pid)
{
    int64_t end = bench_milliseconds() + 5000;
    while (bench_is_alive(pid)) {
        ck_assert_msg(bench_milliseconds() < end, "process %ld is still there", (long)pid);
        poll(NULL, 0, 5);
    }
}

#endif
