/* SPDX-License-Identifier: MIT */
/* Threads of the program, and one lock that they share: for out.c, which has all that is guarded by it. */
#ifndef CLI_MONITOR_H
#define CLI_MONITOR_H

#include <stdbool.h>

#include <rdvtask/base.h>

/* To be called before all others. False: there is no memory. */
bool monitor_prepare(void);

void monitor_lock(void);
void monitor_unlock(void);

/* With the lock held: let it go until another thread calls monitor_wake(), or for at most so long (0 = no bound), or for no reason. */
void monitor_wait(rdv_duration most);
void monitor_wake(void);

/* Running time, since some moment. */
rdv_duration monitor_now(void);

/* Start a thread that no signal is given to, and that nobody waits for. False: the system has none. */
bool monitor_thread(void (*fn)(void *user), void *user);

#endif
