/* SPDX-License-Identifier: MIT */
/* Rule 9 of doc/design.md: what becomes of the entries that the last process has left under way. */
#ifndef RDV__TRIGGER_TAKE_OVER_H
#define RDV__TRIGGER_TAKE_OVER_H

#include <rdvtask/trigger.h>

/* Take over all entries that the last process has left under way, the oldest first. On an error,
 * trigger->resume_due stays set, and the rest is taken over later. */
int rdv__take_over_all(rdv_trigger *trigger, rdv_time now);

/* Start those entries again that have waited for long enough, the oldest first, as long as there
 * are slots. */
int rdv__take_over_waiting(rdv_trigger *trigger, rdv_time now);

/* The task agent has shut down as it was asked to: record that its runs, which the next process
 * goes on with, were stopped in order. If that can't be written, they count as interrupted. */
void rdv__take_over_mark_stopped(rdv_trigger *trigger);

#endif
