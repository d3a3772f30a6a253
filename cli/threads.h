/* SPDX-License-Identifier: MIT */
/* The program's threads, and the one lock that they share. All that it guards is in output_queue.c. */
#ifndef CLI_MONITOR_H
#define CLI_MONITOR_H

#include <stdbool.h>

#include <rdvtask/base.h>

/* To be called before all others. Returns false if there is no memory. */
bool monitor_prepare(void);

void monitor_lock(void);
void monitor_unlock(void);

/* With the lock held: release it until another thread calls monitor_wake(), for at most so long (0 = no bound). It may also return for no
 * reason. */
void monitor_wait(rdv_duration most);
void monitor_wake(void);

/* Running time, since some moment. */
rdv_duration monitor_now(void);

/* Start a thread that gets no signals, and that nobody waits for. Returns false if the system has none left. */
bool monitor_thread(void (*fn)(void *user), void *user);

#endif
