/* SPDX-License-Identifier: MIT */
/*
 * When an entry may start, and which entry comes first (rule 2). These are pure functions: `now` is
 * handed in.
 */
#ifndef RDV__MODEL_WINDOW_H
#define RDV__MODEL_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

#include <rdvtask/task.h>

/* The keys of an entry, on which its order and its window depend. */
struct rdv__keys {
    rdv_time start, end, deadline;
    /* The order of arrival; greater than 0. */
    int64_t number;
};

/* Whether start <= now, and there is no end or now <= end. */
bool rdv__window_open(const rdv_window *window, rdv_time now);

/* Whether there is an end and it is before now. */
bool rdv__window_passed(const rdv_window *window, rdv_time now);

/*
 * Compare two entries: negative if a starts before b, positive if after. The earliest deadline
 * comes first (none is last), then the earliest start, then the smaller number, which is the order
 * of arrival. 0 only for equal numbers. This is inline because a heap calls it several times a
 * step.
 */
static inline int rdv__order(rdv_time a_deadline, rdv_time a_start, int64_t a_number,
                             rdv_time b_deadline, rdv_time b_start, int64_t b_number)
{
    /* Subtracting one makes 0, which stands for no deadline, the largest unsigned number. */
    if (a_deadline != b_deadline)
        return (uint64_t)a_deadline - 1 < (uint64_t)b_deadline - 1 ? -1 : 1;
    if (a_start != b_start)
        return a_start < b_start ? -1 : 1;
    return a_number == b_number ? 0 : a_number < b_number ? -1 : 1;
}

#endif
