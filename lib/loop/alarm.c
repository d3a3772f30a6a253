/* SPDX-License-Identifier: MIT */
/*
 * Alarms. Each has a timer of the system, on the system's clock, whose descriptor the loop's poll
 * watches; the list of them is embedded in the loop. The trigger agent has one alarm, for windows
 * that open and close. Everything here happens on the owner thread.
 *
 * A change of the clock that is noticed while an alarm is being set can't be reported at once, as
 * the caller is not prepared for it. It is noted in clock_changed, of the alarm and of the list,
 * and the next turn reports it.
 */
#include "loop/alarm.h"

#include <stdlib.h>

#include "loop/poll.h"
#include "platform/platform.h"

struct rdv__alarm {
    struct rdv__alarms *alarms;
    struct rdv__plat_timer timer;
    struct rdv__io *io;
    rdv_time when;
    /* The clock was changed, and fn has not been told of it yet. */
    bool clock_changed;
    void (*fn)(void *user);
    void *user;
    struct rdv__alarm *previous, *next;
};

static void alarm_ready(void *user)
{
    struct rdv__alarm *alarm = user;
    switch (rdv__plat_timer_read(&alarm->timer)) {
    case RDV__TIMER_NOTHING:
        return;
    case RDV__TIMER_DUE:
        alarm->when = 0;
        break;
    case RDV__TIMER_CLOCK_SET:
        rdv__plat_timer_set(&alarm->timer, alarm->when);
        break;
    }
    alarm->clock_changed = false;
    alarm->fn(alarm->user);
}

void rdv__alarms_tell_change(struct rdv__alarms *alarms)
{
    while (alarms->clock_changed) {
        struct rdv__alarm *alarm = alarms->first;
        while (alarm && !alarm->clock_changed)
            alarm = alarm->next;
        if (!alarm) {
            alarms->clock_changed = false;
            break;
        }
        alarm->clock_changed = false;
        alarm->fn(alarm->user);
    }
}

int rdv__alarms_add(struct rdv__alarms *alarms, void (*fn)(void *user), void *user,
                    struct rdv__alarm **ret_alarm)
{
    struct rdv__alarm *alarm = malloc(sizeof *alarm);
    if (!alarm)
        return RDV_ENOMEM;
    *alarm = (struct rdv__alarm){.alarms = alarms, .fn = fn, .user = user, .next = alarms->first};

    int result = rdv__plat_timer_open(true, &alarm->timer);
    if (result == 0) {
        result = rdv__poll_watch(alarms->poll, alarm->timer.fd, alarm_ready, alarm, &alarm->io);
        if (result != 0)
            rdv__plat_timer_close(&alarm->timer);
    }
    if (result != 0) {
        free(alarm);
        return result;
    }

    if (alarms->first)
        alarms->first->previous = alarm;
    alarms->first = alarm;
    *ret_alarm = alarm;
    return 0;
}

void rdv__alarm_set(struct rdv__alarm *alarm, rdv_time when)
{
    if (when == alarm->when)
        return;
    alarm->when = when;
    bool changed = rdv__plat_timer_set(&alarm->timer, when);
    if (when == 0) {
        alarm->clock_changed = false;
    } else if (changed) {
        alarm->clock_changed = true;
        alarm->alarms->clock_changed = true;
        rdv__poll_again(alarm->alarms->poll);
    }
}

void rdv__alarm_free(struct rdv__alarm *alarm)
{
    if (!alarm)
        return;
    rdv__io_free(alarm->io);
    rdv__plat_timer_close(&alarm->timer);
    if (alarm->previous)
        alarm->previous->next = alarm->next;
    else
        alarm->alarms->first = alarm->next;
    if (alarm->next)
        alarm->next->previous = alarm->previous;
    free(alarm);
}
