/* SPDX-License-Identifier: MIT */
/*
 * The record of a program that outlives its agent: a small file that is written anew as a whole, and synced.
 *
 *     rdvtask-child 1
 *     pid PID STARTED BOOT-ID        who the supervisor is: STARTED is field 22 of /proc/PID/stat
 *     exit CODE | signal NUMBER      once the program has ended
 *     output SIZE                    and then the last SIZE bytes that it printed
 *
 * Beside FILE there is FILE.new from the beginning on, with room for the end: a disk that fills up meanwhile doesn't lose it.
 */
#ifndef CHILD_RECORD_H
#define CHILD_RECORD_H

#include <stddef.h>

struct record {
    const char *path;
    int fresh; /* FILE.new, or -1 */
};

/* Say who we are; tail_size is the largest that record_end() will be given. 0, or -1 with errno. */
int record_begin(struct record *record, const char *path, size_t tail_size);

/* Say how it ended, with a status of waitpid()'s. 0, or -1 with errno; what was begun stays then. */
int record_end(struct record *record, int status, const char *tail, size_t size);

#endif
