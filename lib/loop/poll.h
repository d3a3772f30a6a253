/* SPDX-License-Identifier: MIT */
/*
 * What a loop polls: libuv's loop, the descriptors that are watched, and whether the next poll may wait. A loop has one of these
 * in it. poll.c has what all systems share, poll_epoll.c or poll_win.c the rest. Owner thread only, but for rdv__poll_wake().
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
    /* The system's own part; NULL where libuv does it all. */
    struct rdv__poll_system *system;
    /* Turns are being taken, so a poll is about to come, and nobody has to be woken for what it will find. */
    bool inside;
    /* The next poll is not to wait. */
    bool again;
    /* Something is watched that the kernel does not know of before the next poll. */
    bool fresh;
};

/* Open what is needed to poll. RDV_ENOMEM, RDV_ERESOURCES or RDV_EIO; then nothing is left open. */
int rdv__poll_open(struct rdv__poll *poll);

/* Nothing may be watched any more. */
void rdv__poll_close(struct rdv__poll *poll);

/* The descriptor that rdv_loop_fd() returns. */
int rdv__poll_fd(const struct rdv__poll *poll);

/* Handle what is ready. If `wait` is true, first wait until something is. */
void rdv__poll_once(struct rdv__poll *poll, bool wait);

/*
 * Have what is ready by now handled in the next poll, which does not wait. On Windows, threads of the system notice what is ready,
 * and what such a thread has noticed but not passed on yet would come with a later poll.
 */
void rdv__poll_look(struct rdv__poll *poll);

/* Make the descriptor readable, and end a poll that waits. Any thread. */
void rdv__poll_wake(struct rdv__poll *poll);

/* Have another poll soon, which does not wait. May be called as often as one likes. */
void rdv__poll_again(struct rdv__poll *poll);

/* Begin and end to take turns. What is left to do at the end makes the descriptor readable. */
void rdv__poll_begin(struct rdv__poll *poll);
void rdv__poll_end(struct rdv__poll *poll);

/* ---- what each system has for poll.c ---- */

/* uv_loop_init(), without a change to the process. Returns libuv's status. */
int rdv__poll_uv_init(uv_loop_t *uv);

/* Open and close the system's own part. libuv's loop is there. 0 or an RDV_E… code. */
int rdv__poll_system_open(struct rdv__poll *poll);
void rdv__poll_system_close(struct rdv__poll *poll);

#endif
