/* SPDX-License-Identifier: MIT */
/*
 * The program: what it is to run as, and its start. Nothing that is said of it is in force in us, nor in the process that becomes
 * it before that has become its user: neither its environment, nor its folder, nor its limits; and it is looked for only then.
 */
#ifndef CHILD_START_H
#define CHILD_START_H

#include <sys/resource.h>
#include <sys/types.h>

#include "ending.h"
#include "relay.h"

/* The exit code when the program could not be started and no agent is there to be told: words are on standard error. */
#define START_FAILED 127

#define START_LIMITS 8

struct start {
    const char *user;      /* NULL = as we are */
    const char *directory; /* NULL = where we are */
    const char *record;    /* NULL = end with the agent */
    int report;            /* where the agent hears of the end; -1 = there is none */
    int given_environment; /* a file that has the program's environment; -1 = it is ours */
    struct {
        int resource;
        rlim_t value;
    } limits[START_LIMITS];
    size_t limit_count;
    char **argv;
    char **environment;
    struct failure *failure; /* shared with the new process until that is the program */
};

/* 0, or -1 for words that are not right. */
int start_parse(int argc, char **argv, struct start *ret_start);

/* Read the program's environment, and make room for what may fail. 0, or -1 with errno. */
int start_prepare(struct start *start);

/* Say why the program is not started, with the words of errno at the end, if nothing is said yet. */
__attribute__((format(printf, 2, 3))) void start_fail(const struct start *start, const char *format,
                                                      ...);

/* The program's process id, or -1. Whatever goes wrong, also in the new process, is in start->failure once that has ended. */
pid_t start_program(const struct start *start, const struct relay *relay);

#endif
