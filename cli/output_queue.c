/* SPDX-License-Identifier: MIT */
/*
 * A channel has a queue, and a thread that writes what is in it. If standard output and standard
 * error are the same terminal or file, they share a channel, so that their lines stay in order.
 * Otherwise each has its own, so that neither can hold up the other.
 *
 * A line goes into the last block of its channel's queue. The thread takes the first block, writes
 * it without holding the lock, and frees it. A channel that does not move at the end of the program
 * is given up: it is `stuck`, its queue counts as lost, and its thread ends with the program.
 */
#include "output_queue.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "system.h"
#include "threads.h"

/* How many bytes may wait in a channel. A single line may be longer. */
#define QUEUE_BYTES ((size_t)1024 * 1024)

/* How long writers wait for room in total before the queue is empty again. Output that comes in
 * bursts is slow to be written, but not stuck. */
#define ROOM_WAIT (200 * RDV_MILLISECOND)

/* The end waits no longer than END_STUCK without anything being written, and no longer than
 * END_WAIT in all. */
#define END_STUCK (500 * RDV_MILLISECOND)
#define END_WAIT  (5 * RDV_SECOND)

/* Lines that come faster than they are written are written together, in blocks of this many
 * bytes. */
#define BLOCK_SIZE ((size_t)8 * 1024)

/* Whole lines that are being written, or wait to be. */
struct block {
    struct block *next;
    enum output_stream stream;
    size_t size, room;
    char bytes[];
};

struct channel {
    struct block *first, *last; /* the blocks that wait */
    size_t size;         /* the bytes of all of them and of the block that is being written */
    size_t written;      /* how many blocks are done with */
    rdv_duration waited; /* see ROOM_WAIT */
    bool running;        /* its thread is running */
    bool stuck;          /* it was given up, and is not waited for any more */
};

/* The lock of threads.h guards all of this but `queued`, which changes only while there is no
 * other thread. */
static struct {
    bool queued, ending;
    struct channel channels[OUTPUT_STREAMS];
    struct {
        struct channel *channel;
        int failure; /* of the last write */
        int why;     /* of the last line that was lost; 0 = there was no room for it */
        bool torn;   /* the last line was not written to its end */
        size_t lost, lost_lately;
    } streams[OUTPUT_STREAMS];
    void (*failed)(void *user);
    void *user;
} out;

static void count_lost_lines(enum output_stream stream, int why, const char *bytes, size_t size)
{
    size_t lines = 0;
    for (size_t i = 0; i < size; i++)
        lines += bytes[i] == '\n' || i == size - 1;
    if (lines == 0)
        return;
    out.streams[stream].why = why;
    out.streams[stream].lost += lines;
    out.streams[stream].lost_lately += lines;
}

/* Write a block. The lock is not held. Returns 0 or an errno. */
static int write_block(const struct block *block, bool torn, size_t *ret_written)
{
    size_t ended = 0;
    int number = torn ? system_write(block->stream == OUTPUT_STDERR, "\n", 1, &ended) : 0;
    if (number == 0)
        number =
            system_write(block->stream == OUTPUT_STDERR, block->bytes, block->size, ret_written);
    return number;
}

static void write_queue(void *user)
{
    struct channel *channel = user;
    threads_lock();
    for (;;) {
        while (!channel->first && !out.ending)
            threads_wait(0);
        struct block *block = channel->first;
        if (!block)
            break;
        channel->first = block->next;
        const enum output_stream stream = block->stream;
        const bool torn = out.streams[stream].torn;
        size_t written = 0;
        threads_unlock();
        const int number = write_block(block, torn, &written);
        threads_lock();
        out.streams[stream].failure = number;
        if (written > 0)
            out.streams[stream].torn = number != 0 && block->bytes[written - 1] != '\n';
        count_lost_lines(stream, number, block->bytes + written, block->size - written);
        if (number && stream == OUTPUT_STDOUT && out.failed)
            out.failed(out.user);
        channel->size -= block->size;
        channel->written++;
        if (channel->size == 0)
            channel->waited = 0;
        free(block);
        threads_wake();
    }
    channel->running = false;
    threads_wake();
    threads_unlock();
}

static bool has_room(const struct channel *channel, size_t size)
{
    return channel->size == 0 || (size <= QUEUE_BYTES && channel->size <= QUEUE_BYTES - size);
}

static bool make_room(struct channel *channel, size_t size)
{
    while (!has_room(channel, size) && channel->waited < ROOM_WAIT) {
        const rdv_duration before = threads_now();
        threads_wait(ROOM_WAIT - channel->waited);
        channel->waited += threads_now() - before;
    }
    return has_room(channel, size);
}

/* Find or make a block to which `size` bytes can be added. NULL if there is no memory. */
static struct block *find_block(struct channel *channel, enum output_stream stream, size_t size)
{
    if (channel->first && channel->last->stream == stream &&
        size <= channel->last->room - channel->last->size)
        return channel->last;
    const size_t room = size > BLOCK_SIZE ? size : BLOCK_SIZE;
    struct block *block = malloc(sizeof(*block) + room);
    if (!block)
        return NULL;
    block->next = NULL;
    block->stream = stream;
    block->size = 0;
    block->room = room;
    if (channel->first)
        channel->last->next = block;
    else
        channel->first = block;
    channel->last = block;
    return block;
}

static void queue_text(enum output_stream stream, const char *bytes, size_t size)
{
    struct channel *channel = out.streams[stream].channel;
    if (!channel->running)
        channel->running = threads_start(write_queue, channel);
    struct block *block =
        channel->running && make_room(channel, size) ? find_block(channel, stream, size) : NULL;
    if (!block) {
        count_lost_lines(stream, channel->running ? 0 : EAGAIN, bytes, size);
        return;
    }
    memcpy(block->bytes + block->size, bytes, size);
    block->size += size;
    channel->size += size;
    threads_wake();
}

void output_write(enum output_stream stream, const char *bytes, size_t size)
{
    if (size == 0)
        return;
    if (!out.queued) {
        system_print(stream == OUTPUT_STDERR ? stderr : stdout, bytes, size);
        return;
    }
    threads_lock();
    queue_text(stream, bytes, size);
    threads_unlock();
}

bool output_begin(void)
{
    fflush(stdout);
    if (!threads_prepare())
        return false;
    memset(&out, 0, sizeof(out));
    for (size_t i = 0; i < OUTPUT_STREAMS; i++) {
        out.streams[i].channel = &out.channels[system_one_output() ? 0 : i];
    }
    out.queued = true;
    return true;
}

/* Wait until a channel has nothing left to write, or is stuck. The lock is held. */
static void wait_for_channel(const struct channel *channel)
{
    const rdv_duration begun = threads_now();
    rdv_duration moved = begun;
    size_t written = channel->written;
    for (rdv_duration now = begun; channel->size > 0 && !channel->stuck; now = threads_now()) {
        if (channel->written != written)
            moved = now;
        written = channel->written;
        const rdv_duration until =
            moved + END_STUCK < begun + END_WAIT ? moved + END_STUCK : begun + END_WAIT;
        if (now >= until)
            return;
        threads_wait(until - now);
    }
}

/* Give up a channel that still has something to write. The block that is being written belongs
 * to the thread, and may still be written. The lock is held. */
static void give_up_channel(struct channel *channel)
{
    if (channel->size == 0 || channel->stuck)
        return;
    channel->stuck = true;
    for (struct block *block = channel->first, *next; block; block = next) {
        next = block->next;
        count_lost_lines(block->stream, 0, block->bytes, block->size);
        channel->size -= block->size;
        free(block);
    }
    channel->first = NULL;
}

void output_settle(void)
{
    if (!out.queued)
        return;
    threads_lock();
    for (size_t i = 0; i < OUTPUT_STREAMS; i++) {
        wait_for_channel(&out.channels[i]);
        give_up_channel(&out.channels[i]);
    }
    threads_unlock();
}

void output_end(void)
{
    if (!out.queued)
        return;
    threads_lock();
    out.ending = true;
    out.failed = NULL;
    threads_wake();
    for (size_t i = 0; i < OUTPUT_STREAMS; i++) {
        wait_for_channel(&out.channels[i]);
        /* The thread ends at once now, unless it is stuck: then it ends with the program. */
        while (out.channels[i].running && out.channels[i].size == 0)
            threads_wait(0);
    }
    out.queued = false;
    threads_unlock();
}

bool output_wait(enum output_stream stream, rdv_duration wait)
{
    if (!out.queued)
        return true;
    threads_lock();
    const struct channel *channel = out.streams[stream].channel;
    const rdv_duration until = threads_now() + wait;
    for (rdv_duration now = until - wait; channel->size > 0 && now < until; now = threads_now())
        threads_wait(until - now);
    const bool idle = channel->size == 0;
    threads_unlock();
    return idle;
}

int output_failure(enum output_stream stream)
{
    threads_lock();
    const int failure = out.streams[stream].failure;
    threads_unlock();
    return failure;
}

void output_watch_failures(void (*fn)(void *user), void *user)
{
    threads_lock();
    out.failed = fn;
    out.user = user;
    threads_unlock();
}

void output_count_lost(enum output_stream stream)
{
    threads_lock();
    count_lost_lines(stream, 0, "\n", 1);
    threads_unlock();
}

static const char *words_for(int why)
{
    return why ? strerror(why) : "it was not read in time";
}

size_t output_lost_lately(enum output_stream stream, const char **ret_why)
{
    size_t lost = 0;
    if (!out.queued)
        return 0;
    threads_lock();
    if (out.streams[stream].channel->size == 0 && out.streams[stream].failure == 0) {
        lost = out.streams[stream].lost_lately;
        out.streams[stream].lost_lately = 0;
    }
    const int why = out.streams[stream].why;
    threads_unlock();
    if (lost > 0)
        *ret_why = words_for(why);
    return lost;
}

size_t output_lost(enum output_stream stream, const char **ret_why)
{
    threads_lock();
    const size_t lost = out.streams[stream].lost;
    const int why = out.streams[stream].why;
    threads_unlock();
    if (lost > 0)
        *ret_why = words_for(why);
    return lost;
}
