/* SPDX-License-Identifier: MIT */
/* Schedules what a document has. */
#ifndef RDV__TRIGGER_LOAD_DOCUMENT_H
#define RDV__TRIGGER_LOAD_DOCUMENT_H

#include <stddef.h>

#include <rdvtask/trigger.h>

struct rdv__schedule;

/* Schedule all tasks of a document, or none. What is staged is durable with the open batch. If the
 * result is RDV_EBUSY, *ret_failed is the first task whose identifier is under way. */
int rdv__trigger_schedule_all(rdv_trigger *trigger, const struct rdv__schedule *schedule,
                              size_t *ret_failed);

#endif
