/* SPDX-License-Identifier: MIT */
/*
 * What waits for the end of the open batch: see write_behind.h. records.c puts rows off here, and
 * store.c has them written before it commits. Rows wait in the order of their numbers, which grow;
 * none of them is one of those that are to be deleted.
 */
#include "store/write_behind.h"

#include <assert.h>
#include <stdlib.h>

enum slot { SCHEDULE = RDV__SLOTS_WRITE_BEHIND, CONTEXT_PUT, CONTEXT_DELETE, ENTRY_DELETE, SLOTS };
static_assert((int)SLOTS <= (int)RDV__SLOTS_RECORDS, "more statements than there are slots");

static int put_row(struct rdv__database *database, const struct rdv__new_row *row)
{
    size_t size;
    (void)rdv_task_context(row->task, &size);
    /* The columns are in the order of the table: SQLite takes longer over any other. */
    struct rdv__binder binder =
        rdv__bind(database, SCHEDULE,
                  "INSERT INTO entry (number, started_at, start, end, deadline, change, identifier,"
                  " label, context_size, run_limit, scheduled_at, cancelling, status, attempt,"
                  " progress, code, message)"
                  " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0, ?, -1, 0, '')");
    rdv__bind_int(&binder, row->number);
    rdv__bind_int(&binder, row->started_at);
    rdv__bind_int(&binder, row->window.start);
    rdv__bind_int(&binder, row->window.end);
    rdv__bind_int(&binder, row->window.deadline);
    rdv__bind_int(&binder, row->change);
    rdv__bind_text(&binder, rdv_task_identifier(row->task));
    rdv__bind_text(&binder, rdv_task_label(row->task));
    rdv__bind_int(&binder, (int64_t)size);
    rdv__bind_int(&binder, row->window.limit);
    rdv__bind_int(&binder, row->scheduled_at);
    rdv__bind_int(&binder, row->started_at != 0);
    return rdv__bound_run(&binder);
}

static int put_context(struct rdv__database *database, const struct rdv__new_row *row)
{
    size_t size;
    const void *context = rdv_task_context(row->task, &size);
    if (size == 0)
        return 0;
    struct rdv__binder binder =
        rdv__bind(database, CONTEXT_PUT, "INSERT INTO context (number, bytes) VALUES (?, ?)");
    rdv__bind_int(&binder, row->number);
    rdv__bind_bytes(&binder, context, size);
    return rdv__bound_run(&binder);
}

static int write_rows(struct rdv__database *database)
{
    struct rdv__write_behind *waiting = database->write_behind;
    int result = 0;
    for (size_t i = 0; i < waiting->count; i++) {
        if (result == 0)
            result = put_row(database, &waiting->rows[i]);
        if (result == 0)
            result = put_context(database, &waiting->rows[i]);
        rdv_task_unref(waiting->rows[i].task);
    }
    waiting->count = 0;
    waiting->context_bytes = 0;
    return result;
}

static int write_deletes(struct rdv__database *database)
{
    struct rdv__write_behind *waiting = database->write_behind;
    if (waiting->delete_count == 0)
        return 0;
    struct rdv__binder binder =
        rdv__bind(database, ENTRY_DELETE, "DELETE FROM entry WHERE number BETWEEN ? AND ?");
    rdv__bind_int(&binder, waiting->delete_first);
    rdv__bind_int(&binder, waiting->delete_first + waiting->delete_count - 1);
    waiting->delete_count = 0;
    return rdv__bound_run(&binder);
}

/*
 * A caller that only reads may come upon a failure here, and does not fail the batch; so the
 * failure is remembered until the batch ends. What waits must not be written on its own, either,
 * after SQLite has undone the transaction by itself, as it does when a read fails.
 */
int rdv__write_behind_flush(struct rdv__database *database)
{
    struct rdv__write_behind *waiting = database->write_behind;
    if (database->failed != 0 || (waiting->count == 0 && waiting->delete_count == 0))
        return database->failed;
    int result = sqlite3_get_autocommit(database->handle)
                     ? rdv__database_refuse(database, RDV_EIO, "its transaction was undone")
                     : write_rows(database);
    if (result == 0)
        result = write_deletes(database);
    database->failed = result;
    return result;
}

void rdv__write_behind_drop(struct rdv__database *database)
{
    struct rdv__write_behind *waiting = database->write_behind;
    for (size_t i = 0; i < waiting->count; i++)
        rdv_task_unref(waiting->rows[i].task);
    free(waiting->rows);
    *waiting = (struct rdv__write_behind){0};
    database->failed = 0;
}

/* Find a row by its place: numbers follow each other within a batch, unless one was drawn for
 * nothing. */
static struct rdv__new_row *find_row(const struct rdv__database *database, int64_t number)
{
    const struct rdv__write_behind *waiting = database->write_behind;
    if (waiting->count == 0 || number < waiting->rows[0].number ||
        number - waiting->rows[0].number >= (int64_t)waiting->count)
        return NULL;
    struct rdv__new_row *row = &waiting->rows[number - waiting->rows[0].number];
    return row->number == number ? row : NULL;
}

const struct rdv__new_row *rdv__write_behind_find(const struct rdv__database *database,
                                                  int64_t number)
{
    return find_row(database, number);
}

int rdv__write_behind_add(struct rdv__database *database, int64_t number, const rdv_window *window,
                          rdv_task *task, rdv_time now)
{
    struct rdv__write_behind *waiting = database->write_behind;
    size_t size;
    (void)rdv_task_context(task, &size);
    /* Numbers grow: what waits is in their order, and none of them is one of those to be deleted.
     * */
    assert(waiting->count == 0 || number > waiting->rows[waiting->count - 1].number);
    assert(waiting->delete_count == 0 || number >= waiting->delete_first + waiting->delete_count);
    if (waiting->count == waiting->room) {
        size_t room = waiting->room > 0 ? waiting->room * 2 : 1;
        struct rdv__new_row *rows = realloc(waiting->rows, room * sizeof *rows);
        if (!rows)
            return RDV_ENOMEM;
        waiting->rows = rows;
        waiting->room = room;
    }
    waiting->rows[waiting->count++] =
        (struct rdv__new_row){.number = number,
                              .change = ++database->sequences.last_change,
                              .task = rdv_task_ref(task),
                              .window = *window,
                              .scheduled_at = now};
    waiting->context_bytes += size;
    bool is_full =
        waiting->count == RDV__NEW_ROWS_MAX || waiting->context_bytes >= RDV__NEW_CONTEXTS_MAX;
    return is_full ? rdv__write_behind_flush(database) : 0;
}

bool rdv__write_behind_start(struct rdv__database *database, int64_t number, rdv_time now)
{
    struct rdv__new_row *row = find_row(database, number);
    if (!row)
        return false;
    row->started_at = now;
    row->change = ++database->sequences.last_change;
    return true;
}

struct rdv__binder rdv__bind_entry(struct rdv__database *database, int64_t number, unsigned slot,
                                   const char *sql)
{
    const struct rdv__write_behind *waiting = database->write_behind;
    bool is_new = waiting->count > 0 && number >= waiting->rows[0].number;
    bool has_gone =
        number >= waiting->delete_first && number - waiting->delete_first < waiting->delete_count;
    int result = is_new || has_gone ? rdv__write_behind_flush(database) : 0;
    return result == 0 ? rdv__bind(database, slot, sql)
                       : (struct rdv__binder){.database = database, .result = result};
}

int rdv__write_behind_delete(struct rdv__database *database, int64_t number, bool has_context)
{
    struct rdv__write_behind *waiting = database->write_behind;
    int result = 0;
    if (has_context) {
        struct rdv__binder binder = rdv__bind_entry(database, number, CONTEXT_DELETE,
                                                    "DELETE FROM context WHERE number = ?");
        rdv__bind_int(&binder, number);
        result = rdv__bound_run(&binder);
    }
    if (result == 0 && number != waiting->delete_first + waiting->delete_count)
        result = write_deletes(database);
    if (result == 0 && waiting->delete_count++ == 0)
        waiting->delete_first = number;
    return result;
}
