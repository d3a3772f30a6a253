/* SPDX-License-Identifier: MIT */
/*
 * Windows: whether one makes sense, is open, or has passed (rule 2). These are pure functions; the
 * caller hands in the time. The trigger agent decides by them what may start. The order of entries,
 * which belongs to the same rule, is inline in window.h.
 */
#include "model/window.h"

#include <assert.h>

static bool is_time(rdv_time time)
{
    return time >= 0 && time <= RDV_TIME_MAX;
}

int rdv_window_check(const rdv_window *window)
{
    if (!window || !is_time(window->start) || !is_time(window->end) || !is_time(window->deadline))
        return RDV_EINVAL;
    if (window->end != 0 && window->end < window->start)
        return RDV_EINVAL;
    if (window->limit < 0 || window->limit > RDV_LIMIT_MAX)
        return RDV_EINVAL;
    return 0;
}

bool rdv__window_passed(const rdv_window *window, rdv_time now)
{
    assert(window);
    return window->end != 0 && window->end < now;
}

bool rdv__window_open(const rdv_window *window, rdv_time now)
{
    assert(window);
    return window->start <= now && !rdv__window_passed(window, now);
}
