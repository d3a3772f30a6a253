/* SPDX-License-Identifier: MIT */
/* What the method `schedule` is asked with: a schedule document on one line. They say what is wrong, and return an exit code. */
#ifndef CLI_REQUEST_PARAMS_H
#define CLI_REQUEST_PARAMS_H

#include <rdvtask/task.h>

#include "display_text.h"

struct options;

/* The tasks of the files that are the arguments, all together. They were checked and are right. */
int params_from_files(const struct options *options, struct text *params);

/* The one task. */
int params_from_task(rdv_task *task, const rdv_window *window, struct text *params);

#endif
