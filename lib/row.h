/* SPDX-License-Identifier: MIT */
/*
 * Reading a row, which may not be as it was written: disks and people change files. Each column is of its kind and within its
 * bounds, or the row is damaged; what is returned then is safe to go on with until that is looked at.
 *
 *     struct rdv__row row = {.statement = statement};
 *     entry.attempt = rdv__row_int(&row, 0, 0);
 *     entry.label = rdv__row_name(&row, 1, RDV_NAME_MAX);
 *     if (row.damaged) ...
 */
#ifndef RDV__ROW_H
#define RDV__ROW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sqlite3.h>

#include <rdvtask/base.h>

/* No number of an entry, a change or a run is larger: one can be added without an overflow, again and again. */
#define RDV__ROW_NUMBER_MAX (INT64_MAX / 2)

/* Nothing is tried or counted more often. */
#define RDV__ROW_COUNT_MAX (INT32_MAX / 2)

struct rdv__row {
    sqlite3_stmt *statement;
    bool damaged;
};

/* A whole number within these bounds. */
int64_t rdv__row_number(struct rdv__row *row, int column, int64_t least, int64_t most);

/* The same for what is counted, from `least` on, and for what may be any int. */
int rdv__row_count(struct rdv__row *row, int column, int least);
int rdv__row_int(struct rdv__row *row, int column);

/* A moment, or 0. */
rdv_time rdv__row_time(struct rdv__row *row, int column);

/* Text without a NUL, of at most so many bytes; for a name, also valid UTF-8 and not empty. Borrowed until the statement is stepped or
 * reset; never NULL. */
const char *rdv__row_name(struct rdv__row *row, int column, size_t most);
const char *rdv__row_text(struct rdv__row *row, int column, size_t most);

/* At most so many bytes. Borrowed likewise; NULL for none. */
const void *rdv__row_bytes(struct rdv__row *row, int column, size_t most, size_t *ret_size);

#endif
