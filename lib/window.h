/* SPDX-License-Identifier: MIT */
/* Rule 2: when an entry may start, and which comes first. Pure functions: `now` is handed in. */
#ifndef RDV__WINDOW_H
#define RDV__WINDOW_H

#include <stdbool.h>
#include <stdint.h>

#include <rdvtask/task.h>

/* start <= now, and end not given or now <= end. */
bool rdv__window_open(const rdv_window *window, rdv_time now);

/* end given and end < now. */
bool rdv__window_passed(const rdv_window *window, rdv_time now);

/*
 * Negative if a starts before b, positive if after: earliest deadline first (none is last), then earliest start, then the
 * smaller number (order of arrival). 0 only for equal numbers.
 */
int rdv__window_order(const rdv_window *a, int64_t a_number, const rdv_window *b, int64_t b_number);

#endif
