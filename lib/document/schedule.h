/* SPDX-License-Identifier: MIT */
/* Schedule documents: from a file to checked windows and tasks. */
#ifndef RDV__DOCUMENT_SCHEDULE_H
#define RDV__DOCUMENT_SCHEDULE_H

#include <stddef.h>

#include <rdvtask/base.h>
#include <rdvtask/task.h>

#include "json/value.h"

/* One task of a schedule document. */
struct rdv__schedule_item {
    rdv_window window;
    /* Owned by the schedule. */
    rdv_task *task;
};

struct rdv__schedule {
    struct rdv__schedule_item *items;
    size_t count;
    /* The array in which the tasks stand. */
    struct rdv__value tasks;
    /* The document, if the schedule owns it; else NULL. */
    struct rdv__json *json;
};

/*
 * Load a schedule document. Times that it gives as durations count from `now`. Everything is
 * checked: unknown keys, types, limits, windows, identifiers that appear twice. On success, finish
 * the schedule with rdv__schedule_finish().
 */
int rdv__schedule_load(const char *path, rdv_time now, struct rdv__schedule *ret_schedule,
                       struct rdv_error *error);

/* Read a schedule document that is part of another JSON text. Places of errors are those in that
 * text, which must stay as long as the schedule. */
int rdv__schedule_read(struct rdv__value root, rdv_time now, struct rdv__schedule *ret_schedule,
                       struct rdv_error *error);

/* Load a file as JSON, so that rdv__schedule_read() can read its root: the tasks are parsed only as
 * they are read, once each. */
int rdv__schedule_load_json(const char *path, struct rdv__json **ret_json, struct rdv_error *error);

void rdv__schedule_finish(struct rdv__schedule *schedule);

/* Read a label or an identifier; it belongs to the document. */
int rdv__document_name(struct rdv__value value, const char **ret_name, struct rdv_error *error);

#endif
