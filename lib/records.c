/* SPDX-License-Identifier: MIT */
#include "records.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "database.h"
#include "row.h"
#include "status.h"
#include "store.h"
#include "task.h"

enum slot {
    SCHEDULE,
    SCHEDULE_MANY,
    CONTEXT_PUT,
    CONTEXT_DELETE,
    START,
    CUTS,
    ENTRY_REPORT,
    REPORT_PUT,
    FINISH,
    FINISH_KNOWN,
    ENTRY_DELETE,
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
    JOURNAL_PUT,
    JOURNAL_STEP,
    JOURNAL_DELETE,
    JOURNAL_HAS_RUN,
    JOURNAL_GET,
    JOURNAL_ORPHANS,
    OUTPUT_PUT,
    LOG_PUT,
    LOG_GET,
    LOG_DELETE,
    LOG_SUM,
    LOG_NEXT,
    LOG_UNWANTED,
    LOG_OLDEST,
    LOG_OLDEST_OWN,
    IS_UNFINISHED,
    FINISHED,
    SLOTS
};
static_assert(SLOTS <= RDV__SQL_RECORD_SLOTS, "more statements than the store keeps");

/* How many finished entries are trimmed in one go, so that no turn of the loop takes long. */
#define TRIM_STEP 1000

/* ----------------------------------------------------------------- binding */

/* Statements are bound from left to right; a statement that could not be had makes the rest do nothing. */
struct binder {
    rdv_store *store;
    sqlite3_stmt *statement;
    int index, result;
};

static struct binder bind(rdv_store *store, enum slot slot, const char *sql)
{
    struct binder binder = {.store = store, .result = rdv__sql_put_off(store)->failed};
    if (binder.result == 0)
        binder.result = rdv__sql_statement(store, (unsigned)slot, sql, &binder.statement);
    return binder;
}

static void bind_int(struct binder *binder, int64_t number)
{
    if (binder->result == 0)
        sqlite3_bind_int64(binder->statement, ++binder->index, number);
}

/* Text and bytes are borrowed until the statement has run. */
static void bind_text(struct binder *binder, const char *text)
{
    if (binder->result == 0)
        sqlite3_bind_text(binder->statement, ++binder->index, text, -1, SQLITE_STATIC);
}

static void bind_bytes(struct binder *binder, const void *bytes, size_t size)
{
    if (binder->result == 0)
        sqlite3_bind_blob64(binder->statement, ++binder->index, size ? bytes : "", size,
                            SQLITE_STATIC);
}

static int bound_run(struct binder *binder)
{
    return binder->result != 0 ? binder->result : rdv__sql_run(binder->store, binder->statement);
}

static int bound_row(struct binder *binder)
{
    return binder->result != 0 ? binder->result : rdv__sql_row(binder->store, binder->statement);
}

static int put_counter(rdv_store *store, const char *name, int64_t value)
{
    struct binder binder =
        bind(store, COUNTER_PUT, "INSERT OR REPLACE INTO counter (name, value) VALUES (?, ?)");
    bind_text(&binder, name);
    bind_int(&binder, value);
    return bound_run(&binder);
}

static int64_t next_change(rdv_store *store)
{
    return ++rdv__sql_sequences(store)->last_change;
}

/* ----------------------------------------------------------------- put off */

/* How many rows are put off at most, and with how much context: what waits stays in memory. */
#define NEW_ROWS_MAX     1024
#define NEW_CONTEXTS_MAX ((size_t)1024 * 1024)

/* The row of an entry that was scheduled in this batch. */
struct rdv__new_row {
    int64_t number, change;
    rdv_task *task; /* a reference */
    rdv_window window;
    rdv_time scheduled_at, started_at;
};

/* The columns are in the order of the table: in any other SQLite copies each of several rows once more. */
#define ENTRY_INSERT                                                                    \
    "INSERT INTO entry (number, started_at, start, end, deadline, change, identifier, " \
    "label, context_size, run_limit, scheduled_at, cancelling, status, attempt, "       \
    "progress, code, message) VALUES "
#define ENTRY_ROW    "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0, ?, -1, 0, '')"
#define ENTRY_ROWS_4 ENTRY_ROW "," ENTRY_ROW "," ENTRY_ROW "," ENTRY_ROW

/* So many rows are written by one statement, whose beginning and end cost as much as a third of a row. */
#define ROWS_TOGETHER 16
#define ENTRY_ROWS_16 ENTRY_ROWS_4 "," ENTRY_ROWS_4 "," ENTRY_ROWS_4 "," ENTRY_ROWS_4

static void bind_row(struct binder *binder, const struct rdv__new_row *row)
{
    size_t size;
    (void)rdv_task_context(row->task, &size);
    bind_int(binder, row->number);
    bind_int(binder, row->started_at);
    bind_int(binder, row->window.start);
    bind_int(binder, row->window.end);
    bind_int(binder, row->window.deadline);
    bind_int(binder, row->change);
    bind_text(binder, rdv_task_identifier(row->task));
    bind_text(binder, rdv_task_label(row->task));
    bind_int(binder, (int64_t)size);
    bind_int(binder, row->window.limit);
    bind_int(binder, row->scheduled_at);
    bind_int(binder, row->started_at != 0);
}

static int put_rows(rdv_store *store, const struct rdv__new_row *rows, size_t count)
{
    int result = 0;
    for (size_t i = 0; i < count && result == 0;) {
        bool many = count - i >= ROWS_TOGETHER;
        struct binder binder = many ? bind(store, SCHEDULE_MANY, ENTRY_INSERT ENTRY_ROWS_16)
                                    : bind(store, SCHEDULE, ENTRY_INSERT ENTRY_ROW);
        for (size_t end = i + (many ? ROWS_TOGETHER : 1); i < end; i++)
            bind_row(&binder, &rows[i]);
        result = bound_run(&binder);
    }
    return result;
}

static int put_context(rdv_store *store, const struct rdv__new_row *row)
{
    size_t size;
    const void *context = rdv_task_context(row->task, &size);
    if (size == 0)
        return 0;
    struct binder binder =
        bind(store, CONTEXT_PUT, "INSERT INTO context (number, bytes) VALUES (?, ?)");
    bind_int(&binder, row->number);
    bind_bytes(&binder, context, size);
    return bound_run(&binder);
}

static int write_rows(rdv_store *store)
{
    struct rdv__put_off *put_off = rdv__sql_put_off(store);
    int result = put_rows(store, put_off->rows, put_off->count);
    for (size_t i = 0; i < put_off->count; i++) {
        if (result == 0)
            result = put_context(store, &put_off->rows[i]);
        rdv_task_unref(put_off->rows[i].task);
    }
    put_off->count = 0;
    put_off->context_bytes = 0;
    return result;
}

static int write_deletes(rdv_store *store)
{
    struct rdv__put_off *put_off = rdv__sql_put_off(store);
    if (put_off->delete_count == 0)
        return 0;
    struct binder binder =
        bind(store, ENTRY_DELETE, "DELETE FROM entry WHERE number BETWEEN ? AND ?");
    bind_int(&binder, put_off->delete_first);
    bind_int(&binder, put_off->delete_first + put_off->delete_count - 1);
    put_off->delete_count = 0;
    return bound_run(&binder);
}

/*
 * Also who only reads may come upon a failure here, and does not fail the batch; so that is remembered until the batch ends. What
 * waits must not be written on its own, either, after SQLite has undone the transaction by itself, as it does when a read fails.
 */
int rdv__record_write(rdv_store *store)
{
    struct rdv__put_off *put_off = rdv__sql_put_off(store);
    if (put_off->failed != 0 || (put_off->count == 0 && put_off->delete_count == 0))
        return put_off->failed;
    int result = sqlite3_get_autocommit(rdv__sql_database(store))
                     ? rdv__sql_refuse(store, RDV_EIO, "its transaction was undone")
                     : write_rows(store);
    if (result == 0)
        result = write_deletes(store);
    put_off->failed = result;
    return result;
}

void rdv__record_drop(rdv_store *store)
{
    struct rdv__put_off *put_off = rdv__sql_put_off(store);
    for (size_t i = 0; i < put_off->count; i++)
        rdv_task_unref(put_off->rows[i].task);
    free(put_off->rows);
    *put_off = (struct rdv__put_off){0};
}

/* Within a batch numbers follow each other, if nothing else has drawn one. */
static struct rdv__new_row *new_row(rdv_store *store, int64_t number)
{
    const struct rdv__put_off *put_off = rdv__sql_put_off(store);
    if (put_off->count == 0 || number < put_off->rows[0].number ||
        number - put_off->rows[0].number >= (int64_t)put_off->count)
        return NULL;
    struct rdv__new_row *row = &put_off->rows[number - put_off->rows[0].number];
    return row->number == number ? row : NULL;
}

/* A statement on what belongs to an entry, which is as it should be by then. */
static struct binder bind_entry(rdv_store *store, int64_t number, enum slot slot, const char *sql)
{
    const struct rdv__put_off *put_off = rdv__sql_put_off(store);
    bool is_new = put_off->count > 0 && number >= put_off->rows[0].number;
    bool has_gone =
        number >= put_off->delete_first && number - put_off->delete_first < put_off->delete_count;
    int result = is_new || has_gone ? rdv__record_write(store) : 0;
    return result == 0 ? bind(store, slot, sql) : (struct binder){.store = store, .result = result};
}

/* ----------------------------------------------------------------- entries */

int64_t rdv__record_next_number(rdv_store *store)
{
    return ++rdv__sql_sequences(store)->last_number;
}

int64_t rdv__record_last_number(rdv_store *store)
{
    return rdv__sql_sequences(store)->last_number;
}

int64_t rdv__record_last_change(rdv_store *store)
{
    return rdv__sql_sequences(store)->last_change;
}

int rdv__record_schedule(rdv_store *store, int64_t number, const rdv_window *window, rdv_task *task,
                         rdv_time now)
{
    struct rdv__put_off *put_off = rdv__sql_put_off(store);
    size_t size;
    (void)rdv_task_context(task, &size);
    /* Numbers grow: what waits is in their order, and none of them is one of those to be deleted. */
    assert(put_off->count == 0 || number > put_off->rows[put_off->count - 1].number);
    assert(put_off->delete_count == 0 || number >= put_off->delete_first + put_off->delete_count);
    if (put_off->count == put_off->room) {
        size_t room = put_off->room > 0 ? put_off->room * 2 : 1;
        struct rdv__new_row *rows = realloc(put_off->rows, room * sizeof *rows);
        if (!rows)
            return RDV_ENOMEM;
        put_off->rows = rows;
        put_off->room = room;
    }
    put_off->rows[put_off->count++] = (struct rdv__new_row){.number = number,
                                                            .change = next_change(store),
                                                            .task = rdv_task_ref(task),
                                                            .window = *window,
                                                            .scheduled_at = now};
    put_off->context_bytes += size;
    bool is_full = put_off->count == NEW_ROWS_MAX || put_off->context_bytes >= NEW_CONTEXTS_MAX;
    return is_full ? rdv__record_write(store) : 0;
}

/*
 * Numbers don't come back, even when the row of the largest is gone from the unfinished ones. As long as that has become the newest
 * row of the history, it is read there, and need not be counted.
 */
static int count_number(rdv_store *store, int64_t number, bool in_history)
{
    struct rdv__sequences *sequences = rdv__sql_sequences(store);
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

static int delete_entry(rdv_store *store, int64_t number, bool has_context)
{
    struct rdv__put_off *put_off = rdv__sql_put_off(store);
    int result = 0;
    if (has_context) {
        struct binder binder =
            bind_entry(store, number, CONTEXT_DELETE, "DELETE FROM context WHERE number = ?");
        bind_int(&binder, number);
        result = bound_run(&binder);
    }
    if (result == 0 && number != put_off->delete_first + put_off->delete_count)
        result = write_deletes(store);
    if (result == 0 && put_off->delete_count++ == 0)
        put_off->delete_first = number;
    return result;
}

int rdv__record_forget(rdv_store *store, int64_t number)
{
    int result = delete_entry(store, number, true);
    return result != 0 ? result : count_number(store, number, false);
}

/* A line of an entry's history between its start and its end. */
static int put_report(rdv_store *store, int64_t number, int64_t change,
                      const struct rdv__progress *progress, rdv_time now)
{
    struct binder binder =
        bind(store, REPORT_PUT,
             "INSERT INTO report (change, number, at, status, attempt, progress, code, message)"
             " VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
    bind_int(&binder, change);
    bind_int(&binder, number);
    bind_int(&binder, now);
    bind_int(&binder, progress->status);
    bind_int(&binder, progress->attempt);
    bind_int(&binder, progress->progress);
    bind_int(&binder, progress->code);
    bind_text(&binder, progress->message);
    return bound_run(&binder);
}

static int put_progress(rdv_store *store, int64_t number, int64_t change,
                        const struct rdv__progress *progress)
{
    struct binder binder =
        bind_entry(store, number, ENTRY_REPORT,
                   "UPDATE entry SET change = ?, cancelling = ?, status = ?, attempt = ?,"
                   " progress = ?, code = ?, message = ? WHERE number = ?");
    bind_int(&binder, change);
    bind_int(&binder, progress->ending);
    bind_int(&binder, progress->status);
    bind_int(&binder, progress->attempt);
    bind_int(&binder, progress->progress);
    bind_int(&binder, progress->code);
    bind_text(&binder, progress->message);
    bind_int(&binder, number);
    return bound_run(&binder);
}

int rdv__record_start(rdv_store *store, int64_t number, rdv_time now)
{
    struct rdv__new_row *row = new_row(store, number);
    if (row) {
        row->started_at = now;
        row->change = next_change(store);
        return 0;
    }
    struct binder binder =
        bind_entry(store, number, START,
                   "UPDATE entry SET change = ?, started_at = ?, attempt = 1 WHERE number = ?");
    bind_int(&binder, next_change(store));
    bind_int(&binder, now);
    bind_int(&binder, number);
    return bound_run(&binder);
}

int rdv__record_cuts(rdv_store *store, int64_t number, const struct rdv__cuts *cuts)
{
    struct binder binder =
        bind_entry(store, number, CUTS,
                   "UPDATE entry SET interruptions = ?, reboots = ?, stops = ?, stop_step = ?,"
                   " stopped = ? WHERE number = ?");
    bind_int(&binder, cuts->interruptions);
    bind_int(&binder, cuts->reboots);
    bind_int(&binder, cuts->stops);
    bind_int(&binder, cuts->stop_step);
    bind_int(&binder, cuts->stopped);
    bind_int(&binder, number);
    return bound_run(&binder);
}

int rdv__record_report(rdv_store *store, int64_t number, const struct rdv__progress *progress,
                       rdv_time now, bool keep)
{
    int64_t change = next_change(store);
    int result = put_progress(store, number, change, progress);
    return result == 0 && keep ? put_report(store, number, change, progress, now) : result;
}

/* What an entry keeps when it ends, and what its end adds to that. */
#define KEPT                                                                                   \
    "number, identifier, label, context_size, start, end, deadline, run_limit, scheduled_at, " \
    "started_at"
#define ADDED "change, finished_at, outcome, attempt, progress, code, message"

static int finished(rdv_store *store, int64_t number, bool has_context)
{
    int result = delete_entry(store, number, has_context);
    if (result == 0)
        result = count_number(store, number, true);
    struct rdv__sequences *sequences = rdv__sql_sequences(store);
    if (result == 0 && sequences->history_rows >= 0)
        sequences->history_rows++;
    return result;
}

static void bind_end(struct binder *binder, rdv_outcome outcome,
                     const struct rdv__progress *progress, rdv_time now)
{
    bind_int(binder, next_change(binder->store));
    bind_int(binder, now);
    bind_int(binder, outcome);
    bind_int(binder, progress->attempt);
    bind_int(binder, progress->progress);
    bind_int(binder, progress->code);
    bind_text(binder, progress->message);
}

int rdv__record_finish(rdv_store *store, int64_t number, rdv_outcome outcome,
                       const struct rdv__progress *progress, rdv_time now)
{
    struct binder binder =
        bind_entry(store, number, FINISH,
                   "INSERT INTO history (" ADDED ", " KEPT ")"
                   " SELECT ?, ?, ?, ?, ?, ?, ?, " KEPT " FROM entry WHERE number = ?");
    bind_end(&binder, outcome, progress, now);
    bind_int(&binder, number);
    int result = bound_run(&binder);
    return result != 0 ? result : finished(store, number, true);
}

int rdv__record_finish_known(rdv_store *store, const struct rdv__known_entry *entry,
                             rdv_outcome outcome, const struct rdv__progress *progress,
                             rdv_time now)
{
    size_t size;
    (void)rdv_task_context(entry->task, &size);
    struct binder binder =
        bind_entry(store, entry->number, FINISH_KNOWN,
                   "INSERT INTO history (" ADDED ", " KEPT ")"
                   " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    bind_end(&binder, outcome, progress, now);
    bind_int(&binder, entry->number);
    bind_text(&binder, rdv_task_identifier(entry->task));
    bind_text(&binder, rdv_task_label(entry->task));
    bind_int(&binder, (int64_t)size);
    bind_int(&binder, entry->window.start);
    bind_int(&binder, entry->window.end);
    bind_int(&binder, entry->window.deadline);
    bind_int(&binder, entry->window.limit);
    bind_int(&binder, entry->scheduled_at);
    bind_int(&binder, entry->started_at);
    int result = bound_run(&binder);
    return result != 0 ? result : finished(store, entry->number, size > 0);
}

/* ----------------------------------------------------------------- history */

int rdv__record_set_paused(rdv_store *store, bool paused)
{
    return put_counter(store, "paused", paused);
}

int rdv__record_get_paused(rdv_store *store, bool *ret_paused)
{
    struct binder binder = bind(store, COUNTER_GET, "SELECT value FROM counter WHERE name = ?");
    bind_text(&binder, "paused");
    int result = bound_row(&binder);
    if (result < 0)
        return result;
    *ret_paused = result == 1 && sqlite3_column_int(binder.statement, 0) != 0;
    if (result == 1)
        sqlite3_reset(binder.statement);
    return 0;
}

/* Which part of the history goes: up to a change, and only what ended before a moment. */
#define TRIMMED " FROM history WHERE change <= ?1 AND finished_at < ?2"

static int run_trim(rdv_store *store, enum slot slot, const char *sql, int64_t last,
                    rdv_time before)
{
    struct binder binder = bind(store, slot, sql);
    bind_int(&binder, last);
    bind_int(&binder, before);
    return bound_run(&binder);
}

/* Delete a part of the history, and all that belongs to it. */
static int trim(rdv_store *store, int64_t last, rdv_time before)
{
    struct rdv__sequences *sequences = rdv__sql_sequences(store);
    /* Where there are no reports, or no outputs, numbers are not even collected. */
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
        sequences->history_rows -= sqlite3_changes64(rdv__sql_database(store));
    if (result == 0)
        result = put_counter(store, "change", sequences->last_change);
    if (result == 0)
        result = put_counter(store, "number", sequences->last_number);
    return result;
}

/* Trim up to the change that a query names, if it names one. */
static int trim_to(rdv_store *store, struct binder *query, rdv_time before, bool *ret_trimmed)
{
    int result = bound_row(query);
    *ret_trimmed = result == 1 && sqlite3_column_type(query->statement, 0) != SQLITE_NULL;
    int64_t last = *ret_trimmed ? sqlite3_column_int64(query->statement, 0) : 0;
    if (result == 1)
        sqlite3_reset(query->statement);
    if (!*ret_trimmed)
        return result < 0 ? result : 0;
    return trim(store, last, before);
}

static int retain_by_count(rdv_store *store)
{
    struct rdv__sequences *sequences = rdv__sql_sequences(store);
    if (sequences->history_count == 0)
        return 0;
    if (sequences->history_rows < 0) {
        struct binder binder = bind(store, HISTORY_COUNT, "SELECT count(*) FROM history");
        int result = bound_row(&binder);
        if (result < 0)
            return result;
        sequences->history_rows = sqlite3_column_int64(binder.statement, 0);
        sqlite3_reset(binder.statement);
    }
    if (sequences->history_rows <= sequences->history_count)
        return 0;
    /* A tenth more than needed goes, so that a full history is not trimmed at each end of a task. */
    int64_t spare =
        sequences->history_count / 10 < TRIM_STEP ? sequences->history_count / 10 : TRIM_STEP;
    struct binder binder = bind(store, HISTORY_BY_COUNT,
                                "SELECT change FROM history ORDER BY change LIMIT 1 OFFSET ?");
    bind_int(&binder, sequences->history_rows - (sequences->history_count - spare) - 1);
    bool trimmed;
    return trim_to(store, &binder, INT64_MAX, &trimmed);
}

/*
 * Each entry by its own age: a clock that was wrong for a while takes neither what ended before with it, nor keeps what ended
 * after.
 */
static int retain_by_age(rdv_store *store, rdv_time now)
{
    struct rdv__sequences *sequences = rdv__sql_sequences(store);
    /* Once a minute is often enough; a clock that was set back is no reason to stop. */
    if (sequences->history_age == 0 || (sequences->aged_at != 0 && now >= sequences->aged_at &&
                                        now - sequences->aged_at < RDV_MINUTE))
        return 0;
    rdv_time before = now - sequences->history_age;
    struct binder binder =
        bind(store, HISTORY_BY_AGE,
             "SELECT max(change) FROM (SELECT change, finished_at FROM history ORDER BY change"
             " LIMIT ?) WHERE finished_at < ?");
    bind_int(&binder, TRIM_STEP);
    bind_int(&binder, before);
    bool trimmed;
    int result = trim_to(store, &binder, before, &trimmed);
    /* Where there was something there may be more: that goes when the next task ends. */
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

/* The longest word that a journal has for itself, in bytes: a state, a mark, a boot. */
#define WORD_MAX 256

/* The longest text for how often each step was started, in bytes. */
#define STARTS_MAX (64 * 1024)

/* A row that was never written like this. */
static int damaged(rdv_store *store)
{
    return rdv__sql_refuse(store, RDV_ECORRUPT, "an entry is not as it was written");
}

int rdv__record_load(rdv_store *store, int64_t number, struct rdv__record_entry *ret_entry)
{
    struct binder binder = bind_entry(
        store, number, LOAD,
        "SELECT identifier, label, context_size, start, end, deadline, run_limit, scheduled_at,"
        " started_at, cancelling, status, attempt, progress, code, message, interruptions,"
        " reboots, stops, stop_step, stopped, change FROM entry"
        " WHERE number = ?");
    bind_int(&binder, number);
    int result = bound_row(&binder);
    if (result != 1)
        return result < 0 ? result : RDV_ENOTFOUND;

    struct rdv__row row = {.statement = binder.statement};
    struct binder context = {0};
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
        result = damaged(store);
        goto out;
    }
    if (size > 0) {
        context = bind(store, LOAD_CONTEXT, "SELECT bytes FROM context WHERE number = ?");
        bind_int(&context, number);
        result = bound_row(&context);
        if (result != 1) {
            result = result < 0 ? result : damaged(store);
            goto out;
        }
        struct rdv__row kept = {.statement = context.statement};
        size_t told = size;
        bytes = rdv__row_bytes(&kept, 0, RDV_CONTEXT_MAX, &size);
        if (kept.damaged || size != told) {
            result = damaged(store);
            goto out;
        }
    }
    result = rdv__task_new(label, strlen(label), identifier, strlen(identifier), bytes, size,
                           number, &entry.task);
    if (result == RDV_EINVAL || result == RDV_ELIMIT)
        result = damaged(store);
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
    struct binder binder =
        bind_entry(store, number, IDENTIFIER, "SELECT identifier = ? FROM entry WHERE number = ?");
    bind_text(&binder, identifier);
    bind_int(&binder, number);
    int result = bound_row(&binder);
    if (result < 0)
        return result;
    *ret_is = result == 1 && sqlite3_column_int(binder.statement, 0) != 0;
    if (result == 1)
        sqlite3_reset(binder.statement);
    return 0;
}

/* ----------------------------------------------------------------- journal */

int rdv__journal_put(rdv_store *store, const struct rdv__journal *journal)
{
    struct binder binder = bind(
        store, JOURNAL_PUT,
        "INSERT OR REPLACE INTO journal (identifier, label, run, step, attempt, failures, starts,"
        " grace, nonce, state, reboots, boot_id, context)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    bind_text(&binder, journal->identifier);
    bind_text(&binder, journal->label);
    bind_int(&binder, journal->run);
    bind_int(&binder, journal->step);
    bind_int(&binder, journal->attempt);
    bind_int(&binder, journal->failures);
    bind_text(&binder, journal->starts ? journal->starts : "");
    bind_int(&binder, journal->grace);
    bind_text(&binder, journal->nonce ? journal->nonce : "");
    bind_text(&binder, journal->state);
    bind_int(&binder, journal->reboots);
    bind_text(&binder, journal->boot_id ? journal->boot_id : "");
    bind_bytes(&binder, journal->context, journal->context_size);
    return bound_run(&binder);
}

int rdv__journal_step(rdv_store *store, const struct rdv__journal *journal)
{
    struct binder binder =
        bind(store, JOURNAL_STEP,
             "UPDATE journal SET step = ?, attempt = ?, failures = ?, starts = ?, state = ?"
             " WHERE identifier = ?");
    bind_int(&binder, journal->step);
    bind_int(&binder, journal->attempt);
    bind_int(&binder, journal->failures);
    bind_text(&binder, journal->starts ? journal->starts : "");
    bind_text(&binder, journal->state);
    bind_text(&binder, journal->identifier);
    return bound_run(&binder);
}

int rdv__journal_delete(rdv_store *store, const char *identifier)
{
    struct binder binder = bind(store, JOURNAL_DELETE, "DELETE FROM journal WHERE identifier = ?");
    bind_text(&binder, identifier);
    return bound_run(&binder);
}

int rdv__journal_has_run(rdv_store *store, int64_t run)
{
    struct binder binder = bind(store, JOURNAL_HAS_RUN, "SELECT 1 FROM journal WHERE run = ?");
    bind_int(&binder, run);
    int result = bound_row(&binder);
    if (result == 1)
        sqlite3_reset(binder.statement);
    return result == 1 ? 0 : result < 0 ? result : RDV_ENOTFOUND;
}

#define JOURNAL_COLUMNS                                                                    \
    "SELECT identifier, label, run, step, attempt, failures, starts, grace, nonce, state," \
    " reboots, boot_id, context FROM journal"

static int read_journal(rdv_store *store, sqlite3_stmt *statement,
                        int (*fn)(void *user, const struct rdv__journal *journal), void *user)
{
    struct rdv__row row = {.statement = statement};
    struct rdv__journal journal = {
        .identifier = rdv__row_name(&row, 0, RDV_NAME_MAX),
        .label = rdv__row_name(&row, 1, RDV_NAME_MAX),
        .run = rdv__row_number(&row, 2, -RDV__ROW_NUMBER_MAX, RDV__ROW_NUMBER_MAX),
        .step = rdv__row_count(&row, 3, 0),
        .attempt = rdv__row_count(&row, 4, 0),
        .failures = rdv__row_count(&row, 5, 0),
        .starts = rdv__row_text(&row, 6, STARTS_MAX),
        .grace = rdv__row_number(&row, 7, -1, RDV_LIMIT_MAX),
        .nonce = rdv__row_text(&row, 8, WORD_MAX),
        .state = rdv__row_text(&row, 9, WORD_MAX),
        .reboots = rdv__row_count(&row, 10, 0),
        .boot_id = rdv__row_text(&row, 11, WORD_MAX),
    };
    journal.context = rdv__row_bytes(&row, 12, RDV_CONTEXT_MAX, &journal.context_size);
    if (row.damaged)
        return rdv__sql_refuse(store, RDV_ECORRUPT, "a run is not as it was written");
    return fn(user, &journal);
}

int rdv__journal_get(rdv_store *store, const char *identifier,
                     int (*fn)(void *user, const struct rdv__journal *journal), void *user)
{
    struct binder binder = bind(store, JOURNAL_GET, JOURNAL_COLUMNS " WHERE identifier = ?");
    bind_text(&binder, identifier);
    int result = bound_row(&binder);
    if (result != 1)
        return result < 0 ? result : RDV_ENOTFOUND;
    result = read_journal(store, binder.statement, fn, user);
    sqlite3_reset(binder.statement);
    return result;
}

int rdv__journal_has_any(rdv_store *store, bool *ret_has)
{
    int64_t has = 0;
    int result = rdv__sql_number(store, "SELECT EXISTS (SELECT 1 FROM journal)", &has);
    if (result == 0)
        *ret_has = has != 0;
    return result;
}

int rdv__journal_orphans(rdv_store *store,
                         int (*fn)(void *user, const struct rdv__journal *journal), void *user)
{
    struct binder binder =
        bind(store, JOURNAL_ORPHANS,
             JOURNAL_COLUMNS " WHERE run > 0 AND NOT EXISTS"
                             " (SELECT 1 FROM entry WHERE number = journal.run)");
    int result;
    while ((result = bound_row(&binder)) == 1) {
        result = read_journal(store, binder.statement, fn, user);
        if (result != 0) {
            sqlite3_reset(binder.statement);
            return result;
        }
    }
    return result;
}

int rdv__journal_new_run(rdv_store *store, int64_t *ret_run)
{
    struct rdv__sequences *sequences = rdv__sql_sequences(store);
    int result = put_counter(store, "own_run", sequences->last_own_run - 1);
    if (result == 0)
        *ret_run = --sequences->last_own_run;
    return result;
}

int rdv__output_put(rdv_store *store, int64_t run, const void *tail, size_t size)
{
    assert(size <= RDV__OUTPUT_TAIL);
    struct binder binder =
        bind(store, OUTPUT_PUT, "INSERT OR REPLACE INTO output (number, tail) VALUES (?, ?)");
    bind_int(&binder, run);
    bind_bytes(&binder, tail, size);
    return bound_run(&binder);
}

/* -------------------------------------------------------------------- logs */

/* No file is larger: a row that says so is damaged. */
#define LOG_BYTES_MAX (INT64_C(1) << 50)

/* Get one number, or RDV_ENOTFOUND if there is no row. */
static int bound_number(struct binder *binder, int64_t *ret_number)
{
    int result = bound_row(binder);
    if (result != 1)
        return result < 0 ? result : RDV_ENOTFOUND;
    *ret_number = sqlite3_column_int64(binder->statement, 0);
    sqlite3_reset(binder->statement);
    return 0;
}

int rdv__log_get(rdv_store *store, int64_t run, int64_t *ret_bytes)
{
    struct binder binder = bind(store, LOG_GET, "SELECT bytes FROM log WHERE number = ?");
    bind_int(&binder, run);
    int64_t bytes;
    int result = bound_number(&binder, &bytes);
    if (result == 0)
        *ret_bytes = bytes < 0 ? 0 : bytes > LOG_BYTES_MAX ? LOG_BYTES_MAX : bytes;
    return result;
}

/* The sum changes with the rows. If it is not known yet, it is added up when it is asked for. */
static int count_log(rdv_store *store, int64_t run, int64_t bytes)
{
    struct rdv__sequences *sequences = rdv__sql_sequences(store);
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
    struct binder binder = bind(
        store, LOG_PUT, "INSERT OR REPLACE INTO log (number, bytes, unwanted) VALUES (?, ?, 0)");
    bind_int(&binder, run);
    bind_int(&binder, bytes);
    return bound_run(&binder);
}

int rdv__log_delete(rdv_store *store, int64_t run)
{
    int result = count_log(store, run, 0);
    if (result != 0)
        return result;
    struct binder binder = bind(store, LOG_DELETE, "DELETE FROM log WHERE number = ?");
    bind_int(&binder, run);
    return bound_run(&binder);
}

int rdv__log_sum(rdv_store *store, int64_t *ret_bytes)
{
    struct rdv__sequences *sequences = rdv__sql_sequences(store);
    if (sequences->log_bytes < 0) {
        struct binder binder = bind(store, LOG_SUM, "SELECT total(max(0, min(bytes, ?))) FROM log");
        bind_int(&binder, LOG_BYTES_MAX);
        int result = bound_row(&binder);
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
    struct binder binder =
        bind(store, LOG_NEXT, "SELECT number FROM log WHERE number > ? ORDER BY number LIMIT 1");
    bind_int(&binder, after);
    int result = bound_number(&binder, ret_run);
    return result == 0 ? rdv__log_get(store, *ret_run, ret_bytes) : result;
}

int rdv__log_unwanted(rdv_store *store, int64_t *ret_run)
{
    struct binder binder =
        bind(store, LOG_UNWANTED, "SELECT number FROM log WHERE unwanted ORDER BY number LIMIT 1");
    return bound_number(&binder, ret_run);
}

/* Logs of runs whose numbers do not come from our trigger agent go first, as no history has them: these numbers count downwards. */
int rdv__log_oldest(rdv_store *store, int64_t *ret_run)
{
    struct binder own =
        bind(store, LOG_OLDEST_OWN,
             "SELECT number FROM log WHERE number < 0 ORDER BY number DESC LIMIT 1");
    int result = bound_number(&own, ret_run);
    if (result != RDV_ENOTFOUND)
        return result;
    struct binder binder =
        bind(store, LOG_OLDEST, "SELECT number FROM log WHERE number >= 0 ORDER BY number LIMIT 1");
    return bound_number(&binder, ret_run);
}

int rdv__record_is_unfinished(rdv_store *store, int64_t run)
{
    struct binder binder = bind_entry(store, run, IS_UNFINISHED,
                                      "SELECT 1 FROM entry WHERE number = ?1 UNION ALL"
                                      " SELECT 1 FROM journal WHERE run = ?1 LIMIT 1");
    bind_int(&binder, run);
    int64_t one;
    return bound_number(&binder, &one);
}

int rdv__record_finished(rdv_store *store, int64_t *change, int64_t *numbers, size_t room,
                         size_t *ret_count)
{
    struct binder binder =
        bind(store, FINISHED,
             "SELECT change, number FROM history WHERE change > ? ORDER BY change LIMIT ?");
    bind_int(&binder, *change);
    bind_int(&binder, (int64_t)room);
    size_t count = 0;
    int result;
    while (count < room && (result = bound_row(&binder)) == 1) {
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
    struct binder binder = bind(store, COUNTER_GET, "SELECT value FROM counter WHERE name = ?");
    bind_text(&binder, name);
    return bound_number(&binder, ret_number);
}

int rdv__record_set_number(rdv_store *store, const char *name, int64_t number)
{
    return put_counter(store, name, number);
}
