/* SPDX-License-Identifier: MIT */
/* The logs of runs, and how many bytes of the disk each takes. Writers must be between
 * rdv__store_stage() and the commit. */
#ifndef RDV__STORE_LOG_SIZES_H
#define RDV__STORE_LOG_SIZES_H

#include <stdint.h>

#include <rdvtask/store.h>

/* Write the size of a run's log, in place of an earlier one. */
int rdv__log_put(rdv_store *store, int64_t run, int64_t bytes);

/* Get the size of a run's log. RDV_ENOTFOUND if it has none. */
int rdv__log_get(rdv_store *store, int64_t run, int64_t *ret_bytes);

/* Delete the row of a run's log. */
int rdv__log_delete(rdv_store *store, int64_t run);

/* Add up the bytes of all logs. */
int rdv__log_sum(rdv_store *store, int64_t *ret_bytes);

/* Find the first log after that of a run, by number. RDV_ENOTFOUND if there is none. */
int rdv__log_next(rdv_store *store, int64_t after, int64_t *ret_run, int64_t *ret_bytes);

/* Find a log whose run the history has forgotten, or the oldest, which makes room first.
 * RDV_ENOTFOUND if there is none. */
int rdv__log_unwanted(rdv_store *store, int64_t *ret_run);
int rdv__log_oldest(rdv_store *store, int64_t *ret_run);

#endif
