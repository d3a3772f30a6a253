/* SPDX-License-Identifier: MIT */
/*
 * The one scan of all unfinished entries, for which the start of a trigger agent waits; entries.c
 * calls it. Half of its cost was three calls for each column and two for each row. So SQLite calls
 * us instead, once a row and with all columns, as the step of an aggregate function. Rows come in
 * the order of their numbers, and one that was never written like this ends the scan.
 */
#include "store/startup_scan.h"

#include <stdio.h>

#include "model/task.h"
#include "store/database.h"
#include "store/row.h"
#include "store/store.h"

/* No row is read twice: more pages would be kept only to be forgotten. */
#define SCAN_PAGES 8

struct rdv__startup_scan {
    int (*fn)(void *user, const struct rdv__record_key *key);
    void *user;
    int64_t number; /* of the entry before */
    int result;
};

enum column { NUMBER, STARTED_AT, START, END, DEADLINE, IDENTIFIER, COLUMNS };

/* Count the latest change of a running entry. Those of pending ones are in the order of their
 * numbers, so the last one is enough. */
static int count_change(struct rdv__database *database, int64_t number)
{
    struct rdv__sequences *sequences = &database->sequences;
    char sql[80];
    int64_t change = 0;
    snprintf(sql, sizeof sql, "SELECT change FROM entry WHERE number = %lld", (long long)number);
    int result = rdv__database_number(database, sql, &change);
    if (result == 0 && change > sequences->last_change)
        sequences->last_change = change;
    return result;
}

static bool is_as_written(sqlite3_value **columns)
{
    for (int i = 0; i < COLUMNS; i++)
        if (sqlite3_value_type(columns[i]) != (i == IDENTIFIER ? SQLITE_TEXT : SQLITE_INTEGER))
            return false;
    return sqlite3_value_int64(columns[NUMBER]) <= RDV__ROW_NUMBER_MAX &&
           sqlite3_value_int64(columns[STARTED_AT]) >= 0;
}

static int take_row(struct rdv__database *database, struct rdv__startup_scan *scan,
                    sqlite3_value **columns)
{
    if (!is_as_written(columns))
        return rdv__database_refuse(database, RDV_ECORRUPT, "an entry is not as it was written");
    struct rdv__record_key key = {
        .keys = {.number = sqlite3_value_int64(columns[NUMBER]),
                 .start = sqlite3_value_int64(columns[START]),
                 .end = sqlite3_value_int64(columns[END]),
                 .deadline = sqlite3_value_int64(columns[DEADLINE])},
        .running = sqlite3_value_int64(columns[STARTED_AT]) != 0,
        /* The bytes before their number: SQLite's rule. As a blob they needn't be copied for a NUL
         * at the end. */
        .identifier = sqlite3_value_blob(columns[IDENTIFIER]),
    };
    key.identifier_size = (size_t)sqlite3_value_bytes(columns[IDENTIFIER]);
    const rdv_window window = {
        .start = key.keys.start, .end = key.keys.end, .deadline = key.keys.deadline};
    if (key.keys.number <= scan->number || key.identifier_size == 0 ||
        key.identifier_size > RDV_NAME_MAX || rdv_window_check(&window) != 0)
        return rdv__database_refuse(database, RDV_ECORRUPT, "an entry is not as it was written");
    scan->number = key.keys.number;
    int result = key.running ? count_change(database, key.keys.number) : 0;
    return result != 0 ? result : scan->fn(scan->user, &key);
}

static void step_aggregate(sqlite3_context *context, int count, sqlite3_value **columns)
{
    struct rdv__database *database = sqlite3_user_data(context);
    struct rdv__startup_scan *scan = database->scan;
    (void)count;
    scan->result = take_row(database, scan, columns);
    if (scan->result != 0)
        sqlite3_result_error_code(context, SQLITE_ABORT);
}

static void finish_aggregate(sqlite3_context *context)
{
    (void)context;
}

/*
 * SQLite can't be told in which order an aggregate wants its rows. The table lies in the order of
 * its numbers, take_row() checks that, and NOT INDEXED keeps the planner from an index that a later
 * version may have.
 */
static int run_scan(struct rdv__database *database, struct rdv__startup_scan *scan)
{
    static const char sql[] =
        "SELECT take_entry(number, started_at, start, end, deadline, identifier)"
        " FROM entry NOT INDEXED";
    sqlite3_stmt *statement = NULL;
    /* Not kept: it is used once. */
    if (sqlite3_prepare_v3(database->handle, sql, -1, 0, &statement, NULL) != SQLITE_OK)
        return rdv__database_fail(database);
    int stepped = sqlite3_step(statement);
    int result = scan->result;
    if (result == 0 && stepped != SQLITE_ROW)
        result = rdv__database_fail(database);
    sqlite3_finalize(statement);
    return result;
}

static int set_cache(struct rdv__database *database, int64_t size)
{
    char sql[64];
    snprintf(sql, sizeof sql, "PRAGMA cache_size=%lld", (long long)size);
    return rdv__database_execute(database, sql);
}

int rdv__startup_scan_run(rdv_store *store,
                          int (*fn)(void *user, const struct rdv__record_key *key), void *user)
{
    struct rdv__startup_scan scan = {.fn = fn, .user = user};
    struct rdv__database *database = rdv__store_database(store);
    int64_t cache_size = 0;
    /* SQLITE_BUSY: other statements are under way, and an earlier scan has left it as it is to be.
     * */
    int made = sqlite3_create_function_v2(database->handle, "take_entry", COLUMNS,
                                          SQLITE_UTF8 | SQLITE_DIRECTONLY, database, NULL,
                                          step_aggregate, finish_aggregate, NULL);
    if (made != SQLITE_OK && made != SQLITE_BUSY)
        return rdv__database_fail(database);
    int result = rdv__database_number(database, "PRAGMA cache_size", &cache_size);
    if (result == 0)
        result = set_cache(database, SCAN_PAGES);
    if (result != 0)
        return result;
    database->scan = &scan;
    result = run_scan(database, &scan);
    database->scan = NULL;
    int restored = set_cache(database, cache_size);
    if (result == 0)
        result = restored;
    if (result == 0 && scan.number != 0)
        result = count_change(database, scan.number);
    return result;
}
