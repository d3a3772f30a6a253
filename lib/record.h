/* SPDX-License-Identifier: MIT */
/*
 * What the store holds, as typed records: the trigger's entries, history and reports, the agent's journal and outputs.
 * All SQL on them is here. Writers must be between rdv__store_stage() and the commit.
 *
 * How to change a record: add a migration at the end of the list in store.c, then change the statements in record.c.
 */
#ifndef RDV__RECORD_H
#define RDV__RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "queue.h"
#include <rdvtask/store.h>
#include <rdvtask/task.h>

/* ---- the trigger's entries (unfinished) and history (finished) ---- */

/* Why a run is to end before it has reported its end. The numbers are stored, as `cancelling`. */
enum rdv__ending {
    RDV__ENDING_NONE = 0,
    RDV__ENDING_CANCEL = 1,
    RDV__ENDING_LIMIT = 2,
    RDV__ENDING_TOO_OFTEN = 3
};

/* How often a run was cut short so far: see cut.h. */
struct rdv__cuts {
    int interruptions;
    int reboots;       /* those that it had asked for */
    int stops;         /* in order, of one step in one boot */
    int64_t stop_step; /* the step of these stops */
    int64_t
        stopped; /* the boot in which it was stopped in order, and has not begun again since; 0 = it was not */
};

/* The parts of an entry that change while it runs. Strings are borrowed. */
struct rdv__progress {
    rdv_status status;
    enum rdv__ending ending; /* of a run; it is not kept once the run has ended */
    int attempt, progress, code;
    const char *message; /* never NULL */
};

/* The number for a new entry: larger than all before, also those that are gone. */
int64_t rdv__record_next_number(rdv_store *store);

/* The number of the newest entry, also of one that is gone; 0 before the first. */
int64_t rdv__record_last_number(rdv_store *store);

/* The number of the change that was written last. */
int64_t rdv__record_last_change(rdv_store *store);

/* A new pending entry; the task is referenced. It is written when the batch ends, when as much waits as may, or when more than its
 * start is to be done with it: a start in the same batch takes no statement of its own. The number is larger than all before. */
int rdv__record_schedule(rdv_store *store, int64_t number, const rdv_window *window, rdv_task *task,
                         rdv_time now);
int rdv__record_forget(rdv_store *store, int64_t number); /* replaced: gone without a trace */
int rdv__record_start(rdv_store *store, int64_t number, rdv_time now); /* its first attempt */
int rdv__record_cuts(rdv_store *store, int64_t number, const struct rdv__cuts *cuts);
/* Write a report, or why the run is to end. keep: also as a line of its own in the history, not only as the latest word. */
int rdv__record_report(rdv_store *store, int64_t number, const struct rdv__progress *progress,
                       rdv_time now, bool keep);
/* Ends an entry: moves it to the history. */
int rdv__record_finish(rdv_store *store, int64_t number, rdv_outcome outcome,
                       const struct rdv__progress *progress, rdv_time now);
/* Ends a run: the same, from what memory knows of it, so that nothing has to be read. */
struct rdv__record_run {
    int64_t number;
    const rdv_task *task;
    rdv_window window;
    rdv_time scheduled_at, started_at;
};
int rdv__record_finish_run(rdv_store *store, const struct rdv__record_run *run, rdv_outcome outcome,
                           const struct rdv__progress *progress, rdv_time now);
/* Trim the history by the store's limits; cheap when there is nothing to do. */
int rdv__record_retain(rdv_store *store, rdv_time now);

/* Whether the trigger agent is paused, which outlives it. */
int rdv__record_set_paused(rdv_store *store, bool paused);
int rdv__record_get_paused(rdv_store *store, bool *ret_paused);

/* All unfinished entries, in order of their numbers: one sequential scan. To be done before entries are changed. RDV_ECORRUPT for
 * one that was never written like this; an error of fn ends the scan, and is returned. */
struct rdv__record_key {
    struct rdv__keys keys;
    const char *identifier; /* borrowed during the callback, and without a NUL at its end */
    size_t identifier_size;
    bool running;
};
int rdv__record_scan(rdv_store *store, int (*fn)(void *user, const struct rdv__record_key *key),
                     void *user);

/* One unfinished entry, with its task made new. */
struct rdv__record_entry {
    rdv_task *task; /* the caller's; its run is the number */
    rdv_window window;
    rdv_time scheduled_at, started_at;
    int64_t change; /* its latest */
    bool running;
    enum rdv__ending ending;
    struct rdv__cuts cuts;
    rdv_status status;
    int attempt, progress, code;
    char message[RDV_MESSAGE_MAX + 1];
};
int rdv__record_load(rdv_store *store, int64_t number, struct rdv__record_entry *ret_entry);

/* Whether the unfinished entry with this number has this identifier. */
int rdv__record_identifier_is(rdv_store *store, int64_t number, const char *identifier,
                              bool *ret_is);

/* ---- the agent's journal: one row for each run of steps that is not finished ---- */

struct rdv__journal {
    const char *identifier; /* the key */
    const char *label;
    const void *context;
    size_t context_size;
    int64_t run;
    int step;     /* 0-based: this step was about to start or had started */
    int attempt;  /* of the step, from 1: how often it was started */
    int failures; /* how many tries of the step have failed: what `retries` counts */
    /* How often each step was started, from the first on: numbers with spaces between them. What is left out is as the step's place
     * says, and so is all with "" (or NULL, when written): each step before this one was started once, and none after it. */
    const char *starts;
    /* The handler's grace: how long what is left of the run has to end; -1 = not known. */
    rdv_duration grace;
    /* The run's mark in the environment of its processes, which nobody can guess; "" (or NULL) for a run that an older
     * version has begun, and which has none. */
    const char *nonce;
    const char *state;   /* "step": see command_run.c for the words */
    int reboots;         /* how often the run has asked for one */
    const char *boot_id; /* which boot it asked in; "" (or NULL, to put) = it has not */
};
/* Write a run's row, in place of an older one of the identifier; or only move it to where the run is now, that is, change its step,
 * attempt, failures, starts and state, and leave the rest as it is. */
int rdv__journal_put(rdv_store *store, const struct rdv__journal *journal);
int rdv__journal_step(rdv_store *store, const struct rdv__journal *journal);
/* Whether there is a row of this run: 0, RDV_ENOTFOUND, or an error. */
int rdv__journal_has_run(rdv_store *store, int64_t run);
int rdv__journal_has_any(rdv_store *store, bool *ret_has);
int rdv__journal_delete(rdv_store *store, const char *identifier);
/* Call fn for each row whose run has its number from the trigger agent of this store, and is not among its unfinished entries any
 * more. fn must not touch the store, and gets borrowed pointers; if its result is not 0, this ends and returns it. */
int rdv__journal_orphans(rdv_store *store,
                         int (*fn)(void *user, const struct rdv__journal *journal), void *user);
/* Find a row: RDV_ENOTFOUND. fn gets borrowed pointers; its result is returned. */
int rdv__journal_get(rdv_store *store, const char *identifier,
                     int (*fn)(void *user, const struct rdv__journal *journal), void *user);
/* A run number for a task that has none of its trigger agent's: negative, never used before. */
int rdv__journal_new_run(rdv_store *store, int64_t *ret_run);

/* The tail of a run's output, for the history; in place of an earlier one. */
#define RDV__OUTPUT_TAIL 8192
int rdv__output_put(rdv_store *store, int64_t run, const void *tail, size_t size);

/* ---- the logs of runs, and how many bytes of the disk each takes ---- */

int rdv__log_put(rdv_store *store, int64_t run, int64_t bytes);
int rdv__log_get(rdv_store *store, int64_t run, int64_t *ret_bytes); /* RDV_ENOTFOUND */
int rdv__log_delete(rdv_store *store, int64_t run);
/* Add up the bytes of all logs. */
int rdv__log_sum(rdv_store *store, int64_t *ret_bytes);
/* Find the first log after that of a run, by number. RDV_ENOTFOUND if there is none. */
int rdv__log_next(rdv_store *store, int64_t after, int64_t *ret_run, int64_t *ret_bytes);
/* Find a log whose run the history has forgotten, or the oldest, which makes room first. RDV_ENOTFOUND if there is none. */
int rdv__log_unwanted(rdv_store *store, int64_t *ret_run);
int rdv__log_oldest(rdv_store *store, int64_t *ret_run);

/* Whether a run has not ended, by the entries or by the journal: 0, RDV_ENOTFOUND, or an error. */
int rdv__record_is_unfinished(rdv_store *store, int64_t run);

/* Get the numbers of entries that finished after this change; *change moves along. *ret_count is 0 at the end. */
int rdv__record_finished(rdv_store *store, int64_t *change, int64_t *numbers, size_t room,
                         size_t *ret_count);

/* Get or set a number that is kept under a name. RDV_ENOTFOUND if there is none. */
int rdv__record_get_number(rdv_store *store, const char *name, int64_t *ret_number);
int rdv__record_set_number(rdv_store *store, const char *name, int64_t number);

#endif
