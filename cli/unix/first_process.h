/* SPDX-License-Identifier: MIT */
/* The duties of a program that is process 1 of a container, or that was made the reaper of
 * orphans. */
#ifndef CLI_FIRST_PROCESS_H
#define CLI_FIRST_PROCESS_H

#include <stdbool.h>

/*
 * If this process has those duties, start another process, in which this returns false and which is
 * the program. The first process is then only its parent: it reaps all that ends, passes signals
 * on, and returns true with the exit code once the program has ended. In any other process this
 * returns false.
 */
bool first_process(int *ret_code);

#endif
