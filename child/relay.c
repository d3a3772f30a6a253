/* SPDX-License-Identifier: MIT */
/*
 * The relay: two ways (output and notices) through which the bytes of the program go to the agent.
 * main.c calls it around poll(), and start.c in the process that becomes the program.
 *
 * Invariants: nothing here waits, except for relay_wait() and, for at most DRAIN_WAIT,
 * relay_drain(); bytes that nobody takes are counted in `lost`; the last RELAY_TAIL bytes of the
 * output are kept in any case.
 */
#define _GNU_SOURCE

#include "relay.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* How long the agent may take at the end to read what is left, in milliseconds. */
#define DRAIN_WAIT 1000

/* More rounds than it takes to empty a pipe, however little each read returns. */
#define DROP_ROUNDS 64

static int way_init(struct relay_way *way, int to)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return -1;
    way->from = ends[0];
    way->program = ends[1];
    way->to = to;
    way->start = way->size = 0;
    way->lost = 0;
    if (fcntl(way->from, F_SETFL, O_NONBLOCK) != 0)
        return -1;
    const int flags = fcntl(to, F_GETFL);
    return flags < 0 ? -1 : fcntl(to, F_SETFL, flags | O_NONBLOCK);
}

int relay_init(struct relay *relay, bool on)
{
    relay->on = on;
    relay->tail_size = 0;
    relay->ways[0].lost = 0;
    if (!on)
        return 0;
    return way_init(&relay->ways[0], 1) != 0 || way_init(&relay->ways[1], 3) != 0 ? -1 : 0;
}

void relay_become(const struct relay *relay)
{
    if (!relay->on)
        return;
    dup2(relay->ways[0].program, 1);
    dup2(relay->ways[0].program, 2);
    dup2(relay->ways[1].program, 3);
}

void relay_started(struct relay *relay)
{
    for (int i = 0; relay->on && i < 2; i++) {
        close(relay->ways[i].program);
        relay->ways[i].program = -1;
    }
}

static void keep_tail(struct relay *relay, const char *bytes, size_t size)
{
    if (size > RELAY_TAIL) {
        bytes += size - RELAY_TAIL;
        size = RELAY_TAIL;
    }
    if (relay->tail_size + size > sizeof relay->tail) {
        const size_t kept = relay_tail_size(relay);
        relay->tail_size = kept;
    }
    memcpy(relay->tail + relay->tail_size, bytes, size);
    relay->tail_size += size;
}

size_t relay_tail_size(struct relay *relay)
{
    if (relay->tail_size > RELAY_TAIL) {
        memmove(relay->tail, relay->tail + relay->tail_size - RELAY_TAIL, RELAY_TAIL);
        relay->tail_size = RELAY_TAIL;
    }
    return relay->tail_size;
}

/* Write what waits. False if the other side takes no more now. */
static bool way_write(struct relay_way *way)
{
    while (way->size > 0) {
        if (way->to < 0) {
            way->lost += way->size;
            way->size = 0;
            return true;
        }
        const ssize_t written = write(way->to, way->buffer + way->start, way->size);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0 && errno == EAGAIN)
            return false;
        /* Nobody reads any more. */
        if (written < 0) {
            way->to = -1;
            continue;
        }
        way->start += (size_t)written;
        way->size -= (size_t)written;
    }
    return true;
}

/* Read once and pass it on. False when there is nothing to read now, or no room. */
static bool way_move(struct relay *relay, struct relay_way *way)
{
    if (!way_write(way) || way->from < 0)
        return false;
    const ssize_t got = read(way->from, way->buffer, sizeof way->buffer);
    if (got < 0 && errno == EINTR)
        return true;
    if (got == 0) {
        close(way->from);
        way->from = -1;
    }
    if (got <= 0)
        return false;
    way->start = 0;
    way->size = (size_t)got;
    if (way == &relay->ways[0])
        keep_tail(relay, way->buffer, way->size);
    return true;
}

void relay_pass_on(struct relay *relay)
{
    /*
     * The rounds are limited, as a program that prints without end must not keep this process from
     * noticing signals.
     */
    for (int i = 0; relay->on && i < 2; i++)
        for (int round = 0; round < 16 && way_move(relay, &relay->ways[i]); round++)
            ;
}

static void wait_for(struct relay *relay, int signals, int wait)
{
    struct pollfd fds[5] = {{.fd = signals, .events = POLLIN}};
    nfds_t count = 1;
    for (int i = 0; relay->on && i < 2; i++) {
        const struct relay_way *way = &relay->ways[i];
        if (way->size > 0)
            fds[count++] = (struct pollfd){.fd = way->to, .events = POLLOUT};
        else if (way->from >= 0)
            fds[count++] = (struct pollfd){.fd = way->from, .events = POLLIN};
    }
    poll(fds, count, wait);
}

void relay_wait(struct relay *relay, int signals)
{
    wait_for(relay, signals, -1);
}

static int64_t milliseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void relay_drain(struct relay *relay)
{
    /*
     * Everyone who could write has ended: what is left is in the buffers and in the pipes, and no
     * more comes.
     */
    const int64_t until = milliseconds() + DRAIN_WAIT;
    for (int i = 0; relay->on && i < 2; i++) {
        struct relay_way *way = &relay->ways[i];
        for (;;) {
            while (way_move(relay, way) && milliseconds() < until)
                ;
            const int64_t left = until - milliseconds();
            if (way->size == 0 || left <= 0)
                break;
            struct pollfd out = {.fd = way->to, .events = POLLOUT};
            poll(&out, 1, (int)left);
        }
        /* Nobody has taken it, but the record's tail needs the rest of it. */
        way->to = -1;
        for (int round = 0; round < DROP_ROUNDS && way_move(relay, way); round++)
            ;
    }
}
