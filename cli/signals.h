/* SPDX-License-Identifier: MIT */
/* Requests from outside to end (Ctrl-C, SIGTERM, SIGHUP) or to reload, and news of the terminal's size: the loop's run is stopped
 * for each. */
#ifndef CLI_SIGNALS_H
#define CLI_SIGNALS_H

#include <stdbool.h>

#include <rdvtask/loop.h>

struct signals;

/* Start listening. Before any other thread exists. After the third request to end the program ends on the spot.
 * `reloads`: SIGHUP is a request to reload, unless it came because the terminal has gone. Returns 0 or errno. */
int signals_start(rdv_loop *loop, bool reloads, struct signals **ret_signals);

/* How many requests to end have come so far. */
int signals_ends(struct signals *signals);

/* Whether to reload: someone has asked for it since the last call. */
bool signals_reload(struct signals *signals);

/* Whether the terminal's size has changed since the last call. */
bool signals_resized(struct signals *signals);

/* Stop listening; before the loop is freed. NULL is fine. */
void signals_stop(struct signals *signals);

#endif
