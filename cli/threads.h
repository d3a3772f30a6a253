/* SPDX-License-Identifier: MIT */
/*
 * The threads that write output, and the one lock and condition that they share with the rest of
 * the program. All that the lock guards is in output_queue.c.
 */
#ifndef CLI_THREADS_H
#define CLI_THREADS_H

#include <stdbool.h>

#include <rdvtask/base.h>

/* Prepare the condition; called before all other functions. Returns false if there is no memory. */
bool threads_prepare(void);

void threads_lock(void);
void threads_unlock(void);

/* With the lock held: release it until another thread calls threads_wake(), but for at most this
 * time (0 = no bound), and take it again. It may also return for no reason. */
void threads_wait(rdv_duration most);
void threads_wake(void);

/* The time since some fixed moment, by a clock that nobody can set. */
rdv_duration threads_now(void);

/* Start a thread that takes no signals, and that is not waited for. Returns false if the system
 * can start no more threads. */
bool threads_start(void (*fn)(void *user), void *user);

#endif
