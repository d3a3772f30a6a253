/* SPDX-License-Identifier: MIT */
/*
 * The journal of the task agent: where each of its runs of commands is, so that it goes on there
 * after a crash or a reboot; and the end of what a run has printed. The files of the task agent
 * call it. A row lives as long as its run has not finished.
 */
#include "store/journal.h"

#include <assert.h>

#include "store/database.h"
#include "store/records.h"
#include "store/row.h"
#include "store/store.h"

enum slot {
    JOURNAL_PUT = RDV__SLOTS_JOURNAL,
    JOURNAL_STEP,
    JOURNAL_DELETE,
    JOURNAL_HAS_RUN,
    JOURNAL_GET,
    JOURNAL_ORPHANS,
    OUTPUT_PUT,
    SLOTS
};
static_assert((int)SLOTS <= (int)RDV__SLOTS_LOG_SIZES, "more statements than there are slots");

/* The longest word that a journal has for itself, in bytes: a state, a mark, a boot. */
#define WORD_MAX 256

/* The longest text for how often each step was started, in bytes. */
#define STARTS_MAX (64 * 1024)

int rdv__journal_put(rdv_store *store, const struct rdv__journal *journal)
{
    struct rdv__binder binder = rdv__bind(
        rdv__store_database(store), JOURNAL_PUT,
        "INSERT OR REPLACE INTO journal (identifier, label, run, step, attempt, failures, starts,"
        " grace, nonce, state, reboots, boot_id, context)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    rdv__bind_text(&binder, journal->identifier);
    rdv__bind_text(&binder, journal->label);
    rdv__bind_int(&binder, journal->run);
    rdv__bind_int(&binder, journal->step);
    rdv__bind_int(&binder, journal->attempt);
    rdv__bind_int(&binder, journal->failures);
    rdv__bind_text(&binder, journal->starts ? journal->starts : "");
    rdv__bind_int(&binder, journal->grace);
    rdv__bind_text(&binder, journal->nonce ? journal->nonce : "");
    rdv__bind_text(&binder, journal->state);
    rdv__bind_int(&binder, journal->reboots);
    rdv__bind_text(&binder, journal->boot_id ? journal->boot_id : "");
    rdv__bind_bytes(&binder, journal->context, journal->context_size);
    return rdv__bound_run(&binder);
}

int rdv__journal_step(rdv_store *store, const struct rdv__journal *journal)
{
    struct rdv__binder binder =
        rdv__bind(rdv__store_database(store), JOURNAL_STEP,
                  "UPDATE journal SET step = ?, attempt = ?, failures = ?, starts = ?, state = ?"
                  " WHERE identifier = ?");
    rdv__bind_int(&binder, journal->step);
    rdv__bind_int(&binder, journal->attempt);
    rdv__bind_int(&binder, journal->failures);
    rdv__bind_text(&binder, journal->starts ? journal->starts : "");
    rdv__bind_text(&binder, journal->state);
    rdv__bind_text(&binder, journal->identifier);
    return rdv__bound_run(&binder);
}

int rdv__journal_delete(rdv_store *store, const char *identifier)
{
    struct rdv__binder binder = rdv__bind(rdv__store_database(store), JOURNAL_DELETE,
                                          "DELETE FROM journal WHERE identifier = ?");
    rdv__bind_text(&binder, identifier);
    return rdv__bound_run(&binder);
}

int rdv__journal_has_run(rdv_store *store, int64_t run)
{
    struct rdv__binder binder = rdv__bind(rdv__store_database(store), JOURNAL_HAS_RUN,
                                          "SELECT 1 FROM journal WHERE run = ?");
    rdv__bind_int(&binder, run);
    int result = rdv__bound_row(&binder);
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
        return rdv__database_refuse(rdv__store_database(store), RDV_ECORRUPT,
                                    "a run is not as it was written");
    return fn(user, &journal);
}

int rdv__journal_get(rdv_store *store, const char *identifier,
                     int (*fn)(void *user, const struct rdv__journal *journal), void *user)
{
    struct rdv__binder binder =
        rdv__bind(rdv__store_database(store), JOURNAL_GET, JOURNAL_COLUMNS " WHERE identifier = ?");
    rdv__bind_text(&binder, identifier);
    int result = rdv__bound_row(&binder);
    if (result != 1)
        return result < 0 ? result : RDV_ENOTFOUND;
    result = read_journal(store, binder.statement, fn, user);
    sqlite3_reset(binder.statement);
    return result;
}

int rdv__journal_has_any(rdv_store *store, bool *ret_has)
{
    int64_t has = 0;
    int result = rdv__database_number(rdv__store_database(store),
                                      "SELECT EXISTS (SELECT 1 FROM journal)", &has);
    if (result == 0)
        *ret_has = has != 0;
    return result;
}

int rdv__journal_orphans(rdv_store *store,
                         int (*fn)(void *user, const struct rdv__journal *journal), void *user)
{
    struct rdv__binder binder =
        rdv__bind(rdv__store_database(store), JOURNAL_ORPHANS,
                  JOURNAL_COLUMNS " WHERE run > 0 AND NOT EXISTS"
                                  " (SELECT 1 FROM entry WHERE number = journal.run)");
    int result;
    while ((result = rdv__bound_row(&binder)) == 1) {
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
    struct rdv__sequences *sequences = &rdv__store_database(store)->sequences;
    int result = rdv__record_set_number(store, "own_run", sequences->last_own_run - 1);
    if (result == 0)
        *ret_run = --sequences->last_own_run;
    return result;
}

int rdv__output_put(rdv_store *store, int64_t run, const void *tail, size_t size)
{
    assert(size <= RDV__OUTPUT_TAIL);
    struct rdv__binder binder =
        rdv__bind(rdv__store_database(store), OUTPUT_PUT,
                  "INSERT OR REPLACE INTO output (number, tail) VALUES (?, ?)");
    rdv__bind_int(&binder, run);
    rdv__bind_bytes(&binder, tail, size);
    return rdv__bound_run(&binder);
}
