/* SPDX-License-Identifier: MIT */
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

struct rdv__tell {
    struct rdv__post post; /* first: the loop's pointer is ours */
    rdv_loop *loop;
    rdv_log log;
    struct rdv__mutex *mutex; /* for all below */
    struct line *first, **last;
    size_t waiting, dropped;
    bool posted; /* the loop has the post */
    bool closed;
    bool freed; /* the post is the last one who knows it */
};

static void destroy(struct rdv__tell *tell)
{
    rdv__mutex_free(tell->mutex);
    free(tell);
}

/* Write what waits. Owner thread. */
static void flush(struct rdv__tell *tell)
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

/* The post has come, or will never be called: gives back what it holds. */
static void posted_out(struct rdv__post *post)
{
    struct rdv__tell *tell = (struct rdv__tell *)post;
    rdv__mutex_lock(tell->mutex);
    tell->posted = false;
    bool freed = tell->freed;
    rdv__mutex_unlock(tell->mutex);
    if (freed)
        destroy(tell);
    else
        flush(tell);
}

int rdv__tell_new(rdv_loop *loop, const rdv_log *log, struct rdv__tell **ret_tell)
{
    struct rdv__tell *tell = calloc(1, sizeof *tell);
    if (!tell)
        return RDV_ENOMEM;
    if (rdv__mutex_new(&tell->mutex) != 0) {
        free(tell);
        return RDV_ENOMEM;
    }
    tell->post.fn = posted_out;
    tell->post.drop = posted_out;
    tell->loop = loop;
    tell->log = *log;
    tell->last = &tell->first;
    *ret_tell = tell;
    return 0;
}

/* From another thread. With the lock held. */
static void keep(struct rdv__tell *tell, rdv_log_level level, const char *text)
{
    size_t size = strlen(text) + 1;
    struct line *line =
        tell->waiting < RDV__TELL_LINES ? malloc(sizeof *line + size) : (struct line *)NULL;
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

void rdv__tell(struct rdv__tell *tell, rdv_log_level level, const char *format, ...)
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
        keep(tell, level, text);
    rdv__mutex_unlock(tell->mutex);
    if (owner) {
        flush(tell);
        rdv__log(&tell->log, level, "%s", text);
    }
}

void rdv__tell_close(struct rdv__tell *tell)
{
    rdv__mutex_lock(tell->mutex);
    tell->closed = true;
    rdv__mutex_unlock(tell->mutex);
    flush(tell);
    tell->log = (rdv_log){NULL, NULL};
}

void rdv__tell_free(struct rdv__tell *tell)
{
    if (!tell)
        return;
    rdv__tell_close(tell);
    rdv__mutex_lock(tell->mutex);
    bool posted = tell->posted;
    tell->freed = true;
    rdv__mutex_unlock(tell->mutex);
    if (!posted)
        destroy(tell);
}
