/* SPDX-License-Identifier: MIT */
/*
 * What it means that a run was cut short, and how long it waits before it begins again (rule 9 of
 * doc/design.md). take_over.c calls it. Pure functions: nothing is kept here, and no clock is read.
 *
 * A run that is taken over is one of these, and only the first that fits:
 *     it had asked for a reboot   counts in `reboots`, and too many of them are too often
 *     nothing was under way       counts nowhere
 *     stopped in order in this    counts in `stops` as long as it is at the same step
 *     boot
 *     anything else               counts in `interruptions`, ends the row of stops, and too many of
 *                                 them are too often
 */
#include "trigger/interruptions.h"

#include "platform/boot.h"

#define DELAY_FIRST RDV_SECOND
#define DELAY_MAX   RDV_HOUR

/*
 * FNV-1a, and not the hash of base/hash.h, as the number is stored and compared in later processes:
 * it must not depend on a key, and stays as it is. If two boots had the same number, a reboot would
 * be taken for a restart.
 */
int64_t rdv__cut_boot(const char *boot_id)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (const char *c = boot_id; *c; c++)
        hash = (hash ^ (unsigned char)*c) * UINT64_C(1099511628211);
    return (int64_t)(hash >> 1) | 1;
}

enum rdv__cut rdv__cut_count(struct rdv__cuts *cuts, const struct rdv__cut_facts *facts,
                             int max_interruptions)
{
    const bool in_order = cuts->stopped == facts->boot;
    cuts->stopped = 0;
    if (facts->asked_for_reboot) {
        cuts->reboots++;
        return cuts->reboots > RDV__REBOOTS_MAX ? RDV__CUT_TOO_OFTEN : RDV__CUT_REBOOTED;
    }
    if (!facts->under_way)
        return RDV__CUT_NONE;
    if (in_order) {
        cuts->stops = facts->step == cuts->stop_step ? cuts->stops + 1 : 1;
        cuts->stop_step = facts->step;
        return RDV__CUT_STOPPED;
    }
    cuts->stops = 0;
    cuts->interruptions++;
    return cuts->interruptions > max_interruptions ? RDV__CUT_TOO_OFTEN : RDV__CUT_INTERRUPTED;
}

rdv_duration rdv__cut_delay(const struct rdv__cuts *cuts)
{
    rdv_duration delay = cuts->stops > 1 ? DELAY_FIRST : 0;
    for (int i = 2; i < cuts->stops && delay < DELAY_MAX; i++)
        delay *= 2;
    return delay < DELAY_MAX ? delay : DELAY_MAX;
}
