/* SPDX-License-Identifier: MIT */
/*
 * How the program ended, in the form in which the agent is told and the record has it:
 *
 *     exit CODE | signal NUMBER | failed ERRNO WORDS      failed: the program was not started
 *     lost SIZE            how much of its output the agent has not taken; left out if it is 0
 *     output SIZE          and then the last SIZE bytes that it printed
 */
#ifndef CHILD_ENDING_H
#define CHILD_ENDING_H

#include <stddef.h>

#include "../lib/platform/unix/supervisor.h"

/* Room for everything but the output. */
#define ENDING_HEAD (RDV__REPORT_WORDS + 128)

/*
 * Why a program was not started. The process that is to become the program shares this with the
 * supervisor until then.
 */
struct failure {
    /* An errno; 0 = the program was started, as far as is known. */
    int number;
    char words[RDV__REPORT_WORDS];
};

struct ending {
    /* As waitpid() gives it. */
    int status;
    const struct failure *failure;
    unsigned long long lost;
    const char *tail;
    size_t tail_size;
};

/* Write the lines of an ending, with a NUL at the end. Returns their length. */
size_t ending_head(const struct ending *ending, char head[ENDING_HEAD]);

/*
 * Report the ending to the agent, if there is one. An agent that has gone, or whose pipe has no
 * room, misses it.
 */
void ending_report(const struct ending *ending, int report);

#endif
