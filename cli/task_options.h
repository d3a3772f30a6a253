/* SPDX-License-Identifier: MIT */
/* Options as values: a task, its window, times and durations. All functions report what is wrong
 * and return an exit code. */
#ifndef CLI_TASK_OPTIONS_H
#define CLI_TASK_OPTIONS_H

#include <stddef.h>
#include <stdint.h>

#include <rdvtask/task.h>

struct options;

/* Read the options of the window: --start, --end, --deadline and --run-limit. */
int window_from_options(const struct options *options, rdv_window *ret_window);

/* Make a task of the arguments LABEL [IDENTIFIER], which begin at `first`, and of the options
 * for its context. */
int task_from_options(const struct options *options, size_t first, rdv_task **ret_task);

/* Read the value of an option that is a whole number of at least `least` and at most `most`. If
 * value is NULL, the option was not given, and the result is left alone. */
int integer_from_option(const struct options *options, const char *name, const char *value,
                        int64_t least, int64_t most, int64_t *ret_number);

/* Read the value of one option. If value is NULL, the option was not given, and the result is
 * left alone. */
int time_from_option(const struct options *options, const char *name, const char *value,
                     rdv_time now, rdv_time *ret_time);
int duration_from_option(const struct options *options, const char *name, const char *value,
                         rdv_duration most, rdv_duration *ret_duration);

#endif
