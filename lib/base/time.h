/* SPDX-License-Identifier: MIT */
/* Sums of times and durations that do not overflow; rdvtask/base.h has the rest of what time.c does. */
#ifndef RDV__BASE_TIME_H
#define RDV__BASE_TIME_H

#include <rdvtask/base.h>

/* now + wait, at most RDV_TIME_MAX. Neither is negative. */
rdv_time rdv__time_later(rdv_time now, rdv_duration wait);

#endif
