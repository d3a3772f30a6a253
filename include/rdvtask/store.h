/* SPDX-License-Identifier: MIT */
/**
 * @file store.h
 * The durable store: one SQLite file with the schedule, the history and the task agent's journal.
 *
 * One process writes at a time and holds the writer lock (on the file itself; FILE.lock names the holder); any number of processes
 * may read meanwhile. A store belongs to the thread that uses it: for a writer that is the loop's owner thread.
 *
 * "An error of the store" is RDV_ENOSPC, RDV_EIO, RDV_EACCES, RDV_EREADONLY or RDV_ENOTFOUND (its files have gone) for what the
 * system says; RDV_ECORRUPT; RDV_ELOST (its files were removed or replaced while it was open); RDV_ELOCKED (another program has
 * the database); RDV_ELIMIT (more than SQLite takes); RDV_ENOMEM; RDV_ESTATE for a change from inside a listing of it; and inside a
 * batch that is lost, what it was lost by. rdv_store_message() has the words.
 */
#ifndef RDVTASK_STORE_H
#define RDVTASK_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rdvtask/base.h>
#include <rdvtask/task.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A store that is open. @since 0.1.0 */
typedef struct rdv_store rdv_store;

/** Open for reading only: the file must exist, no lock is taken, nothing is migrated. @since 0.1.0 */
#define RDV_STORE_READ_ONLY 1u

/** How a store is opened. @since 0.1.0 */
typedef struct rdv_store_options {
    size_t size;
    unsigned flags; /**< RDV_STORE_… */
    int64_t
        history_count; /**< how many finished entries are kept at most; 0 = no limit. Default 10,000 */
    rdv_duration
        history_age; /**< how long finished entries are kept at most; 0 = no limit. Default 0 */
    const char *
        holder; /**< who we are, for the process that finds the store locked; NULL = "rdvtask library" */
} rdv_store_options;

/** Set the size and the defaults. Any thread. @since 0.1.0 */
RDV_API void rdv_store_options_init(rdv_store_options *options);

/**
 * Open a store, and make it if it is not there, with files that only the user of the process may read; an older one is
 * migrated. The file, the folders on the way to it and what SQLite reads beside it have to belong to root or the user of the
 * process, and nobody else may write to them; a folder with the sticky bit is fine. The file may have one name only (no hard links).
 *
 * If the file is removed, moved or replaced while the store is open, the store writes nothing more: all functions that write return
 * RDV_ELOST from then on, and the trigger agent ends (rdv_trigger_options.terminated). On Unix a program must not open and
 * close the file by itself while a store on it is open: that drops the locks of the whole process.
 *
 * @param path     the file; its directory must exist. NULL = in memory, gone when closed.
 * @param options  NULL = defaults.
 * @param ret_store  owned by the caller: rdv_store_close().
 * @param error    optional; its text names the file, and for RDV_ELOCKED the holder, and says what can be done.
 * @return 0; RDV_EINVAL (also for a path that is no regular file, or a file with several names); RDV_ELOCKED if another process (or
 * another store object of this one) writes to it, or another program has the database; RDV_ECORRUPT, RDV_ENEWER; RDV_EREADONLY,
 * RDV_EACCES, RDV_ENOSPC, RDV_EIO; RDV_ENOTFOUND (no directory; or, when read-only, no file or an empty one); RDV_ESTATE (when read-only: it has to be
 * migrated first); RDV_ENOMEM.
 * Any thread. @since 0.1.0
 */
RDV_API int rdv_store_open(const char *path, const rdv_store_options *options,
                           rdv_store **ret_store, struct rdv_error *error);

/**
 * Close a store; what was staged and not committed is undone. The agent and the trigger on it must be freed before; their loop
 * may be freed before or after. NULL is fine.
 * The store's thread. @since 0.1.0
 */
RDV_API void rdv_store_close(rdv_store *store);

/**
 * The words of the last failure of this store, one line, which names the file and says what can be done: never NULL, "" if there
 * was none. Valid until the next call.
 * The store's thread. @since 0.1.0
 */
RDV_API const char *rdv_store_message(const rdv_store *store);

/** One line of an entry's history. @since 0.1.0 */
typedef struct rdv_change {
    rdv_time at;
    rdv_status status;
    int attempt;
    int progress; /**< -1 = not known */
    int code;
    const char *message; /**< "" for none */
} rdv_change;

/**
 * An entry: a task with its window, and all that happened to it. Valid during the callback that it is handed to.
 * @since 0.1.0
 */
typedef struct rdv_entry {
    size_t size;    /**< sizeof(rdv_entry) of the library */
    int64_t run;    /**< the entry's number: identifiers come back, numbers don't */
    int64_t change; /**< the number of its latest change, growing over all entries of the store */
    const char *identifier;
    const char *label;
    rdv_window window;
    size_t context_size;
    rdv_state state;
    rdv_status status;
    rdv_outcome outcome;
    bool cancelling;     /**< running, and asked to end */
    int attempt;         /**< 0 = not started */
    int progress;        /**< -1 = not known */
    int code;            /**< of the latest report */
    const char *message; /**< of the latest report; "" for none */
    rdv_time scheduled_at;
    rdv_time started_at;  /**< 0 = not started */
    rdv_time finished_at; /**< 0 = not finished */
    const rdv_change *
        changes; /**< oldest first: scheduled, started, each report, the end; only with RDV_FILTER_CHANGES */
    size_t change_count;
    const char *
        output; /**< the tail of what its processes printed, or NULL; only with RDV_FILTER_OUTPUT */
    size_t
        output_size; /**< bytes of output: raw bytes from outside, to be escaped before they are shown */
} rdv_entry;

/** The flags of an rdv_filter. @since 0.1.0 */
#define RDV_FILTER_PENDING  1u  /**< entries that have not started */
#define RDV_FILTER_RUNNING  2u  /**< entries that run */
#define RDV_FILTER_FINISHED 4u  /**< the history */
#define RDV_FILTER_CHANGES  8u  /**< fill in `changes` */
#define RDV_FILTER_OUTPUT   16u /**< fill in `output` */

/** Which entries are wanted. @since 0.1.0 */
typedef struct rdv_filter {
    size_t size;
    unsigned flags;         /**< RDV_FILTER_…; with none of the first three: all entries */
    const char *identifier; /**< only this identifier; NULL = all */
    int64_t run;            /**< only this number; 0 = all */
    int64_t limit;          /**< the first so many (of finished ones: the last so many); 0 = all */
} rdv_filter;

/** Called for each entry; a result other than 0 ends the listing and becomes its result. @since 0.1.0 */
typedef int (*rdv_entry_fn)(void *user, const rdv_entry *entry);

/**
 * Call fn for each entry that the filter lets through: finished ones first in the order in which they ended, then running
 * ones by number, then pending ones in the order in which they would start if all were in their windows.
 * One consistent view: what other processes write meanwhile is not seen.
 *
 * @param filter  NULL = all.
 * @return 0, fn's result, RDV_EINVAL, or an error of the store.
 * The store's thread; fn may list, and must not write to the store or close it. @since 0.1.0
 */
RDV_API int rdv_store_entries(rdv_store *store, const rdv_filter *filter, rdv_entry_fn fn,
                              void *user);

/**
 * Whether tasks are paused (rdv_trigger_pause()), which outlives the trigger agent.
 * @return 0, RDV_EINVAL, or an error of the store.
 * The store's thread. @since 0.1.0
 */
RDV_API int rdv_store_paused(rdv_store *store, bool *ret_paused);

#ifdef __cplusplus
}
#endif

#endif
