/* SPDX-License-Identifier: MIT */
/*
 * Reads a row of the store, which may not be as it was written: disks and people change files. If a
 * column is not of its kind or not within its bounds, the row is damaged; what is returned then is
 * still safe to use until `damaged` is looked at.
 *
 *     struct rdv__row row = {.statement = statement}; entry.attempt = rdv__row_int(&row, 0);
 *     entry.label = rdv__row_name(&row, 1, RDV_NAME_MAX); if (row.damaged) ...
 */
#ifndef RDV__STORE_ROW_H
#define RDV__STORE_ROW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sqlite3.h>

#include <rdvtask/base.h>

/* The largest number of an entry, a change or a run: one can be added to it over and over without
 * an overflow. */
#define RDV__ROW_NUMBER_MAX (INT64_MAX / 2)

/* The largest count of attempts and the like. */
#define RDV__ROW_COUNT_MAX (INT32_MAX / 2)

struct rdv__row {
    sqlite3_stmt *statement;
    bool damaged;
};

/* Read a whole number within these bounds. */
int64_t rdv__row_number(struct rdv__row *row, int column, int64_t least, int64_t most);

/* Read a count, from `least` on, or any int. */
int rdv__row_count(struct rdv__row *row, int column, int least);
int rdv__row_int(struct rdv__row *row, int column);

/* Read a moment, or 0. */
rdv_time rdv__row_time(struct rdv__row *row, int column);

/* Read text without a NUL, of at most `most` bytes; a name is also valid UTF-8 and not empty.
 * Borrowed until the statement is stepped or reset; never NULL. */
const char *rdv__row_name(struct rdv__row *row, int column, size_t most);
const char *rdv__row_text(struct rdv__row *row, int column, size_t most);

/* Read at most `most` bytes. Borrowed until the statement is stepped or reset; NULL for none. */
const void *rdv__row_bytes(struct rdv__row *row, int column, size_t most, size_t *ret_size);

#endif
