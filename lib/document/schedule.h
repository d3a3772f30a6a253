/* SPDX-License-Identifier: MIT */
/* Schedule documents: from a file to checked windows and tasks. (Agent documents are handlers.c's.) */
#ifndef RDV__DOCUMENT_SCHEDULE_H
#define RDV__DOCUMENT_SCHEDULE_H

#include <stddef.h>

#include <rdvtask/base.h>
#include <rdvtask/task.h>

#include "json/value.h"

/* One task of a schedule document. */
struct rdv__schedule_item {
    rdv_window window;
    rdv_task *task; /* owned by the schedule */
};

struct rdv__schedule {
    struct rdv__schedule_item *items;
    size_t count;
    struct rdv__value tasks; /* the array in which they stand */
    struct rdv__json *json;  /* the document if it is the schedule's own, or NULL */
};

/*
 * Read a schedule document. Times relative to now. Everything is checked: unknown keys, types, limits, windows, identifiers
 * that appear twice. On success the schedule is to be finished by rdv__schedule_finish().
 */
int rdv__schedule_load(const char *path, rdv_time now, struct rdv__schedule *ret_schedule,
                       struct rdv_error *error);
/* The same for a document that is part of another; places are in that one, which must stay as long as the schedule. */
int rdv__schedule_read(struct rdv__value root, rdv_time now, struct rdv__schedule *ret_schedule,
                       struct rdv_error *error);
void rdv__schedule_finish(struct rdv__schedule *schedule);

/* Read a label or an identifier: borrowed. */
int rdv__document_name(struct rdv__value value, const char **ret_name, struct rdv_error *error);

#endif
