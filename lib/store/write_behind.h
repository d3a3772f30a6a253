/* SPDX-License-Identifier: MIT */
/*
 * What is put off until the open batch ends, so that an entry that changes twice in a batch is
 * written once: the rows of new entries, and a range of numbers whose rows are to be deleted.
 * Whoever looks at all rows writes it first, and so does the commit.
 */
#ifndef RDV__STORE_WRITE_BEHIND_H
#define RDV__STORE_WRITE_BEHIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rdvtask/task.h>

#include "store/database.h"

/* How many rows wait at most, and with how much context: what waits stays in memory. */
#define RDV__NEW_ROWS_MAX     1024
#define RDV__NEW_CONTEXTS_MAX ((size_t)1024 * 1024)

/* The row of an entry that was scheduled in this batch, and has done nothing since but start. */
struct rdv__new_row {
    int64_t number, change;
    rdv_task *task; /* a reference */
    rdv_window window;
    rdv_time scheduled_at, started_at;
};

struct rdv__write_behind {
    struct rdv__new_row *rows; /* of new entries, by number */
    size_t count, room;
    size_t context_bytes; /* of the tasks of these rows */
    int64_t delete_first, delete_count;
};

/* Put off the row of a new pending entry, whose number is larger than all before; the task is
 * referenced. If as much waits then as may, all of it is written. */
int rdv__write_behind_add(struct rdv__database *database, int64_t number, const rdv_window *window,
                          rdv_task *task, rdv_time now);

/* Start an entry whose row waits. false: it does not wait, and nothing was done. */
bool rdv__write_behind_start(struct rdv__database *database, int64_t number, rdv_time now);

/* Find the row of an entry, which is not in the database yet; NULL if none waits. */
const struct rdv__new_row *rdv__write_behind_find(const struct rdv__database *database,
                                                  int64_t number);

/* Delete an entry's row with the batch, and its context at once. */
int rdv__write_behind_delete(struct rdv__database *database, int64_t number, bool has_context);

/* Bind a statement on an entry. What waits of this entry is written before. */
struct rdv__binder rdv__bind_entry(struct rdv__database *database, int64_t number, unsigned slot,
                                   const char *sql);

/* Write all that waits. After a failure nothing more of the batch is written, and the caller fails
 * it if it is a writer. */
int rdv__write_behind_flush(struct rdv__database *database);

/* Forget what waits: the batch has ended. */
void rdv__write_behind_drop(struct rdv__database *database);

#endif
