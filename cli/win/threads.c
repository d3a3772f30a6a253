/* SPDX-License-Identifier: MIT */
/* Threads and their lock by Windows, which has no signals to keep from them. */
#include "../threads.h"

#include <stdlib.h>

#include <windows.h>

static SRWLOCK lock = SRWLOCK_INIT;
static CONDITION_VARIABLE changed = CONDITION_VARIABLE_INIT;

struct beginning {
    void (*fn)(void *user);
    void *user;
};

bool threads_prepare(void)
{
    return true;
}

void threads_lock(void)
{
    AcquireSRWLockExclusive(&lock);
}

void threads_unlock(void)
{
    ReleaseSRWLockExclusive(&lock);
}

rdv_duration threads_now(void)
{
    return (rdv_duration)GetTickCount64() * RDV_MILLISECOND;
}

void threads_wait(rdv_duration most)
{
    const DWORD wait = most == 0 ? INFINITE : (DWORD)(most / RDV_MILLISECOND) + 1;
    SleepConditionVariableSRW(&changed, &lock, wait, 0);
}

void threads_wake(void)
{
    WakeAllConditionVariable(&changed);
}

static DWORD WINAPI begin_thread(void *user)
{
    const struct beginning beginning = *(struct beginning *)user;
    free(user);
    beginning.fn(beginning.user);
    return 0;
}

bool threads_start(void (*fn)(void *user), void *user)
{
    struct beginning *beginning = malloc(sizeof(*beginning));
    if (!beginning)
        return false;
    *beginning = (struct beginning){fn, user};
    const HANDLE thread = CreateThread(NULL, 0, begin_thread, beginning, 0, NULL);
    if (thread)
        CloseHandle(thread);
    else
        free(beginning);
    return thread != NULL;
}
