/* SPDX-License-Identifier: MIT */
/*
 * What Windows has of clocks and of the machine: times, timers, random numbers, the boot id, and
 * atomic numbers. Every folder above calls these; platform.h has the contracts. Files are in
 * file.c, and children in spawn.c.
 */
#include "platform/platform.h"

#include <assert.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "platform/win/source.h"
#include "platform/win/win.h"

/* This header needs windows.h before it. */
#include <ntsecapi.h>

/* ---------------------------------------------------------------- time */

rdv_time rdv_time_now(void)
{
    /* This is the scale of rdv_time. The precise form of the call came with Windows 8. */
    FILETIME now;
    GetSystemTimeAsFileTime(&now);
    return (rdv_time)((ULONGLONG)now.dwHighDateTime << 32 | now.dwLowDateTime);
}

rdv_duration rdv__plat_running(void)
{
    ULONGLONG now = 0;
    QueryUnbiasedInterruptTime(&now);
    return (rdv_duration)now;
}

rdv_duration rdv__plat_since_boot(void)
{
    return (rdv_duration)GetTickCount64() * RDV_MILLISECOND;
}

bool rdv__plat_clock_synchronised(void)
{
    /* Only the time service knows, where it runs at all, and there is no call to ask it. */
    return true;
}

/* -------------------------------------------------------------- timers */

/* No relative wait is longer, so that no sum with it overflows: about 1000 years. */
#define WAIT_MAX (365 * 1000 * RDV_DAY)

/* The system's ticks are further apart than this; waiting for less would only be a busy loop. */
#define WAIT_MIN RDV_MILLISECOND

/*
 * A timer of the clock is absolute. Windows moves it along when the clock is set, so that it is due
 * at its moment of the new clock, or at once if that has passed. A timer that is set for a moment
 * is thus never late because the clock was set, whichever way. So the change itself, for which
 * Windows 7 has no event, need not be reported.
 *
 * Windows has no absolute timers for running time. Such timers are relative, and Windows 7 counts
 * the time asleep, which later versions don't. So one may be due too early; rdv__plat_timer_read()
 * sets it again then.
 */
struct timer {
    struct rdv__source source;
    /* 0 = off. */
    int64_t when;
};

static struct timer *timer_of(const struct rdv__plat_timer *timer)
{
    return (struct timer *)timer->fd;
}

static int64_t timer_now(const struct rdv__plat_timer *timer)
{
    return timer->clock ? rdv_time_now() : rdv__plat_running();
}

int rdv__plat_timer_open(bool clock, struct rdv__plat_timer *ret_timer)
{
    struct timer *timer = malloc(sizeof *timer);
    if (!timer)
        return RDV_ENOMEM;
    HANDLE handle = CreateWaitableTimerW(NULL, TRUE, NULL);
    if (!handle) {
        free(timer);
        return RDV_EIO;
    }
    *timer = (struct timer){.source = {.readable = handle}};
    *ret_timer = (struct rdv__plat_timer){&timer->source, clock};
    return 0;
}

void rdv__plat_timer_close(struct rdv__plat_timer *timer)
{
    struct timer *self = timer_of(timer);
    if (!self)
        return;
    CloseHandle(self->source.readable);
    free(self);
    timer->fd = RDV__NO_DESCRIPTOR;
}

static void set_timer(const struct timer *self, int64_t due)
{
    LARGE_INTEGER moment;
    moment.QuadPart = due;
    BOOL done = SetWaitableTimer(self->source.readable, &moment, 0, NULL, NULL, FALSE);
    assert(done);
    (void)done;
}

static void arm(const struct rdv__plat_timer *timer, rdv_duration wait_min)
{
    const struct timer *self = timer_of(timer);
    if (timer->clock) {
        /* Numbers below 1 would be relative. */
        set_timer(self, self->when > 0 ? self->when : 1);
        return;
    }
    int64_t now = rdv__plat_running();
    rdv_duration wait = self->when > now ? self->when - now : 0;
    if (wait < wait_min)
        wait = wait_min;
    set_timer(self, -(wait < WAIT_MAX ? wait : WAIT_MAX));
}

bool rdv__plat_timer_set(struct rdv__plat_timer *timer, int64_t when)
{
    struct timer *self = timer_of(timer);
    self->when = when;
    if (when != 0) {
        arm(timer, 0);
    } else {
        /* Cancelling a timer leaves it signalled if it is; setting it doesn't. */
        set_timer(self, -WAIT_MAX);
        CancelWaitableTimer(self->source.readable);
    }
    return false;
}

enum rdv__plat_timer_event rdv__plat_timer_read(struct rdv__plat_timer *timer)
{
    struct timer *self = timer_of(timer);
    if (WaitForSingleObject(self->source.readable, 0) != WAIT_OBJECT_0)
        return RDV__TIMER_NOTHING;
    if (self->when > timer_now(timer)) {
        arm(timer, WAIT_MIN);
        return RDV__TIMER_NOTHING;
    }
    rdv__plat_timer_set(timer, 0);
    return RDV__TIMER_DUE;
}

/* -------------------------------------------------------- this machine */

int rdv__plat_random(void *buffer, size_t size)
{
    unsigned char *next = buffer;
    while (size > 0) {
        ULONG part = size < ULONG_MAX ? (ULONG)size : ULONG_MAX;
        if (!RtlGenRandom(next, part))
            return RDV_EIO;
        next += part;
        size -= part;
    }
    return 0;
}

/*
 * A registry key that Windows makes in memory at each boot, before any driver runs, and that
 * everybody may read.
 */
#define BOOT_KEY L"HARDWARE\\DESCRIPTION"

int rdv__plat_boot_id(char buffer[RDV__BOOT_ID_SIZE])
{
    /*
     * Windows has no number of its boots that is documented and always there. This is the moment at
     * which the key was made: a stamp, which doesn't change when the clock is set. (The time of the
     * boot that can be computed from the clock does change.)
     */
    HKEY key;
    FILETIME made;
    if (RegOpenKeyExW(HKEY_LOCAL_MACHINE, BOOT_KEY, 0, KEY_QUERY_VALUE, &key) != ERROR_SUCCESS)
        return RDV_EIO;
    LSTATUS status =
        RegQueryInfoKeyW(key, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, &made);
    RegCloseKey(key);
    if (status != ERROR_SUCCESS)
        return RDV_EIO;
    snprintf(buffer, RDV__BOOT_ID_SIZE, "%08lx%08lx", (unsigned long)made.dwHighDateTime,
             (unsigned long)made.dwLowDateTime);
    return 0;
}

/* ------------------------------------------------------------- atomics */

/* See a number as a LONG, which always has the size of an int on Windows. */
static volatile LONG *counter(int *value)
{
    assert(sizeof *value == sizeof(LONG));
    return (volatile LONG *)(void *)value;
}

int rdv__atomic_add(int *value, int add)
{
    return InterlockedExchangeAdd(counter(value), add) + add;
}

int rdv__atomic_load(const int *value)
{
    int result = *(const volatile int *)value;
    MemoryBarrier();
    return result;
}

void rdv__atomic_store(int *value, int set_to)
{
    InterlockedExchange(counter(value), set_to);
}

/* --------------------------------------------------------------- errors */

int rdv__plat_error(int number)
{
    return rdv__win_error((DWORD)number);
}
