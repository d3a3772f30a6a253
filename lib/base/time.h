/* SPDX-License-Identifier: MIT */
/*
 * Sums of times and durations that don't overflow. The other functions of time.c are declared in
 * rdvtask/base.h.
 */
#ifndef RDV__BASE_TIME_H
#define RDV__BASE_TIME_H

#include <rdvtask/base.h>

/* Return now + wait, at most RDV_TIME_MAX. Neither may be negative. */
rdv_time rdv__time_later(rdv_time now, rdv_duration wait);

#endif
