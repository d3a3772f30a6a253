/* SPDX-License-Identifier: MIT */
/*
 * The journal of the task agent: one row for each run of commands that is not finished; and the end
 * of what runs have printed. Writers must be between rdv__store_stage() and the commit.
 */
#ifndef RDV__STORE_JOURNAL_H
#define RDV__STORE_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rdvtask/store.h>

struct rdv__journal {
    const char *identifier; /* the key */
    const char *label;
    const void *context;
    size_t context_size;
    int64_t run;
    int step;     /* 0-based: this step was about to start or had started */
    int attempt;  /* of the step, from 1: how often it was started */
    int failures; /* how many tries of the step have failed: what `retries` counts */
    /* How often each step was started, from the first on: numbers with spaces between them. What is
     * left out, which is all of it with "" (or NULL, when written), is as the step's place says:
     * each step before this one was started once, and none after it. */
    const char *starts;
    /* The handler's grace: how long what is left of the run has to end; -1 = not known. */
    rdv_duration grace;
    /* The run's mark in the environment of its processes, which nobody can guess; "" (or NULL) for
     * a run that an older version has begun, and which has none. */
    const char *nonce;
    const char *state; /* one of the words of command_run.c: "step" and others */
    int reboots;       /* how often the run has asked for a reboot */
    /* The boot in which it has asked for one; "" (or NULL, when written) if it has not. */
    const char *boot_id;
};

/* Write a run's row, in place of an older one of the identifier. */
int rdv__journal_put(rdv_store *store, const struct rdv__journal *journal);

/* Move a run's row to where the run is now: only its step, attempt, failures, starts and state are
 * changed. */
int rdv__journal_step(rdv_store *store, const struct rdv__journal *journal);

/* Whether there is a row of this run: 0 if so, RDV_ENOTFOUND if not, or another error. */
int rdv__journal_has_run(rdv_store *store, int64_t run);

/* Whether there is a row at all. */
int rdv__journal_has_any(rdv_store *store, bool *ret_has);

/* Delete the row of an identifier, if there is one. */
int rdv__journal_delete(rdv_store *store, const char *identifier);

/* Call fn for each row whose run has its number from the trigger agent of this store, and is not
 * among its unfinished entries any more. fn must not touch the store, and gets borrowed pointers;
 * if its result is not 0, this ends and returns it. */
int rdv__journal_orphans(rdv_store *store,
                         int (*fn)(void *user, const struct rdv__journal *journal), void *user);

/* Call fn for the row of an identifier, with borrowed pointers, and return its result.
 * RDV_ENOTFOUND if there is none. */
int rdv__journal_get(rdv_store *store, const char *identifier,
                     int (*fn)(void *user, const struct rdv__journal *journal), void *user);

/* Draw a run number for a task that has none from its trigger agent: negative, and never used
 * before. */
int rdv__journal_new_run(rdv_store *store, int64_t *ret_run);

/* Write the tail of a run's output, for the history, in place of an earlier one. */
#define RDV__OUTPUT_TAIL 8192
int rdv__output_put(rdv_store *store, int64_t run, const void *tail, size_t size);

#endif
