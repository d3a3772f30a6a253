/* SPDX-License-Identifier: MIT */
/*
 * The record of a program that outlives its agent: a small file that is written anew as a whole, and synced.
 *
 *     rdvtask-child 1
 *     pid PID STARTED BOOT-ID SECRET     who the supervisor is: STARTED is field 22 of /proc/PID/stat
 *     ...                                once the program has ended: see ending.h
 *
 * A process that sends RDV__FOLLOW_SIGNAL with the SECRET, a number in hexadecimal digits, has read the record, and follows the
 * supervisor from then on.
 *
 * Beside FILE there is FILE.new from the beginning on, with room for the end: a disk that fills up meanwhile doesn't lose it.
 */
#ifndef CHILD_RECORD_H
#define CHILD_RECORD_H

#include <stddef.h>

#include "ending.h"

struct record {
    const char *path;
    int fresh; /* FILE.new, or -1 */
    unsigned long secret;
};

/* Say who we are; tail_size is the largest that record_end() will be given. 0, or -1 with errno. */
int record_begin(struct record *record, const char *path, size_t tail_size);

/* Say how the program ended. Returns 0, or -1 with errno; then what was begun stays. */
int record_end(struct record *record, const struct ending *ending);

#endif
