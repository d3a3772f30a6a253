/* SPDX-License-Identifier: MIT */
/* A task and its window from the command line. */
#ifndef CLI_TASK_OPTIONS_H
#define CLI_TASK_OPTIONS_H

#include <stddef.h>

#include <rdvtask/task.h>

struct options;

/* Read the window's options. Says what is wrong, and returns an exit code. */
int window_from_options(const struct options *options, rdv_window *ret_window);

/* Make the task LABEL [IDENTIFIER], which are the arguments from the `first` on, with its context. Says what is wrong, and returns an
 * exit code. */
int task_from_options(const struct options *options, size_t first, rdv_task **ret_task);

/* Read one option's value; what is not given leaves the result alone. They say what is wrong, and return an exit code. */
int time_from_option(const struct options *options, const char *name, const char *value,
                     rdv_time now, rdv_time *ret_time);
int duration_from_option(const struct options *options, const char *name, const char *value,
                         rdv_duration most, rdv_duration *ret_duration);

#endif
