/* SPDX-License-Identifier: MIT */
/*
 * Log lines from any thread. A log belongs to the owner thread of the loop, but plug-ins may log
 * from any thread: the files of plugin/ and of shim-com/host/ write through this. On the owner
 * thread a line is written at once, after those that wait; from any other thread it is copied into
 * a list, and a post has the loop write the list, in order.
 *
 * Invariants: at most one post is in the loop's queue; while it is, the object lives, even if
 * rdv__thread_log_free() was called; at most RDV__THREAD_LOG_LINES lines wait, and more are only counted.
 */
#include "loop/thread_log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "loop/loop.h"
#include "platform/thread.h"

struct line {
    struct line *next;
    rdv_log_level level;
    char text[];
};

struct rdv__thread_log {
    /* This comes first, as the loop's pointer to it is a pointer to the whole. */
    struct rdv__post post;
    rdv_loop *loop;
    rdv_log log;
    /* The lock for all fields below. */
    struct rdv__mutex *mutex;
    struct line *first, **last;
    size_t waiting, dropped;
    /* The post is in the loop's queue. */
    bool posted;
    bool closed;
    /* Nothing but the post refers to this any more. */
    bool freed;
};

static void destroy_log(struct rdv__thread_log *tell)
{
    rdv__mutex_free(tell->mutex);
    free(tell);
}

/* Write the lines that wait. Owner thread. */
static void write_waiting(struct rdv__thread_log *tell)
{
    rdv__mutex_lock(tell->mutex);
    struct line *line = tell->first;
    size_t dropped = tell->dropped;
    tell->first = NULL;
    tell->last = &tell->first;
    tell->waiting = tell->dropped = 0;
    rdv__mutex_unlock(tell->mutex);
    while (line) {
        struct line *next = line->next;
        rdv__log(&tell->log, line->level, "%s", line->text);
        free(line);
        line = next;
    }
    if (dropped > 0)
        rdv__log(&tell->log, RDV_LOG_WARNING, "%zu more lines came too fast to be written",
                 dropped);
}

/*
 * The post has come, or will never be called. Write what waits, or free what was only kept for the
 * post.
 */
static void handle_post(struct rdv__post *post)
{
    struct rdv__thread_log *tell = (struct rdv__thread_log *)post;
    rdv__mutex_lock(tell->mutex);
    tell->posted = false;
    bool freed = tell->freed;
    rdv__mutex_unlock(tell->mutex);
    if (freed)
        destroy_log(tell);
    else
        write_waiting(tell);
}

int rdv__thread_log_new(rdv_loop *loop, const rdv_log *log, struct rdv__thread_log **ret_tell)
{
    struct rdv__thread_log *tell = calloc(1, sizeof *tell);
    if (!tell)
        return RDV_ENOMEM;
    if (rdv__mutex_new(&tell->mutex) != 0) {
        free(tell);
        return RDV_ENOMEM;
    }
    tell->post.fn = handle_post;
    tell->post.drop = handle_post;
    tell->loop = loop;
    tell->log = *log;
    tell->last = &tell->first;
    *ret_tell = tell;
    return 0;
}

/* Copy a line from another thread into the list. The lock is held. */
static void keep_line(struct rdv__thread_log *tell, rdv_log_level level, const char *text)
{
    size_t size = strlen(text) + 1;
    struct line *line =
        tell->waiting < RDV__THREAD_LOG_LINES ? malloc(sizeof *line + size) : (struct line *)NULL;
    if (!line) {
        tell->dropped++;
        return;
    }
    line->next = NULL;
    line->level = level;
    memcpy(line->text, text, size);
    *tell->last = line;
    tell->last = &line->next;
    tell->waiting++;
    if (!tell->posted) {
        tell->posted = true;
        rdv__loop_post(tell->loop, &tell->post);
    }
}

void rdv__thread_log_write(struct rdv__thread_log *tell, rdv_log_level level, const char *format,
                           ...)
{
    char text[RDV__LOG_LINE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);

    rdv__mutex_lock(tell->mutex);
    bool closed = tell->closed || !tell->log.write;
    bool owner = !closed && rdv__loop_is_owner(tell->loop);
    if (!closed && !owner)
        keep_line(tell, level, text);
    rdv__mutex_unlock(tell->mutex);
    if (owner) {
        write_waiting(tell);
        rdv__log(&tell->log, level, "%s", text);
    }
}

void rdv__thread_log_close(struct rdv__thread_log *tell)
{
    rdv__mutex_lock(tell->mutex);
    tell->closed = true;
    rdv__mutex_unlock(tell->mutex);
    write_waiting(tell);
    tell->log = (rdv_log){NULL, NULL};
}

void rdv__thread_log_free(struct rdv__thread_log *tell)
{
    if (!tell)
        return;
    rdv__thread_log_close(tell);
    rdv__mutex_lock(tell->mutex);
    bool posted = tell->posted;
    tell->freed = true;
    rdv__mutex_unlock(tell->mutex);
    if (!posted)
        destroy_log(tell);
}
