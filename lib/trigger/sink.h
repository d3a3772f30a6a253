/* SPDX-License-Identifier: MIT */
/* The sink that a trigger agent hands to its plug-in: the calls of the task agent come in by it. */
#ifndef RDV__TRIGGER_SINK_H
#define RDV__TRIGGER_SINK_H

#include <rdvtask/plugin.h>
#include <rdvtask/trigger.h>

/* How many calls from other threads may wait for the loop. Beyond that, only the end of a run and
 * that of the plug-in are taken. */
#define RDV__SINK_POSTS 4096

/* Make a sink. It has one reference, the trigger agent's. Returns 0 or RDV_ENOMEM. */
int rdv__sink_new(rdv_trigger *trigger, rdv_loop *loop, const rdv_log *log, rdv_sink **ret_sink);

/* The trigger agent goes, and gives its reference back: calls that still come do nothing. NULL is
 * fine. */
void rdv__sink_detach(rdv_sink *sink);

#endif
