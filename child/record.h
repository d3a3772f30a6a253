/* SPDX-License-Identifier: MIT */
/*
 * The record of a program that outlives its agent: a small file that is written anew as a whole,
 * and synced.
 *
 *     rdvtask-child 1
 *     pid PID STARTED BOOT-ID SECRET     the supervisor; STARTED is field 22 of /proc/PID/stat
 *     ...                                once the program has ended: see ending.h
 *
 * A process that sends RDV__FOLLOW_SIGNAL with the SECRET, a number in hexadecimal digits, has read
 * the record, and follows the supervisor from then on.
 *
 * FILE.new exists beside FILE from the beginning, with room for the end, so that the end isn't lost
 * if the disk fills up meanwhile.
 */
#ifndef CHILD_RECORD_H
#define CHILD_RECORD_H

#include <stddef.h>

#include "ending.h"

struct record {
    const char *path;
    /* FILE.new, or -1. */
    int fresh;
    unsigned long secret;
};

/*
 * Write down who this process is. tail_size is the largest that record_end() will be given. Returns
 * 0, or -1 with errno.
 */
int record_begin(struct record *record, const char *path, size_t tail_size);

/*
 * Write down how the program ended. Returns 0, or -1 with errno; then the record stays as it was
 * begun.
 */
int record_end(struct record *record, const struct ending *ending);

#endif
