/* SPDX-License-Identifier: MIT */
/*
 * Signals, as requests: to end (Ctrl-C, SIGTERM, SIGHUP), to reload the document, and to take note
 * of a new size of the terminal. Each one makes rdv_loop_run() return, and the caller then asks
 * here what has come.
 */
#ifndef CLI_SIGNALS_H
#define CLI_SIGNALS_H

#include <stdbool.h>

#include <rdvtask/loop.h>

struct signals;

/*
 * Called before anything else in the program. From then on output that can't be written does not
 * kill the program, neither because the reader has gone nor because of a limit; and a SIGHUP waits
 * until it is known what it means for the verb. Signals that are ignored stay ignored.
 */
void signals_prepare(void);

/* Let SIGHUP end the program, because this verb has nothing to reload. */
void signals_hang_up(void);

/* Flags for signals_start(). */
enum {
    /* SIGHUP is a request to reload, unless it came because the terminal has gone. */
    SIGNALS_RELOAD = 1,
    /* rdv_loop_run() also returns when the reader of standard output goes. */
    SIGNALS_READER = 2
};

/* Start to take signals, before there is any other thread that would take them. The third
 * request to end ends the program on the spot. Returns 0 or an errno. */
int signals_start(rdv_loop *loop, unsigned flags, struct signals **ret_signals);

/* How many requests to end have come so far. */
int signals_ends(struct signals *signals);

/* Whether a request to reload has come since the last call. */
bool signals_reload(struct signals *signals);

/* Whether the terminal's size has changed since the last call. */
bool signals_resized(struct signals *signals);

/* Whether the reader of standard output, a pipe or a socket, has gone. Windows does not tell;
 * there it is always false. False for NULL. */
bool signals_reader_gone(struct signals *signals);

/* Stop taking signals, before the loop is freed. NULL is fine. */
void signals_stop(struct signals *signals);

#endif
