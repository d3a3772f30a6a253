/* SPDX-License-Identifier: MIT */
/*
 * How many bytes of the disk the log of each run takes, so that the budget can be kept without
 * looking at the folder. run_logs.c, which has the files, calls it: it puts a row when a file has
 * grown, and deletes the row after the file.
 */
#include "store/log_sizes.h"

#include <assert.h>

#include "store/database.h"
#include "store/store.h"

enum slot {
    LOG_PUT = RDV__SLOTS_LOG_SIZES,
    LOG_GET,
    LOG_DELETE,
    LOG_SUM,
    LOG_NEXT,
    LOG_UNWANTED,
    LOG_OLDEST,
    LOG_OLDEST_OWN,
    SLOTS
};
static_assert((int)SLOTS <= (int)RDV__SLOTS_LISTING, "more statements than there are slots");

/* The largest size of a file. A row with a larger one is damaged. */
#define LOG_BYTES_MAX (INT64_C(1) << 50)

int rdv__log_get(rdv_store *store, int64_t run, int64_t *ret_bytes)
{
    struct rdv__binder binder =
        rdv__bind(rdv__store_database(store), LOG_GET, "SELECT bytes FROM log WHERE number = ?");
    rdv__bind_int(&binder, run);
    int64_t bytes;
    int result = rdv__bound_number(&binder, &bytes);
    if (result == 0)
        *ret_bytes = bytes < 0 ? 0 : bytes > LOG_BYTES_MAX ? LOG_BYTES_MAX : bytes;
    return result;
}

/* The sum changes with the rows. If it is not known yet, it is added up when it is asked for. */
static int count_log(rdv_store *store, int64_t run, int64_t bytes)
{
    struct rdv__sequences *sequences = &rdv__store_database(store)->sequences;
    int64_t before = 0;
    if (sequences->log_bytes < 0)
        return 0;
    int result = rdv__log_get(store, run, &before);
    if (result != 0 && result != RDV_ENOTFOUND)
        return result;
    sequences->log_bytes += bytes - before;
    return 0;
}

int rdv__log_put(rdv_store *store, int64_t run, int64_t bytes)
{
    if (bytes > LOG_BYTES_MAX)
        bytes = LOG_BYTES_MAX;
    int result = count_log(store, run, bytes);
    if (result != 0)
        return result;
    struct rdv__binder binder =
        rdv__bind(rdv__store_database(store), LOG_PUT,
                  "INSERT OR REPLACE INTO log (number, bytes, unwanted) VALUES (?, ?, 0)");
    rdv__bind_int(&binder, run);
    rdv__bind_int(&binder, bytes);
    return rdv__bound_run(&binder);
}

int rdv__log_delete(rdv_store *store, int64_t run)
{
    int result = count_log(store, run, 0);
    if (result != 0)
        return result;
    struct rdv__binder binder =
        rdv__bind(rdv__store_database(store), LOG_DELETE, "DELETE FROM log WHERE number = ?");
    rdv__bind_int(&binder, run);
    return rdv__bound_run(&binder);
}

int rdv__log_sum(rdv_store *store, int64_t *ret_bytes)
{
    struct rdv__sequences *sequences = &rdv__store_database(store)->sequences;
    if (sequences->log_bytes < 0) {
        struct rdv__binder binder = rdv__bind(rdv__store_database(store), LOG_SUM,
                                              "SELECT total(max(0, min(bytes, ?))) FROM log");
        rdv__bind_int(&binder, LOG_BYTES_MAX);
        int result = rdv__bound_row(&binder);
        if (result < 0)
            return result;
        double sum = sqlite3_column_double(binder.statement, 0);
        sqlite3_reset(binder.statement);
        sequences->log_bytes = sum < (double)(INT64_MAX / 2) ? (int64_t)sum : INT64_MAX / 2;
    }
    *ret_bytes = sequences->log_bytes;
    return 0;
}

int rdv__log_next(rdv_store *store, int64_t after, int64_t *ret_run, int64_t *ret_bytes)
{
    struct rdv__binder binder =
        rdv__bind(rdv__store_database(store), LOG_NEXT,
                  "SELECT number FROM log WHERE number > ? ORDER BY number LIMIT 1");
    rdv__bind_int(&binder, after);
    int result = rdv__bound_number(&binder, ret_run);
    return result == 0 ? rdv__log_get(store, *ret_run, ret_bytes) : result;
}

int rdv__log_unwanted(rdv_store *store, int64_t *ret_run)
{
    struct rdv__binder binder =
        rdv__bind(rdv__store_database(store), LOG_UNWANTED,
                  "SELECT number FROM log WHERE unwanted ORDER BY number LIMIT 1");
    return rdv__bound_number(&binder, ret_run);
}

/* Find the oldest log. Those of runs whose numbers do not come from the trigger agent of this store
 * go first, as no history has them: these numbers count downwards. */
int rdv__log_oldest(rdv_store *store, int64_t *ret_run)
{
    struct rdv__binder own =
        rdv__bind(rdv__store_database(store), LOG_OLDEST_OWN,
                  "SELECT number FROM log WHERE number < 0 ORDER BY number DESC LIMIT 1");
    int result = rdv__bound_number(&own, ret_run);
    if (result != RDV_ENOTFOUND)
        return result;
    struct rdv__binder binder =
        rdv__bind(rdv__store_database(store), LOG_OLDEST,
                  "SELECT number FROM log WHERE number >= 0 ORDER BY number LIMIT 1");
    return rdv__bound_number(&binder, ret_run);
}
