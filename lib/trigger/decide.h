/* SPDX-License-Identifier: MIT */
/* What a trigger agent decides in each turn of the loop, and inside a call that schedules. */
#ifndef RDV__TRIGGER_DECIDE_H
#define RDV__TRIGGER_DECIDE_H

#include "loop/loop.h"
#include <rdvtask/trigger.h>

/* The turn of a trigger agent, in the loop's decide phase. */
int rdv__decide_turn(struct rdv__turn *turn);

/* The functions of trigger->alarm and trigger->limits: something is due. */
void rdv__decide_alarm_fired(void *trigger);
void rdv__decide_limits_fired(void *trigger);

/*
 * What a call has scheduled starts with the commit of that call, if it may start at once: that
 * saves a sync. StartTask follows in the loop's turn all the same; a process that ends before that
 * leaves an entry that was never handed over, which does no harm only if the next process may start
 * it again. Only starts are decided here, as a plug-in is not called from inside a caller's
 * function: when anything else is due, all of it is left to the turn.
 */
int rdv__decide_with_call(rdv_trigger *trigger);

#endif
