/* SPDX-License-Identifier: MIT */
/* The parameters of the method `schedule`: a schedule document. Both functions report what is
 * wrong and return an exit code. */
#ifndef CLI_REQUEST_PARAMS_H
#define CLI_REQUEST_PARAMS_H

#include <cjson/cJSON.h>

#include <rdvtask/task.h>

struct options;

/* Make the parameters of all tasks in the files that are the arguments. The files were checked
 * and are right. The caller deletes *ret_params. */
int params_from_files(const struct options *options, cJSON **ret_params);

/* Make the parameters of one task. The caller deletes *ret_params. */
int params_from_task(rdv_task *task, const rdv_window *window, cJSON **ret_params);

#endif
