/* SPDX-License-Identifier: MIT */
/* Between store.c, which owns the database, and record.c, which has the statements. Nobody else knows SQLite. */
#ifndef RDV__SQL_H
#define RDV__SQL_H

#include <stdbool.h>
#include <stdint.h>

#include <sqlite3.h>

#include "store.h"

/* How many statements may be kept prepared; the first so many are record.c's, the rest listing.c's. */
#define RDV__SQL_SLOTS        64
#define RDV__SQL_RECORD_SLOTS 52

/* What is counted in memory rather than asked for each time. A number that was used in a batch that failed is not used again. */
struct rdv__sequences {
    int64_t last_number;   /* of an entry */
    int64_t last_change;   /* of a change of any entry; right once rdv__record_scan() was called */
    bool gaps;             /* last_number may belong to a batch that failed */
    int64_t told_number;   /* this one was given, as only the newest row of the history tells */
    int64_t last_own_run;  /* of runs that the agent numbers: 0, -1, -2, … */
    int64_t history_rows;  /* -1 = count them again */
    int64_t log_bytes;     /* of all rows of `log`; -1 = add them up again */
    int64_t history_count; /* the limits that the store was opened with */
    rdv_duration history_age;
    rdv_time aged_at; /* when history_age was last looked after */

    struct rdv__startup_scan *scan; /* the one that rdv__record_scan() is at */
};

struct rdv__sequences *rdv__sql_sequences(rdv_store *store);

/*
 * What record.c has put off until the open batch ends, so that a row that changes twice in a batch is written once: rows of new
 * entries, by number, and so many numbers in a row of which the rows are to be deleted.
 */
struct rdv__put_off {
    struct rdv__new_row *rows;
    size_t count, room;
    size_t context_bytes; /* of the tasks of these rows */
    int64_t delete_first, delete_count;
    int failed; /* it could not be written: nothing more of this batch is, and it can't be committed */
};

struct rdv__put_off *rdv__sql_put_off(rdv_store *store);

/* Write it: store.c does before it commits, and whoever looks at all rows before that. A failure is to fail the batch. */
int rdv__record_write(rdv_store *store);

/* The batch has ended. */
void rdv__record_drop(rdv_store *store);

sqlite3 *rdv__sql_database(rdv_store *store);

/* The store as words for people call it: its path, cut at the front if it is long. */
const char *rdv__sql_name(const rdv_store *store);

/* Run statements that return nothing; the first number that one returns. */
int rdv__sql_execute(rdv_store *store, const char *sql);
int rdv__sql_number(rdv_store *store, const char *sql, int64_t *ret_number);

/* The statement of this slot, reset; what was bound to it before is to be bound anew: prepared from sql the first time, kept from then on. */
int rdv__sql_statement(rdv_store *store, unsigned slot, const char *sql,
                       sqlite3_stmt **ret_statement);

/* Step a statement that returns no rows, and reset it. */
int rdv__sql_run(rdv_store *store, sqlite3_stmt *statement);

/* Step for a row: 1 = there is one, 0 = no more (the statement is reset then), or an error (reset too). */
int rdv__sql_row(rdv_store *store, sqlite3_stmt *statement);

/* The open batch, if it is not held, is committed, or undone if that fails; then one consistent view of the store until
 * end_view. Nothing can be staged meanwhile. Views may be nested: an inner one sees what the outer one does. */
int rdv__sql_begin_view(rdv_store *store);
void rdv__sql_end_view(rdv_store *store);

/* Our error for what SQLite said last; keeps its words for rdv_store_message(). */
int rdv__sql_fail(rdv_store *store);

/* The same for what is not SQLite's failure: rows that can't be ours, for one. Returns code. */
int rdv__sql_refuse(rdv_store *store, int code, const char *words);

#endif
