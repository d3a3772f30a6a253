/* SPDX-License-Identifier: MIT */
/* The program: what it is to run as, and its start. */
#ifndef CHILD_START_H
#define CHILD_START_H

#include <sys/resource.h>
#include <sys/types.h>

#include "relay.h"

/* The exit code when the program could not be started; words are on standard error. */
#define START_FAILED 127

#define START_LIMITS 8

struct start {
    const char *user;      /* NULL = as we are */
    const char *directory; /* NULL = where we are */
    const char *record;    /* NULL = end with the agent */
    struct {
        int resource;
        rlim_t value;
    } limits[START_LIMITS];
    size_t limit_count;
    char **argv;
};

/* 0, or -1 for words that are not right. */
int start_parse(int argc, char **argv, struct start *ret_start);

/* The program's process id, or -1 with words on standard error. What goes wrong in the new process is said there, and is its exit
 * code START_FAILED. */
pid_t start_program(const struct start *start, const struct relay *relay);

#endif
