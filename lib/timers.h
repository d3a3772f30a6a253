/* SPDX-License-Identifier: MIT */
/* The timers of a loop, as one descriptor that it watches; rdvtask/loop.h has what is done with each. Owner thread only. */
#ifndef RDV__TIMERS_H
#define RDV__TIMERS_H

#include <rdvtask/loop.h>

struct rdv__timers;

int rdv__timers_new(rdv_loop *loop, struct rdv__timers **ret_timers); /* RDV_ENOMEM, RDV_EIO */

/* The loop goes: timers that are still there never fire, and are freed by who has them. */
void rdv__timers_free(struct rdv__timers *timers);

/* Have the earliest wake the loop. Before it polls, and when others begin to. */
void rdv__timers_arm(struct rdv__timers *timers);

#endif
