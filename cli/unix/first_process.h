/* SPDX-License-Identifier: MIT */
/* What a program that is process 1 of a container, or was made the reaper of others' orphans, has to do. */
#ifndef CLI_FIRST_PROCESS_H
#define CLI_FIRST_PROCESS_H

#include <stdbool.h>

/*
 * In such a process, start another one, in which this returns false and which is the program. The first one is nothing but its parent:
 * it reaps all that ends, hands on signals, and returns true with the exit code once the program has ended. In any other process
 * this returns false.
 */
bool first_process(int *ret_code);

#endif
