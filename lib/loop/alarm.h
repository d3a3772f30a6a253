/* SPDX-License-Identifier: MIT */
/* The alarms of a loop, which go by the system's clock. A loop has the list of them in it. Owner thread only. */
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
    /* Some alarm has to be told of a change of the clock. */
    bool clock_changed;
};

/* Make an alarm among these. fn(user) is called when the system's clock has reached the moment that the alarm is set to, and also
 * whenever the clock was set (rule 10). Until then it costs no wake-up, however far away it is. RDV_ENOMEM, RDV_ERESOURCES, RDV_EIO. */
int rdv__alarms_add(struct rdv__alarms *alarms, void (*fn)(void *user), void *user,
                    struct rdv__alarm **ret_alarm);

/* Tell those alarms whose change of the clock was noticed while they were set, which is no place to call anyone from. */
void rdv__alarms_tell_change(struct rdv__alarms *alarms);

/* Set it to a moment; 0 = off, and then it is not told of changes of the clock either. */
void rdv__alarm_set(struct rdv__alarm *alarm, rdv_time when);

/* NULL is fine. */
void rdv__alarm_free(struct rdv__alarm *alarm);

#endif
