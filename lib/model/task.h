/* SPDX-License-Identifier: MIT */
/* rdv_task: what only the library does with it. */
#ifndef RDV__MODEL_TASK_H
#define RDV__MODEL_TASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rdvtask/task.h>

/* rdv_task_new() with a run number and with sizes instead of NULs: label and identifier are checked in the same way. */
int rdv__task_new(const char *label, size_t label_size, const char *identifier,
                  size_t identifier_size, const void *context, size_t context_size, int64_t run,
                  rdv_task **ret_task);

/* The same task with a run number. 0 or RDV_ENOMEM. */
int rdv__task_numbered(const rdv_task *task, int64_t run, rdv_task **ret_task);

/* Check a label or identifier: 0, RDV_EINVAL (empty, NULL, bad UTF-8, NUL inside), RDV_ELIMIT. */
int rdv__name_check(const char *name, size_t size);

/* Whether both have the same label, identifier and context. */
bool rdv__task_same(const rdv_task *a, const rdv_task *b);

#endif
