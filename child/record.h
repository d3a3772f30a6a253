/* SPDX-License-Identifier: MIT */
/*
 * The record of a program that outlives its agent: a small file that is written anew as a whole, and synced.
 *
 *     rdvtask-child 1
 *     pid PID STARTED BOOT-ID        who the supervisor is: STARTED is field 22 of /proc/PID/stat
 *     exit CODE | signal NUMBER      once the program has ended
 *     output SIZE                    and then the last SIZE bytes that it printed
 */
#ifndef CHILD_RECORD_H
#define CHILD_RECORD_H

#include <stddef.h>

/* 0, or -1 with errno. */
int record_begin(const char *path);
int record_end(const char *path, int status, const char *tail, size_t size);

#endif
