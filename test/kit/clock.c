/* SPDX-License-Identifier: MIT */
/* The clock of the test kit: it stands until a test moves it. */
#include "kit/kit.h"

static rdv_time read_now(void *user)
{
    return ((struct rdv_kit_clock *)user)->now;
}

static bool read_synchronised(void *user)
{
    return ((struct rdv_kit_clock *)user)->synchronised;
}

static rdv_duration read_since_boot(void *user)
{
    return ((struct rdv_kit_clock *)user)->since_boot;
}

static rdv_duration read_running(void *user)
{
    return ((struct rdv_kit_clock *)user)->running;
}

void rdv_kit_clock_init(struct rdv_kit_clock *clock, rdv_time now)
{
    *clock = (struct rdv_kit_clock){.now = now, .synchronised = true, .since_boot = RDV_DAY};
}

rdv_clock rdv_kit_clock_ops(struct rdv_kit_clock *clock)
{
    return (rdv_clock){.now = read_now,
                       .synchronised = read_synchronised,
                       .since_boot = read_since_boot,
                       .running = clock->counts_running ? read_running : NULL,
                       .user = clock};
}
