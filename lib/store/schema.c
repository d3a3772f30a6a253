/* SPDX-License-Identifier: MIT */
/*
 * The tables of a store, as a list of migrations, and the checks that a database is a store at all.
 * store.c calls it when it opens a store. A database has the version of the last migration that it
 * went through, and never one between two.
 */
#include "store/schema.h"

#include <stdio.h>

#include "base/error.h"

/* The application_id of a store, "RDVT", which tells it from other SQLite files. */
#define APPLICATION_ID 1380210260

/*
 * How the schema changes: each string takes a store one version up, and is never changed once
 * released. After a new one is added here, the statements on its tables are changed to fit. The
 * version that a file has is its user_version.
 *
 * Version 1. `entry` holds what is not finished, keys first; bulky contexts lie apart, so that
 * opening reads the keys in one sequential scan. A `change` counts the changes of all entries.
 * `history` is in the order in which entries ended, so that trimming takes a range off its front.
 * There is no index on identifiers: unfinished ones are found through the trigger's hash in memory.
 * `counter` has what the rows don't tell any more: the largest numbers, once their rows are gone.
 */
static const char *const migrations[] = {
    "CREATE TABLE entry ("
    " number INTEGER PRIMARY KEY,"
    " started_at INTEGER NOT NULL,"
    " start INTEGER NOT NULL, end INTEGER NOT NULL, deadline INTEGER NOT NULL,"
    " change INTEGER NOT NULL, identifier TEXT NOT NULL,"
    " label TEXT NOT NULL, context_size INTEGER NOT NULL, run_limit INTEGER NOT NULL,"
    " scheduled_at INTEGER NOT NULL, cancelling INTEGER NOT NULL,"
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

    /* Version 2: a run that asks for a reboot is known again afterwards. */
    "ALTER TABLE journal ADD COLUMN reboots INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE journal ADD COLUMN boot_id TEXT NOT NULL DEFAULT '';",

    /* Version 3: what a run writes again and again lies by its key, with no index beside it, so
     * that each commit has fewer pages. */
    "CREATE TABLE report_by_number ("
    " number INTEGER NOT NULL, change INTEGER NOT NULL, at INTEGER NOT NULL, status INTEGER NOT "
    "NULL,"
    " attempt INTEGER NOT NULL, progress INTEGER NOT NULL, code INTEGER NOT NULL, message TEXT NOT "
    "NULL,"
    " PRIMARY KEY (number, change)) WITHOUT ROWID;"
    "INSERT INTO report_by_number SELECT number, change, at, status, attempt, progress, code, "
    "message"
    " FROM report ORDER BY number, change;"
    "DROP TABLE report;"
    "ALTER TABLE report_by_number RENAME TO report;"
    "CREATE TABLE journal_by_identifier ("
    " identifier TEXT NOT NULL PRIMARY KEY,"
    " label TEXT NOT NULL, run INTEGER NOT NULL, step INTEGER NOT NULL, attempt INTEGER NOT NULL,"
    " state TEXT NOT NULL, reboots INTEGER NOT NULL, boot_id TEXT NOT NULL, context BLOB NOT NULL"
    ") WITHOUT ROWID;"
    "INSERT INTO journal_by_identifier SELECT identifier, label, run, step, attempt, state, "
    "reboots,"
    " boot_id, context FROM journal;"
    "DROP TABLE journal;"
    "ALTER TABLE journal_by_identifier RENAME TO journal;",

    /*
     * Version 4. An entry counts how often its run was cut short: see struct rdv__cuts.
     * `cancelling` is no longer just true or false: see enum rdv__ending. The journal has what it
     * takes to end what is left of a run whose label is gone, and counts failed tries apart from
     * starts.
     */
    "ALTER TABLE entry ADD COLUMN interruptions INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE entry ADD COLUMN stops INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE entry ADD COLUMN stop_step INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE entry ADD COLUMN stopped INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE entry ADD COLUMN reboots INTEGER NOT NULL DEFAULT 0;"

    "CREATE TABLE journal_of_4 ("
    " identifier TEXT NOT NULL PRIMARY KEY,"
    " label TEXT NOT NULL, run INTEGER NOT NULL, step INTEGER NOT NULL, attempt INTEGER NOT NULL,"
    " failures INTEGER NOT NULL, starts TEXT NOT NULL, grace INTEGER NOT NULL, nonce TEXT NOT NULL,"
    " state TEXT NOT NULL, reboots INTEGER NOT NULL, boot_id TEXT NOT NULL, context BLOB NOT NULL"
    ") WITHOUT ROWID;"
    "INSERT INTO journal_of_4 SELECT identifier, label, run, step, attempt, 0, '', -1, '', state,"
    " reboots, boot_id, context FROM journal;"
    "DROP TABLE journal;"
    "ALTER TABLE journal_of_4 RENAME TO journal;"

    /*
     * How many bytes of the disk each run's log takes, so that the budget can be kept without
     * looking at the folder. The log of a run that the history has forgotten is unwanted; its row
     * is deleted with its file.
     */
    "CREATE TABLE log ("
    " number INTEGER PRIMARY KEY, bytes INTEGER NOT NULL, unwanted INTEGER NOT NULL);"
    "CREATE INDEX log_unwanted ON log (number) WHERE unwanted;",
};

const struct rdv__schema rdv__schema = {
    .migrations = migrations,
    .version = (int)(sizeof migrations / sizeof *migrations),
};

int rdv__schema_check(struct rdv__database *database, const struct rdv__schema *schema,
                      int *ret_version, struct rdv_error *error)
{
    int64_t application = 0, version = 0, tables = 0;
    int result = rdv__database_number(database, "PRAGMA application_id", &application);
    if (result == 0)
        result = rdv__database_number(database, "PRAGMA user_version", &version);
    if (result == 0)
        result = rdv__database_number(database, "SELECT count(*) FROM sqlite_schema", &tables);
    if (result != 0)
        return rdv__fail(error, result, "%s", database->last.text);

    bool empty = application == 0 && version == 0 && tables == 0;
    if (!empty && (application != APPLICATION_ID || version < 1))
        return rdv__fail(error, RDV_ECORRUPT,
                         "%s is a database, but not a store of rdvtask: give another file",
                         database->name);
    if (version > schema->version)
        return rdv__fail(
            error, RDV_ENEWER,
            "%s has format %d, and this rdvtask (%s) knows up to %d: use the newer rdvtask",
            database->name, (int)version, rdv_version(), schema->version);
    *ret_version = (int)version;
    return 0;
}

int rdv__schema_migrate(struct rdv__database *database, const struct rdv__schema *schema,
                        int version)
{
    if (version == schema->version)
        return 0;
    int result = rdv__database_execute(database, "BEGIN IMMEDIATE");
    for (int i = version; result == 0 && i < schema->version; i++)
        result = rdv__database_execute(database, schema->migrations[i]);
    if (result == 0) {
        char pragmas[96];
        snprintf(pragmas, sizeof pragmas,
                 "PRAGMA application_id=%d; PRAGMA user_version=%d; COMMIT", APPLICATION_ID,
                 schema->version);
        result = rdv__database_execute(database, pragmas);
    }
    if (result != 0 && !sqlite3_get_autocommit(database->handle))
        sqlite3_exec(database->handle, "ROLLBACK", NULL, NULL, NULL);
    return result;
}
