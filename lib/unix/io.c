/* SPDX-License-Identifier: MIT */
/* What the loop watches on Unix: descriptors. */
#include "loop.h"

#include <assert.h>
#include <stdlib.h>

#include "uv_loop.h"

struct rdv__io {
    uv_poll_t poll;
    rdv_loop *loop;
    int events; /* what the poll is started for; 0 = it is stopped */
    void (*fn)(void *user);
    void *user;
};

static void io_ready(uv_poll_t *handle, int status, int events)
{
    (void)events;
    struct rdv__io *io = handle->data;
    /* An error is the reader's to find out, who gets it from read() again. libuv has stopped the poll for it. */
    if (status < 0)
        io->events = 0;
    io->fn(io->user);
}

static void io_closed(uv_handle_t *handle)
{
    free(handle->data);
}

int rdv__io_new(rdv_loop *loop, rdv__descriptor fd, void (*fn)(void *user), void *user,
                struct rdv__io **ret_io)
{
    struct rdv__io *io = malloc(sizeof *io);
    if (!io)
        return RDV_ENOMEM;
    io->loop = loop;
    io->fn = fn;
    io->user = user;

    int status = uv_poll_init(rdv__uv_loop(loop), &io->poll, fd);
    if (status < 0) {
        free(io);
        return status == UV_ENOMEM ? RDV_ENOMEM : RDV_EIO;
    }
    io->poll.data = io;
    io->events = 0;
    rdv__io_watch(io, true, false);
    *ret_io = io;
    return 0;
}

void rdv__io_watch(struct rdv__io *io, bool readable, bool writable)
{
    int events = (readable ? UV_READABLE : 0) | (writable ? UV_WRITABLE : 0);
    if (events == io->events)
        return;
    io->events = events;
    int status = events == 0 ? uv_poll_stop(&io->poll) : uv_poll_start(&io->poll, events, io_ready);
    /* They fail for a handle that is closing, and for a descriptor that another handle of the loop watches. */
    assert(status == 0);
    (void)status;
    rdv__uv_changed(io->loop);
}

void rdv__io_look(rdv_loop *loop)
{
    (void)loop; /* the poll asks the kernel itself */
}

void rdv__io_free(struct rdv__io *io)
{
    if (io)
        uv_close((uv_handle_t *)&io->poll, io_closed);
}
