/* SPDX-License-Identifier: MIT */
/* The program's threads, and the one lock that they share. All that it guards is in output_queue.c. */
#ifndef CLI_THREADS_H
#define CLI_THREADS_H

#include <stdbool.h>

#include <rdvtask/base.h>

/* To be called before all others. Returns false if there is no memory. */
bool threads_prepare(void);

void threads_lock(void);
void threads_unlock(void);

/* With the lock held: release it until another thread calls threads_wake(), for at most so long (0 = no bound). It may also return for no
 * reason. */
void threads_wait(rdv_duration most);
void threads_wake(void);

/* Running time, since some moment. */
rdv_duration threads_now(void);

/* Start a thread that gets no signals, and that nobody waits for. Returns false if the system has none left. */
bool threads_start(void (*fn)(void *user), void *user);

#endif
