/* SPDX-License-Identifier: MIT */
/*
 * What a loop polls: libuv's loop, the descriptors that are watched, and whether the next poll may
 * wait. It is embedded in a loop. poll.c has what all systems share, and poll_epoll.c or poll_win.c
 * has the rest. Owner thread only, except for rdv__poll_wake().
 */
#ifndef RDV__LOOP_POLL_H
#define RDV__LOOP_POLL_H

#include <stdbool.h>

#include <uv.h>

#include <rdvtask/loop.h>

#include "loop/io.h"

struct rdv__poll {
    uv_loop_t uv;
    uv_async_t wake;
    /* The system's own part. NULL where libuv does everything. */
    struct rdv__poll_system *system;
    /* Turns are being taken. So a poll is about to come, and needn't be announced by a wake-up. */
    bool inside;
    /* The next poll must not wait. */
    bool again;
    /* Something is watched that the kernel doesn't know of before the next poll. */
    bool fresh;
};

/*
 * Open what is needed to poll. Returns 0, RDV_ENOMEM, RDV_ERESOURCES or RDV_EIO; on failure nothing
 * is left open.
 */
int rdv__poll_open(struct rdv__poll *poll);

/* Close it. Nothing may be watched any more. */
void rdv__poll_close(struct rdv__poll *poll);

/* Return the descriptor that rdv_loop_fd() returns. */
int rdv__poll_fd(const struct rdv__poll *poll);

/* Handle what is ready. If `wait` is true, wait until something is ready first. */
void rdv__poll_once(struct rdv__poll *poll, bool wait);

/*
 * Make the next poll handle everything that is ready by now, without waiting. On Windows, threads
 * of the system notice what is ready, and what such a thread has noticed but not passed on yet
 * would otherwise come with a later poll.
 */
void rdv__poll_look(struct rdv__poll *poll);

/* Make the descriptor readable, and end a poll that waits. Any thread. */
void rdv__poll_wake(struct rdv__poll *poll);

/* Have another poll soon that doesn't wait. May be called as often as one likes. */
void rdv__poll_again(struct rdv__poll *poll);

/*
 * Begin and end taking turns. If something is left to do at the end, the descriptor becomes
 * readable.
 */
void rdv__poll_begin(struct rdv__poll *poll);
void rdv__poll_end(struct rdv__poll *poll);

/* ---- what each system has for poll.c ---- */

/* Do what uv_loop_init() does, without changing the process. Returns libuv's status. */
int rdv__poll_uv_init(uv_loop_t *uv);

/*
 * Open and close the system's own part. libuv's loop has been initialised. Returns 0 or an RDV_E…
 * code.
 */
int rdv__poll_system_open(struct rdv__poll *poll);
void rdv__poll_system_close(struct rdv__poll *poll);

#endif
