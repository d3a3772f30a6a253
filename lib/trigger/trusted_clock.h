/* SPDX-License-Identifier: MIT */
/* The clock that a trigger agent reads, whether it can be trusted yet (rule 3), and the running time beside it. */
#ifndef RDV__TRIGGER_TRUSTED_CLOCK_H
#define RDV__TRIGGER_TRUSTED_CLOCK_H

#include <stdbool.h>

#include <rdvtask/trigger.h>

struct rdv__clock {
    rdv_clock source;  /* no `now`: the system's */
    rdv_duration wait; /* how long after boot it is waited for at most */
    rdv_log log;
    bool trusted; /* it is known to be right, or was waited for long enough */
    bool told;    /* that it is waited for */
};

/* Whether it is the system's, and not one of the program's own. */
bool rdv__clock_is_system(const struct rdv__clock *clock);

rdv_time rdv__clock_now(const struct rdv__clock *clock);

/* Running time, in which durations are counted. */
rdv_duration rdv__clock_running(const struct rdv__clock *clock);

/* Whether it can be trusted. What keeps it from being so is told to the log once; nobody tells us when that is over. */
bool rdv__clock_trusted(struct rdv__clock *clock);

#endif
