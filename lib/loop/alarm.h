/* SPDX-License-Identifier: MIT */
/*
 * The alarms of a loop, which go by the system's clock. The list of them is embedded in the loop.
 * Owner thread only.
 */
#ifndef RDV__LOOP_ALARM_H
#define RDV__LOOP_ALARM_H

#include <stdbool.h>

#include <rdvtask/base.h>

struct rdv__poll;

/* An alarm. */
struct rdv__alarm;

struct rdv__alarms {
    struct rdv__poll *poll;
    struct rdv__alarm *first;
    /* At least one alarm has to be told of a change of the clock. */
    bool clock_changed;
};

/*
 * Make an alarm in this list. fn(user) is called when the system's clock has reached the moment
 * that the alarm is set to, and also whenever the clock was set (rule 10). Until then it causes no
 * wake-up, however far away the moment is. Returns 0, RDV_ENOMEM, RDV_ERESOURCES or RDV_EIO.
 */
int rdv__alarms_add(struct rdv__alarms *alarms, void (*fn)(void *user), void *user,
                    struct rdv__alarm **ret_alarm);

/*
 * Tell the alarms whose change of the clock was noticed while they were being set, when nobody
 * could be called.
 */
void rdv__alarms_tell_change(struct rdv__alarms *alarms);

/*
 * Set an alarm to a moment. 0 turns it off, and then it is not told of changes of the clock either.
 */
void rdv__alarm_set(struct rdv__alarm *alarm, rdv_time when);

/* Free an alarm. NULL is fine. */
void rdv__alarm_free(struct rdv__alarm *alarm);

#endif
