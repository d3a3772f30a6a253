/* SPDX-License-Identifier: MIT */
/*
 * The store's inside: one SQLite file, its writer lock, its migrations, and the one rule of writing,
 * stage -> commit -> apply -> answer.
 *
 * Who writes:
 *   1. rdv__store_stage(): begins a transaction if none is open. On failure nothing was staged.
 *   2. writes records (records.h), of which some wait for the commit. If one fails, the whole batch is lost: call
 *      rdv__store_fail() with its result; every change of the batch, this one included if it was deferred already, is settled
 *      with that error.
 *   3. changes its own memory so that later decisions of this batch see it, and defers a change that can undo that.
 * When the batch is committed, each change is settled with 0, in order: now the world may hear of it. When it could not be,
 * each is settled with the error, in reverse order: memory goes back to what it was.
 *
 * settle(0) is called from the loop's turn only (its settle phase), never from inside a caller's function; settle(error) at
 * once.
 */
#ifndef RDV__STORE_H
#define RDV__STORE_H

#include <stdbool.h>

#include <rdvtask/loop.h>
#include <rdvtask/store.h>

struct rdv__database;
struct rdv__schema;

/* Embedded in its owner, in one batch at a time. settle may free its owner, and may stage new changes. */
struct rdv__store_change {
    void (*settle)(struct rdv__store_change *change, int result);
    const void *owner; /* who disowns it when it is freed before the change is settled */
    struct rdv__store_change *next; /* the store's */
};

/* Have the store commit in each of the loop's turns, until as many have disowned as have attached. RDV_ESTATE for another loop. */
int rdv__store_attach(rdv_store *store, rdv_loop *loop);

/* Join the open batch, or begin one. RDV_EREADONLY; RDV_ESTATE inside a listing; the error of a batch that was lost while it was
 * held, or in this turn with changes of calls in it; or what SQLite says. */
int rdv__store_stage(rdv_store *store);

/* Settle this change when the batch ends. Only between stage and commit. */
void rdv__store_defer(rdv_store *store, struct rdv__store_change *change);

/*
 * The owner, which has attached, is being freed: commit what is open (a held batch is undone), then settle all changes of this owner that wait for
 * their turn with RDV_ESHUTDOWN. The owner frees what belongs to them, and does nothing else.
 */
void rdv__store_disown(rdv_store *store, const void *owner);

/* The batch can't be committed any more: undo it now. Returns result, which is not 0. */
int rdv__store_fail(rdv_store *store, int result);

/* Commit the open batch, unless it is held open: then 0. With no open batch: 0. */
int rdv__store_commit(rdv_store *store);

/* Hold the batch open until release (commit = false: undo it). RDV_ESTATE if it is held already / not held. A batch that
 * failed while it was held gives its error at release. */
int rdv__store_hold(rdv_store *store);
int rdv__store_release(rdv_store *store, bool commit);
bool rdv__store_is_held(const rdv_store *store);

/* Whether a commit has found that the store's file, or what belongs to it, was removed or replaced. Nothing is written any more, and
 * RDV_ELOST is what all who try are told. */
bool rdv__store_is_lost(const rdv_store *store);

/* The open batch, if it is not held, is committed, or undone if that fails; then one consistent view of the store until
 * end_view. Nothing can be staged meanwhile. Views may be nested: an inner one sees what the outer one does. */
int rdv__store_begin_view(rdv_store *store);
void rdv__store_end_view(rdv_store *store);

/* What the records are written to and read from. */
struct rdv__database *rdv__store_database(rdv_store *store);

/* rdv_store_open() with another schema than ours: how a test has an older or a newer store. */
int rdv__store_open_as(const char *path, const rdv_store_options *options,
                       const struct rdv__schema *schema, rdv_store **ret_store,
                       struct rdv_error *error);

/* The path of the file, absolute and with symbolic links followed; NULL for a store in memory. */
const char *rdv__store_path(const rdv_store *store);

#endif
