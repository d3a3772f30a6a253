/* SPDX-License-Identifier: MIT */
/**
 * @file store.h
 * The durable store: one SQLite file with the schedule, the history and the task agent's journal.
 *
 * One process at a time writes to a store. It holds the writer lock, which is on the file itself;
 * FILE.lock names the holder. Any number of processes may read meanwhile. A store is used on one
 * thread, "the store's thread"; for a store that is written to, that is the loop's owner thread.
 *
 * "An error of the store" is one of
 *  - RDV_ENOSPC, RDV_EIO, RDV_EACCES, RDV_EREADONLY, RDV_ENOTFOUND (its files have gone): the
 *    system's errors;
 *  - RDV_ECORRUPT;
 *  - RDV_ELOST: its files were removed or replaced while it was open;
 *  - RDV_ELOCKED: another program has locked the database;
 *  - RDV_ELIMIT: more than SQLite takes;
 *  - RDV_ENOMEM;
 *  - RDV_ESTATE: a change from inside a listing of the store.
 * In a batch that is lost, every call returns the error that the batch was lost by.
 * rdv_store_message() has the words.
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

/** An open store. */
typedef struct rdv_store rdv_store;

/** Open for reading only: the file must exist, no lock is taken, and nothing is migrated. */
#define RDV_STORE_READ_ONLY 1u

/** How a store is opened. */
typedef struct rdv_store_options {
    /** sizeof(rdv_store_options); rdv_store_options_init() sets it. */
    size_t size;
    /** RDV_STORE_…. Default 0. */
    unsigned flags;
    /** How many finished entries are kept at most; 0 = no limit. Default 10,000. */
    int64_t history_count;
    /** How long finished entries are kept at most; 0 = no limit. Default 0. */
    rdv_duration history_age;
    /**
     * The name of this program, for a process that finds the store locked. NULL = "rdvtask
     * library".
     */
    const char *holder;
} rdv_store_options;

/** Set the size and the defaults. Any thread. */
RDV_API void rdv_store_options_init(rdv_store_options *options);

/**
 * Open a store. It is made if it is not there, with files that only the user of the process may
 * read; an older one is migrated.
 *
 * The file, the folders on the way to it and what SQLite reads beside it must belong to root or to
 * the user of the process, and nobody else may be able to write to them; a folder with the sticky
 * bit is allowed. The file must have one name only (no hard links).
 *
 * If the file is removed, moved or replaced while the store is open, nothing more is written: all
 * functions that write return RDV_ELOST from then on, and the trigger agent ends
 * (rdv_trigger_options.terminated). On Unix a program must not open and close the file itself while
 * a store on it is open, as that drops the locks of the whole process.
 *
 * @param path       the file, whose directory must exist. NULL = in memory, gone when it is closed.
 * @param options    NULL = defaults.
 * @param ret_store  owned by the caller, who gives it to rdv_store_close().
 * @param error      may be NULL. Its text names the file, and for RDV_ELOCKED the holder, and says
 *   what can be done.
 * @return 0; RDV_EINVAL, also for a path that is not a regular file, or a file with several names;
 *   RDV_ELOCKED if another process, or another store object of this process, writes to it, or if
 *   another program has locked the database; RDV_ECORRUPT; RDV_ENEWER; RDV_EREADONLY; RDV_EACCES;
 *   RDV_ENOSPC; RDV_EIO; RDV_ENOTFOUND if there is no directory, or, for reading only, no file or
 *   an empty one; RDV_ESTATE if it is opened for reading only and has to be migrated first;
 *   RDV_ENOMEM.
 * Any thread.
 */
RDV_API int rdv_store_open(const char *path, const rdv_store_options *options,
                           rdv_store **ret_store, struct rdv_error *error);

/**
 * Close a store. Changes that were not committed are undone. The agent and the trigger on it must
 * be freed before; their loop may be freed before or after. NULL is allowed.
 * The store's thread.
 */
RDV_API void rdv_store_close(rdv_store *store);

/**
 * The words of the store's last failure: one line that names the file and says what can be done.
 * @return never NULL; "" if there was no failure. Valid until the next call on the store.
 * The store's thread.
 */
RDV_API const char *rdv_store_message(const rdv_store *store);

/** One line of an entry's history. */
typedef struct rdv_change {
    /** When it happened. */
    rdv_time at;
    /** The status from then on. */
    rdv_status status;
    /** Which try of the work it was. */
    int attempt;
    /** Percent; -1 = not known. */
    int progress;
    /** The exit code or RDV_E… constant; 0 for none. */
    int code;
    /** Words for people; "" for none. */
    const char *message;
} rdv_change;

/**
 * An entry: a task with its window, and all that happened to it. It is valid during the callback
 * that it is given to.
 */
typedef struct rdv_entry {
    /** sizeof(rdv_entry) of the library. */
    size_t size;
    /** The entry's run number. An identifier may be used again; a run number never is. */
    int64_t run;
    /** The number of its latest change. These numbers grow over all entries of the store. */
    int64_t change;
    const char *identifier;
    const char *label;
    rdv_window window;
    /** Bytes of its task's context. */
    size_t context_size;
    rdv_state state;
    /** The status of the latest report. */
    rdv_status status;
    rdv_outcome outcome;
    /** Whether it is running and was asked to end. */
    bool cancelling;
    /** Which try of the work; 0 = not started. */
    int attempt;
    /** Percent; -1 = not known. */
    int progress;
    /** The code of the latest report. */
    int code;
    /** The message of the latest report; "" for none. */
    const char *message;
    rdv_time scheduled_at;
    /** 0 = not started. */
    rdv_time started_at;
    /** 0 = not finished. */
    rdv_time finished_at;
    /**
     * What happened, oldest first: scheduled, started, each report, the end. Only with
     * RDV_FILTER_CHANGES.
     */
    const rdv_change *changes;
    /** How many changes there are. */
    size_t change_count;
    /** The end of what its processes printed, or NULL. Only with RDV_FILTER_OUTPUT. */
    const char *output;
    /** Bytes of output. They are raw bytes from outside: escape them before they are shown. */
    size_t output_size;
} rdv_entry;

/** The flags of an rdv_filter. */
#define RDV_FILTER_PENDING  1u  /**< entries that have not started */
#define RDV_FILTER_RUNNING  2u  /**< entries that are running */
#define RDV_FILTER_FINISHED 4u  /**< the history */
#define RDV_FILTER_CHANGES  8u  /**< fill in `changes` */
#define RDV_FILTER_OUTPUT   16u /**< fill in `output` */

/** Which entries are wanted. All zeros but for the size: all of them. */
typedef struct rdv_filter {
    /** sizeof(rdv_filter), set by the caller. */
    size_t size;
    /** RDV_FILTER_…. With none of PENDING, RUNNING and FINISHED, entries in all three states. */
    unsigned flags;
    /** Only entries with this identifier. NULL = all. */
    const char *identifier;
    /** Only the entry with this run number. 0 = all. */
    int64_t run;
    /** At most this many: the first ones, but of finished entries the last ones. 0 = all. */
    int64_t limit;
} rdv_filter;

/** Called for each entry. A result other than 0 ends the listing and becomes its result. */
typedef int (*rdv_entry_fn)(void *user, const rdv_entry *entry);

/**
 * Call fn for each entry that the filter lets through: finished ones first, in the order in which
 * they ended, then running ones by run number, then pending ones in the order in which they would
 * start if all were in their windows. The listing is one consistent view, in which the writes of
 * other processes do not show.
 *
 * @param filter  NULL = all entries.
 * @param fn      may list entries, but must not write to the store or close it.
 * @return 0, fn's result, RDV_EINVAL, or an error of the store.
 * The store's thread.
 */
RDV_API int rdv_store_entries(rdv_store *store, const rdv_filter *filter, rdv_entry_fn fn,
                              void *user);

/**
 * Whether tasks are paused (rdv_trigger_pause()). The store remembers this when the trigger agent
 * has ended.
 * @return 0, RDV_EINVAL, or an error of the store.
 * The store's thread.
 */
RDV_API int rdv_store_paused(rdv_store *store, bool *ret_paused);

#ifdef __cplusplus
}
#endif

#endif
