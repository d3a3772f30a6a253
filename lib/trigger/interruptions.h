/* SPDX-License-Identifier: MIT */
/*
 * Runs that were cut short: what it means that a trigger agent finds a run under way that another
 * process has started. Pure functions; the counts are kept with the entry, so that they hold for
 * every task agent, and nothing sets them back.
 */
#ifndef RDV__TRIGGER_INTERRUPTIONS_H
#define RDV__TRIGGER_INTERRUPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "store/records.h"

/* Make a number of a boot's id, so that boots can be compared; never 0. */
int64_t rdv__cut_boot(const char *boot_id);

enum rdv__cut {
    /* Nothing was under way that could have been cut short. */
    RDV__CUT_NONE,
    /* The reboot that it had asked for has come. */
    RDV__CUT_REBOOTED,
    /* It was stopped in order, in this boot. */
    RDV__CUT_STOPPED,
    /* It was interrupted by a crash, or by a reboot that it had not asked for. */
    RDV__CUT_INTERRUPTED,
    /* It was rebooted or interrupted so often that it must not go on. */
    RDV__CUT_TOO_OFTEN
};

/* What is known of a run that is taken over. */
struct rdv__cut_facts {
    /* The boot in which it is taken over. */
    int64_t boot;
    bool asked_for_reboot;
    /* Something was under way, as far as its task agent can tell. */
    bool under_way;
    /* The step that it was at. */
    int64_t step;
};

/* Tell how the run was cut short, and count that in `cuts`. */
enum rdv__cut rdv__cut_count(struct rdv__cuts *cuts, const struct rdv__cut_facts *facts,
                             int max_interruptions);

/* How long a run that was stopped waits before it begins again: not at all after one stop, and then
 * longer each time. */
rdv_duration rdv__cut_delay(const struct rdv__cuts *cuts);

#endif
