/* SPDX-License-Identifier: MIT */
/* Rule 2: when an entry may start, and which comes first. Pure functions: `now` is handed in. */
#ifndef RDV__MODEL_WINDOW_H
#define RDV__MODEL_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

#include <rdvtask/task.h>

/* The keys of an entry: what its order and its window depend on. */
struct rdv__keys {
    rdv_time start, end, deadline;
    int64_t number; /* order of arrival, > 0 */
};

/* start <= now, and end not given or now <= end. */
bool rdv__window_open(const rdv_window *window, rdv_time now);

/* end given and end < now. */
bool rdv__window_passed(const rdv_window *window, rdv_time now);

/*
 * Negative if a starts before b, positive if after: earliest deadline first (none is last), then
 * earliest start, then the smaller number (order of arrival). 0 only for equal numbers. Inline,
 * because a heap asks it several times a step.
 */
static inline int rdv__order(rdv_time a_deadline, rdv_time a_start, int64_t a_number,
                             rdv_time b_deadline, rdv_time b_start, int64_t b_number)
{
    if (a_deadline != b_deadline) /* one less without a sign: none, which is 0, is the largest */
        return (uint64_t)a_deadline - 1 < (uint64_t)b_deadline - 1 ? -1 : 1;
    if (a_start != b_start)
        return a_start < b_start ? -1 : 1;
    return a_number == b_number ? 0 : a_number < b_number ? -1 : 1;
}

#endif
