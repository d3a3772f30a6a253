/* SPDX-License-Identifier: MIT */
/* A lock that a thread can wait at, for a time. */
#include "plat.h"

#include <assert.h>
#include <stdlib.h>

#include "win.h"

/* Longer waits end early, which the contract allows for. */
#define WAIT_MAX ((rdv_duration)24 * RDV_HOUR)

struct rdv__plat_monitor {
    SRWLOCK lock;
    CONDITION_VARIABLE changed;
};

int rdv__plat_monitor_new(struct rdv__plat_monitor **ret_monitor)
{
    struct rdv__plat_monitor *monitor = malloc(sizeof *monitor);
    if (!monitor)
        return RDV_ENOMEM;
    InitializeSRWLock(&monitor->lock);
    InitializeConditionVariable(&monitor->changed);
    *ret_monitor = monitor;
    return 0;
}

void rdv__plat_monitor_free(struct rdv__plat_monitor *monitor)
{
    free(monitor); /* neither holds anything of the system's */
}

void rdv__plat_monitor_lock(struct rdv__plat_monitor *monitor)
{
    AcquireSRWLockExclusive(&monitor->lock);
}

void rdv__plat_monitor_unlock(struct rdv__plat_monitor *monitor)
{
    ReleaseSRWLockExclusive(&monitor->lock);
}

void rdv__plat_monitor_wait(struct rdv__plat_monitor *monitor, rdv_duration until)
{
    DWORD milliseconds = INFINITE;
    if (until != 0) {
        rdv_duration wait = until - rdv__plat_running();
        if (wait > WAIT_MAX)
            wait = WAIT_MAX;
        /* Rounded up, or the last millisecond would be spent asking. */
        milliseconds = wait > 0 ? (DWORD)((wait + RDV_MILLISECOND - 1) / RDV_MILLISECOND) : 0;
    }
    BOOL woken = SleepConditionVariableSRW(&monitor->changed, &monitor->lock, milliseconds, 0);
    assert(woken || GetLastError() == ERROR_TIMEOUT);
    (void)woken;
}

void rdv__plat_monitor_wake(struct rdv__plat_monitor *monitor)
{
    WakeConditionVariable(&monitor->changed);
}
