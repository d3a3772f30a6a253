/* SPDX-License-Identifier: MIT */
/*
 * A store for those that write to it: one SQLite file, its locks, and the one rule of writing,
 * stage -> commit -> apply -> answer.
 *
 * A writer
 *   1. calls rdv__store_stage(), which begins a transaction if none is open. On failure nothing was
 *      staged;
 *   2. writes records (records.h, journal.h, log_sizes.h), of which some wait for the commit. If
 *      one can't be written, the whole batch is lost: the writer calls rdv__store_fail() with the
 *      result, and every change of the batch, also this one if it was deferred already, is settled
 *      with that error;
 *   3. changes its own memory, so that later decisions of this batch see it, and defers a change
 *      that can undo that.
 * When the batch has been committed, each change is settled with 0, in order: now the world may
 * hear of it. If it could not be committed, each is settled with the error, in reverse order, and
 * memory goes back to what it was.
 *
 * settle(0) is called from the loop's turn only (its settle phase), never from inside a caller's
 * function; settle(error) at once.
 */
#ifndef RDV__STORE_STORE_H
#define RDV__STORE_STORE_H

#include <stdbool.h>

#include <rdvtask/loop.h>
#include <rdvtask/store.h>

struct rdv__database;
struct rdv__schema;

/* Embedded in its owner, in one batch at a time. settle may free its owner, and may stage new
 * changes. */
struct rdv__store_change {
    void (*settle)(struct rdv__store_change *change, int result);
    /* The object that disowns it when it is freed before the change is settled. */
    const void *owner;
    struct rdv__store_change *next; /* the store's */
};

/* Have the store commit in each of the loop's turns, until rdv__store_disown() was called as often
 * as this. RDV_ESTATE for another loop than before. */
int rdv__store_attach(rdv_store *store, rdv_loop *loop);

/* Join the open batch, or begin one. RDV_EREADONLY; RDV_ESTATE inside a listing; the error of a
 * batch that was lost while it was held, or in this turn with changes of calls in it; or what
 * SQLite says. */
int rdv__store_stage(rdv_store *store);

/* Settle this change when the batch ends. Only between stage and commit. */
void rdv__store_defer(rdv_store *store, struct rdv__store_change *change);

/*
 * Detach an owner that is being freed: commit what is open (a held batch is undone), then settle
 * all changes of this owner that wait for their turn with RDV_ESHUTDOWN. The owner frees what
 * belongs to them, and does nothing else.
 */
void rdv__store_disown(rdv_store *store, const void *owner);

/* Undo the open batch, as it can't be committed any more. Returns result, which is not 0. */
int rdv__store_fail(rdv_store *store, int result);

/* Commit the open batch, if there is one and it is not held. Returns 0 if there is nothing to do.
 * */
int rdv__store_commit(rdv_store *store);

/* Hold the batch open until it is released. RDV_ESTATE if it is held already. */
int rdv__store_hold(rdv_store *store);

/* Commit a held batch, or undo it. RDV_ESTATE if none is held; the error of a batch that failed
 * while it was held. */
int rdv__store_release(rdv_store *store, bool commit);
bool rdv__store_is_held(const rdv_store *store);

/* Whether a commit has found that the store's file, or what belongs to it, was removed or replaced.
 * From then on nothing is written, and each attempt gives RDV_ELOST. */
bool rdv__store_is_lost(const rdv_store *store);

/* Commit the open batch, if it is not held, or undo it if that fails; then keep one consistent view
 * of the store until rdv__store_end_view(). Nothing can be staged meanwhile. Views may be nested:
 * an inner one sees what the outer one does. */
int rdv__store_begin_view(rdv_store *store);
void rdv__store_end_view(rdv_store *store);

/* The database for the files that write and read records. */
struct rdv__database *rdv__store_database(rdv_store *store);

/* Open a store with another schema than ours. Tests get an older or a newer store in this way. */
int rdv__store_open_as(const char *path, const rdv_store_options *options,
                       const struct rdv__schema *schema, rdv_store **ret_store,
                       struct rdv_error *error);

/* The path of the file, absolute and with symbolic links followed; NULL for a store in memory. */
const char *rdv__store_path(const rdv_store *store);

#endif
