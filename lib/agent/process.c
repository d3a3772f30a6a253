/* SPDX-License-Identifier: MIT */
/*
 * A child process and its tree, followed on the loop: what it prints and what it says through
 * descriptor 3 is read as it comes, and its end is told once, when all of that was handed over.
 * command_run_process.c starts the programs of steps with it. How a child is started, signalled and
 * reaped on this system is rdv__plat_…'s.
 *
 * A callback may free the process: `depth` counts callbacks under way, and the memory stays until
 * the last of them has returned.
 */
#include "agent/process.h"

#include <assert.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/utf8.h"
#include "loop/loop.h"

/* How much is read in one turn, so that a child that prints without end leaves time on the loop for
 * others. */
#define READ_AT_ONCE 65536

/* How much is still read of each pipe after the end: a process that has left the group may go on
 * writing. */
#define DRAIN_MAX (1024 * 1024)

/* Room for the words on output that is lost. */
#define LOST_WORDS 96

struct rdv__process {
    struct rdv__process_options options;
    struct rdv__plat_child child;
    struct rdv__io *output, *notices, *end;
    rdv_timer *grace;
    /* The record of a child that was adopted; else NULL. */
    char *record;
    /* Why the supervisor could not start the program; "" if it could. */
    char words[320];
    /* When it is killed, on rdv__plat_running()'s scale; INT64_MAX if it is not to end. */
    rdv_duration kill_at;

    /* How many callbacks are under way. */
    int depth;
    /* It was freed in one of them. */
    bool dead;

    struct rdv__notices heard;
};

/* ---------------------------------------------------------------- callbacks */

static void free_memory(struct rdv__process *process)
{
    if (process->depth > 0)
        return;
    free(process->record);
    free(process);
}

/* Call no callback any more, and free the memory once none is under way. */
static void free_when_idle(struct rdv__process *process)
{
    process->dead = true;
    process->heard.stopped = true;
    free_memory(process);
}

static void take_notices(struct rdv__process *process, const char *data, size_t size)
{
    rdv__notices_add(&process->heard, data, size);
}

static void take_output(struct rdv__process *process, const char *data, size_t size)
{
    if (process->options.output)
        process->options.output(process->options.user, data, size);
}

/* ------------------------------------------------------------------ reading */

typedef void (*take_fn)(struct rdv__process *process, const char *data, size_t size);

/* Read at most `limit` bytes, and hand them on. Returns false if nothing more will come. */
static bool read_pipe(struct rdv__process *process, rdv__descriptor fd, size_t limit, take_fn take)
{
    char data[READ_AT_ONCE / 4];
    while (limit > 0 && !process->dead) {
        size_t size;
        int result =
            rdv__plat_child_read(fd, data, sizeof data < limit ? sizeof data : limit, &size);
        if (result != 0)
            return false;
        if (size == 0)
            break;
        limit -= size;
        take(process, data, size);
    }
    return true;
}

static void output_ready(void *user)
{
    struct rdv__process *process = user;
    process->depth++;
    bool open = read_pipe(process, process->child.output, READ_AT_ONCE, take_output);
    process->depth--;
    if (process->dead) {
        free_memory(process);
    } else if (!open) {
        rdv__io_free(process->output);
        process->output = NULL;
    }
}

static void notices_ready(void *user)
{
    struct rdv__process *process = user;
    process->depth++;
    bool open = read_pipe(process, process->child.notices, READ_AT_ONCE, take_notices);
    rdv__notices_deliver(&process->heard);
    process->depth--;
    if (process->dead) {
        free_memory(process);
    } else if (!open) {
        rdv__io_free(process->notices);
        process->notices = NULL;
    }
}

/* ---------------------------------------------------------------------- end */

/* Let go of everything except the memory. */
static void finish(struct rdv__process *process)
{
    rdv__io_free(process->output);
    rdv__io_free(process->notices);
    rdv__io_free(process->end);
    process->output = process->notices = process->end = NULL;
    rdv__plat_child_close(&process->child);
    rdv_timer_free(process->grace);
    process->grace = NULL;
}

/* Close our ends of its output and notices. */
static void stop_reading(struct rdv__process *process)
{
    rdv__io_free(process->output);
    rdv__io_free(process->notices);
    process->output = process->notices = NULL;
    rdv__plat_child_deafen(&process->child);
}

/* Read from its record how a child ended that another process has started. Whatever output the
 * record has is new here. */
static int read_end(struct rdv__process *process, struct rdv__plat_end *ret_end)
{
    struct rdv__plat_record record;
    process->child.pid = 0;
    if (rdv__plat_record_read(process->record, &record) != 0 || !record.ended)
        return RDV_EIO;
    *ret_end = record.end;
    ret_end->lost = record.end.tail_size;
    return 0;
}

/* Hand over the output that did not come through the pipe, as it was not read in time. */
static void take_lost(struct rdv__process *process, const struct rdv__plat_end *end)
{
    const size_t size = end->lost < end->tail_size ? (size_t)end->lost : end->tail_size;
    char words[LOST_WORDS];
    if (end->lost > size) {
        snprintf(words, sizeof words,
                 "\n[rdvtask: %" PRIu64 " bytes are missing, as nobody has read them in time]\n",
                 end->lost - size);
        take_output(process, words, strlen(words));
    }
    if (size > 0 && !process->dead)
        take_output(process, end->tail + end->tail_size - size, size);
}

static void has_ended(void *user)
{
    struct rdv__process *process = user;
    struct rdv__plat_end end = {0};
    int result;
    process->depth++;
    if (process->record)
        result = read_end(process, &end);
    else /* what is left of its group goes first, as it might go on printing */
        result = rdv__plat_child_reap(&process->child, &end);
    if (process->output)
        read_pipe(process, process->child.output, DRAIN_MAX, take_output);
    if (!process->dead)
        take_lost(process, &end);
    if (process->notices && !process->dead)
        read_pipe(process, process->child.notices, DRAIN_MAX, take_notices);
    rdv__notices_finish(&process->heard);
    if (!process->dead) {
        finish(process);
        if (result == 0 && end.failure != 0) {
            result = end.failure;
            snprintf(process->words, sizeof process->words, "%s", end.words);
        }
        process->options.ended(process->options.user, result, end.code);
    }
    rdv__plat_end_free(&end);
    process->depth--;
    if (process->dead)
        free_memory(process);
}

const char *rdv__process_not_started(const struct rdv__process *process)
{
    return process->words[0] ? process->words : NULL;
}

static void grace_over(void *user)
{
    struct rdv__process *process = user;
    rdv__plat_child_end(&process->child, true);
    /* If the supervisor does not end its tree, it is killed. */
    if (process->child.supervised)
        rdv_timer_start(process->grace, RDV__SUPERVISOR_WAIT);
}

void rdv__process_end(struct rdv__process *process, rdv_duration grace)
{
    if (process->child.pid == 0)
        return;
    bool first = process->kill_at == INT64_MAX;
    rdv_duration now = rdv__plat_running();
    rdv_duration kill_at = grace <= 0 ? now : grace < INT64_MAX - now ? now + grace : INT64_MAX - 1;
    if (kill_at >= process->kill_at)
        return;
    process->kill_at = kill_at;

    if (grace <= 0) {
        rdv_timer_stop(process->grace);
        grace_over(process);
        return;
    }
    rdv_timer_start(process->grace, kill_at - now);
    if (first)
        rdv__plat_child_end(&process->child, false);
}

static int spawn(const struct rdv__process_options *options, struct rdv__plat_child *ret_child,
                 struct rdv_error *error)
{
    const struct rdv__plat_spawn words = {
        .argv = options->argv,
        .environment = options->environment,
        .input = options->input,
        .input_size = options->input_size,
        .supervision = options->supervision,
    };
    return rdv__plat_spawn(&words, ret_child, error);
}

static struct rdv__process *process_new(const struct rdv__process_options *options)
{
    assert(options->ended);
    struct rdv__process *process = calloc(1, sizeof *process);
    if (!process)
        return NULL;
    process->options = *options;
    /* These are the caller's, and are not needed any longer. */
    process->options.argv = process->options.environment = NULL;
    process->options.input = NULL;
    process->options.supervision = NULL;
    process->kill_at = INT64_MAX;
    const struct rdv__notice_listener listener = {options->user, options->notice, options->trouble};
    rdv__notices_init(&process->heard, &listener);
    return process;
}

int rdv__process_start(rdv_loop *loop, const struct rdv__process_options *options,
                       struct rdv__process **ret_process, struct rdv_error *error)
{
    struct rdv__process *process = process_new(options);
    if (!process)
        return rdv__fail(error, RDV_ENOMEM, "cannot run '%s': %s", options->argv[0],
                         rdv_strerror(RDV_ENOMEM));
    int result = spawn(options, &process->child, error);
    if (result != 0) {
        free(process);
        return result;
    }

    if ((result = rdv_timer_new(loop, grace_over, process, &process->grace)) != 0 ||
        (result = rdv__io_new(loop, process->child.output, output_ready, process,
                              &process->output)) != 0 ||
        (result = rdv__io_new(loop, process->child.notices, notices_ready, process,
                              &process->notices)) != 0 ||
        (result = rdv__io_new(loop, process->child.end, has_ended, process, &process->end)) != 0) {
        rdv__process_free(process);
        return rdv__fail(error, result, "cannot follow '%s': %s", options->argv[0],
                         rdv_strerror(result));
    }
    *ret_process = process;
    return 0;
}

/* The record says already how it ended: no descriptor will tell. */
static void ended_before(void *user)
{
    has_ended(user);
}

int rdv__process_adopt(rdv_loop *loop, const char *record,
                       const struct rdv__process_options *options,
                       struct rdv__process **ret_process)
{
    struct rdv__plat_child child = {.end = RDV__NO_DESCRIPTOR,
                                    .output = RDV__NO_DESCRIPTOR,
                                    .notices = RDV__NO_DESCRIPTOR,
                                    .output_kept = -1,
                                    .notices_kept = -1,
                                    .report = -1,
                                    .monitor = -1};
    struct rdv__plat_record record_now;
    int result = rdv__plat_adopt(record, &child);
    bool over = result == RDV_ENOTFOUND && rdv__plat_record_read(record, &record_now) == 0;
    if (over) {
        rdv__plat_end_free(&record_now.end);
        result = record_now.ended ? 0 : RDV_ENOTFOUND;
    }
    if (result != 0)
        return result;

    size_t size = strlen(record) + 1;
    struct rdv__process *process = process_new(options);
    if (!process || !(process->record = malloc(size))) {
        free(process);
        rdv__plat_child_close(&child);
        return RDV_ENOMEM;
    }
    memcpy(process->record, record, size);
    process->child = child;
    result = rdv_timer_new(loop, over ? ended_before : grace_over, process, &process->grace);
    if (result == 0 && over)
        rdv_timer_start(process->grace, 0);
    else if (result == 0)
        result = rdv__io_new(loop, process->child.end, has_ended, process, &process->end);
    if (result != 0) {
        rdv__process_leave(process);
        return result;
    }
    *ret_process = process;
    return 0;
}

void rdv__process_leave(struct rdv__process *process)
{
    if (!process)
        return;
    assert(!process->dead);
    finish(process);
    free_when_idle(process);
}

void rdv__process_free(struct rdv__process *process)
{
    if (!process)
        return;
    assert(!process->dead);
    if (process->child.pid != 0) {
        struct rdv__plat_end end = {0};
        rdv__plat_child_end(&process->child, true);
        /* Nobody reads any more what its supervisor would have us take first. */
        stop_reading(process);
        if (process->child.supervised &&
            !rdv__plat_child_wait(&process->child, RDV__SUPERVISOR_WAIT))
            rdv__plat_child_end(&process->child, true);
        if (!process->child.adopted)
            (void)rdv__plat_child_reap(&process->child, &end);
        rdv__plat_end_free(&end);
    }
    finish(process);
    free_when_idle(process);
}
