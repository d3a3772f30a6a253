/* SPDX-License-Identifier: MIT */
/*
 * Shows what the store holds as entries: all of it by rdv_store_entries(), or row by row for the
 * trigger agent's queries and for answers to requests. One function reads a row of either table,
 * and a row that was never written like this is RDV_ECORRUPT. Each function reads inside a view or
 * inside the open batch; what waits to be written there is shown from memory.
 */
#include "store/listing.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/status.h"
#include "store/database.h"
#include "store/journal.h"
#include "store/records.h"
#include "store/row.h"
#include "store/store.h"
#include "store/write_behind.h"

/* One listing under way. */
struct listing {
    struct rdv__database *database;
    const rdv_filter *filter;
    rdv_entry_fn fn;
    void *user;
    sqlite3_stmt *reports, *output;
    rdv_change *changes; /* grown as needed, used again for each entry */
    char **messages;     /* of changes, owned, or NULL */
    size_t room;
};

static int refuse_damaged(const struct listing *listing)
{
    return rdv__database_refuse(listing->database, RDV_ECORRUPT,
                                "an entry is not as it was written");
}

/* Both tables give the same columns, so that one function reads either. */
#define FINISHED_COLUMNS                                                                       \
    "number, change, identifier, label, start, end, deadline, run_limit, context_size, 0, 0, " \
    "attempt, progress, code,"                                                                 \
    " message, scheduled_at, started_at, finished_at, outcome"
#define UNFINISHED_COLUMNS                                                                       \
    "number, change, identifier, label, start, end, deadline, run_limit, context_size, status, " \
    "cancelling, attempt,"                                                                       \
    " progress, code, message, scheduled_at, started_at, 0, 0"

/* Read a row; false if it was never written like this. */
static bool read_entry(sqlite3_stmt *statement, rdv_entry *entry)
{
    struct rdv__row row = {.statement = statement};
    *entry = (rdv_entry){
        .size = sizeof *entry,
        .run = rdv__row_number(&row, 0, 1, RDV__ROW_NUMBER_MAX),
        .change = rdv__row_number(&row, 1, 1, RDV__ROW_NUMBER_MAX),
        .identifier = rdv__row_name(&row, 2, RDV_NAME_MAX),
        .label = rdv__row_name(&row, 3, RDV_NAME_MAX),
        .window = {.start = rdv__row_time(&row, 4),
                   .end = rdv__row_time(&row, 5),
                   .deadline = rdv__row_time(&row, 6),
                   .limit = rdv__row_number(&row, 7, 0, RDV_LIMIT_MAX)},
        .context_size = (size_t)rdv__row_number(&row, 8, 0, RDV_CONTEXT_MAX),
        .status = (rdv_status)rdv__row_int(&row, 9),
        .cancelling = rdv__row_int(&row, 10) != 0,
        .attempt = rdv__row_count(&row, 11, 0),
        .progress = rdv__row_count(&row, 12, -1),
        .code = rdv__row_int(&row, 13),
        .message = rdv__row_text(&row, 14, RDV_MESSAGE_MAX),
        .scheduled_at = rdv__row_time(&row, 15),
        .started_at = rdv__row_time(&row, 16),
        .finished_at = rdv__row_time(&row, 17),
        .outcome = (rdv_outcome)rdv__row_int(&row, 18),
    };
    if (entry->finished_at != 0) {
        entry->state = RDV_STATE_FINISHED;
        entry->status = rdv__outcome_status(entry->outcome);
    } else {
        entry->state = entry->started_at != 0 ? RDV_STATE_RUNNING : RDV_STATE_PENDING;
    }
    return !row.damaged && rdv_window_check(&entry->window) == 0 &&
           rdv_status_name(entry->status) &&
           (entry->finished_at == 0 || rdv_outcome_name(entry->outcome));
}

/* Append a change to those of the entry that is being read; its message is copied. */
static int add_change(struct listing *listing, size_t *count, const rdv_change *change)
{
    if (*count == listing->room) {
        size_t room = listing->room ? listing->room * 2 : 16;
        rdv_change *changes = realloc(listing->changes, room * sizeof *changes);
        if (!changes)
            return RDV_ENOMEM;
        listing->changes = changes;
        char **messages = realloc(listing->messages, room * sizeof *messages);
        if (!messages)
            return RDV_ENOMEM;
        memset(messages + listing->room, 0, (room - listing->room) * sizeof *messages);
        listing->messages = messages;
        listing->room = room;
    }
    size_t size = strlen(change->message) + 1;
    char *message = realloc(listing->messages[*count], size);
    if (!message)
        return RDV_ENOMEM;
    memcpy(message, change->message, size);
    listing->messages[*count] = message;
    listing->changes[*count] = *change;
    listing->changes[*count].message = message;
    ++*count;
    return 0;
}

/* Collect the changes of an entry: scheduled, started, each report, the end. The first two and the
 * last stand in the entry itself. */
static int read_changes(struct listing *listing, rdv_entry *entry)
{
    size_t count = 0;
    rdv_change change = {.at = entry->scheduled_at, .progress = -1, .message = ""};
    int result = add_change(listing, &count, &change);
    if (result == 0 && entry->started_at != 0) {
        change = (rdv_change){.at = entry->started_at, .attempt = 1, .progress = -1, .message = ""};
        result = add_change(listing, &count, &change);
    }
    if (result != 0)
        return result;

    sqlite3_bind_int64(listing->reports, 1, entry->run);
    while ((result = rdv__database_row(listing->database, listing->reports)) == 1) {
        struct rdv__row row = {.statement = listing->reports};
        change = (rdv_change){
            .at = rdv__row_time(&row, 0),
            .status = (rdv_status)rdv__row_int(&row, 1),
            .attempt = rdv__row_count(&row, 2, 0),
            .progress = rdv__row_count(&row, 3, -1),
            .code = rdv__row_int(&row, 4),
            .message = rdv__row_text(&row, 5, RDV_MESSAGE_MAX),
        };
        if (row.damaged || !rdv_status_name(change.status)) {
            sqlite3_reset(listing->reports);
            return refuse_damaged(listing);
        }
        result = add_change(listing, &count, &change);
        if (result != 0) {
            sqlite3_reset(listing->reports);
            break;
        }
    }
    if (result == 0 && entry->finished_at != 0) {
        change = (rdv_change){.at = entry->finished_at,
                              .status = entry->status,
                              .attempt = entry->attempt,
                              .progress = entry->progress,
                              .code = entry->code,
                              .message = entry->message};
        result = add_change(listing, &count, &change);
    }
    if (result == 0) {
        entry->changes = listing->changes;
        entry->change_count = count;
    }
    return result;
}

static int show_entry(struct listing *listing, sqlite3_stmt *row)
{
    rdv_entry entry;
    if (!read_entry(row, &entry))
        return refuse_damaged(listing);
    int result = 0;
    if (listing->reports)
        result = read_changes(listing, &entry);
    if (result == 0 && listing->output) {
        sqlite3_bind_int64(listing->output, 1, entry.run);
        result = rdv__database_row(listing->database, listing->output);
        if (result == 1) {
            struct rdv__row tail = {.statement = listing->output};
            entry.output = rdv__row_bytes(&tail, 0, RDV__OUTPUT_TAIL, &entry.output_size);
            if (tail.damaged)
                result = refuse_damaged(listing);
            else
                result = 0;
            if (!entry.output)
                entry.output = "";
        }
    }
    if (result == 0)
        result = listing->fn(listing->user, &entry);
    if (listing->output)
        sqlite3_reset(listing->output);
    return result;
}

static int prepare_once(struct listing *listing, const char *sql, sqlite3_stmt **ret_statement)
{
    return sqlite3_prepare_v2(listing->database->handle, sql, -1, ret_statement, NULL) == SQLITE_OK
               ? 0
               : rdv__database_fail(listing->database);
}

/* A kind of entries: which table has them, which of its rows are of that kind, and their order. */
struct kind {
    const char *select, *order;
};

/* Room for the statement of a kind, in bytes. */
#define STATEMENT_SIZE 640

/* Show all entries of a kind. A condition is in the statement only if it is asked for, so that a
 * number is found by its index. */
static int show_kind(struct listing *listing, const struct kind *kind)
{
    const rdv_filter *filter = listing->filter;
    char sql[STATEMENT_SIZE];
    sqlite3_stmt *entries = NULL;
    int size = snprintf(sql, sizeof sql, "%s%s%s%s", kind->select,
                        filter->identifier ? " AND identifier = ?1" : "",
                        filter->run != 0 ? " AND number = ?2" : "", kind->order);
    assert(size > 0 && (size_t)size < sizeof sql);
    (void)size;
    int result = prepare_once(listing, sql, &entries);
    if (result == 0) {
        if (filter->identifier)
            sqlite3_bind_text(entries, 1, filter->identifier, -1, SQLITE_STATIC);
        if (filter->run != 0)
            sqlite3_bind_int64(entries, 2, filter->run);
        sqlite3_bind_int64(entries, 3, filter->limit > 0 ? filter->limit : -1);
        while ((result = rdv__database_row(listing->database, entries)) == 1) {
            result = show_entry(listing, entries);
            if (result != 0)
                break;
        }
    }
    sqlite3_finalize(entries);
    return result;
}

#define REPORTS                                                                        \
    "SELECT at, status, attempt, progress, code, message FROM report WHERE number = ?" \
    " ORDER BY change"
#define OUTPUT "SELECT tail FROM output WHERE number = ?"

/* The history keeps a thousand reports of a run, and after them only changes of its status. Where
 * the cost of an entry has to be bounded, no more changes than this are shown. */
#define BOUNDED " LIMIT 1100"

static void listing_finish(struct listing *listing)
{
    for (size_t i = 0; i < listing->room; i++)
        free(listing->messages[i]);
    free(listing->messages);
    free(listing->changes);
}

int rdv_store_entries(rdv_store *store, const rdv_filter *filter, rdv_entry_fn fn, void *user)
{
    static const struct kind ended = {"SELECT * FROM (SELECT " FINISHED_COLUMNS
                                      " FROM history WHERE 1",
                                      " ORDER BY change DESC LIMIT ?3) ORDER BY change"},
                             running = {"SELECT " UNFINISHED_COLUMNS
                                        " FROM entry WHERE started_at != 0",
                                        " ORDER BY number LIMIT ?3"},
                             pending = {"SELECT " UNFINISHED_COLUMNS
                                        " FROM entry WHERE started_at = 0",
                                        " ORDER BY deadline = 0, deadline, start, number LIMIT ?3"};
    const rdv_filter everything = {.size = sizeof everything};
    if (!filter)
        filter = &everything;
    if (!store || !fn || filter->size != sizeof *filter || filter->limit < 0)
        return RDV_EINVAL;
    unsigned kinds =
        filter->flags & (RDV_FILTER_PENDING | RDV_FILTER_RUNNING | RDV_FILTER_FINISHED);
    if (kinds == 0)
        kinds = RDV_FILTER_PENDING | RDV_FILTER_RUNNING | RDV_FILTER_FINISHED;

    struct listing listing = {
        .database = rdv__store_database(store), .filter = filter, .fn = fn, .user = user};
    int result = rdv__store_begin_view(store);
    if (result != 0)
        return result;
    if (filter->flags & RDV_FILTER_CHANGES)
        result = prepare_once(&listing, REPORTS, &listing.reports);
    if (result == 0 && (filter->flags & RDV_FILTER_OUTPUT))
        result = prepare_once(&listing, OUTPUT, &listing.output);
    if (result == 0 && (kinds & RDV_FILTER_FINISHED))
        result = show_kind(&listing, &ended);
    if (result == 0 && (kinds & RDV_FILTER_RUNNING))
        result = show_kind(&listing, &running);
    if (result == 0 && (kinds & RDV_FILTER_PENDING))
        result = show_kind(&listing, &pending);
    sqlite3_finalize(listing.reports);
    sqlite3_finalize(listing.output);
    rdv__store_end_view(store);
    listing_finish(&listing);
    return result;
}

/* ------------------------------------------------------------- row by row */

/* Statements that are used over and over are kept. */
enum slot {
    SLOT_REPORTS = RDV__SLOTS_LISTING,
    SLOT_OUTPUT,
    SLOT_UNFINISHED,
    SLOT_UNFINISHED_RANGE,
    SLOT_ENDED,
    SLOT_ENDED_AFTER,
    SLOT_FORTH,
    SLOT_BACK,
    SLOT_KEYS,
    SLOTS
};
static_assert((int)SLOTS <= (int)RDV__SLOTS, "more statements than there are slots");

/* Show the row that a statement finds, if it finds one. */
static int show_row(struct rdv__database *database, sqlite3_stmt *row, unsigned flags,
                    rdv_entry_fn fn, void *user)
{
    struct listing listing = {.database = database, .fn = fn, .user = user};
    int found = rdv__database_row(database, row);
    if (found != 1)
        return found;
    int result = 0;
    if (flags & RDV_FILTER_CHANGES)
        result = rdv__database_statement(database, SLOT_REPORTS, REPORTS BOUNDED, &listing.reports);
    if (result == 0 && (flags & RDV_FILTER_OUTPUT))
        result = rdv__database_statement(database, SLOT_OUTPUT, OUTPUT, &listing.output);
    if (result == 0)
        result = show_entry(&listing, row);
    sqlite3_reset(row);
    listing_finish(&listing);
    return result != 0 ? result : 1;
}

/* Show an entry that waits to be written, as it would be read once it is. */
static int show_new(const struct rdv__new_row *row, rdv_entry_fn fn, void *user)
{
    rdv_entry entry = {
        .size = sizeof entry,
        .run = row->number,
        .change = row->change,
        .identifier = rdv_task_identifier(row->task),
        .label = rdv_task_label(row->task),
        .window = row->window,
        .state = row->started_at != 0 ? RDV_STATE_RUNNING : RDV_STATE_PENDING,
        .attempt = row->started_at != 0,
        .progress = -1,
        .message = "",
        .scheduled_at = row->scheduled_at,
        .started_at = row->started_at,
    };
    (void)rdv_task_context(row->task, &entry.context_size);
    return fn(user, &entry);
}

int rdv__listing_unfinished(rdv_store *store, int64_t number, const char *label, unsigned flags,
                            rdv_entry_fn fn, void *user)
{
    struct rdv__database *database = rdv__store_database(store);
    const struct rdv__new_row *new_row = rdv__write_behind_find(database, number);
    if (new_row) {
        assert(flags == 0); /* a view, in which more is asked for, has everything written */
        if (label && strcmp(rdv_task_label(new_row->task), label) != 0)
            return 0;
        int shown = show_new(new_row, fn, user);
        return shown != 0 ? shown : 1;
    }
    if (database->failed != 0)
        return database->failed;
    sqlite3_stmt *row;
    int result = rdv__database_statement(
        database, SLOT_UNFINISHED,
        "SELECT " UNFINISHED_COLUMNS " FROM entry WHERE number = ?1 AND (?2 IS NULL OR label = ?2)",
        &row);
    if (result != 0)
        return result;
    sqlite3_bind_int64(row, 1, number);
    sqlite3_bind_text(row, 2, label, -1, SQLITE_STATIC);
    return show_row(database, row, flags, fn, user);
}

int rdv__listing_ended(rdv_store *store, int64_t change, unsigned flags, rdv_entry_fn fn,
                       void *user)
{
    struct rdv__database *database = rdv__store_database(store);
    sqlite3_stmt *row;
    int result = rdv__database_statement(
        database, SLOT_ENDED, "SELECT " FINISHED_COLUMNS " FROM history WHERE change = ?", &row);
    if (result != 0)
        return result;
    sqlite3_bind_int64(row, 1, change);
    return show_row(database, row, flags, fn, user);
}

int rdv__listing_seek(rdv_store *store, bool back, const char *identifier, int64_t *change,
                      int *rows)
{
    struct rdv__database *database = rdv__store_database(store);
    sqlite3_stmt *row;
    int result = back ? rdv__database_statement(database, SLOT_BACK,
                                                "SELECT change, ?2 IS NULL OR identifier = ?2 FROM"
                                                " history WHERE change < ?1 ORDER BY change DESC",
                                                &row)
                      : rdv__database_statement(database, SLOT_FORTH,
                                                "SELECT change, ?2 IS NULL OR identifier = ?2 FROM"
                                                " history WHERE change > ?1 ORDER BY change",
                                                &row);
    if (result != 0)
        return result;
    sqlite3_bind_int64(row, 1, *change);
    sqlite3_bind_text(row, 2, identifier, -1, SQLITE_STATIC);
    bool found = false;
    for (result = 1; result == 1 && !found && *rows > 0;) {
        result = rdv__database_row(database, row);
        if (result != 1)
            break;
        --*rows;
        *change = sqlite3_column_int64(row, 0);
        found = sqlite3_column_int(row, 1) != 0;
    }
    sqlite3_reset(row);
    return result < 0 ? result : found;
}

int rdv__listing_keys(rdv_store *store, int64_t after, struct rdv__listing_key *keys, size_t room,
                      size_t *ret_count)
{
    struct rdv__database *database = rdv__store_database(store);
    sqlite3_stmt *row;
    size_t count = 0;
    int result = rdv__database_statement(
        database, SLOT_KEYS,
        "SELECT number, change, started_at = 0 FROM entry WHERE number > ? ORDER BY number", &row);
    if (result != 0)
        return result;
    sqlite3_bind_int64(row, 1, after);
    while (count < room && (result = rdv__database_row(database, row)) == 1)
        keys[count++] = (struct rdv__listing_key){.number = sqlite3_column_int64(row, 0),
                                                  .change = sqlite3_column_int64(row, 1),
                                                  .waits = sqlite3_column_int(row, 2) != 0};
    sqlite3_reset(row);
    if (result < 0)
        return result;
    *ret_count = count;
    return 0;
}

int rdv_store_paused(rdv_store *store, bool *ret_paused)
{
    if (!store || !ret_paused)
        return RDV_EINVAL;
    int result = rdv__store_begin_view(store);
    if (result != 0)
        return result;
    result = rdv__record_get_paused(store, ret_paused);
    rdv__store_end_view(store);
    return result;
}

/* Show all rows of a statement that is bound. */
static int show_rows(struct rdv__database *database, sqlite3_stmt *rows, rdv_entry_fn fn,
                     void *user)
{
    struct listing listing = {.database = database, .fn = fn, .user = user};
    int result = 0;
    while (result == 0 && (result = rdv__database_row(database, rows)) == 1)
        result = show_entry(&listing, rows);
    sqlite3_reset(rows);
    return result;
}

/* Show the unfinished entries with these numbers. If all of them wait to be written, they need not
 * be read. */
static int show_unfinished(struct rdv__database *database, int64_t first, int64_t last,
                           rdv_entry_fn fn, void *user)
{
    const struct rdv__write_behind *waiting = database->write_behind;
    int result = 0;
    if (waiting->count > 0 && first >= waiting->rows[0].number) {
        size_t i = waiting->count;
        while (i > 0 && waiting->rows[i - 1].number >= first)
            i--;
        for (; i < waiting->count && waiting->rows[i].number <= last && result == 0; i++)
            result = show_new(&waiting->rows[i], fn, user);
        return result;
    }
    result = rdv__write_behind_flush(database);
    if (result != 0)
        return result;
    sqlite3_stmt *rows;
    result = rdv__database_statement(database, SLOT_UNFINISHED_RANGE,
                                     "SELECT " UNFINISHED_COLUMNS
                                     " FROM entry WHERE number BETWEEN ?1 AND ?2 ORDER BY number",
                                     &rows);
    if (result != 0)
        return result;
    sqlite3_bind_int64(rows, 1, first);
    sqlite3_bind_int64(rows, 2, last);
    return show_rows(database, rows, fn, user);
}

int rdv__listing_staged(rdv_store *store, int64_t after, int64_t first, int64_t last,
                        rdv_entry_fn fn, void *user)
{
    struct rdv__database *database = rdv__store_database(store);
    sqlite3_stmt *rows;
    int result = rdv__database_statement(
        database, SLOT_ENDED_AFTER,
        "SELECT " FINISHED_COLUMNS " FROM history WHERE change > ? ORDER BY change", &rows);
    if (result != 0)
        return result;
    sqlite3_bind_int64(rows, 1, after);
    result = show_rows(database, rows, fn, user);
    return result != 0 ? result : show_unfinished(database, first, last, fn, user);
}
