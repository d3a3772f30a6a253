/* SPDX-License-Identifier: MIT */
/* What only the library does with an rdv_task. */
#ifndef RDV__MODEL_TASK_H
#define RDV__MODEL_TASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rdvtask/task.h>

/*
 * Make a task as rdv_task_new() does, with a run number, and with sizes instead of NULs. Label and
 * identifier are checked in the same way.
 */
int rdv__task_new(const char *label, size_t label_size, const char *identifier,
                  size_t identifier_size, const void *context, size_t context_size, int64_t run,
                  rdv_task **ret_task);

/* Make a copy of a task that has this run number. Returns 0 or RDV_ENOMEM. */
int rdv__task_numbered(const rdv_task *task, int64_t run, rdv_task **ret_task);

/*
 * Check a label or identifier. Returns 0, RDV_EINVAL (NULL, empty, bad UTF-8 or a NUL inside) or
 * RDV_ELIMIT.
 */
int rdv__name_check(const char *name, size_t size);

/* Whether two tasks have the same label, identifier and context. */
bool rdv__task_same(const rdv_task *a, const rdv_task *b);

#endif
