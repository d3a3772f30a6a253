/* SPDX-License-Identifier: MIT */
/* The calls of a trigger agent for those who share one commit among several: the control, the sink.
 * */
#ifndef RDV__TRIGGER_API_H
#define RDV__TRIGGER_API_H

#include <stdbool.h>
#include <stdint.h>

#include <rdvtask/trigger.h>

struct rdv__entries;

/*
 * What the public functions do, but staged only: durable with the open batch, and undone with it. A
 * caller that has to hear which of the two it was defers a change of its own after the call. An
 * error has changed nothing, though it may have failed the whole batch.
 */
int rdv__trigger_schedule(rdv_trigger *trigger, const rdv_window *window, rdv_task *task);
int rdv__trigger_delete(rdv_trigger *trigger, const char *identifier);
int rdv__trigger_cancel(rdv_trigger *trigger, const char *identifier);

/* Get the entries, to schedule many at once. RDV_ESHUTDOWN once the trigger agent is to end. */
int rdv__trigger_entries(rdv_trigger *trigger, struct rdv__entries **ret_entries);

/* Get an unfinished entry's number, and whether it is under way. RDV_ENOTFOUND, or an error of the
 * store. */
int rdv__trigger_find(rdv_trigger *trigger, const char *identifier, int64_t *ret_number,
                      bool *ret_running);

rdv_store *rdv__trigger_store(const rdv_trigger *trigger);
rdv_time rdv__trigger_now(const rdv_trigger *trigger);
int rdv__trigger_max_running(const rdv_trigger *trigger);

/* The name of the task agent, or NULL if none is attached. */
const char *rdv__trigger_agent_name(const rdv_trigger *trigger);

#endif
