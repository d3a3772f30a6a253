/* SPDX-License-Identifier: MIT */
/*
 * All statements on entries, their history and their reports, but for those that show them
 * (listing.c), that put off new rows (write_behind.c) and that read all of them at the start
 * (startup_scan.c). entries.c calls it, and run_logs.c. An entry lies in the table `entry` while it
 * is unfinished, and then in `history`, in the order in which entries ended; a number never comes
 * back.
 */
#include "store/records.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/status.h"
#include "model/task.h"
#include "store/database.h"
#include "store/row.h"
#include "store/store.h"
#include "store/write_behind.h"

enum slot {
    START = RDV__SLOTS_RECORDS,
    CUTS,
    ENTRY_REPORT,
    REPORT_PUT,
    FINISH,
    FINISH_KNOWN,
    HISTORY_COUNT,
    HISTORY_BY_COUNT,
    HISTORY_BY_AGE,
    TRIM_REPORTS,
    TRIM_OUTPUTS,
    TRIM_LOGS,
    TRIM_HISTORY,
    COUNTER_PUT,
    COUNTER_GET,
    LOAD,
    LOAD_CONTEXT,
    IDENTIFIER,
    IS_UNFINISHED,
    FINISHED,
    SLOTS
};
static_assert((int)SLOTS <= (int)RDV__SLOTS_JOURNAL, "more statements than there are slots");

/* How many finished entries are trimmed in one go, so that no turn of the loop takes long. */
#define TRIM_STEP 1000

static int put_counter(rdv_store *store, const char *name, int64_t value)
{
    struct rdv__binder binder =
        rdv__bind(rdv__store_database(store), COUNTER_PUT,
                  "INSERT OR REPLACE INTO counter (name, value) VALUES (?, ?)");
    rdv__bind_text(&binder, name);
    rdv__bind_int(&binder, value);
    return rdv__bound_run(&binder);
}

static int64_t next_change(rdv_store *store)
{
    return ++rdv__store_database(store)->sequences.last_change;
}

/* ----------------------------------------------------------------- entries */

int64_t rdv__record_next_number(rdv_store *store)
{
    return ++rdv__store_database(store)->sequences.last_number;
}

int64_t rdv__record_last_number(rdv_store *store)
{
    return rdv__store_database(store)->sequences.last_number;
}

int64_t rdv__record_last_change(rdv_store *store)
{
    return rdv__store_database(store)->sequences.last_change;
}

int rdv__record_schedule(rdv_store *store, int64_t number, const rdv_window *window, rdv_task *task,
                         rdv_time now)
{
    return rdv__write_behind_add(rdv__store_database(store), number, window, task, now);
}

/*
 * See to it that numbers don't come back, even when the row of the largest is gone from the
 * unfinished ones. As long as that row has become the newest of the history, the number is read
 * there, and need not be counted.
 */
static int count_number(rdv_store *store, int64_t number, bool in_history)
{
    struct rdv__sequences *sequences = &rdv__store_database(store)->sequences;
    if (number == sequences->last_number && in_history && !sequences->gaps) {
        sequences->told_number = number;
        return 0;
    }
    if (number != sequences->last_number && sequences->told_number != sequences->last_number &&
        !sequences->gaps)
        return 0;
    /* From here on the counter tells, unless this batch fails, which leaves a gap. */
    sequences->told_number = 0;
    sequences->gaps = false;
    return put_counter(store, "number", sequences->last_number);
}

int rdv__record_forget(rdv_store *store, int64_t number)
{
    int result = rdv__write_behind_delete(rdv__store_database(store), number, true);
    return result != 0 ? result : count_number(store, number, false);
}

/* Write a line of an entry's history between its start and its end. */
/* Bind what a report says besides its status, in the order of the columns. */
static void bind_words(struct rdv__binder *binder, const struct rdv__progress *progress)
{
    rdv__bind_int(binder, progress->attempt);
    rdv__bind_int(binder, progress->progress);
    rdv__bind_int(binder, progress->code);
    rdv__bind_text(binder, progress->message);
}

static int put_report(rdv_store *store, int64_t number, int64_t change,
                      const struct rdv__progress *progress, rdv_time now)
{
    struct rdv__binder binder = rdv__bind(
        rdv__store_database(store), REPORT_PUT,
        "INSERT INTO report (change, number, at, status, attempt, progress, code, message)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
    rdv__bind_int(&binder, change);
    rdv__bind_int(&binder, number);
    rdv__bind_int(&binder, now);
    rdv__bind_int(&binder, progress->status);
    bind_words(&binder, progress);
    return rdv__bound_run(&binder);
}

static int put_progress(rdv_store *store, int64_t number, int64_t change,
                        const struct rdv__progress *progress)
{
    struct rdv__binder binder =
        rdv__bind_entry(rdv__store_database(store), number, ENTRY_REPORT,
                        "UPDATE entry SET change = ?, cancelling = ?, status = ?, attempt = ?,"
                        " progress = ?, code = ?, message = ? WHERE number = ?");
    rdv__bind_int(&binder, change);
    rdv__bind_int(&binder, progress->ending);
    rdv__bind_int(&binder, progress->status);
    bind_words(&binder, progress);
    rdv__bind_int(&binder, number);
    return rdv__bound_run(&binder);
}

int rdv__record_start(rdv_store *store, int64_t number, rdv_time now)
{
    if (rdv__write_behind_start(rdv__store_database(store), number, now))
        return 0;
    struct rdv__binder binder = rdv__bind_entry(
        rdv__store_database(store), number, START,
        "UPDATE entry SET change = ?, started_at = ?, attempt = 1 WHERE number = ?");
    rdv__bind_int(&binder, next_change(store));
    rdv__bind_int(&binder, now);
    rdv__bind_int(&binder, number);
    return rdv__bound_run(&binder);
}

int rdv__record_cuts(rdv_store *store, int64_t number, const struct rdv__cuts *cuts)
{
    struct rdv__binder binder =
        rdv__bind_entry(rdv__store_database(store), number, CUTS,
                        "UPDATE entry SET interruptions = ?, reboots = ?, stops = ?, stop_step = ?,"
                        " stopped = ? WHERE number = ?");
    rdv__bind_int(&binder, cuts->interruptions);
    rdv__bind_int(&binder, cuts->reboots);
    rdv__bind_int(&binder, cuts->stops);
    rdv__bind_int(&binder, cuts->stop_step);
    rdv__bind_int(&binder, cuts->stopped);
    rdv__bind_int(&binder, number);
    return rdv__bound_run(&binder);
}

int rdv__record_report(rdv_store *store, int64_t number, const struct rdv__progress *progress,
                       rdv_time now, bool keep)
{
    int64_t change = next_change(store);
    int result = put_progress(store, number, change, progress);
    return result == 0 && keep ? put_report(store, number, change, progress, now) : result;
}

/* The columns that an entry keeps when it ends, and those that its end adds. */
#define KEPT                                                                                   \
    "number, identifier, label, context_size, start, end, deadline, run_limit, scheduled_at, " \
    "started_at"
#define ADDED "change, finished_at, outcome, attempt, progress, code, message"

static int leave_entries(rdv_store *store, int64_t number, bool has_context)
{
    int result = rdv__write_behind_delete(rdv__store_database(store), number, has_context);
    if (result == 0)
        result = count_number(store, number, true);
    struct rdv__sequences *sequences = &rdv__store_database(store)->sequences;
    if (result == 0 && sequences->history_rows >= 0)
        sequences->history_rows++;
    return result;
}

static void bind_end(struct rdv__binder *binder, rdv_outcome outcome,
                     const struct rdv__progress *progress, rdv_time now)
{
    rdv__bind_int(binder, ++binder->database->sequences.last_change);
    rdv__bind_int(binder, now);
    rdv__bind_int(binder, outcome);
    bind_words(binder, progress);
}

int rdv__record_finish(rdv_store *store, int64_t number, rdv_outcome outcome,
                       const struct rdv__progress *progress, rdv_time now)
{
    struct rdv__binder binder =
        rdv__bind_entry(rdv__store_database(store), number, FINISH,
                        "INSERT INTO history (" ADDED ", " KEPT ")"
                        " SELECT ?, ?, ?, ?, ?, ?, ?, " KEPT " FROM entry WHERE number = ?");
    bind_end(&binder, outcome, progress, now);
    rdv__bind_int(&binder, number);
    int result = rdv__bound_run(&binder);
    return result != 0 ? result : leave_entries(store, number, true);
}

int rdv__record_finish_known(rdv_store *store, const struct rdv__known_entry *entry,
                             rdv_outcome outcome, const struct rdv__progress *progress,
                             rdv_time now)
{
    size_t size;
    (void)rdv_task_context(entry->task, &size);
    struct rdv__binder binder =
        rdv__bind_entry(rdv__store_database(store), entry->number, FINISH_KNOWN,
                        "INSERT INTO history (" ADDED ", " KEPT ")"
                        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    bind_end(&binder, outcome, progress, now);
    rdv__bind_int(&binder, entry->number);
    rdv__bind_text(&binder, rdv_task_identifier(entry->task));
    rdv__bind_text(&binder, rdv_task_label(entry->task));
    rdv__bind_int(&binder, (int64_t)size);
    rdv__bind_int(&binder, entry->window.start);
    rdv__bind_int(&binder, entry->window.end);
    rdv__bind_int(&binder, entry->window.deadline);
    rdv__bind_int(&binder, entry->window.limit);
    rdv__bind_int(&binder, entry->scheduled_at);
    rdv__bind_int(&binder, entry->started_at);
    int result = rdv__bound_run(&binder);
    return result != 0 ? result : leave_entries(store, entry->number, size > 0);
}

/* ----------------------------------------------------------------- history */

int rdv__record_set_paused(rdv_store *store, bool paused)
{
    return put_counter(store, "paused", paused);
}

int rdv__record_get_paused(rdv_store *store, bool *ret_paused)
{
    struct rdv__binder binder = rdv__bind(rdv__store_database(store), COUNTER_GET,
                                          "SELECT value FROM counter WHERE name = ?");
    rdv__bind_text(&binder, "paused");
    int result = rdv__bound_row(&binder);
    if (result < 0)
        return result;
    *ret_paused = result == 1 && sqlite3_column_int(binder.statement, 0) != 0;
    if (result == 1)
        sqlite3_reset(binder.statement);
    return 0;
}

/* The part of the history that goes: up to a change, and only what ended before a moment. */
#define TRIMMED " FROM history WHERE change <= ?1 AND finished_at < ?2"

static int run_trim(rdv_store *store, enum slot slot, const char *sql, int64_t last,
                    rdv_time before)
{
    struct rdv__binder binder = rdv__bind(rdv__store_database(store), slot, sql);
    rdv__bind_int(&binder, last);
    rdv__bind_int(&binder, before);
    return rdv__bound_run(&binder);
}

/* Delete a part of the history, and all that belongs to it. */
static int trim_history(rdv_store *store, int64_t last, rdv_time before)
{
    struct rdv__sequences *sequences = &rdv__store_database(store)->sequences;
    /* If there are no reports, or no outputs, numbers are not even collected. */
    int result = run_trim(store, TRIM_REPORTS,
                          "DELETE FROM report WHERE number IN (SELECT number" TRIMMED
                          " AND EXISTS (SELECT 1 FROM report))",
                          last, before);
    if (result == 0)
        result = run_trim(store, TRIM_OUTPUTS,
                          "DELETE FROM output WHERE number IN (SELECT number" TRIMMED
                          " AND EXISTS (SELECT 1 FROM output))",
                          last, before);
    /* The code that has the files deletes them, and then the rows. */
    if (result == 0)
        result = run_trim(store, TRIM_LOGS,
                          "UPDATE log SET unwanted = 1 WHERE number IN (SELECT number" TRIMMED
                          " AND EXISTS (SELECT 1 FROM log))",
                          last, before);
    if (result == 0)
        result = run_trim(store, TRIM_HISTORY, "DELETE" TRIMMED, last, before);
    if (result == 0 && sequences->history_rows >= 0)
        sequences->history_rows -= sqlite3_changes64(rdv__store_database(store)->handle);
    if (result == 0)
        result = put_counter(store, "change", sequences->last_change);
    if (result == 0)
        result = put_counter(store, "number", sequences->last_number);
    return result;
}

/* Trim up to the change that a query names, if it names one. */
static int trim_to(rdv_store *store, struct rdv__binder *query, rdv_time before, bool *ret_trimmed)
{
    int result = rdv__bound_row(query);
    *ret_trimmed = result == 1 && sqlite3_column_type(query->statement, 0) != SQLITE_NULL;
    int64_t last = *ret_trimmed ? sqlite3_column_int64(query->statement, 0) : 0;
    if (result == 1)
        sqlite3_reset(query->statement);
    if (!*ret_trimmed)
        return result < 0 ? result : 0;
    return trim_history(store, last, before);
}

static int retain_by_count(rdv_store *store)
{
    struct rdv__sequences *sequences = &rdv__store_database(store)->sequences;
    if (sequences->history_count == 0)
        return 0;
    if (sequences->history_rows < 0) {
        struct rdv__binder binder =
            rdv__bind(rdv__store_database(store), HISTORY_COUNT, "SELECT count(*) FROM history");
        int result = rdv__bound_row(&binder);
        if (result < 0)
            return result;
        sequences->history_rows = sqlite3_column_int64(binder.statement, 0);
        sqlite3_reset(binder.statement);
    }
    if (sequences->history_rows <= sequences->history_count)
        return 0;
    /* A tenth more than needed goes, so that a full history is not trimmed at each end of a task.
     * */
    int64_t spare =
        sequences->history_count / 10 < TRIM_STEP ? sequences->history_count / 10 : TRIM_STEP;
    struct rdv__binder binder =
        rdv__bind(rdv__store_database(store), HISTORY_BY_COUNT,
                  "SELECT change FROM history ORDER BY change LIMIT 1 OFFSET ?");
    rdv__bind_int(&binder, sequences->history_rows - (sequences->history_count - spare) - 1);
    bool trimmed;
    return trim_to(store, &binder, INT64_MAX, &trimmed);
}

/*
 * Trim each entry by its own age, so that a clock that was wrong for a while neither takes what
 * ended before along, nor keeps what ended after.
 */
static int retain_by_age(rdv_store *store, rdv_time now)
{
    struct rdv__sequences *sequences = &rdv__store_database(store)->sequences;
    /* Once a minute is often enough; a clock that was set back is no reason to stop. */
    if (sequences->history_age == 0 || (sequences->aged_at != 0 && now >= sequences->aged_at &&
                                        now - sequences->aged_at < RDV_MINUTE))
        return 0;
    rdv_time before = now - sequences->history_age;
    struct rdv__binder binder =
        rdv__bind(rdv__store_database(store), HISTORY_BY_AGE,
                  "SELECT max(change) FROM (SELECT change, finished_at FROM history ORDER BY change"
                  " LIMIT ?) WHERE finished_at < ?");
    rdv__bind_int(&binder, TRIM_STEP);
    rdv__bind_int(&binder, before);
    bool trimmed;
    int result = trim_to(store, &binder, before, &trimmed);
    /* If there was something, there may be more, which goes when the next task ends. */
    if (result == 0 && !trimmed)
        sequences->aged_at = now;
    return result;
}

int rdv__record_retain(rdv_store *store, rdv_time now)
{
    int result = retain_by_count(store);
    return result != 0 ? result : retain_by_age(store, now);
}

/* ----------------------------------------------------------------- reading */

/* Refuse a row that was never written like this. */
static int refuse_damaged(rdv_store *store)
{
    return rdv__database_refuse(rdv__store_database(store), RDV_ECORRUPT,
                                "an entry is not as it was written");
}

/* Load an entry from the row that waits to be written. */
static int load_new(const struct rdv__new_row *row, struct rdv__record_entry *ret_entry)
{
    struct rdv__record_entry entry = {.window = row->window,
                                      .scheduled_at = row->scheduled_at,
                                      .started_at = row->started_at,
                                      .change = row->change,
                                      .running = row->started_at != 0,
                                      .attempt = row->started_at != 0,
                                      .progress = -1};
    int result = rdv__task_numbered(row->task, row->number, &entry.task);
    if (result == 0)
        *ret_entry = entry;
    return result;
}

int rdv__record_load(rdv_store *store, int64_t number, struct rdv__record_entry *ret_entry)
{
    const struct rdv__new_row *new_row = rdv__write_behind_find(rdv__store_database(store), number);
    if (new_row)
        return load_new(new_row, ret_entry);
    struct rdv__binder binder = rdv__bind_entry(
        rdv__store_database(store), number, LOAD,
        "SELECT identifier, label, context_size, start, end, deadline, run_limit, scheduled_at,"
        " started_at, cancelling, status, attempt, progress, code, message, interruptions,"
        " reboots, stops, stop_step, stopped, change FROM entry"
        " WHERE number = ?");
    rdv__bind_int(&binder, number);
    int result = rdv__bound_row(&binder);
    if (result != 1)
        return result < 0 ? result : RDV_ENOTFOUND;

    struct rdv__row row = {.statement = binder.statement};
    struct rdv__binder context = {0};
    const void *bytes = NULL;
    const char *identifier = rdv__row_name(&row, 0, RDV_NAME_MAX);
    const char *label = rdv__row_name(&row, 1, RDV_NAME_MAX);
    size_t size = (size_t)rdv__row_number(&row, 2, 0, RDV_CONTEXT_MAX);
    struct rdv__record_entry entry = {
        .window = {.start = rdv__row_time(&row, 3),
                   .end = rdv__row_time(&row, 4),
                   .deadline = rdv__row_time(&row, 5),
                   .limit = rdv__row_number(&row, 6, 0, RDV_LIMIT_MAX)},
        .scheduled_at = rdv__row_time(&row, 7),
        .started_at = rdv__row_time(&row, 8),
        .ending = (enum rdv__ending)rdv__row_int(&row, 9),
        .status = (rdv_status)rdv__row_int(&row, 10),
        .attempt = rdv__row_count(&row, 11, 0),
        .progress = rdv__row_count(&row, 12, -1),
        .code = rdv__row_int(&row, 13),
        .cuts = {.interruptions = rdv__row_count(&row, 15, 0),
                 .reboots = rdv__row_count(&row, 16, 0),
                 .stops = rdv__row_count(&row, 17, 0),
                 .stop_step = rdv__row_number(&row, 18, -RDV__ROW_NUMBER_MAX, RDV__ROW_NUMBER_MAX),
                 .stopped = rdv__row_number(&row, 19, INT64_MIN, INT64_MAX)},
        .change = rdv__row_number(&row, 20, 1, RDV__ROW_NUMBER_MAX),
    };
    entry.running = entry.started_at != 0;
    snprintf(entry.message, sizeof entry.message, "%s", rdv__row_text(&row, 14, RDV_MESSAGE_MAX));
    if (row.damaged || rdv_window_check(&entry.window) != 0 || !rdv_status_name(entry.status) ||
        entry.ending < RDV__ENDING_NONE || entry.ending > RDV__ENDING_TOO_OFTEN) {
        result = refuse_damaged(store);
        goto out;
    }
    if (size > 0) {
        context = rdv__bind(rdv__store_database(store), LOAD_CONTEXT,
                            "SELECT bytes FROM context WHERE number = ?");
        rdv__bind_int(&context, number);
        result = rdv__bound_row(&context);
        if (result != 1) {
            result = result < 0 ? result : refuse_damaged(store);
            goto out;
        }
        struct rdv__row kept = {.statement = context.statement};
        size_t told = size;
        bytes = rdv__row_bytes(&kept, 0, RDV_CONTEXT_MAX, &size);
        if (kept.damaged || size != told) {
            result = refuse_damaged(store);
            goto out;
        }
    }
    result = rdv__task_new(label, strlen(label), identifier, strlen(identifier), bytes, size,
                           number, &entry.task);
    if (result == RDV_EINVAL || result == RDV_ELIMIT)
        result = refuse_damaged(store);
    if (result == 0)
        *ret_entry = entry;
out:
    if (context.statement)
        sqlite3_reset(context.statement);
    sqlite3_reset(binder.statement);
    return result;
}

int rdv__record_identifier_is(rdv_store *store, int64_t number, const char *identifier,
                              bool *ret_is)
{
    const struct rdv__new_row *new_row = rdv__write_behind_find(rdv__store_database(store), number);
    if (new_row) {
        *ret_is = strcmp(rdv_task_identifier(new_row->task), identifier) == 0;
        return 0;
    }
    struct rdv__binder binder =
        rdv__bind_entry(rdv__store_database(store), number, IDENTIFIER,
                        "SELECT identifier = ? FROM entry WHERE number = ?");
    rdv__bind_text(&binder, identifier);
    rdv__bind_int(&binder, number);
    int result = rdv__bound_row(&binder);
    if (result < 0)
        return result;
    *ret_is = result == 1 && sqlite3_column_int(binder.statement, 0) != 0;
    if (result == 1)
        sqlite3_reset(binder.statement);
    return 0;
}

int rdv__record_is_unfinished(rdv_store *store, int64_t run)
{
    struct rdv__binder binder = rdv__bind_entry(rdv__store_database(store), run, IS_UNFINISHED,
                                                "SELECT 1 FROM entry WHERE number = ?1 UNION ALL"
                                                " SELECT 1 FROM journal WHERE run = ?1 LIMIT 1");
    rdv__bind_int(&binder, run);
    int64_t one;
    return rdv__bound_number(&binder, &one);
}

int rdv__record_finished(rdv_store *store, int64_t *change, int64_t *numbers, size_t room,
                         size_t *ret_count)
{
    struct rdv__binder binder =
        rdv__bind(rdv__store_database(store), FINISHED,
                  "SELECT change, number FROM history WHERE change > ? ORDER BY change LIMIT ?");
    rdv__bind_int(&binder, *change);
    rdv__bind_int(&binder, (int64_t)room);
    size_t count = 0;
    int result;
    while (count < room && (result = rdv__bound_row(&binder)) == 1) {
        *change = sqlite3_column_int64(binder.statement, 0);
        numbers[count++] = sqlite3_column_int64(binder.statement, 1);
    }
    if (count == room)
        sqlite3_reset(binder.statement);
    else if (result < 0)
        return result;
    *ret_count = count;
    return 0;
}

int rdv__record_get_number(rdv_store *store, const char *name, int64_t *ret_number)
{
    struct rdv__binder binder = rdv__bind(rdv__store_database(store), COUNTER_GET,
                                          "SELECT value FROM counter WHERE name = ?");
    rdv__bind_text(&binder, name);
    return rdv__bound_number(&binder, ret_number);
}

int rdv__record_set_number(rdv_store *store, const char *name, int64_t number)
{
    return put_counter(store, name, number);
}
