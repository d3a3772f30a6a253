/* SPDX-License-Identifier: MIT */
#include "trigger/interruptions.h"

#include "platform/boot.h"

#define DELAY_FIRST RDV_SECOND
#define DELAY_MAX   RDV_HOUR

/* FNV-1a. Two boots with the same number would only have a reboot taken for a restart. */
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
