/* SPDX-License-Identifier: MIT */
/*
 * Steps that are left running while one process of rdvtask follows another ("on_stop": "leave").
 * Their supervisors keep the records by which they are found again, one file for each attempt, in a
 * folder beside the store, STORE.run.d, that nobody else may use.
 */
#ifndef RDV__AGENT_LEFT_RUNNING_H
#define RDV__AGENT_LEFT_RUNNING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rdvtask/base.h>
#include <rdvtask/store.h>

/* Make the path of the record of this attempt. NULL if there is no memory. free(). */
char *rdv__left_record(const char *store_path, int64_t run, size_t step, int attempt);

/* Whether there is such a record, in a folder that belongs to the effective user alone. */
bool rdv__left_has(const char *record);

/* Whether a step with this record can be followed again: its supervisor runs, or has recorded how
 * the step ended. */
bool rdv__left_can_adopt(const char *record);

/* Make the folder, if it is not there. RDV_EACCES if others may use it, or what the system says;
 * the words of error name it. */
int rdv__left_prepare(const char *store_path, struct rdv_error *error);

/* Delete all records of a run; those that can't be deleted stay. */
void rdv__left_forget(const char *store_path, int64_t run);

/* Delete the records of runs that the journal does not know any more, except those of supervisors
 * that still run. */
void rdv__left_clean(rdv_store *store, const rdv_log *log);

#endif
