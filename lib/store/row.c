/* SPDX-License-Identifier: MIT */
/*
 * Reads columns of a row with bounds, as row.h says. All files of the store that read rows call it.
 * It never fails: what is not as it was written only marks the row, so that a reader can take all
 * columns first and look at the mark once.
 */
#include "store/row.h"

#include <limits.h>
#include <string.h>

#include "base/utf8.h"

int64_t rdv__row_number(struct rdv__row *row, int column, int64_t least, int64_t most)
{
    if (sqlite3_column_type(row->statement, column) == SQLITE_INTEGER) {
        int64_t number = sqlite3_column_int64(row->statement, column);
        if (number >= least && number <= most)
            return number;
    }
    row->damaged = true;
    return least;
}

int rdv__row_count(struct rdv__row *row, int column, int least)
{
    return (int)rdv__row_number(row, column, least, RDV__ROW_COUNT_MAX);
}

int rdv__row_int(struct rdv__row *row, int column)
{
    return (int)rdv__row_number(row, column, INT_MIN, INT_MAX);
}

rdv_time rdv__row_time(struct rdv__row *row, int column)
{
    return rdv__row_number(row, column, 0, RDV_TIME_MAX);
}

const char *rdv__row_text(struct rdv__row *row, int column, size_t most)
{
    if (sqlite3_column_type(row->statement, column) == SQLITE_TEXT) {
        const char *text = (const char *)sqlite3_column_text(row->statement, column);
        size_t size = (size_t)sqlite3_column_bytes(row->statement, column);
        if (text && size <= most && !memchr(text, '\0', size))
            return text;
    }
    row->damaged = true;
    return "";
}

const char *rdv__row_name(struct rdv__row *row, int column, size_t most)
{
    const char *name = rdv__row_text(row, column, most);
    if (!*name || !rdv__utf8_valid(name, strlen(name)))
        row->damaged = true;
    return name;
}

const void *rdv__row_bytes(struct rdv__row *row, int column, size_t most, size_t *ret_size)
{
    *ret_size = 0;
    /* Somebody who wrote a value by hand may have made it text, which is bytes, too. */
    const int type = sqlite3_column_type(row->statement, column);
    if (type == SQLITE_BLOB || type == SQLITE_TEXT) {
        const void *bytes = sqlite3_column_blob(row->statement, column);
        size_t size = (size_t)sqlite3_column_bytes(row->statement, column);
        if (size <= most) {
            *ret_size = size;
            return bytes;
        }
    }
    row->damaged = true;
    return NULL;
}
