/* SPDX-License-Identifier: MIT */
/*
 * The journal of the task agent: one row for each run of commands that is not finished; and the end of what runs have printed.
 * Writers must be between rdv__store_stage() and the commit.
 */
#ifndef RDV__JOURNAL_H
#define RDV__JOURNAL_H

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

#endif
