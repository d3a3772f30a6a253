/* SPDX-License-Identifier: MIT */
/*
 * A store: it opens and closes the database, keeps other writers out, and has everything that is
 * staged in a turn of the loop committed at once. It knows no record: what writes and reads them
 * sits on it. All who write go through these states:
 *
 *                 stage                    commit                      turn
 *     nothing open -----> open, staged ----------> nothing open, done -----> settled with 0
 *                            | fail, or a commit that fails
 *                            v
 *                         undone, and settled with the error at once
 *
 * A held batch stays open until it is released. Nothing is staged while a view is open, or once the
 * files are lost.
 */
#include "store/store.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rdvtask/loop.h>

#include "base/error.h"
#include "loop/loop.h"
#include "platform/platform.h"
#include "store/database.h"
#include "store/schema.h"
#include "store/write_behind.h"

/* How long the files are not looked at again for having been emptied in place. To open one costs as
 * much as a tenth of a commit. */
#define EMPTIED_LOOK (RDV_SECOND / 10)

/* The longest word about a lock's holder, in bytes. */
#define HOLDER_MAX 256

/* The files in which SQLite keeps a store: the database, its log, and the memory that readers and
 * writers share. */
enum { FILE_DATABASE, FILE_LOG, FILE_MEMORY, FILES };

struct file {
    char *path; /* sqlite3_free() */
    struct rdv__plat_file_id id;
};

/* A list of changes, kept in the order in which they came. */
struct changes {
    struct rdv__store_change *first, **end;
};

struct rdv_store {
    struct rdv__database database;
    struct rdv__write_behind write_behind;
    struct rdv__plat_hold *hold; /* what keeps other writers out */
    struct rdv__plat_lock *lock; /* what names us to them, and keeps out those that know no other */
    struct file files[FILES];    /* of a writer, as they were when it was opened */
    int written;                 /* rows by its connection, when the files were last looked at */
    rdv_duration looked;         /* when that was, as rdv__plat_running() has it */
    bool lost;                   /* the files are gone: nothing is written any more */
    bool read_only, in_memory;

    rdv_loop *loop;
    struct rdv__turn commit_turn, settle_turn;
    int users; /* how many have attached and not disowned */

    bool open;      /* whether a transaction is open */
    bool held;      /* whether the batch is not to be committed before its release */
    int held_error; /* what became of a held batch that failed */
    bool for_calls; /* calls of rdv_loop_call() have staged something in the open transaction */
    int turn_error; /* what became of such a transaction that failed before the turn's commit */
    /* Another connection has the database: it is not waited for again before it was free once. */
    bool impatient;
    int views;               /* how many listings are under way */
    struct changes staged;   /* in the open transaction */
    struct changes undoing;  /* in a transaction that failed, the latest first */
    struct changes done;     /* committed, to be settled in the loop's turn */
    struct changes settling; /* being settled */

    sqlite3_stmt *begin, *commit, *rollback;
};

struct rdv__database *rdv__store_database(rdv_store *store)
{
    return &store->database;
}

const char *rdv_store_message(const rdv_store *store)
{
    return store ? store->database.last.text : "";
}

/* ----------------------------------------------------------------- changes */

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

static void changes_prepend(struct changes *changes, struct rdv__store_change *change)
{
    change->next = changes->first;
    changes->first = change;
    if (!change->next)
        changes->end = &change->next;
}

static struct rdv__store_change *changes_pop(struct changes *changes)
{
    struct rdv__store_change *change = changes->first;
    if (change) {
        changes->first = change->next;
        if (!changes->first)
            changes->end = &changes->first;
    }
    return change;
}

static void changes_move(struct changes *to, struct changes *from)
{
    if (!from->first)
        return;
    *to->end = from->first;
    to->end = from->end;
    changes_clear(from);
}

/* Move the changes of an owner from one list to another. */
static void changes_take(struct changes *changes, const void *owner, struct changes *mine)
{
    struct changes others;
    changes_clear(&others);
    for (struct rdv__store_change *change; (change = changes_pop(changes)) != NULL;)
        changes_append(change->owner == owner ? mine : &others, change);
    changes_move(changes, &others);
}

/* ------------------------------------------------------------------- files */

static const char *const file_suffixes[FILES] = {"", "-wal", "-shm"};

/* Whether the name is still that of the file that we have open. *ret_other: whether it is that of
 * another file by now. */
static bool is_ours(const struct file *file, bool *ret_other)
{
    struct rdv__plat_file_id now;
    const bool there = rdv__plat_file_id(file->path, &now);
    const bool ours = there && now.device == file->id.device && now.file == file->id.file;
    *ret_other = there && !ours;
    return ours;
}

/* Remember which files they are, once all of them are there. */
static int remember_files(rdv_store *store)
{
    const char *path = rdv__store_path(store);
    for (size_t i = 0; i < FILES; i++) {
        struct file *file = &store->files[i];
        file->path = sqlite3_mprintf("%s%s", path, file_suffixes[i]);
        if (!file->path)
            return rdv__database_refuse(&store->database, RDV_ENOMEM, "");
        if (!rdv__plat_file_id(file->path, &file->id))
            return rdv__database_refuse(&store->database, RDV_ELOST, "while it was being opened");
    }
    store->written = sqlite3_total_changes(store->database.handle);
    return 0;
}

/*
 * Whether somebody has emptied the database or its log in place. SQLite does not notice: it writes
 * on where it was. After a commit that has written something, the log begins with its magic number,
 * and the database is never empty.
 */
static bool is_emptied(rdv_store *store)
{
    static const char magic[] = {0x37, 0x7f, 0x06};
    const int written = sqlite3_total_changes(store->database.handle);
    const rdv_duration moment = rdv__plat_running();
    struct rdv__plat_file_id now;
    if (written == store->written || !store->files[FILE_MEMORY].path ||
        moment - store->looked < EMPTIED_LOOK)
        return false;
    store->written = written;
    store->looked = moment;
    return !rdv__plat_file_begins(store->files[FILE_LOG].path, magic, sizeof magic) ||
           !rdv__plat_file_id(store->files[FILE_DATABASE].path, &now) || now.empty;
}

/*
 * Check that what was just committed can be found again on the disk. A look before the commit would
 * prove nothing. If a name leads elsewhere, or nowhere, all that is written from now on is lost
 * when the last descriptor is closed.
 */
static int check_files(rdv_store *store)
{
    bool other;
    for (size_t i = 0; i < FILES && !store->lost; i++)
        store->lost = store->files[i].path && !is_ours(&store->files[i], &other);
    store->lost = store->lost || is_emptied(store);
    if (!store->lost)
        return 0;
    if (store->loop)
        rdv__loop_again(store->loop); /* for the trigger agent, which ends */
    return rdv__database_refuse(&store->database, RDV_ELOST,
                                "what is written to it can't be found again");
}

bool rdv__store_is_lost(const rdv_store *store)
{
    return store->lost;
}

/*
 * When a database is closed, SQLite moves the log into it, and removes the two files beside it by
 * their names. It does neither if the database has another name by now: then the log is emptied
 * here, as it does not belong to the file that has the name now. Files that belong to somebody else
 * by now are left alone.
 */
static void forget_files(rdv_store *store)
{
    bool other = false, others = false;
    if (!store->files[FILE_MEMORY].path)
        goto out;
    (void)is_ours(&store->files[FILE_LOG], &other);
    (void)is_ours(&store->files[FILE_MEMORY], &others);
    others |= other;
    if (others)
        (void)sqlite3_db_config(store->database.handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    else if (!is_ours(&store->files[FILE_DATABASE], &other))
        (void)sqlite3_wal_checkpoint_v2(store->database.handle, NULL, SQLITE_CHECKPOINT_TRUNCATE,
                                        NULL, NULL);
out:
    for (size_t i = 0; i < FILES; i++)
        sqlite3_free(store->files[i].path);
}

/* -------------------------------------------------------------- connections */

/* Set up the database for a writer. */
static int use_settings(rdv_store *store)
{
    /* A log that one large batch has grown is cut back to twice what it grows to otherwise. */
    int result = rdv__database_execute(
        &store->database, store->in_memory ? "PRAGMA journal_mode=MEMORY"
                                           : "PRAGMA synchronous=FULL; PRAGMA journal_mode=WAL;"
                                             "PRAGMA journal_size_limit=8388608");
    /* An inner page of a table has some 450 pages below it: with fewer pages in memory, a large
     * batch would write it early, and then, with everything behind it in the log, again. */
    if (result == 0)
        result = rdv__database_execute(&store->database,
                                       "PRAGMA temp_store=MEMORY; PRAGMA cache_size=-2000");
    return result;
}

static int prepare_batches(rdv_store *store)
{
    int result = rdv__database_prepare(&store->database, "BEGIN IMMEDIATE", &store->begin);
    if (result == 0)
        result = rdv__database_prepare(&store->database, "COMMIT", &store->commit);
    if (result == 0)
        result = rdv__database_prepare(&store->database, "ROLLBACK", &store->rollback);
    return result;
}

static void forget_statements(rdv_store *store)
{
    sqlite3_stmt **batches[] = {&store->begin, &store->commit, &store->rollback};
    rdv__database_forget_statements(&store->database);
    for (size_t i = 0; i < sizeof batches / sizeof *batches; i++) {
        sqlite3_finalize(*batches[i]);
        *batches[i] = NULL;
    }
}

static bool is_reading(const rdv_store *store)
{
    sqlite3_stmt *statement = NULL;
    while ((statement = sqlite3_next_stmt(store->database.handle, statement)) != NULL)
        if (sqlite3_stmt_busy(statement))
            return true;
    return store->views > 0;
}

/*
 * If releasing a lock fails, SQLite forgets that it has the lock, or believes that it still has
 * one, and can't write any more until it is closed. Nobody else can begin to write meanwhile: our
 * own lock on the file stays. If it can't be opened again, a handle that refuses everything is
 * kept, and the next attempt to write tries to open it again.
 */
static int reconnect(rdv_store *store)
{
    bool other;
    if (!store->files[FILE_MEMORY].path || is_reading(store))
        return RDV_EIO;
    for (size_t i = 0; i < FILES; i++)
        if (!is_ours(&store->files[i], &other) && (other || i == FILE_DATABASE))
            return RDV_EIO;
    forget_statements(store);
    store->impatient = false;
    store->written = 0;
    int result = rdv__database_open(&store->database, store->files[FILE_DATABASE].path,
                                    SQLITE_OPEN_READWRITE);
    if (result == 0)
        result = use_settings(store);
    if (result == 0)
        result = prepare_batches(store);
    for (size_t i = 0; i < FILES && result == 0; i++)
        if (!rdv__plat_file_id(store->files[i].path, &store->files[i].id))
            result = RDV_EIO;
    return result;
}

/* ----------------------------------------------------------------- batches */

static void roll_back(rdv_store *store)
{
    /* SQLite may have rolled back by itself, after a full disk for one. */
    if (!sqlite3_get_autocommit(store->database.handle)) {
        sqlite3_step(store->rollback);
        sqlite3_reset(store->rollback);
    }
    rdv__write_behind_drop(&store->database);
    store->database.sequences.history_rows = -1;
    store->database.sequences.log_bytes = -1;
    store->database.sequences.gaps = true;
}

/* Undo the open batch, and settle all that was staged with an error, the latest first. */
static void abandon_batch(rdv_store *store, int result)
{
    store->open = false;
    store->for_calls = false;
    roll_back(store);
    for (struct rdv__store_change *change; (change = changes_pop(&store->staged)) != NULL;)
        changes_prepend(&store->undoing, change);
    for (struct rdv__store_change *change; (change = changes_pop(&store->undoing)) != NULL;)
        change->settle(change, result);
}

static int begin_transaction(rdv_store *store)
{
    int result = store->begin ? rdv__database_run(&store->database, store->begin) : RDV_EIO;
    if (result == RDV_EIO && reconnect(store) == 0)
        result = rdv__database_run(&store->database, store->begin);
    /* One wait is a courtesy, one for each change of a turn would stop the loop. */
    bool impatient = result == RDV_ELOCKED;
    if (impatient != store->impatient)
        rdv__database_set_patience(&store->database, !impatient);
    store->impatient = impatient;
    return result;
}

int rdv__store_stage(rdv_store *store)
{
    if (store->read_only)
        return rdv__database_refuse(&store->database, RDV_EREADONLY, "it was opened for reading");
    if (store->lost)
        return rdv__database_refuse(&store->database, RDV_ELOST, "nothing more is written to it");
    if (store->views > 0)
        return rdv__database_refuse(&store->database, RDV_ESTATE, "it is being listed");
    if (store->held_error != 0)
        return store->held_error;
    if (store->turn_error != 0)
        return store->turn_error;
    /* SQLite undoes a transaction by itself when it lacks memory or cannot read: nothing more may
     * be written then, as it would be there although its batch fails. */
    if (store->open && sqlite3_get_autocommit(store->database.handle))
        return rdv__store_fail(
            store, rdv__database_refuse(&store->database, RDV_EIO, "what was staged was undone"));
    if (!store->open) {
        int result = begin_transaction(store);
        if (result != 0)
            return result;
        store->open = true;
        if (store->loop)
            rdv__loop_again(store->loop);
    }
    store->for_calls |= store->loop && rdv__loop_in_call(store->loop);
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
    if (store->database.last.code != result && result != RDV_ECANCELLED) /* which is no failure */
        (void)rdv__database_refuse(&store->database, result, "");
    if (store->held)
        store->held_error = result;
    else if (store->for_calls)
        store->turn_error = result;
    abandon_batch(store, result);
    return result;
}

int rdv__store_commit(rdv_store *store)
{
    if (!store->open || store->held)
        return 0;
    int result = rdv__write_behind_flush(&store->database);
    if (result == 0)
        result = rdv__database_run(&store->database, store->commit);
    if (result == 0)
        result = check_files(store);
    if (result != 0)
        return rdv__store_fail(store, result);
    rdv__write_behind_drop(&store->database);
    store->open = false;
    store->for_calls = false;
    if (store->staged.first) {
        changes_move(&store->done, &store->staged);
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
        return rdv__database_refuse(&store->database, RDV_EREADONLY, "it was opened for reading");
    /* What others have staged in this turn is not part of the batch that begins: a failure is
     * theirs, and they are told. */
    (void)rdv__store_commit(store);
    store->held = true;
    store->held_error = 0;
    return 0;
}

bool rdv__store_is_held(const rdv_store *store)
{
    return store->held;
}

int rdv__store_release(rdv_store *store, bool commit)
{
    if (!store->held)
        return RDV_ESTATE;
    int result = store->held_error;
    store->held = false;
    store->held_error = 0;
    store->for_calls = false; /* whoever released it hears of a failure from here */
    if (commit)
        return result != 0 ? result : rdv__store_commit(store);
    if (store->open)
        abandon_batch(store, RDV_ECANCELLED);
    return 0;
}

/* The loop's commit phase: one commit for all of the turn. */
static int turn_commit(struct rdv__turn *turn)
{
    rdv_store *store = (rdv_store *)((char *)turn - offsetof(rdv_store, commit_turn));
    int result = rdv__store_commit(store);
    /* Changes of a call that had returned already were undone with the batch that another one lost.
     * */
    if (store->turn_error != 0)
        result = store->turn_error;
    store->turn_error = 0;
    return result;
}

/* The loop's settle phase: now the world may hear of what was committed. */
static int turn_settle(struct rdv__turn *turn)
{
    rdv_store *store = (rdv_store *)((char *)turn - offsetof(rdv_store, settle_turn));
    /* Only what is there now: what is committed meanwhile waits for the next turn, so that input is
     * not starved. */
    changes_move(&store->settling, &store->done);
    for (struct rdv__store_change *change; (change = changes_pop(&store->settling)) != NULL;)
        change->settle(change, 0);
    return 0;
}

static void leave_loop(rdv_store *store)
{
    if (!store->loop)
        return;
    rdv__loop_remove_turn(store->loop, &store->commit_turn);
    rdv__loop_remove_turn(store->loop, &store->settle_turn);
    store->loop = NULL;
}

int rdv__store_attach(rdv_store *store, rdv_loop *loop)
{
    if (store->loop && store->loop != loop)
        return RDV_ESTATE;
    store->users++;
    if (store->loop)
        return 0;
    store->loop = loop;
    store->commit_turn = (struct rdv__turn){.run = turn_commit, .phase = RDV__TURN_COMMIT};
    store->settle_turn = (struct rdv__turn){.run = turn_settle, .phase = RDV__TURN_SETTLE};
    rdv__loop_add_turn(loop, &store->commit_turn);
    rdv__loop_add_turn(loop, &store->settle_turn);
    if (store->open || store->done.first)
        rdv__loop_again(loop);
    return 0;
}

void rdv__store_disown(rdv_store *store, const void *owner)
{
    if (store->held)
        (void)rdv__store_release(store, false);
    (void)rdv__store_commit(store);
    struct changes mine;
    changes_clear(&mine);
    changes_take(&store->undoing, owner, &mine);
    changes_take(&store->settling, owner, &mine);
    changes_take(&store->done, owner, &mine);
    for (struct rdv__store_change *change; (change = changes_pop(&mine)) != NULL;)
        change->settle(change, RDV_ESHUTDOWN);
    if (store->users > 0 && --store->users == 0)
        leave_loop(store);
}

/* ------------------------------------------------------------------- views */

int rdv__store_begin_view(rdv_store *store)
{
    /* A failure is told to those who staged. What was there before can be read all the same. */
    (void)rdv__store_commit(store);
    /* A held batch's own transaction is a view already. */
    int result = 0;
    if (store->open)
        result = rdv__write_behind_flush(&store->database);
    else if (store->views == 0)
        result = rdv__database_execute(&store->database, "BEGIN");
    if (result != 0)
        return rdv__store_fail(store, result);
    store->views++;
    return 0;
}

void rdv__store_end_view(rdv_store *store)
{
    if (--store->views == 0 && !store->open && !sqlite3_get_autocommit(store->database.handle))
        sqlite3_exec(store->database.handle, "COMMIT", NULL, NULL, NULL);
}

/* ----------------------------------------------------------------- opening */

void rdv_store_options_init(rdv_store_options *options)
{
    *options = (rdv_store_options){.size = sizeof *options, .history_count = 10000};
}

/* Say who has the lock, as far as its file tells. */
static int say_who_has_lock(const rdv_store *store, const char *lock_path, struct rdv_error *error)
{
    char *holder = NULL;
    size_t size = 0;
    int read = rdv__plat_read_file(lock_path, HOLDER_MAX, &holder, &size, NULL);
    if (holder)
        holder[strcspn(holder, "\n")] = '\0';
    int result = rdv__fail(error, RDV_ELOCKED, "%s is in use by %s%s", store->database.name,
                           holder && *holder ? holder : "another process",
                           read == RDV_ENOTFOUND ? ", whose lock file was removed" : "");
    free(holder);
    return result;
}

/*
 * Take both locks. The one that counts is that on the file itself. The lock file beside it has our
 * name for those who are refused, and keeps out versions of rdvtask that know no other lock. It
 * lies beside the file, not beside a symbolic link to it.
 */
static int take_locks(rdv_store *store, const char *file, const char *holder,
                      struct rdv_error *error)
{
    size_t size = strlen(file) + sizeof ".lock";
    char *path = malloc(size);
    if (!path)
        return rdv__fail(error, RDV_ENOMEM, "out of memory");
    snprintf(path, size, "%s.lock", file);
    struct rdv_error trouble;
    int result = rdv__plat_hold_new(file, true, &store->hold, &trouble);
    /* It can be read, as was seen before. */
    if (result == RDV_EACCES)
        result = RDV_EREADONLY;
    if (result == 0)
        result = rdv__plat_lock(path, holder ? holder : "rdvtask library", &store->lock, &trouble);
    if (result == RDV_ELOCKED)
        result = say_who_has_lock(store, path, error);
    else if (result != 0)
        result = rdv__fail(error, result, "%s%s", trouble.text, rdv__database_advice(result));
    free(path);
    return result;
}

/* Whether something was left in the log. An empty log is as good as none. */
static bool has_log(const char *path)
{
    char *name = sqlite3_mprintf("%s-wal", path), *data = NULL;
    size_t size;
    int result = name ? rdv__plat_read_file(name, 0, &data, &size, NULL) : RDV_ENOMEM;
    free(data);
    sqlite3_free(name);
    return result != 0 && result != RDV_ENOTFOUND;
}

static int open_checked(rdv_store *store, const char *path, int flags,
                        const struct rdv__schema *schema, int *ret_version, struct rdv_error *error)
{
    int result = rdv__database_open(&store->database, path, flags);
    return result != 0 ? rdv__fail(error, result, "%s", store->database.last.text)
                       : rdv__schema_check(&store->database, schema, ret_version, error);
}

/* The path as a URI that says that nobody writes to the file. The caller frees it. */
static char *make_unchanging_uri(const char *path)
{
    static const char head[] = "file:", tail[] = "?immutable=1", digits[] = "0123456789abcdef";
    char *uri = malloc(strlen(path) * 3 + sizeof head + sizeof tail);
    if (!uri)
        return NULL;
    char *at = uri + sizeof head - 1;
    memcpy(uri, head, sizeof head);
    for (; *path; path++) {
        unsigned char byte = (unsigned char)*path;
        if (strchr("%?#", byte)) {
            *at++ = '%';
            *at++ = digits[byte >> 4];
            *at++ = digits[byte & 15];
        } else {
            *at++ = (char)byte;
        }
    }
    memcpy(at, tail, sizeof tail);
    return uri;
}

static int open_reader(rdv_store *store, const char *path, const struct rdv__schema *schema,
                       struct rdv_error *error)
{
    int version = 0;
    int result = rdv__plat_hold_new(path, false, &store->hold, error);
    if (result != 0)
        return result;
    result = open_checked(store, path, SQLITE_OPEN_READONLY, schema, &version, error);
    /*
     * Reading takes a file beside it for the memory that readers and writers share. Where none can
     * be made, on a read-only or a full disk, and no log is left behind, nobody is writing, and the
     * file can be read as it is.
     */
    int code = store->database.handle ? sqlite3_errcode(store->database.handle) & 0xff : SQLITE_OK;
    const bool no_memory = code == SQLITE_CANTOPEN || code == SQLITE_READONLY ||
                           code == SQLITE_IOERR || code == SQLITE_FULL;
    if (result != 0 && no_memory && !has_log(path)) {
        char *uri = make_unchanging_uri(path);
        if (!uri)
            return rdv__fail(error, RDV_ENOMEM, "out of memory");
        result = open_checked(store, uri, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, schema, &version,
                              error);
        free(uri);
    }
    if (result != 0)
        return result;
    if (version == 0)
        return rdv__fail(error, RDV_ENOTFOUND, "%s is empty: nothing was stored in it yet",
                         store->database.name);
    if (version < schema->version)
        return rdv__fail(error, RDV_ESTATE,
                         "%s has an older format: open it once for writing, which brings it up",
                         store->database.name);
    return 0;
}

/* The largest numbers that were given; none of these looks through a table. The latest changes of
 * unfinished entries are counted by the scan that reads them all anyway. */
static int load_sequences(rdv_store *store)
{
    struct rdv__sequences *sequences = &store->database.sequences;
    int result = rdv__database_number(
        &store->database,
        "SELECT max(coalesce((SELECT value FROM counter WHERE name = 'number'), 0),"
        " coalesce((SELECT max(number) FROM entry), 0),"
        " coalesce((SELECT number FROM history ORDER BY change DESC LIMIT 1), 0))",
        &sequences->last_number);
    sequences->told_number = sequences->last_number;
    if (result == 0)
        result = rdv__database_number(
            &store->database,
            "SELECT max(coalesce((SELECT value FROM counter WHERE name = 'change'), 0),"
            " coalesce((SELECT max(change) FROM history), 0))",
            &sequences->last_change);
    if (result == 0)
        result = rdv__database_number(
            &store->database,
            "SELECT coalesce((SELECT value FROM counter WHERE name = 'own_run'), 0)",
            &sequences->last_own_run);
    sequences->history_rows = -1;
    sequences->log_bytes = -1;
    return result;
}

/* The log and the shared memory have what the store has, so nobody may read them who may not read
 * it. */
static int protect_log(rdv_store *store)
{
    static const char *const suffixes[] = {"-wal", "-shm"};
    const char *path = rdv__store_path(store);
    int result = 0;
    for (size_t i = 0; result == 0 && i < sizeof suffixes / sizeof *suffixes; i++) {
        char *name = sqlite3_mprintf("%s%s", path, suffixes[i]);
        result = name ? rdv__plat_same_rights(path, name) : RDV_ENOMEM;
        sqlite3_free(name);
    }
    return result == 0 ? 0
                       : rdv__database_refuse(&store->database, result,
                                              "its rights can't be given to its log");
}

static int open_writer(rdv_store *store, const char *path, const char *holder,
                       const struct rdv__schema *schema, struct rdv_error *error)
{
    int version = 0;
    int result = path ? take_locks(store, path, holder, error) : 0;
    if (result != 0)
        return result;
    result = rdv__database_open(&store->database, path ? path : ":memory:", SQLITE_OPEN_READWRITE);
    if (result != 0)
        return rdv__fail(error, result, "%s", store->database.last.text);
    if (path && sqlite3_db_readonly(store->database.handle, "main") == 1)
        return rdv__fail(error, RDV_EREADONLY, "%s may only be read%s", store->database.name,
                         rdv__database_advice(RDV_EREADONLY));
    result = rdv__schema_check(&store->database, schema, &version, error);
    if (result != 0)
        return result;
    result = use_settings(store);
    if (result == 0)
        result = rdv__schema_migrate(&store->database, schema, version);
    if (result == 0)
        result = load_sequences(store);
    if (result == 0 && path)
        result = protect_log(store); /* now that they are there, and nothing has been stored */
    if (result == 0 && path)
        result = remember_files(store);
    if (result == 0)
        result = prepare_batches(store);
    return result == 0 ? 0 : rdv__fail(error, result, "%s", store->database.last.text);
}

int rdv__store_open_as(const char *path, const rdv_store_options *options,
                       const struct rdv__schema *schema, rdv_store **ret_store,
                       struct rdv_error *error)
{
    rdv_store *store = calloc(1, sizeof *store);
    if (!store || rdv__database_set_name(&store->database, path) != 0) {
        free(store);
        return rdv__fail(error, RDV_ENOMEM, "out of memory");
    }
    store->database.write_behind = &store->write_behind;
    store->in_memory = !path;
    store->read_only = options->flags & RDV_STORE_READ_ONLY;
    store->database.sequences.history_count = options->history_count;
    store->database.sequences.history_age = options->history_age;
    changes_clear(&store->staged);
    changes_clear(&store->undoing);
    changes_clear(&store->done);
    changes_clear(&store->settling);

    /* SQLite must not make the file, as it would let everyone read it. */
    char *found = NULL;
    int result = path ? rdv__plat_database_file(path, !store->read_only, &found, error) : 0;
    if (result == 0)
        result = store->read_only ? open_reader(store, found, schema, error)
                                  : open_writer(store, found, options->holder, schema, error);
    /* From now on, the files that SQLite has made or found beside it meanwhile are read and
     * written. */
    char *again = NULL;
    if (result == 0 && path)
        result = rdv__plat_database_file(found, false, &again, error);
    free(again);
    free(found);
    if (result != 0) {
        rdv_store_close(store);
        return result;
    }
    *ret_store = store;
    return 0;
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
    if (path && (path[0] == ':' || strncmp(path, "file:", 5) == 0)) /* ":memory:" for one */
        return rdv__fail(error, RDV_EINVAL,
                         "'%s' is no file to SQLite: write './%s' if it is the name of one", path,
                         path);
    return rdv__store_open_as(path, options, &rdv__schema, ret_store, error);
}

void rdv_store_close(rdv_store *store)
{
    if (!store)
        return;
    store->held = false;
    if (store->open)
        abandon_batch(store, RDV_ESHUTDOWN);
    assert(!store->done.first);
    leave_loop(store);
    forget_statements(store);
    forget_files(store);
    rdv__database_close(&store->database);
    rdv__plat_unlock(store->lock);
    rdv__plat_hold_free(store->hold, !store->read_only);
    free(store);
}

const char *rdv__store_path(const rdv_store *store)
{
    return store->in_memory ? NULL : sqlite3_db_filename(store->database.handle, "main");
}
