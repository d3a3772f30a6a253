/* SPDX-License-Identifier: MIT */
/*
 * Steps that are left running while one process of ours follows another ("on_stop": "leave"): where
 * their supervisors keep the records by which they are found again. That is in a folder of our own
 * beside the store, STORE.run.d, in a file for each attempt.
 */
#ifndef RDV__LEFT_RUNNING_H
#define RDV__LEFT_RUNNING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rdvtask/base.h>
#include <rdvtask/store.h>

/* Where the record of this attempt is; NULL if there is no memory. free(). */
char *rdv__left_record(const char *store_path, int64_t run, size_t step, int attempt);

/* Whether there is such a record, in a folder that is ours alone. */
bool rdv__left_has(const char *record);

/* Whether a step with this record can be followed again: its supervisor runs, or has recorded how
 * the step ended. */
bool rdv__left_can_adopt(const char *record);

/* Have the folder there. RDV_EACCES if it is not ours alone, or what the system says; error's words
 * name it. */
int rdv__left_prepare(const char *store_path, struct rdv_error *error);

/* Delete all records of a run; those that can't be deleted stay. */
void rdv__left_forget(const char *store_path, int64_t run);

/* Delete records of runs that the journal knows no more, but for those of supervisors that still
 * run. */
void rdv__left_clean(rdv_store *store, const rdv_log *log);

#endif
