/* SPDX-License-Identifier: MIT */
/*
 * What the loop watches on Windows: sources, that is objects to wait for. Windows' pool waits for each of them, once; it tells
 * the loop, which calls who watches, and only then is the object waited for again. So it is level-triggered, and nothing comes
 * while the loop is busy, or for what nobody asks for.
 */
#include "loop/poll.h"

#include <assert.h>
#include <stdlib.h>

#include "platform/win/source.h"
#include "platform/win/win.h"

/* How long to wait before something is tried again for which there was no memory, in milliseconds. */
#define MEMORY_WAIT 1

struct wait {
    struct rdv__io *io;
    HANDLE object; /* NULL = there is none */
    bool wanted;
    HANDLE registered;  /* with the pool; NULL = it is not */
    volatile LONG over; /* set by the pool, which has forgotten it then */
};

struct rdv__io {
    uv_async_t ready; /* some of the waits may be over */
    struct rdv__poll *poll;
    struct wait readable, writable;
    bool freed;
    void (*fn)(void *user);
    void *user;
};

/* On a thread of the pool. */
static void CALLBACK wait_over(void *user, BOOLEAN timed_out)
{
    struct wait *wait = user;
    (void)timed_out;
    InterlockedExchange(&wait->over, 1);
    uv_async_send(&wait->io->ready);
}

/* No thread of the pool touches it after this. */
static void disarm(struct wait *wait)
{
    if (!wait->registered)
        return;
    BOOL done = UnregisterWaitEx(wait->registered, INVALID_HANDLE_VALUE);
    assert(done);
    (void)done;
    wait->registered = NULL;
    wait->over = 0;
}

static bool is_ready(const struct wait *wait)
{
    return wait->wanted && wait->object && WaitForSingleObject(wait->object, 0) == WAIT_OBJECT_0;
}

/* Have it waited for if it is wanted. True: there is no need to, the loop is told already. */
static bool arm(struct wait *wait)
{
    if (!wait->wanted || !wait->object || wait->registered)
        return false;
    if (is_ready(wait)) {
        uv_async_send(&wait->io->ready);
        return true;
    }
    if (RegisterWaitForSingleObject(&wait->registered, wait->object, wait_over, wait, INFINITE,
                                    WT_EXECUTEONLYONCE | WT_EXECUTEINWAITTHREAD))
        return false;
    /* Nobody could be told: try again in a moment. */
    wait->registered = NULL;
    Sleep(MEMORY_WAIT);
    uv_async_send(&wait->io->ready);
    return true;
}

static void io_ready(uv_async_t *handle)
{
    struct rdv__io *io = handle->data;
    if (io->readable.over)
        disarm(&io->readable);
    if (io->writable.over)
        disarm(&io->writable);
    if (is_ready(&io->readable) || is_ready(&io->writable))
        io->fn(io->user);
    if (!io->freed) {
        arm(&io->readable);
        arm(&io->writable);
    }
}

/*
 * The first time, libuv decides for the whole process what Windows shows boxes for, and takes its reports of crashes away: that is
 * for the program to decide, which may be another's that has us in it.
 */
int rdv__poll_uv_init(uv_loop_t *uv)
{
    const UINT mode = GetErrorMode();
    const int status = uv_loop_init(uv);
    if (GetErrorMode() != mode)
        SetErrorMode(mode);
    return status;
}

/* libuv does it all. */
int rdv__poll_system_open(struct rdv__poll *poll)
{
    (void)poll;
    return 0;
}

void rdv__poll_system_close(struct rdv__poll *poll)
{
    (void)poll;
}

int rdv__poll_fd(const struct rdv__poll *poll)
{
    return uv_backend_fd(&poll->uv);
}

void rdv__poll_once(struct rdv__poll *poll, bool wait)
{
    uv_run(&poll->uv, wait ? UV_RUN_ONCE : UV_RUN_NOWAIT);
}

static void io_closed(uv_handle_t *handle)
{
    free(handle->data);
}

int rdv__poll_watch(struct rdv__poll *poll, rdv__descriptor fd, void (*fn)(void *user), void *user,
                    struct rdv__io **ret_io)
{
    if (!fd)
        return RDV_EIO;
    struct rdv__io *io = calloc(1, sizeof *io);
    if (!io)
        return RDV_ENOMEM;
    if (uv_async_init(&poll->uv, &io->ready, io_ready) != 0) {
        free(io);
        return RDV_ENOMEM;
    }
    io->ready.data = io;
    io->poll = poll;
    io->readable = (struct wait){.io = io, .object = fd->readable};
    io->writable = (struct wait){.io = io, .object = fd->writable};
    io->fn = fn;
    io->user = user;
    rdv__io_watch(io, true, false);
    *ret_io = io;
    return 0;
}

/* True: there is something to do at once. */
static bool watch(struct wait *wait, bool wanted)
{
    wait->wanted = wanted;
    if (wanted)
        return arm(wait);
    disarm(wait);
    return false;
}

void rdv__io_watch(struct rdv__io *io, bool readable, bool writable)
{
    bool reads = watch(&io->readable, readable), writes = watch(&io->writable, writable);
    /* libuv tells the kernel in its next poll, which has to come. */
    if (reads || writes) {
        io->poll->fresh = true;
        if (!io->poll->inside)
            rdv__poll_wake(io->poll);
    }
}

static void look_at(uv_handle_t *handle, void *user)
{
    (void)user;
    if (handle->type != UV_ASYNC || ((uv_async_t *)handle)->async_cb != io_ready)
        return;
    const struct rdv__io *io = handle->data;
    if (!io->freed && (is_ready(&io->readable) || is_ready(&io->writable)))
        uv_async_send((uv_async_t *)handle);
}

void rdv__poll_look(struct rdv__poll *poll)
{
    uv_walk(&poll->uv, look_at, NULL);
}

void rdv__io_free(struct rdv__io *io)
{
    if (!io)
        return;
    watch(&io->readable, false);
    watch(&io->writable, false);
    io->freed = true;
    uv_close((uv_handle_t *)&io->ready, io_closed);
}
