/* SPDX-License-Identifier: MIT */
/* A lock that a thread can wait at, for a time. */
#define _GNU_SOURCE

#include "plat.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#define NANOS_PER_TICK 100

struct rdv__plat_monitor {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
};

int rdv__plat_monitor_new(struct rdv__plat_monitor **ret_monitor)
{
    struct rdv__plat_monitor *monitor = malloc(sizeof *monitor);
    pthread_condattr_t attributes;
    if (!monitor)
        return RDV_ENOMEM;
    /* What is waited for is running time: setting the clock must not shorten it. */
    if (pthread_condattr_init(&attributes) != 0)
        goto no_attributes;
    if (pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) != 0 ||
        pthread_cond_init(&monitor->changed, &attributes) != 0)
        goto no_condition;
    if (pthread_mutex_init(&monitor->mutex, NULL) != 0)
        goto no_mutex;
    pthread_condattr_destroy(&attributes);
    *ret_monitor = monitor;
    return 0;

no_mutex:
    pthread_cond_destroy(&monitor->changed);
no_condition:
    pthread_condattr_destroy(&attributes);
no_attributes:
    free(monitor);
    return RDV_ENOMEM;
}

void rdv__plat_monitor_free(struct rdv__plat_monitor *monitor)
{
    if (!monitor)
        return;
    pthread_cond_destroy(&monitor->changed);
    pthread_mutex_destroy(&monitor->mutex);
    free(monitor);
}

void rdv__plat_monitor_lock(struct rdv__plat_monitor *monitor)
{
    pthread_mutex_lock(&monitor->mutex);
}

void rdv__plat_monitor_unlock(struct rdv__plat_monitor *monitor)
{
    pthread_mutex_unlock(&monitor->mutex);
}

void rdv__plat_monitor_wait(struct rdv__plat_monitor *monitor, rdv_duration until)
{
    if (until == 0) {
        pthread_cond_wait(&monitor->changed, &monitor->mutex);
        return;
    }
    struct timespec moment = {.tv_sec = (time_t)(until / RDV_SECOND),
                              .tv_nsec = (long)(until % RDV_SECOND) * NANOS_PER_TICK};
    int result = pthread_cond_timedwait(&monitor->changed, &monitor->mutex, &moment);
    assert(result == 0 || result == ETIMEDOUT);
    (void)result;
}

void rdv__plat_monitor_wake(struct rdv__plat_monitor *monitor)
{
    pthread_cond_signal(&monitor->changed);
}
