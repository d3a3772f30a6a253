/* SPDX-License-Identifier: MIT */
/*
 * What the loop watches on Windows: sources, that is, objects to wait for. The functions are those
 * of io.h, and of poll.h where a system has its own part.
 *
 *     wanted --> arm_wait() --> the pool waits --> wait_over() --> io_ready() on the loop: fn
 *                    ^                                                  |
 *                    +--------------------------------------------------+
 *
 * The thread pool of Windows waits for each object once. It wakes the loop, which calls fn, and
 * only then is the object waited for again. So watching is level-triggered, and nothing comes while
 * the loop is busy, or for what is not asked for.
 */
#include "loop/poll.h"

#include <assert.h>
#include <stdlib.h>

#include "platform/win/source.h"
#include "platform/win/win.h"

/*
 * How long to wait before something is tried again that failed for lack of memory, in milliseconds.
 */
#define MEMORY_WAIT 1

struct wait {
    struct rdv__io *io;
    /* NULL = there is none. */
    HANDLE object;
    bool wanted;
    /* The wait as the pool knows it; NULL = it is not registered. */
    HANDLE registered;
    /* Set by the pool, which has forgotten the wait by then. */
    volatile LONG over;
};

struct rdv__io {
    /* Tells the loop that some of the waits may be over. */
    uv_async_t ready;
    struct rdv__poll *poll;
    struct wait readable, writable;
    bool freed;
    void (*fn)(void *user);
    void *user;
};

/* Called on a thread of the pool. */
static void CALLBACK wait_over(void *user, BOOLEAN timed_out)
{
    struct wait *wait = user;
    (void)timed_out;
    InterlockedExchange(&wait->over, 1);
    uv_async_send(&wait->io->ready);
}

/* Take a wait back. No thread of the pool touches it after this. */
static void disarm_wait(struct wait *wait)
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

/*
 * Have the object waited for, if that is wanted. True means that there is no need to, because the
 * loop has been woken already.
 */
static bool arm_wait(struct wait *wait)
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
    /* Nothing is waiting for it now, so try again in a moment. */
    wait->registered = NULL;
    Sleep(MEMORY_WAIT);
    uv_async_send(&wait->io->ready);
    return true;
}

static void io_ready(uv_async_t *handle)
{
    struct rdv__io *io = handle->data;
    if (io->readable.over)
        disarm_wait(&io->readable);
    if (io->writable.over)
        disarm_wait(&io->writable);
    if (is_ready(&io->readable) || is_ready(&io->writable))
        io->fn(io->user);
    if (!io->freed) {
        arm_wait(&io->readable);
        arm_wait(&io->writable);
    }
}

/*
 * The first time, libuv decides for the whole process for what Windows shows message boxes, and
 * turns reports of crashes off. That is for the program to decide, which may only have loaded this
 * library.
 */
int rdv__poll_uv_init(uv_loop_t *uv)
{
    const UINT mode = GetErrorMode();
    const int status = uv_loop_init(uv);
    if (GetErrorMode() != mode)
        SetErrorMode(mode);
    return status;
}

/* There is nothing to open, as libuv does everything. */
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

/* Set what is wanted. True means that there is something to do at once. */
static bool watch_object(struct wait *wait, bool wanted)
{
    wait->wanted = wanted;
    if (wanted)
        return arm_wait(wait);
    disarm_wait(wait);
    return false;
}

void rdv__io_watch(struct rdv__io *io, bool readable, bool writable)
{
    bool reads = watch_object(&io->readable, readable),
         writes = watch_object(&io->writable, writable);
    /* libuv tells the kernel in its next poll, so there has to be one. */
    if (reads || writes) {
        io->poll->fresh = true;
        if (!io->poll->inside)
            rdv__poll_wake(io->poll);
    }
}

static void wake_if_ready(uv_handle_t *handle, void *user)
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
    uv_walk(&poll->uv, wake_if_ready, NULL);
}

void rdv__io_free(struct rdv__io *io)
{
    if (!io)
        return;
    watch_object(&io->readable, false);
    watch_object(&io->writable, false);
    io->freed = true;
    uv_close((uv_handle_t *)&io->ready, io_closed);
}
