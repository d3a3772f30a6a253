/* SPDX-License-Identifier: MIT */
/*
 * What the loop watches on Unix: descriptors, all of them in one epoll. libuv's own descriptor is
 * among them, for the wake-ups from other threads. The functions are those of io.h, and of poll.h
 * where a system has its own part.
 *
 * libuv by itself takes six system calls to begin and end watching a descriptor, as it tries each
 * one out, and begins in its next poll only. Here it takes two, and whoever polls the loop's
 * descriptor sees the new one at once.
 *
 * Invariants: a descriptor is in the epoll as long as its rdv__io lives; an rdv__io that is freed
 * while events are being handled is taken out of them.
 */
#define _GNU_SOURCE

#include "loop/poll.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "platform/unix/unix.h"

/* What else is ready comes first in the next poll. */
#define READY_AT_ONCE 64

/*
 * More descriptors, and more bytes of memory, than libuv takes for a loop and for what it needs
 * once in each process.
 */
#define UV_DESCRIPTORS 8
#define UV_MEMORY      (64 * 1024)

struct rdv__poll_system {
    int epoll;
    /* The events that are being handled. An rdv__io that is freed meanwhile is taken out. */
    struct epoll_event *ready;
    int ready_count;
};

struct rdv__io {
    struct rdv__poll_system *system;
    int fd;
    /* The events that are asked for; 0 = none. */
    uint32_t events;
    void (*fn)(void *user);
    void *user;
};

static int ask_epoll(const struct rdv__poll_system *system, int operation, int fd, uint32_t events,
                     void *whom)
{
    struct epoll_event event = {.events = events, .data.ptr = whom};
    return epoll_ctl(system->epoll, operation, fd, &event);
}

/* --------------------------------------------------------------------- poll */

/*
 * libuv calls abort() if it lacks descriptors or memory for a loop, which would end the host. So
 * before it is called, as much as it takes is acquired and released again. Another thread may take
 * that in between, but nothing more can be done about it from here.
 */
static int check_room(void)
{
    int fds[UV_DESCRIPTORS], count = 0, number = 0;
    void *memory = malloc(UV_MEMORY);
    if (!memory)
        number = ENOMEM;
    while (number == 0 && count < UV_DESCRIPTORS) {
        fds[count] = eventfd(0, EFD_CLOEXEC);
        if (fds[count] < 0)
            number = errno;
        else
            count++;
    }
    while (count > 0)
        close(fds[--count]);
    free(memory);
    return -number;
}

int rdv__poll_uv_init(uv_loop_t *uv)
{
    const int status = check_room();
    return status != 0 ? status : uv_loop_init(uv);
}

int rdv__poll_system_open(struct rdv__poll *poll)
{
    struct rdv__poll_system *system = calloc(1, sizeof *system);
    if (!system)
        return RDV_ENOMEM;
    system->epoll = rdv__unix_high(epoll_create1(EPOLL_CLOEXEC));
    if (system->epoll < 0 ||
        ask_epoll(system, EPOLL_CTL_ADD, uv_backend_fd(&poll->uv), EPOLLIN, &poll->uv) < 0) {
        int result = rdv__unix_shortage(errno);
        if (system->epoll >= 0)
            close(system->epoll);
        free(system);
        return result;
    }
    /* libuv tells its own epoll of its handles when it polls. */
    uv_run(&poll->uv, UV_RUN_NOWAIT);
    poll->system = system;
    return 0;
}

void rdv__poll_system_close(struct rdv__poll *poll)
{
    close(poll->system->epoll);
    free(poll->system);
    poll->system = NULL;
}

int rdv__poll_fd(const struct rdv__poll *poll)
{
    return poll->system->epoll;
}

static void handle_events(struct rdv__io *io, uint32_t events)
{
    /* Whatever handled the event before this one may have stopped asking for it. */
    if (io->events == 0 || (events & (io->events | EPOLLERR | EPOLLHUP)) == 0)
        return;
    /*
     * The reader finds out about an error by itself, from read(). The epoll would report it for
     * ever.
     */
    if (events & EPOLLERR)
        rdv__io_watch(io, false, false);
    io->fn(io->user);
}

void rdv__poll_once(struct rdv__poll *poll, bool wait)
{
    struct rdv__poll_system *system = poll->system;
    struct epoll_event ready[READY_AT_ONCE];
    do
        system->ready_count = epoll_wait(system->epoll, ready, READY_AT_ONCE, wait ? -1 : 0);
    while (system->ready_count < 0 && errno == EINTR);
    assert(system->ready_count >= 0);
    system->ready = ready;
    for (int i = 0; i < system->ready_count; i++) {
        void *whom = ready[i].data.ptr;
        if (whom == &poll->uv)
            uv_run(&poll->uv, UV_RUN_NOWAIT);
        else if (whom)
            handle_events(whom, ready[i].events);
    }
    system->ready_count = 0;
}

/* ----------------------------------------------------------------------- io */

int rdv__poll_watch(struct rdv__poll *poll, rdv__descriptor fd, void (*fn)(void *user), void *user,
                    struct rdv__io **ret_io)
{
    struct rdv__io *io = malloc(sizeof *io);
    if (!io)
        return RDV_ENOMEM;
    *io = (struct rdv__io){
        .system = poll->system, .fd = fd, .events = EPOLLIN, .fn = fn, .user = user};
    if (ask_epoll(io->system, EPOLL_CTL_ADD, fd, io->events, io) < 0) {
        int result = rdv__unix_shortage(errno);
        free(io);
        return result;
    }
    *ret_io = io;
    return 0;
}

void rdv__io_watch(struct rdv__io *io, bool readable, bool writable)
{
    uint32_t events = (readable ? (uint32_t)EPOLLIN : 0) | (writable ? (uint32_t)EPOLLOUT : 0);
    if (events == io->events)
        return;
    io->events = events;
    /*
     * The kernel reports errors and hang-ups whatever is asked for; if nothing is asked for, each
     * is reported once.
     */
    int status =
        ask_epoll(io->system, EPOLL_CTL_MOD, io->fd, events ? events : (uint32_t)EPOLLET, io);
    assert(status == 0);
    (void)status;
}

void rdv__poll_look(struct rdv__poll *poll)
{
    /* The kernel is asked anew in each poll. */
    (void)poll;
}

void rdv__io_free(struct rdv__io *io)
{
    if (!io)
        return;
    struct rdv__poll_system *system = io->system;
    for (int i = 0; i < system->ready_count; i++)
        if (system->ready[i].data.ptr == io)
            system->ready[i].data.ptr = NULL;
    /*
     * Closing the descriptor is not enough if the host has forked meanwhile, as the copy would be
     * reported for ever.
     */
    int status = ask_epoll(system, EPOLL_CTL_DEL, io->fd, 0, NULL);
    assert(status == 0);
    (void)status;
    free(io);
}
