/* SPDX-License-Identifier: MIT */
/*
 * The part of polling that all systems share. The loop calls it; what is watched, and how, is in
 * poll_epoll.c or poll_win.c.
 *
 * Invariant: whatever makes work makes the descriptor of rdv__poll_fd() readable. What the kernel
 * learns of only in the next poll, and what is left to do when turns end, is announced by a
 * wake-up.
 */
#include "loop/poll.h"

#include <assert.h>

/* Return the RDV_E… code for what libuv says when it can't have what it needs. */
static int shortage_of(int status)
{
    switch (status) {
    case UV_ENOMEM:
        return RDV_ENOMEM;
    case UV_EMFILE:
    case UV_ENFILE:
        return RDV_ERESOURCES;
    default:
        return RDV_EIO;
    }
}

static void handle_wake(uv_async_t *handle)
{
    (void)handle;
}

static void close_uv(struct rdv__poll *poll, bool has_wake)
{
    if (has_wake)
        uv_close((uv_handle_t *)&poll->wake, NULL);
    /* This finishes what is closing. */
    uv_run(&poll->uv, UV_RUN_NOWAIT);
    int status = uv_loop_close(&poll->uv);
    assert(status == 0);
    (void)status;
}

int rdv__poll_open(struct rdv__poll *poll)
{
    *poll = (struct rdv__poll){0};
    int status = rdv__poll_uv_init(&poll->uv);
    if (status != 0)
        return shortage_of(status);
    status = uv_async_init(&poll->uv, &poll->wake, handle_wake);
    int result = status != 0 ? shortage_of(status) : rdv__poll_system_open(poll);
    if (result != 0)
        close_uv(poll, status == 0);
    return result;
}

void rdv__poll_close(struct rdv__poll *poll)
{
    rdv__poll_system_close(poll);
    close_uv(poll, true);
}

void rdv__poll_wake(struct rdv__poll *poll)
{
    /* This fails only for a handle that is closing. */
    uv_async_send(&poll->wake);
}

void rdv__poll_again(struct rdv__poll *poll)
{
    if (!poll->again && !poll->inside)
        rdv__poll_wake(poll);
    poll->again = true;
}

void rdv__poll_begin(struct rdv__poll *poll)
{
    poll->inside = true;
}

void rdv__poll_end(struct rdv__poll *poll)
{
    poll->inside = false;
    if (poll->again || poll->fresh)
        rdv__poll_wake(poll);
}
