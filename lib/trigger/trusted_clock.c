/* SPDX-License-Identifier: MIT */
/*
 * The clocks of a trigger agent: the system's, or those of a program that brings its own, as tests
 * do. trigger.c fills in struct rdv__clock; all files of the trigger agent that need `now` or the
 * running time ask here, once a turn, and hand it on (rule 11 of doc/design.md).
 *
 * rdv__clock_trusted() only ever goes from false to true.
 */
#include "trigger/trusted_clock.h"

#include "base/error.h"
#include "base/time.h"
#include "platform/platform.h"

bool rdv__clock_is_system(const struct rdv__clock *clock)
{
    return !clock->source.now;
}

rdv_time rdv__clock_now(const struct rdv__clock *clock)
{
    return clock->source.now ? clock->source.now(clock->source.user) : rdv_time_now();
}

/* Nobody sets a program's own clock that comes without a running time, so it serves as both. */
rdv_duration rdv__clock_running(const struct rdv__clock *clock)
{
    if (clock->source.running)
        return clock->source.running(clock->source.user);
    return rdv__clock_is_system(clock) ? rdv__plat_running() : rdv__clock_now(clock);
}

rdv_time rdv__clock_at(const struct rdv__clock *clock, rdv_duration moment)
{
    if (moment == 0)
        return 0;
    rdv_duration left = moment - rdv__clock_running(clock);
    return rdv__time_later(rdv__clock_now(clock), left > 0 ? left : 0);
}

static bool is_synchronised(const struct rdv__clock *clock)
{
    if (rdv__clock_is_system(clock))
        return rdv__plat_clock_synchronised();
    return !clock->source.synchronised || clock->source.synchronised(clock->source.user);
}

static rdv_duration time_since_boot(const struct rdv__clock *clock)
{
    if (rdv__clock_is_system(clock))
        return rdv__plat_since_boot();
    return clock->source.since_boot ? clock->source.since_boot(clock->source.user) : RDV_TIME_MAX;
}

bool rdv__clock_trusted(struct rdv__clock *clock)
{
    if (clock->trusted)
        return true;
    bool right = is_synchronised(clock);
    rdv_duration up = time_since_boot(clock);
    if (right || up >= clock->wait) {
        if (clock->told)
            rdv__log(&clock->log, RDV_LOG_INFO, "%s",
                     right ? "the clock is synchronised"
                           : "the clock is not synchronised, going on all the same");
        clock->trusted = true;
        return true;
    }
    if (!clock->told) {
        char wait[RDV_DURATION_TEXT_SIZE];
        rdv_duration left = (clock->wait - up + RDV_SECOND - 1) / RDV_SECOND * RDV_SECOND;
        rdv_duration_format(left, wait, sizeof wait);
        rdv__log(&clock->log, RDV_LOG_WARNING,
                 "the system has just started and its clock is not synchronised: waiting for that, "
                 "at most %s",
                 wait);
        clock->told = true;
    }
    return false;
}
