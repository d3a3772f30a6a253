/* SPDX-License-Identifier: MIT */
/* What becomes of the entries under way: StartTask, reports, limits, CancelTask, and the end. */
#ifndef RDV__TRIGGER_LIVE_H
#define RDV__TRIGGER_LIVE_H

#include <stdbool.h>

#include <rdvtask/plugin.h>
#include <rdvtask/trigger.h>

#include "trigger/entries.h"

/* Whether as many entries are under way as may be at once. */
bool rdv__live_slots_full(const rdv_trigger *trigger);

/* The start of an entry is durable: hand its task to the plug-in. */
void rdv__live_hand_over(void *trigger, struct rdv__live_entry *live);

/* The request to end an entry is durable: pass it on to the plug-in. */
void rdv__live_pass_on_cancel(void *trigger, struct rdv__live_entry *live);

/* Ask the plug-in to end an entry. It then has some time to report the end. May end the entry. */
void rdv__live_ask_to_end(rdv_trigger *trigger, struct rdv__live_entry *live, rdv_time now);

/* Ask for the end of those entries that were cancelled although that could not be made durable. */
void rdv__live_ask_cancelled(rdv_trigger *trigger, rdv_time now);

/* The plug-in reports on a task. Returns RDV_ENOTFOUND, with a line in the log, if it is not
 * running or the report may not follow the last one; or an error of the store. */
int rdv__live_hear_report(rdv_trigger *trigger, const char *identifier, const rdv_report *report);

/* Write what the store has refused before. */
void rdv__live_write_unwritten(rdv_trigger *trigger, rdv_time now);

/* Have the entry looked at again after this time. */
void rdv__live_look_after(rdv_trigger *trigger, struct rdv__live_entry *live,
                          rdv_duration duration);

/* From now on, the entry may be under way for as long as its limit says. */
void rdv__live_begin_limit(rdv_trigger *trigger, struct rdv__live_entry *live);

/* The first entry whose moment to be looked at has come, or NULL. */
struct rdv__live_entry *rdv__live_first_due(const rdv_trigger *trigger);

/* The moment of an entry has come: its limit (rule 8), or the end of a wait. */
void rdv__live_handle_moment(rdv_trigger *trigger, struct rdv__live_entry *live, rdv_time now);

#endif
