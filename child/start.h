/* SPDX-License-Identifier: MIT */
/*
 * The program: what it is to run as, and its start. Its environment, its folder and its limits
 * never apply to the supervisor, and to the process that becomes the program they apply only once
 * that process has become the program's user. Only then is the program searched for, too.
 */
#ifndef CHILD_START_H
#define CHILD_START_H

#include <sys/resource.h>
#include <sys/types.h>

#include "ending.h"
#include "relay.h"

/*
 * The exit code when the program could not be started and there is no agent to be told; the words
 * are on standard error.
 */
#define START_FAILED 127

#define START_LIMITS 8

struct start {
    /* NULL = the user of this process. */
    const char *user;
    /* NULL = the folder of this process. */
    const char *directory;
    /* NULL = end with the agent. */
    const char *record;
    /* Where the agent is told of the end; -1 = there is no agent. */
    int report;
    /* A file with the program's environment; -1 = the program gets that of this process. */
    int given_environment;
    struct {
        int resource;
        rlim_t value;
    } limits[START_LIMITS];
    size_t limit_count;
    char **argv;
    char **environment;
    /* What a given environment consists of; NULL = it is that of this process. */
    char *text;
    /* Shared with the new process until that is the program. */
    struct failure *failure;
};

/* Read the command line. Returns 0, or -1 if it is not right. */
int start_parse(int argc, char **argv, struct start *ret_start);

/*
 * Read the program's environment, and make room for the words on a failure. Returns 0, or -1 with
 * errno.
 */
int start_prepare(struct start *start);

/* Free what start_prepare() has read. */
void start_free(struct start *start);

/*
 * Write down why the program is not started, with the words of errno at the end, unless another
 * reason has been written down already.
 */
__attribute__((format(printf, 2, 3))) void start_fail(const struct start *start, const char *format,
                                                      ...);

/*
 * Start the program. Returns its process id, or -1. Whatever goes wrong, even in the new process,
 * is in start->failure once that process has ended.
 */
pid_t start_program(const struct start *start, const struct relay *relay);

#endif
