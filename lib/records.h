/* SPDX-License-Identifier: MIT */
/*
 * What the store holds, as typed records: the trigger's entries, history and reports, the agent's journal and outputs.
 * All SQL on them is here. Writers must be between rdv__store_stage() and the commit.
 *
 * How to change a record: add a migration at the end of the list in schema.c, then change the statements of the records.
 */
#ifndef RDV__RECORDS_H
#define RDV__RECORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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
/* Ends an entry that runs from what memory knows of it, so that nothing has to be read. */
struct rdv__known_entry {
    int64_t number;
    const rdv_task *task;
    rdv_window window;
    rdv_time scheduled_at, started_at;
};
int rdv__record_finish_known(rdv_store *store, const struct rdv__known_entry *entry,
                             rdv_outcome outcome, const struct rdv__progress *progress,
                             rdv_time now);
/* Trim the history by the store's limits; cheap when there is nothing to do. */
int rdv__record_retain(rdv_store *store, rdv_time now);

/* Whether the trigger agent is paused, which outlives it. */
int rdv__record_set_paused(rdv_store *store, bool paused);
int rdv__record_get_paused(rdv_store *store, bool *ret_paused);

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

/* Whether a run has not ended, by the entries or by the journal: 0, RDV_ENOTFOUND, or an error. */
int rdv__record_is_unfinished(rdv_store *store, int64_t run);

/* Get the numbers of entries that finished after this change; *change moves along. *ret_count is 0 at the end. */
int rdv__record_finished(rdv_store *store, int64_t *change, int64_t *numbers, size_t room,
                         size_t *ret_count);

/* Get or set a number that is kept under a name. RDV_ENOTFOUND if there is none. */
int rdv__record_get_number(rdv_store *store, const char *name, int64_t *ret_number);
int rdv__record_set_number(rdv_store *store, const char *name, int64_t number);

#endif
