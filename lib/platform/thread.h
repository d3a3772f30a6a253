/* SPDX-License-Identifier: MIT */
/* Threads, and locks for what they share. */
#ifndef RDV__PLATFORM_THREAD_H
#define RDV__PLATFORM_THREAD_H

#include <rdvtask/base.h>

struct rdv__thread;

/* Start a thread. Returns 0 or RDV_ENOMEM. */
int rdv__thread_new(void (*fn)(void *user), void *user, struct rdv__thread **ret_thread);

/* Join a thread, and free it. NULL is fine. */
void rdv__thread_join(struct rdv__thread *thread);

struct rdv__mutex;

/* Make a mutex. Returns 0 or RDV_ENOMEM. */
int rdv__mutex_new(struct rdv__mutex **ret_mutex);

/* NULL is fine. */
void rdv__mutex_free(struct rdv__mutex *mutex);
void rdv__mutex_lock(struct rdv__mutex *mutex);
void rdv__mutex_unlock(struct rdv__mutex *mutex);

/* A lock that a thread can also wait at, for a time. */
struct rdv__monitor;

/* Make a monitor. Returns 0 or RDV_ENOMEM. */
int rdv__monitor_new(struct rdv__monitor **ret_monitor);

/* NULL is fine. */
void rdv__monitor_free(struct rdv__monitor *monitor);
void rdv__monitor_lock(struct rdv__monitor *monitor);
void rdv__monitor_unlock(struct rdv__monitor *monitor);

/*
 * With the lock held: let go of it until another thread wakes this one, or rdv__plat_running() has
 * reached `until` (0 = never), or for no reason at all; then take it again.
 */
void rdv__monitor_wait(struct rdv__monitor *monitor, rdv_duration until);

/* Wake a thread that waits. The lock is held. */
void rdv__monitor_wake(struct rdv__monitor *monitor);

#endif
