/* SPDX-License-Identifier: MIT */
/* The end of a trigger agent's work: its task agent shuts down, asked or by itself. */
#ifndef RDV__TRIGGER_TERMINATION_H
#define RDV__TRIGGER_TERMINATION_H

#include <rdvtask/trigger.h>

/* The task agent says that it has shut down. */
void rdv__termination_hear(rdv_trigger *trigger, int reason);

/* If the store is lost, end in order, as when the task agent shuts down by itself: nothing that is
 * done from here on could be recorded. */
void rdv__termination_begin_if_lost(rdv_trigger *trigger);

/* If the task agent has shut down, and all changes are durable and told, tell the program that,
 * once. */
void rdv__termination_finish(rdv_trigger *trigger);

#endif
