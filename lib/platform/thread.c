/* SPDX-License-Identifier: MIT */
/*
 * Threads, mutexes and monitors. They are libuv's, on the heap, so that their users need not know
 * libuv. Everything that runs or may be called on a thread of its own uses them: plug-ins, their
 * watchdog and their log, functions as handlers, the search for orphans. Durations are running
 * time: a change of the clock neither shortens nor lengthens a wait.
 */
#include "platform/thread.h"

#include <stdlib.h>

#include <uv.h>

#include "platform/platform.h"

#define NANOS_PER_MILLISECOND 1000000

struct rdv__thread {
    uv_thread_t id;
};

int rdv__thread_new(void (*fn)(void *user), void *user, struct rdv__thread **ret_thread)
{
    struct rdv__thread *thread = malloc(sizeof *thread);
    if (!thread)
        return RDV_ENOMEM;
    if (uv_thread_create(&thread->id, fn, user) != 0) {
        free(thread);
        return RDV_ENOMEM;
    }
    *ret_thread = thread;
    return 0;
}

void rdv__thread_join(struct rdv__thread *thread)
{
    if (!thread)
        return;
    uv_thread_join(&thread->id);
    free(thread);
}

struct rdv__mutex {
    uv_mutex_t mutex;
};

int rdv__mutex_new(struct rdv__mutex **ret_mutex)
{
    struct rdv__mutex *mutex = malloc(sizeof *mutex);
    if (!mutex)
        return RDV_ENOMEM;
    if (uv_mutex_init(&mutex->mutex) != 0) {
        free(mutex);
        return RDV_ENOMEM;
    }
    *ret_mutex = mutex;
    return 0;
}

void rdv__mutex_free(struct rdv__mutex *mutex)
{
    if (!mutex)
        return;
    uv_mutex_destroy(&mutex->mutex);
    free(mutex);
}

void rdv__mutex_lock(struct rdv__mutex *mutex)
{
    uv_mutex_lock(&mutex->mutex);
}

void rdv__mutex_unlock(struct rdv__mutex *mutex)
{
    uv_mutex_unlock(&mutex->mutex);
}

struct rdv__monitor {
    uv_mutex_t mutex;
    uv_cond_t changed;
};

int rdv__monitor_new(struct rdv__monitor **ret_monitor)
{
    struct rdv__monitor *monitor = malloc(sizeof *monitor);
    if (!monitor)
        return RDV_ENOMEM;
    if (uv_mutex_init(&monitor->mutex) != 0)
        goto no_mutex;
    if (uv_cond_init(&monitor->changed) != 0)
        goto no_condition;
    *ret_monitor = monitor;
    return 0;

no_condition:
    uv_mutex_destroy(&monitor->mutex);
no_mutex:
    free(monitor);
    return RDV_ENOMEM;
}

void rdv__monitor_free(struct rdv__monitor *monitor)
{
    if (!monitor)
        return;
    uv_cond_destroy(&monitor->changed);
    uv_mutex_destroy(&monitor->mutex);
    free(monitor);
}

void rdv__monitor_lock(struct rdv__monitor *monitor)
{
    uv_mutex_lock(&monitor->mutex);
}

void rdv__monitor_unlock(struct rdv__monitor *monitor)
{
    uv_mutex_unlock(&monitor->mutex);
}

/*
 * libuv counts in nanoseconds, but Windows counts in milliseconds, and would not wait at all for a
 * fraction of one; so this rounds up.
 */
static uint64_t nanoseconds_until(rdv_duration until)
{
    const rdv_duration left = until - rdv__plat_running();
    if (left <= 0)
        return 0;
    return (uint64_t)((left + RDV_MILLISECOND - 1) / RDV_MILLISECOND) * NANOS_PER_MILLISECOND;
}

void rdv__monitor_wait(struct rdv__monitor *monitor, rdv_duration until)
{
    if (until == 0)
        uv_cond_wait(&monitor->changed, &monitor->mutex);
    else
        (void)uv_cond_timedwait(&monitor->changed, &monitor->mutex, nanoseconds_until(until));
}

void rdv__monitor_wake(struct rdv__monitor *monitor)
{
    uv_cond_signal(&monitor->changed);
}
