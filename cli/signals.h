/* SPDX-License-Identifier: MIT */
/* Requests from outside to end (Ctrl-C, SIGTERM, SIGHUP) or to reload, and news of the terminal's size: the loop's run is stopped
 * for each. */
#ifndef CLI_SIGNALS_H
#define CLI_SIGNALS_H

#include <stdbool.h>

#include <rdvtask/loop.h>

struct signals;

/*
 * To be called first in the program. From then on output that can't be written does not kill it, whether the reader has gone or a limit
 * forbids it, and a SIGHUP waits until it is known what it means. Signals that are ignored stay ignored.
 */
void signals_prepare(void);

/* Let SIGHUP end the program, as this verb has nothing to reload. */
void signals_hang_up(void);

/* Flags for signals_start(). */
enum {
    SIGNALS_RELOAD =
        1, /* SIGHUP is a request to reload, unless it came because the terminal has gone */
    SIGNALS_READER = 2 /* the loop's run is also stopped when the reader of standard output goes */
};

/* Start listening, before there is any other thread that takes signals. On the third request to end, the program ends on the spot.
 * Returns 0 or errno. */
int signals_start(rdv_loop *loop, unsigned flags, struct signals **ret_signals);

/* How many requests to end have come so far. */
int signals_ends(struct signals *signals);

/* Whether to reload: someone has asked for it since the last call. */
bool signals_reload(struct signals *signals);

/* Whether the terminal's size has changed since the last call. */
bool signals_resized(struct signals *signals);

/* Whether the reader of standard output, a pipe or a socket, has gone; where the system doesn't tell, false until something is written.
 * False for NULL. */
bool signals_reader_gone(struct signals *signals);

/* Stop listening; before the loop is freed. NULL is fine. */
void signals_stop(struct signals *signals);

#endif
