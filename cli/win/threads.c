/* SPDX-License-Identifier: MIT */
#include "../threads.h"

#include <stdlib.h>

#include <windows.h>

static SRWLOCK lock = SRWLOCK_INIT;
static CONDITION_VARIABLE changed = CONDITION_VARIABLE_INIT;

struct beginning {
    void (*fn)(void *user);
    void *user;
};

bool monitor_prepare(void)
{
    return true;
}

void monitor_lock(void)
{
    AcquireSRWLockExclusive(&lock);
}

void monitor_unlock(void)
{
    ReleaseSRWLockExclusive(&lock);
}

rdv_duration monitor_now(void)
{
    return (rdv_duration)GetTickCount64() * RDV_MILLISECOND;
}

void monitor_wait(rdv_duration most)
{
    const DWORD wait = most == 0 ? INFINITE : (DWORD)(most / RDV_MILLISECOND) + 1;
    SleepConditionVariableSRW(&changed, &lock, wait, 0);
}

void monitor_wake(void)
{
    WakeAllConditionVariable(&changed);
}

static DWORD WINAPI begin(void *user)
{
    const struct beginning beginning = *(struct beginning *)user;
    free(user);
    beginning.fn(beginning.user);
    return 0;
}

bool monitor_thread(void (*fn)(void *user), void *user)
{
    struct beginning *beginning = malloc(sizeof(*beginning));
    if (!beginning)
        return false;
    *beginning = (struct beginning){fn, user};
    const HANDLE thread = CreateThread(NULL, 0, begin, beginning, 0, NULL);
    if (thread)
        CloseHandle(thread);
    else
        free(beginning);
    return thread != NULL;
}
