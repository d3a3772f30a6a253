/* SPDX-License-Identifier: MIT */
#include "store.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rdvtask/loop.h>

#include "base.h"
#include "loop.h"
#include "plat.h"
#include "sql.h"

/* "RDVT": tells our files from other SQLite files. */
#define APPLICATION_ID 1380210260

/* How long a foreign reader or writer (an sqlite3 shell, say) may hold us up, in ms. */
#define BUSY_WAIT 250

/* A list of changes, kept in the order in which they came. */
struct changes {
    struct rdv__store_change *first, **end;
};

struct rdv_store {
    sqlite3 *db;
    struct rdv__plat_lock *lock;
    bool read_only, in_memory;

    rdv_loop *loop;
    struct rdv__turn turn;

    bool open;             /* a transaction is open */
    bool held;             /* and is not to be committed before release */
    int held_error;        /* what became of a held batch that failed */
    struct changes staged; /* of the open transaction */
    struct changes done;   /* committed, to be settled in the loop's turn */

    sqlite3_stmt *begin, *commit, *rollback;
    sqlite3_stmt *statements[RDV__SQL_SLOTS];
    struct rdv__counters counters;
    char message[384];
};

/*
 * How the stored format changes: each string takes the store one version up, and is never changed once released. After a new
 * one is added here, the statements in record.c are changed to fit. The version that a file has is its user_version.
 *
 * Version 1. `entry` holds what is not finished, keys first; bulky contexts lie apart, so that opening reads the keys in one
 * sequential scan. `history` is in the order in which entries ended, so that trimming takes a range off its front. There is no
 * index on identifiers: unfinished ones are found through the trigger's hash in memory.
 */
static const char *const migrations[] = {
    "CREATE TABLE entry ("
    " number INTEGER PRIMARY KEY,"
    " started_at INTEGER NOT NULL,"
    " start INTEGER NOT NULL, end INTEGER NOT NULL, deadline INTEGER NOT NULL, run_limit INTEGER "
    "NOT NULL,"
    " identifier TEXT NOT NULL, label TEXT NOT NULL, context_size INTEGER NOT NULL,"
    " scheduled_at INTEGER NOT NULL, change INTEGER NOT NULL, cancelling INTEGER NOT NULL,"
    " status INTEGER NOT NULL, attempt INTEGER NOT NULL, progress INTEGER NOT NULL, code INTEGER "
    "NOT NULL,"
    " message TEXT NOT NULL);"
    "CREATE TABLE context (number INTEGER PRIMARY KEY, bytes BLOB NOT NULL);"
    "CREATE TABLE history ("
    " change INTEGER PRIMARY KEY,"
    " number INTEGER NOT NULL, identifier TEXT NOT NULL, label TEXT NOT NULL, context_size INTEGER "
    "NOT NULL,"
    " start INTEGER NOT NULL, end INTEGER NOT NULL, deadline INTEGER NOT NULL, run_limit INTEGER "
    "NOT NULL,"
    " scheduled_at INTEGER NOT NULL, started_at INTEGER NOT NULL, finished_at INTEGER NOT NULL,"
    " outcome INTEGER NOT NULL, attempt INTEGER NOT NULL, progress INTEGER NOT NULL, code INTEGER "
    "NOT NULL,"
    " message TEXT NOT NULL);"
    "CREATE TABLE report ("
    " change INTEGER PRIMARY KEY,"
    " number INTEGER NOT NULL, at INTEGER NOT NULL, status INTEGER NOT NULL, attempt INTEGER NOT "
    "NULL,"
    " progress INTEGER NOT NULL, code INTEGER NOT NULL, message TEXT NOT NULL);"
    "CREATE INDEX report_number ON report (number);"
    "CREATE TABLE output (number INTEGER PRIMARY KEY, tail BLOB NOT NULL);"
    "CREATE TABLE journal ("
    " identifier TEXT PRIMARY KEY,"
    " label TEXT NOT NULL, run INTEGER NOT NULL, step INTEGER NOT NULL, attempt INTEGER NOT NULL, "
    "state TEXT NOT NULL,"
    " context BLOB NOT NULL);"
    "CREATE TABLE counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;",
};
#define VERSION ((int)(sizeof migrations / sizeof *migrations))

/* ------------------------------------------------------------------ errors */

static int code_of(int sqlite_code)
{
    switch (sqlite_code & 0xff) {
    case SQLITE_OK:
        return 0;
    case SQLITE_NOMEM:
        return RDV_ENOMEM;
    case SQLITE_FULL:
        return RDV_ENOSPC;
    case SQLITE_READONLY:
        return RDV_EREADONLY;
    case SQLITE_PERM:
    case SQLITE_AUTH:
    case SQLITE_CANTOPEN:
        return RDV_EACCES;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return RDV_ECORRUPT;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return RDV_ELOCKED;
    case SQLITE_TOOBIG:
        return RDV_ELIMIT;
    case SQLITE_IOERR:
        return sqlite_code == SQLITE_IOERR_NOMEM ? RDV_ENOMEM : RDV_EIO;
    default:
        return RDV_EIO;
    }
}

int rdv__sql_fail(rdv_store *store)
{
    int code = code_of(sqlite3_extended_errcode(store->db));
    if (code == 0)
        code = RDV_EIO;
    snprintf(store->message, sizeof store->message, "%s (%s)", rdv_strerror(code),
             sqlite3_errmsg(store->db));
    return code;
}

const char *rdv_store_message(const rdv_store *store)
{
    return store ? store->message : "";
}

/* -------------------------------------------------------------- statements */

struct rdv__counters *rdv__sql_counters(rdv_store *store)
{
    return &store->counters;
}

sqlite3 *rdv__sql_database(rdv_store *store)
{
    return store->db;
}

static int prepare(rdv_store *store, const char *sql, sqlite3_stmt **ret_statement)
{
    if (sqlite3_prepare_v3(store->db, sql, -1, SQLITE_PREPARE_PERSISTENT, ret_statement, NULL) !=
        SQLITE_OK)
        return rdv__sql_fail(store);
    return 0;
}

int rdv__sql_statement(rdv_store *store, unsigned slot, const char *sql,
                       sqlite3_stmt **ret_statement)
{
    assert(slot < RDV__SQL_SLOTS);
    sqlite3_stmt **kept = &store->statements[slot];
    if (!*kept) {
        int result = prepare(store, sql, kept);
        if (result != 0)
            return result;
    }
    *ret_statement = *kept;
    return 0;
}

int rdv__sql_run(rdv_store *store, sqlite3_stmt *statement)
{
    int result = sqlite3_step(statement) == SQLITE_DONE ? 0 : rdv__sql_fail(store);
    sqlite3_reset(statement);
    return result;
}

int rdv__sql_row(rdv_store *store, sqlite3_stmt *statement)
{
    int stepped = sqlite3_step(statement);
    if (stepped == SQLITE_ROW)
        return 1;
    int result = stepped == SQLITE_DONE ? 0 : rdv__sql_fail(store);
    sqlite3_reset(statement);
    return result;
}

/* ----------------------------------------------------------------- batches */

static void changes_clear(struct changes *changes)
{
    changes->first = NULL;
    changes->end = &changes->first;
}

static void changes_append(struct changes *changes, struct rdv__store_change *change)
{
    change->next = NULL;
    *changes->end = change;
    changes->end = &change->next;
}

static void roll_back(rdv_store *store)
{
    /* SQLite may have rolled back by itself, after a full disk for one. */
    if (!sqlite3_get_autocommit(store->db)) {
        sqlite3_step(store->rollback);
        sqlite3_reset(store->rollback);
    }
    store->counters.history_rows = -1;
}

/* Settle all that was staged with an error, the latest first. */
static void undo(rdv_store *store, int result)
{
    struct rdv__store_change *latest = NULL;
    for (struct rdv__store_change *change = store->staged.first, *next; change; change = next) {
        next = change->next;
        change->next = latest;
        latest = change;
    }
    changes_clear(&store->staged);
    for (struct rdv__store_change *change = latest, *next; change; change = next) {
        next = change->next;
        change->settle(change, result);
    }
}

int rdv__store_stage(rdv_store *store)
{
    if (store->read_only)
        return RDV_EREADONLY;
    if (store->held_error != 0)
        return store->held_error;
    if (store->open)
        return 0;
    int result = rdv__sql_run(store, store->begin);
    if (result != 0)
        return result;
    store->open = true;
    if (store->loop)
        rdv__loop_again(store->loop);
    return 0;
}

void rdv__store_defer(rdv_store *store, struct rdv__store_change *change)
{
    assert(store->open);
    changes_append(&store->staged, change);
}

int rdv__store_fail(rdv_store *store, int result)
{
    assert(result != 0);
    if (!store->open)
        return result;
    store->open = false;
    if (store->held)
        store->held_error = result;
    roll_back(store);
    undo(store, result);
    return result;
}

int rdv__store_commit(rdv_store *store)
{
    if (!store->open || store->held)
        return 0;
    int result = rdv__sql_run(store, store->commit);
    if (result != 0)
        return rdv__store_fail(store, result);
    store->open = false;
    if (store->staged.first) {
        *store->done.end = store->staged.first;
        store->done.end = store->staged.end;
        changes_clear(&store->staged);
        if (store->loop)
            rdv__loop_again(store->loop);
    }
    return 0;
}

int rdv__store_hold(rdv_store *store)
{
    if (store->held)
        return RDV_ESTATE;
    if (store->read_only)
        return RDV_EREADONLY;
    /* What others have staged in this turn is not part of the batch that begins: a failure is theirs, and they are told. */
    (void)rdv__store_commit(store);
    store->held = true;
    store->held_error = 0;
    return 0;
}

int rdv__store_release(rdv_store *store, bool commit)
{
    if (!store->held)
        return RDV_ESTATE;
    int result = store->held_error;
    store->held = false;
    store->held_error = 0;
    if (!commit) {
        (void)rdv__store_fail(store, RDV_ECANCELLED);
        return 0;
    }
    return result != 0 ? result : rdv__store_commit(store);
}

void rdv__store_disown(rdv_store *store, const void *owner)
{
    if (store->held)
        (void)rdv__store_release(store, false);
    (void)rdv__store_commit(store);
    struct changes mine;
    changes_clear(&mine);
    struct rdv__store_change *change = store->done.first;
    changes_clear(&store->done);
    while (change) {
        struct rdv__store_change *next = change->next;
        changes_append(change->owner == owner ? &mine : &store->done, change);
        change = next;
    }
    for (change = mine.first; change;) {
        struct rdv__store_change *next = change->next;
        change->settle(change, RDV_ESHUTDOWN);
        change = next;
    }
}

/* The loop's commit phase: one commit for all of the turn, then the world may hear of it. */
static int turn_commit(struct rdv__turn *turn)
{
    rdv_store *store = (rdv_store *)((char *)turn - offsetof(rdv_store, turn));
    int result = rdv__store_commit(store);

    /* Only what is there now: what is committed meanwhile waits for the next turn, so that input is not starved. */
    struct rdv__store_change *change = store->done.first;
    changes_clear(&store->done);
    while (change) {
        struct rdv__store_change *next = change->next;
        change->settle(change, 0);
        change = next;
    }
    if (store->done.first || store->open)
        rdv__loop_again(store->loop);
    return result;
}

int rdv__store_attach(rdv_store *store, rdv_loop *loop)
{
    if (store->loop)
        return store->loop == loop ? 0 : RDV_ESTATE;
    store->loop = loop;
    store->turn.run = turn_commit;
    store->turn.phase = RDV__TURN_COMMIT;
    rdv__loop_add_turn(loop, &store->turn);
    return 0;
}

int rdv__sql_begin_view(rdv_store *store)
{
    int result = rdv__store_commit(store);
    if (result != 0)
        return result;
    /* Inside a held batch its own transaction is the view. */
    if (store->open)
        return 0;
    if (sqlite3_exec(store->db, "BEGIN", NULL, NULL, NULL) != SQLITE_OK)
        return rdv__sql_fail(store);
    return 0;
}

void rdv__sql_end_view(rdv_store *store)
{
    if (!store->open && !sqlite3_get_autocommit(store->db))
        sqlite3_exec(store->db, "COMMIT", NULL, NULL, NULL);
}

/* ----------------------------------------------------------------- opening */

static int get_number(rdv_store *store, const char *sql, int64_t *ret_number)
{
    sqlite3_stmt *statement = NULL;
    int result = prepare(store, sql, &statement);
    if (result == 0) {
        result = rdv__sql_row(store, statement);
        if (result == 1)
            *ret_number = sqlite3_column_int64(statement, 0);
        result = result < 0 ? result : 0;
    }
    sqlite3_finalize(statement);
    return result;
}

static int execute(rdv_store *store, const char *sql)
{
    return sqlite3_exec(store->db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : rdv__sql_fail(store);
}

static int migrate(rdv_store *store, int version)
{
    int result = execute(store, "BEGIN IMMEDIATE");
    for (int i = version; result == 0 && i < VERSION; i++)
        result = execute(store, migrations[i]);
    if (result == 0) {
        char pragmas[96];
        snprintf(pragmas, sizeof pragmas,
                 "PRAGMA application_id=%d; PRAGMA user_version=%d; COMMIT", APPLICATION_ID,
                 VERSION);
        result = execute(store, pragmas);
    }
    if (result != 0 && !sqlite3_get_autocommit(store->db))
        sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
    return result;
}

/* Is the file one of ours, and of which version? Migrates an older one. */
static int check_format(rdv_store *store, const char *path, struct rdv_error *error)
{
    int64_t application = 0, version = 0, tables = 0;
    int result = get_number(store, "PRAGMA application_id", &application);
    if (result == 0)
        result = get_number(store, "PRAGMA user_version", &version);
    if (result == 0)
        result = get_number(store, "SELECT count(*) FROM sqlite_schema", &tables);
    if (result != 0)
        return rdv__fail(error, result, "%s: %s", path, store->message);

    bool fresh = application == 0 && version == 0 && tables == 0;
    if (!fresh && application != APPLICATION_ID)
        return rdv__fail(error, RDV_ECORRUPT, "%s is a database, but not a store of rdvtask", path);
    if (version > VERSION)
        return rdv__fail(
            error, RDV_ENEWER,
            "%s has format %d, and this rdvtask (%s) knows up to %d: use the newer rdvtask", path,
            (int)version, rdv_version(), VERSION);
    if (version == VERSION)
        return 0;
    if (store->read_only)
        return rdv__fail(error, RDV_ESTATE,
                         "%s has an older format: run a command that writes to it once", path);
    result = migrate(store, (int)version);
    if (result != 0)
        return rdv__fail(error, result, "%s: %s", path, store->message);
    return 0;
}

static int configure(rdv_store *store)
{
    sqlite3_busy_timeout(store->db, BUSY_WAIT);
    if (store->read_only)
        return 0;
    int result =
        execute(store, store->in_memory ? "PRAGMA journal_mode=MEMORY"
                                        : "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL");
    if (result == 0)
        result = execute(store, "PRAGMA temp_store=MEMORY; PRAGMA trusted_schema=OFF");
    return result;
}

static int count(rdv_store *store)
{
    struct rdv__counters *counters = &store->counters;
    int result =
        get_number(store,
                   "SELECT max(coalesce((SELECT value FROM counter WHERE name = 'number'), 0),"
                   " coalesce((SELECT max(number) FROM entry), 0),"
                   " coalesce((SELECT max(number) FROM history), 0))",
                   &counters->last_number);
    if (result == 0)
        result =
            get_number(store,
                       "SELECT max(coalesce((SELECT value FROM counter WHERE name = 'change'), 0),"
                       " coalesce((SELECT max(change) FROM entry), 0),"
                       " coalesce((SELECT max(change) FROM report), 0),"
                       " coalesce((SELECT max(change) FROM history), 0))",
                       &counters->last_change);
    if (result == 0)
        result = get_number(
            store, "SELECT coalesce((SELECT value FROM counter WHERE name = 'own_run'), 0)",
            &counters->last_own_run);
    counters->history_rows = -1;
    return result;
}

void rdv_store_options_init(rdv_store_options *options)
{
    *options = (rdv_store_options){.size = sizeof *options, .history_count = 10000};
}

static int open_file(rdv_store *store, const char *path, const rdv_store_options *options,
                     struct rdv_error *error)
{
    int result = 0;
    if (!store->in_memory && !store->read_only) {
        size_t size = strlen(path) + sizeof ".lock";
        char *lock_path = malloc(size);
        if (!lock_path)
            return rdv__fail(error, RDV_ENOMEM, "out of memory");
        snprintf(lock_path, size, "%s.lock", path);
        result = rdv__plat_lock(lock_path, options->holder ? options->holder : "rdvtask library",
                                &store->lock, error);
        free(lock_path);
        if (result != 0)
            return result;
    }

    int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    flags |= store->read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    if (sqlite3_open_v2(store->in_memory ? ":memory:" : path, &store->db, flags, NULL) !=
        SQLITE_OK) {
        result = store->db ? rdv__sql_fail(store) : RDV_ENOMEM;
        return rdv__fail(error, result, "%s: %s", path ? path : "store in memory",
                         store->db ? store->message : rdv_strerror(result));
    }
    if (!store->read_only && sqlite3_db_readonly(store->db, "main") == 1)
        return rdv__fail(error, RDV_EREADONLY,
                         "%s may only be read: check the permissions of the file", path);

    const char *name = path ? path : "store in memory";
    result = check_format(store, name, error);
    if (result != 0)
        return result;
    result = configure(store);
    if (result == 0 && !store->read_only)
        result = count(store);
    if (result == 0)
        result = prepare(store, "BEGIN IMMEDIATE", &store->begin);
    if (result == 0)
        result = prepare(store, "COMMIT", &store->commit);
    if (result == 0)
        result = prepare(store, "ROLLBACK", &store->rollback);
    return result == 0 ? 0 : rdv__fail(error, result, "%s: %s", name, store->message);
}

int rdv_store_open(const char *path, const rdv_store_options *options, rdv_store **ret_store,
                   struct rdv_error *error)
{
    rdv_store_options defaults;
    rdv_store_options_init(&defaults);
    if (!options)
        options = &defaults;
    if (!ret_store || options->size != sizeof *options || options->history_count < 0 ||
        options->history_age < 0 || (options->flags & ~RDV_STORE_READ_ONLY) || (path && !*path) ||
        (!path && (options->flags & RDV_STORE_READ_ONLY)))
        return rdv__fail(error, RDV_EINVAL, "invalid argument to rdv_store_open");

    rdv_store *store = calloc(1, sizeof *store);
    if (!store)
        return rdv__fail(error, RDV_ENOMEM, "out of memory");
    store->in_memory = !path;
    store->read_only = options->flags & RDV_STORE_READ_ONLY;
    store->counters.history_count = options->history_count;
    store->counters.history_age = options->history_age;
    changes_clear(&store->staged);
    changes_clear(&store->done);

    int result = open_file(store, path, options, error);
    if (result != 0) {
        rdv_store_close(store);
        return result;
    }
    *ret_store = store;
    return 0;
}

void rdv_store_close(rdv_store *store)
{
    if (!store)
        return;
    store->held = false;
    if (store->open)
        (void)rdv__store_fail(store, RDV_ESHUTDOWN);
    assert(!store->done.first);
    if (store->loop)
        rdv__loop_remove_turn(store->loop, &store->turn);
    for (size_t i = 0; i < RDV__SQL_SLOTS; i++)
        sqlite3_finalize(store->statements[i]);
    sqlite3_finalize(store->begin);
    sqlite3_finalize(store->commit);
    sqlite3_finalize(store->rollback);
    sqlite3_close(store->db);
    rdv__plat_unlock(store->lock);
    free(store);
}

const char *rdv__store_path(const rdv_store *store)
{
    return store->in_memory ? NULL : sqlite3_db_filename(store->db, "main");
}
