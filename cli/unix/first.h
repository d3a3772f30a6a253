/* SPDX-License-Identifier: MIT */
/* What a program has to do that is process 1 of a container, or has been made the reaper of others' orphans. */
#ifndef CLI_FIRST_H
#define CLI_FIRST_H

#include <stdbool.h>

/*
 * If it is such a process: start another one, which returns false and is the program, and be nothing but its parent: reap all that ends,
 * and hand on signals. Returns true and the exit code once the program has ended.
 */
bool first_process(int *ret_code);

#endif
