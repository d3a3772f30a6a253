/* SPDX-License-Identifier: MIT */
/*
 * One connection to SQLite. It turns what SQLite says into our errors and into words that tell what
 * to do, and keeps statements prepared, as preparing one costs more than running it. It knows no
 * table: the files above it do.
 */
#include "store/database.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "platform/platform.h"
#include "store/row.h"

/* How long a foreign reader or writer (an sqlite3 shell, say) may hold us up, in ms. */
#define BUSY_WAIT 250

/* How much of a path is shown, in bytes: its end. */
#define NAME_SHOWN 160

/* ------------------------------------------------------------------ errors */

/* What the system said, as our error. SQLite keeps its number for what fails in a statement, but
 * not in a commit. */
static int system_error(sqlite3 *db)
{
    sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
    int number = sqlite3_system_errno(db);
    return rdv__plat_error(number != 0 ? number : vfs->xGetLastError(vfs, 0, NULL));
}

static int code_of(sqlite3 *db)
{
    int code = sqlite3_extended_errcode(db), system = 0;
    switch (code & 0xff) {
    case SQLITE_OK:
        return RDV_EIO;
    case SQLITE_NOMEM:
        return RDV_ENOMEM;
    case SQLITE_FULL:
        return RDV_ENOSPC;
    case SQLITE_READONLY:
        return RDV_EREADONLY;
    case SQLITE_PERM:
    case SQLITE_AUTH:
        return RDV_EACCES;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return RDV_ECORRUPT;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return RDV_ELOCKED;
    case SQLITE_TOOBIG:
        return RDV_ELIMIT;
    case SQLITE_CANTOPEN:
        system = system_error(db);
        return system != 0 && system != RDV_EIO ? system : RDV_EACCES;
    case SQLITE_IOERR:
        if (code == SQLITE_IOERR_NOMEM)
            return RDV_ENOMEM;
        /* SQLite counts only one of the system's ways to say "full"; quotas and limits are others.
         * */
        system = system_error(db);
        return system == RDV_ENOSPC || system == RDV_EREADONLY ? system : RDV_EIO;
    default:
        return RDV_EIO;
    }
}

/* What the person who reads the words can do about it. */
const char *rdv__database_advice(int code)
{
    switch (code) {
    case RDV_ENOSPC:
        return ": make room on the disk";
    case RDV_EREADONLY:
    case RDV_EACCES:
        return ": check the permissions of the file, of those beside it, and of its directory";
    case RDV_ECORRUPT:
        return ": restore it from a backup, or move it away to begin with an empty one";
    case RDV_ELOCKED:
        return ": close the other program that has the database open";
    case RDV_EIO:
        return ": check the disk and the system's log";
    case RDV_ELOST:
        return ": put it back, or begin with an empty one, and start again";
    default:
        return "";
    }
}

int rdv__database_refuse(struct rdv__database *database, int code, const char *words)
{
    return rdv__fail(&database->last, code, "%s: %s%s%s%s%s", database->name, rdv_strerror(code),
                     *words ? " (" : "", words, *words ? ")" : "", rdv__database_advice(code));
}

int rdv__database_fail(struct rdv__database *database)
{
    return rdv__database_refuse(database, code_of(database->handle),
                                sqlite3_errmsg(database->handle));
}

/* -------------------------------------------------------------- connection */

int rdv__database_set_name(struct rdv__database *database, const char *path)
{
    static const char in_memory[] = "the store in memory", cut[] = "...";
    const char *end = path ? path : in_memory;
    size_t size = strlen(end), skipped = 0;
    if (size > NAME_SHOWN)
        for (skipped = size - NAME_SHOWN; ((unsigned char)end[skipped] & 0xc0) == 0x80;)
            skipped++;
    database->name = malloc(size + sizeof cut);
    if (!database->name)
        return RDV_ENOMEM;
    snprintf(database->name, size + sizeof cut, "%s%s", skipped > 0 ? cut : "", end + skipped);
    return 0;
}

int rdv__database_open(struct rdv__database *database, const char *path, int flags)
{
    sqlite3_close(database->handle);
    database->handle = NULL;
    flags |= SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    if (sqlite3_open_v2(path, &database->handle, flags, NULL) != SQLITE_OK)
        return database->handle ? rdv__database_fail(database)
                                : rdv__database_refuse(database, RDV_ENOMEM, "");
    sqlite3_busy_timeout(database->handle, BUSY_WAIT);
    return rdv__database_execute(database, "PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON");
}

void rdv__database_set_patience(struct rdv__database *database, bool patient)
{
    sqlite3_busy_timeout(database->handle, patient ? BUSY_WAIT : 0);
}

void rdv__database_forget_statements(struct rdv__database *database)
{
    for (size_t i = 0; i < RDV__SLOTS; i++) {
        sqlite3_finalize(database->statements[i]);
        database->statements[i] = NULL;
    }
}

void rdv__database_close(struct rdv__database *database)
{
    rdv__database_forget_statements(database);
    sqlite3_close(database->handle);
    free(database->name);
}

/* -------------------------------------------------------------- statements */

int rdv__database_prepare(struct rdv__database *database, const char *sql,
                          sqlite3_stmt **ret_statement)
{
    if (sqlite3_prepare_v3(database->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, ret_statement,
                           NULL) != SQLITE_OK)
        return rdv__database_fail(database);
    return 0;
}

int rdv__database_statement(struct rdv__database *database, unsigned slot, const char *sql,
                            sqlite3_stmt **ret_statement)
{
    assert(slot < RDV__SLOTS);
    sqlite3_stmt **kept = &database->statements[slot];
    if (!*kept) {
        int result = rdv__database_prepare(database, sql, kept);
        if (result != 0)
            return result;
    }
    *ret_statement = *kept;
    return 0;
}

int rdv__database_run(struct rdv__database *database, sqlite3_stmt *statement)
{
    int result = sqlite3_step(statement) == SQLITE_DONE ? 0 : rdv__database_fail(database);
    sqlite3_reset(statement);
    return result;
}

int rdv__database_row(struct rdv__database *database, sqlite3_stmt *statement)
{
    int stepped = sqlite3_step(statement);
    if (stepped == SQLITE_ROW)
        return 1;
    int result = stepped == SQLITE_DONE ? 0 : rdv__database_fail(database);
    sqlite3_reset(statement);
    return result;
}

int rdv__database_execute(struct rdv__database *database, const char *sql)
{
    return sqlite3_exec(database->handle, sql, NULL, NULL, NULL) == SQLITE_OK
               ? 0
               : rdv__database_fail(database);
}

int rdv__database_number(struct rdv__database *database, const char *sql, int64_t *ret_number)
{
    sqlite3_stmt *statement = NULL;
    int result = rdv__database_prepare(database, sql, &statement);
    if (result == 0) {
        result = rdv__database_row(database, statement);
        if (result == 1) {
            struct rdv__row row = {.statement = statement};
            int64_t number = rdv__row_number(&row, 0, -RDV__ROW_NUMBER_MAX, RDV__ROW_NUMBER_MAX);
            result = row.damaged ? rdv__database_refuse(database, RDV_ECORRUPT,
                                                        "a number is not as it was written")
                                 : 0;
            if (result == 0)
                *ret_number = number;
        }
    }
    sqlite3_finalize(statement);
    return result;
}

/* ----------------------------------------------------------------- binding */

struct rdv__binder rdv__bind(struct rdv__database *database, unsigned slot, const char *sql)
{
    struct rdv__binder binder = {.database = database, .result = database->failed};
    if (binder.result == 0)
        binder.result = rdv__database_statement(database, slot, sql, &binder.statement);
    return binder;
}

void rdv__bind_int(struct rdv__binder *binder, int64_t number)
{
    if (binder->result == 0)
        sqlite3_bind_int64(binder->statement, ++binder->index, number);
}

/* Text and bytes are borrowed until the statement has run. */
void rdv__bind_text(struct rdv__binder *binder, const char *text)
{
    if (binder->result == 0)
        sqlite3_bind_text(binder->statement, ++binder->index, text, -1, SQLITE_STATIC);
}

void rdv__bind_bytes(struct rdv__binder *binder, const void *bytes, size_t size)
{
    if (binder->result == 0)
        sqlite3_bind_blob64(binder->statement, ++binder->index, size ? bytes : "", size,
                            SQLITE_STATIC);
}

int rdv__bound_run(struct rdv__binder *binder)
{
    return binder->result != 0 ? binder->result
                               : rdv__database_run(binder->database, binder->statement);
}

int rdv__bound_row(struct rdv__binder *binder)
{
    return binder->result != 0 ? binder->result
                               : rdv__database_row(binder->database, binder->statement);
}

/* Get one number, or RDV_ENOTFOUND if there is no row. */
int rdv__bound_number(struct rdv__binder *binder, int64_t *ret_number)
{
    int result = rdv__bound_row(binder);
    if (result != 1)
        return result < 0 ? result : RDV_ENOTFOUND;
    *ret_number = sqlite3_column_int64(binder->statement, 0);
    sqlite3_reset(binder->statement);
    return 0;
}
