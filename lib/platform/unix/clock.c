/* SPDX-License-Identifier: MIT */
/*
 * What Linux has of clocks and of the machine: times, timers that are descriptors, random numbers,
 * the boot id, and atomic numbers. Every folder above calls these; platform.h has the contracts.
 * Nothing here keeps any state, except in the timers themselves.
 */
#define _GNU_SOURCE

#include "platform/platform.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/timerfd.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#include "platform/unix/unix.h"

#define NANOS_PER_TICK 100

/* ---------------------------------------------------------------- time */

static rdv_duration ticks(clockid_t clock)
{
    struct timespec now;
    int result = clock_gettime(clock, &now);
    assert(result == 0);
    (void)result;
    return (rdv_duration)now.tv_sec * RDV_SECOND + now.tv_nsec / NANOS_PER_TICK;
}

rdv_time rdv_time_now(void)
{
    return ticks(CLOCK_REALTIME) + rdv_time_from_unix(0, 0);
}

rdv_duration rdv__plat_running(void)
{
    return ticks(CLOCK_MONOTONIC);
}

rdv_duration rdv__plat_since_boot(void)
{
    return ticks(CLOCK_BOOTTIME);
}

bool rdv__plat_clock_synchronised(void)
{
    struct timex state = {0};
    /*
     * A sandbox may forbid the question (-1). Nobody should have to wait for an answer that can't
     * come.
     */
    return adjtimex(&state) != TIME_ERROR;
}

/* -------------------------------------------------------------- timers */

int rdv__plat_timer_open(bool clock, struct rdv__plat_timer *ret_timer)
{
    int fd = rdv__unix_high(
        timerfd_create(clock ? CLOCK_REALTIME : CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC));
    if (fd < 0)
        return rdv__unix_shortage(errno);
    *ret_timer = (struct rdv__plat_timer){fd, clock};
    return 0;
}

void rdv__plat_timer_close(struct rdv__plat_timer *timer)
{
    if (timer->fd >= 0)
        close(timer->fd);
    timer->fd = -1;
}

bool rdv__plat_timer_set(struct rdv__plat_timer *timer, int64_t when)
{
    struct itimerspec spec = {{0, 0}, {0, 0}};
    if (when != 0) {
        int64_t since = timer->clock ? when - rdv_time_from_unix(0, 0) : when;
        /* Zero would mean off, and the kernel takes nothing below it. */
        if (since < 1)
            since = 1;
        spec.it_value.tv_sec = (time_t)(since / RDV_SECOND);
        spec.it_value.tv_nsec = (long)(since % RDV_SECOND) * NANOS_PER_TICK;
    }

    int flags = TFD_TIMER_ABSTIME | (timer->clock ? TFD_TIMER_CANCEL_ON_SET : 0);
    if (timerfd_settime(timer->fd, flags, &spec, NULL) == 0)
        return false;
    /* "Cancelled" only means that the clock was set. The timer is armed all the same. */
    assert(errno == ECANCELED);
    return when != 0;
}

enum rdv__plat_timer_event rdv__plat_timer_read(struct rdv__plat_timer *timer)
{
    uint64_t times;
    if (read(timer->fd, &times, sizeof times) == (ssize_t)sizeof times)
        return RDV__TIMER_DUE;
    return errno == ECANCELED ? RDV__TIMER_CLOCK_SET : RDV__TIMER_NOTHING;
}

/* -------------------------------------------------------- this machine */

int rdv__plat_random(void *buffer, size_t size)
{
    unsigned char *next = buffer;
    while (size > 0) {
        ssize_t got = getrandom(next, size, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return RDV_EIO;
        next += got;
        size -= (size_t)got;
    }
    return 0;
}

int rdv__plat_boot_id(char buffer[RDV__BOOT_ID_SIZE])
{
    char *text;
    size_t size;
    if (rdv__plat_read_file("/proc/sys/kernel/random/boot_id", RDV__BOOT_ID_SIZE - 1, &text, &size,
                            NULL) != 0)
        return RDV_EIO;

    size = strcspn(text, "\n");
    if (size > 0)
        memcpy(buffer, text, size + 1);
    buffer[size] = '\0';
    free(text);
    return size > 0 ? 0 : RDV_EIO;
}

/* ------------------------------------------------------------- atomics */

int rdv__atomic_add(int *value, int add)
{
    return __atomic_add_fetch(value, add, __ATOMIC_ACQ_REL);
}

int rdv__atomic_load(const int *value)
{
    return __atomic_load_n(value, __ATOMIC_ACQUIRE);
}

void rdv__atomic_store(int *value, int set)
{
    __atomic_store_n(value, set, __ATOMIC_RELEASE);
}
