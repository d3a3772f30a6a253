/* SPDX-License-Identifier: MIT */
/*
 * The SQLite database in which a store is kept: its handle, the statements that are kept prepared,
 * and the words for its last error. Only the files of the store know SQLite. store.c owns a
 * database; what is written and read goes through it.
 */
#ifndef RDV__STORE_DATABASE_H
#define RDV__STORE_DATABASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sqlite3.h>

#include <rdvtask/store.h>

struct rdv__startup_scan;
struct rdv__write_behind;

/* Each file that keeps statements prepared has a range of slots for them, which begins here. */
enum {
    RDV__SLOTS_WRITE_BEHIND = 0,
    RDV__SLOTS_RECORDS = 8,
    RDV__SLOTS_JOURNAL = 40,
    RDV__SLOTS_LOG_SIZES = 52,
    RDV__SLOTS_LISTING = 64,
    RDV__SLOTS = 76
};

/*
 * What is counted in memory rather than asked for each time. A number that was used in a batch that
 * failed is not used again.
 */
struct rdv__sequences {
    /* The largest number of an entry. */
    int64_t last_number;
    /* The largest number of a change of any entry. It is right once the startup scan is done. */
    int64_t last_change;
    /* Whether last_number may belong to a batch that failed. */
    bool gaps;
    /* The number that only the newest row of the history tells. */
    int64_t told_number;
    /* The last of the runs that the task agent numbers: 0, -1, -2, … */
    int64_t last_own_run;
    /* How many rows the history has; -1 = count them again. */
    int64_t history_rows;
    /* The bytes of all rows of `log`; -1 = add them up again. */
    int64_t log_bytes;
    /* The limits that the store was opened with. */
    int64_t history_count;
    rdv_duration history_age;
    /* When history_age was last seen to. */
    rdv_time aged_at;
};

struct rdv__database {
    sqlite3 *handle;
    sqlite3_stmt *statements[RDV__SLOTS];
    /* What the database is called in words for people. */
    char *name;
    /* The last failure, in words. */
    struct rdv_error last;
    /* Why the open batch can't be written any more: no bound statement runs then. 0 = it can. */
    int failed;
    struct rdv__sequences sequences;
    /* What waits to be written. It belongs to the store. */
    struct rdv__write_behind *write_behind;
    /* The startup scan that is under way. */
    struct rdv__startup_scan *scan;
};

/* Have a database called by its path, cut at the front if it is long; NULL for one in memory. 0 or
 * RDV_ENOMEM. */
int rdv__database_set_name(struct rdv__database *database, const char *path);

/* Open a file, or ":memory:", in place of what was open; no statement may be left. flags:
 * SQLITE_OPEN_… */
int rdv__database_open(struct rdv__database *database, const char *path, int flags);

/* How long another connection may hold this one up from now on: as long as is usual, or not at all.
 * */
void rdv__database_set_patience(struct rdv__database *database, bool patient);

/* Finish the statements that are kept. They are prepared again when they are needed. */
void rdv__database_forget_statements(struct rdv__database *database);

/* Close it, and free what belongs to it. */
void rdv__database_close(struct rdv__database *database);

/* Make an error of what SQLite said last, and keep its words. */
int rdv__database_fail(struct rdv__database *database);

/* Keep words for a failure that is not SQLite's, such as a row that was never written like this.
 * Returns code. */
int rdv__database_refuse(struct rdv__database *database, int code, const char *words);

/* What the person who reads the words of an error can do about it: ": do this", or "". */
const char *rdv__database_advice(int code);

/* Run statements that return nothing. */
int rdv__database_execute(struct rdv__database *database, const char *sql);

/* Get the first number that a statement returns. RDV_ECORRUPT if it is none. */
int rdv__database_number(struct rdv__database *database, const char *sql, int64_t *ret_number);

/* Prepare a statement that will be run often. The caller finalizes it. */
int rdv__database_prepare(struct rdv__database *database, const char *sql,
                          sqlite3_stmt **ret_statement);

/* Get the statement of this slot, reset. It is prepared from sql the first time, and kept from then
 * on. What was bound to it before has to be bound anew. */
int rdv__database_statement(struct rdv__database *database, unsigned slot, const char *sql,
                            sqlite3_stmt **ret_statement);

/* Step a statement that returns no rows, and reset it. */
int rdv__database_run(struct rdv__database *database, sqlite3_stmt *statement);

/* Step to the next row. Returns 1 if there is one; 0 if there is none, or an error, and then the
 * statement is reset. */
int rdv__database_row(struct rdv__database *database, sqlite3_stmt *statement);

/* A statement that is being bound, from left to right. If it could not be had, nothing is done, and
 * running it gives the error. */
struct rdv__binder {
    struct rdv__database *database;
    sqlite3_stmt *statement;
    int index, result;
};

struct rdv__binder rdv__bind(struct rdv__database *database, unsigned slot, const char *sql);
void rdv__bind_int(struct rdv__binder *binder, int64_t number);
/* Text and bytes are borrowed until the statement has run. */
void rdv__bind_text(struct rdv__binder *binder, const char *text);
void rdv__bind_bytes(struct rdv__binder *binder, const void *bytes, size_t size);

/* rdv__database_run() and rdv__database_row() for what was bound, or the error for which it was
 * not. */
int rdv__bound_run(struct rdv__binder *binder);
int rdv__bound_row(struct rdv__binder *binder);

/* Get one number, or RDV_ENOTFOUND if there is no row. The statement is reset. */
int rdv__bound_number(struct rdv__binder *binder, int64_t *ret_number);

#endif
