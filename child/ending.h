/* SPDX-License-Identifier: MIT */
/*
 * How the program ended, as the agent is told and as the record has it:
 *
 *     exit CODE | signal NUMBER | failed ERRNO WORDS      failed: it was not started
 *     lost SIZE                                           how much of its output the agent has not taken; 0 is left out
 *     output SIZE                                         and then the last SIZE bytes that it printed
 */
#ifndef CHILD_ENDING_H
#define CHILD_ENDING_H

#include <stddef.h>

#include "../lib/platform/unix/supervisor.h"

/* Room for all but the output. */
#define ENDING_HEAD (RDV__REPORT_WORDS + 128)

/* Why a program was not started. The process that is to become the program shares this with us until then. */
struct failure {
    int number; /* an errno; 0 = it was started, as far as is known */
    char words[RDV__REPORT_WORDS];
};

struct ending {
    int status; /* as waitpid() gives it */
    const struct failure *failure;
    unsigned long long lost;
    const char *tail;
    size_t tail_size;
};

/* Write the lines of an ending, with a NUL at the end. Returns how long they are. */
size_t ending_head(const struct ending *ending, char head[ENDING_HEAD]);

/* Tell the agent, if there is one. An agent that has gone, or whose pipe has no room, misses it. */
void ending_report(const struct ending *ending, int report);

#endif
