/* SPDX-License-Identifier: MIT */
/*
 * The program: what it is to run as, and its start. Its environment, its folder and its limits never apply to us, and to the process
 * that becomes the program only once that has become its user. The program is searched for only then, too.
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
    int report;            /* where the agent is told of the end; -1 = there is no agent */
    int given_environment; /* a file with the program's environment; -1 = the program gets ours */
    struct {
        int resource;
        rlim_t value;
    } limits[START_LIMITS];
    size_t limit_count;
    char **argv;
    char **environment;
    char *text;              /* what a given environment consists of; NULL = it is ours */
    struct failure *failure; /* shared with the new process until that is the program */
};

/* 0, or -1 for words that are not right. */
int start_parse(int argc, char **argv, struct start *ret_start);

/* Read the program's environment, and make room for the words on a failure. Returns 0, or -1 with errno. */
int start_prepare(struct start *start);

/* Free what that has read. */
void start_free(struct start *start);

/* Say why the program is not started, with the words of errno at the end, if nothing is said yet. */
__attribute__((format(printf, 2, 3))) void start_fail(const struct start *start, const char *format,
                                                      ...);

/* Start the program. Returns its process id, or -1. Whatever goes wrong, even in the new process, is in start->failure once that
 * process has ended. */
pid_t start_program(const struct start *start, const struct relay *relay);

#endif
