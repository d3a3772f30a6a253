/* SPDX-License-Identifier: MIT */
/*
 * The trigger agent's records: its entries, their history and their reports; and numbers that are
 * kept under a name. Writers must be between rdv__store_stage() and the commit.
 *
 * To change a record, add a migration at the end of the list in schema.c, then change the
 * statements of records.c, write_behind.c, startup_scan.c and listing.c.
 */
#ifndef RDV__STORE_RECORDS_H
#define RDV__STORE_RECORDS_H

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

/* How often a run was cut short so far; interruptions.h has the rules. */
struct rdv__cuts {
    int interruptions;
    int reboots;       /* those that it had asked for */
    int stops;         /* in order, of one step in one boot */
    int64_t stop_step; /* the step of these stops */
    /* The boot in which it was stopped in order, and has not begun again since; 0 = it was not. */
    int64_t stopped;
};

/* The parts of an entry that change while it runs. Strings are borrowed. */
struct rdv__progress {
    rdv_status status;
    enum rdv__ending ending; /* of a run; it is not kept once the run has ended */
    int attempt, progress, code;
    const char *message; /* never NULL */
};

/* Draw the number for a new entry: larger than all before, also than those that are gone. */
int64_t rdv__record_next_number(rdv_store *store);

/* The number of the newest entry, also of one that is gone; 0 before the first. */
int64_t rdv__record_last_number(rdv_store *store);

/* The number of the change that was written last. */
int64_t rdv__record_last_change(rdv_store *store);

/* Write a new pending entry, whose number is larger than all before; the task is referenced. The
 * row waits until the batch ends, as much waits as may, or more than a start is to be done with it:
 * so a start in the same batch takes no statement of its own. */
int rdv__record_schedule(rdv_store *store, int64_t number, const rdv_window *window, rdv_task *task,
                         rdv_time now);

/* Delete an entry that was replaced, without a trace. */
int rdv__record_forget(rdv_store *store, int64_t number);

/* Begin the first attempt of an entry. */
int rdv__record_start(rdv_store *store, int64_t number, rdv_time now);

/* Write how often the run of an entry was cut short. */
int rdv__record_cuts(rdv_store *store, int64_t number, const struct rdv__cuts *cuts);

/* Write a report, or why the run is to end. With keep, it becomes a line of the history too, and
 * not only the latest word. */
int rdv__record_report(rdv_store *store, int64_t number, const struct rdv__progress *progress,
                       rdv_time now, bool keep);

/* End an entry: move it to the history. */
int rdv__record_finish(rdv_store *store, int64_t number, rdv_outcome outcome,
                       const struct rdv__progress *progress, rdv_time now);

/* End an entry that runs, by what memory knows of it, so that nothing has to be read. */
struct rdv__known_entry {
    int64_t number;
    const rdv_task *task;
    rdv_window window;
    rdv_time scheduled_at, started_at;
};
int rdv__record_finish_known(rdv_store *store, const struct rdv__known_entry *entry,
                             rdv_outcome outcome, const struct rdv__progress *progress,
                             rdv_time now);

/* Trim the history by the store's limits. This is cheap when there is nothing to do. */
int rdv__record_retain(rdv_store *store, rdv_time now);

/* Set or get whether the trigger agent is paused, which outlives it. */
int rdv__record_set_paused(rdv_store *store, bool paused);
int rdv__record_get_paused(rdv_store *store, bool *ret_paused);

/* Load one unfinished entry, with its task made anew. RDV_ENOTFOUND, RDV_ECORRUPT, or another
 * error. */
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

/* Compare the identifier of the unfinished entry with this number. */
int rdv__record_identifier_is(rdv_store *store, int64_t number, const char *identifier,
                              bool *ret_is);

/* Whether a run has not ended, by the entries or by the journal: 0 if so, RDV_ENOTFOUND if not, or
 * another error. */
int rdv__record_is_unfinished(rdv_store *store, int64_t run);

/* Get the numbers of entries that ended after the change *change, which moves along. *ret_count is
 * 0 at the end. */
int rdv__record_finished(rdv_store *store, int64_t *change, int64_t *numbers, size_t room,
                         size_t *ret_count);

/* Get or set a number that is kept under a name. RDV_ENOTFOUND if there is none. */
int rdv__record_get_number(rdv_store *store, const char *name, int64_t *ret_number);
int rdv__record_set_number(rdv_store *store, const char *name, int64_t number);

#endif
