/* SPDX-License-Identifier: MIT */
/* The clock that a trigger agent reads, whether it can be trusted yet (rule 3 of doc/design.md),
 * and the running time beside it. */
#ifndef RDV__TRIGGER_TRUSTED_CLOCK_H
#define RDV__TRIGGER_TRUSTED_CLOCK_H

#include <stdbool.h>

#include <rdvtask/trigger.h>

struct rdv__clock {
    /* If this has no `now`, the system's clocks are read. */
    rdv_clock source;
    /* How long after boot the clock is waited for at most. */
    rdv_duration wait;
    rdv_log log;
    /* The clock is known to be right, or was waited for long enough. */
    bool trusted;
    /* The log has a line that says that the clock is waited for. */
    bool told;
};

/* Whether the clock is the system's, and not one of the program's own. */
bool rdv__clock_is_system(const struct rdv__clock *clock);

rdv_time rdv__clock_now(const struct rdv__clock *clock);

/* Running time, in which durations are counted. */
rdv_duration rdv__clock_running(const struct rdv__clock *clock);

/* When a moment of running time comes by the clock, as the clock goes now; 0 for 0. */
rdv_time rdv__clock_at(const struct rdv__clock *clock, rdv_duration moment);

/* Whether the clock can be trusted. What keeps it from being so is told to the log once. Nothing
 * tells when that is over: the caller has to ask again. */
bool rdv__clock_trusted(struct rdv__clock *clock);

#endif
