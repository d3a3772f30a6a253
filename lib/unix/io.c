/* SPDX-License-Identifier: MIT */
/*
 * What the loop watches on Unix: descriptors, all of them in one epoll, and libuv's own among them, for the wake-ups from other
 * threads. libuv by itself takes six system calls to begin and end to watch a descriptor, as it tries each out, and begins in its
 * next poll; here it takes two, and whoever polls the loop's descriptor sees it at once.
 */
#define _GNU_SOURCE

#include "loop.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "unix.h"
#include "uv_loop.h"

/* What else is ready comes with the next poll, and first. */
#define READY_AT_ONCE 64

/* More descriptors, and more bytes of memory, than libuv takes for a loop and for what it needs once in each process. */
#define UV_DESCRIPTORS 8
#define UV_MEMORY      (64 * 1024)

/* What uv_loop_t's data points to. */
struct poll {
    int epoll;
    struct epoll_event
        *ready; /* what is being handled: an io that is freed meanwhile is taken out */
    int ready_count;
};

struct rdv__io {
    struct poll *poll;
    int fd;
    uint32_t events; /* what is asked for; 0 = nothing */
    void (*fn)(void *user);
    void *user;
};

static int ask(const struct poll *poll, int operation, int fd, uint32_t events, void *whom)
{
    struct epoll_event event = {.events = events, .data.ptr = whom};
    return epoll_ctl(poll->epoll, operation, fd, &event);
}

/* --------------------------------------------------------------------- poll */

/*
 * libuv calls abort() if it lacks descriptors or memory for a loop, which would end our host. So before it is called, as much as it
 * takes is acquired and released again. Another thread may take that in between; but this is all that we can do.
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

int rdv__poll_init(uv_loop_t *uv)
{
    const int result = check_room();
    return result != 0 ? result : uv_loop_init(uv);
}

int rdv__poll_open(rdv_loop *loop)
{
    uv_loop_t *uv = rdv__uv_loop(loop);
    struct poll *poll = calloc(1, sizeof *poll);
    if (!poll)
        return RDV_ENOMEM;
    poll->epoll = rdv__unix_high(epoll_create1(EPOLL_CLOEXEC));
    if (poll->epoll < 0 || ask(poll, EPOLL_CTL_ADD, uv_backend_fd(uv), EPOLLIN, uv) < 0) {
        int result = rdv__unix_shortage(errno);
        if (poll->epoll >= 0)
            close(poll->epoll);
        free(poll);
        return result;
    }
    /* It tells its own epoll of its handles when it polls. */
    uv_run(uv, UV_RUN_NOWAIT);
    uv->data = poll;
    return 0;
}

void rdv__poll_close(rdv_loop *loop)
{
    uv_loop_t *uv = rdv__uv_loop(loop);
    struct poll *poll = uv->data;
    close(poll->epoll);
    free(poll);
    uv->data = NULL;
}

int rdv__poll_fd(rdv_loop *loop)
{
    const struct poll *poll = rdv__uv_loop(loop)->data;
    return poll->epoll;
}

static void handle(struct rdv__io *io, uint32_t events)
{
    /* It may be no longer asked for since a moment ago. */
    if (io->events == 0 || (events & (io->events | EPOLLERR | EPOLLHUP)) == 0)
        return;
    /* An error is the reader's to find out, who gets it from read() again. Here it would be told for ever. */
    if (events & EPOLLERR)
        rdv__io_watch(io, false, false);
    io->fn(io->user);
}

void rdv__poll(rdv_loop *loop, bool wait)
{
    uv_loop_t *uv = rdv__uv_loop(loop);
    struct poll *poll = uv->data;
    struct epoll_event ready[READY_AT_ONCE];
    do
        poll->ready_count = epoll_wait(poll->epoll, ready, READY_AT_ONCE, wait ? -1 : 0);
    while (poll->ready_count < 0 && errno == EINTR);
    assert(poll->ready_count >= 0);
    poll->ready = ready;
    for (int i = 0; i < poll->ready_count; i++) {
        void *whom = ready[i].data.ptr;
        if (whom == uv)
            uv_run(uv, UV_RUN_NOWAIT);
        else if (whom)
            handle(whom, ready[i].events);
    }
    poll->ready_count = 0;
}

/* ----------------------------------------------------------------------- io */

int rdv__io_new(rdv_loop *loop, rdv__descriptor fd, void (*fn)(void *user), void *user,
                struct rdv__io **ret_io)
{
    struct rdv__io *io = malloc(sizeof *io);
    if (!io)
        return RDV_ENOMEM;
    *io = (struct rdv__io){
        .poll = rdv__uv_loop(loop)->data, .fd = fd, .events = EPOLLIN, .fn = fn, .user = user};
    if (ask(io->poll, EPOLL_CTL_ADD, fd, io->events, io) < 0) {
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
    /* Errors and hang-ups are told whatever is asked for; with nothing asked for, once each. */
    int status = ask(io->poll, EPOLL_CTL_MOD, io->fd, events ? events : (uint32_t)EPOLLET, io);
    assert(status == 0);
    (void)status;
}

void rdv__io_look(rdv_loop *loop)
{
    (void)loop; /* the poll asks the kernel itself */
}

void rdv__io_free(struct rdv__io *io)
{
    if (!io)
        return;
    struct poll *poll = io->poll;
    for (int i = 0; i < poll->ready_count; i++)
        if (poll->ready[i].data.ptr == io)
            poll->ready[i].data.ptr = NULL;
    /* To close it would not do where the host has forked meanwhile: the copy would be told of for ever. */
    int status = ask(poll, EPOLL_CTL_DEL, io->fd, 0, NULL);
    assert(status == 0);
    (void)status;
    free(io);
}
