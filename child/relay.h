/* SPDX-License-Identifier: MIT */
/*
 * What the program writes, on its way to the agent. Without a relay the program has the descriptors
 * of this process themselves. With one it writes into pipes of this process, so that it doesn't
 * notice when the agent goes: what nobody reads is dropped, except for the tail.
 */
#ifndef CHILD_RELAY_H
#define CHILD_RELAY_H

#include <stdbool.h>
#include <stddef.h>

#include "../lib/platform/unix/supervisor.h"

#define RELAY_TAIL   RDV__REPORT_TAIL
#define RELAY_BUFFER 65536

/* One way through this process: from the program's pipe to a descriptor. */
struct relay_way {
    /* The two ends of the pipe; -1 once closed. */
    int from, program;
    /* -1 once nobody reads. */
    int to;
    /* How many bytes were dropped since then. */
    unsigned long long lost;
    /* Where in buffer the bytes are that wait. */
    size_t start, size;
    char buffer[RELAY_BUFFER];
};

struct relay {
    bool on;
    /* Output, which goes to 1, and notices, which go to 3. */
    struct relay_way ways[2];
    char tail[2 * RELAY_TAIL];
    size_t tail_size;
};

/* Open a relay, or note that there is none. Returns 0, or -1 with errno. */
int relay_init(struct relay *relay, bool on);

/* In the process that becomes the program: make the pipes its descriptors. */
void relay_become(const struct relay *relay);

/* In this process: close the program's ends of the pipes, once the program has them. */
void relay_started(struct relay *relay);

/* Wait until something can be passed on, or `signals` is readable. */
void relay_wait(struct relay *relay, int signals);

/* Pass on what can be passed on without waiting. */
void relay_pass_on(struct relay *relay);

/*
 * After the program has ended: take what is left in its pipes, and give the agent a moment to take
 * that.
 */
void relay_drain(struct relay *relay);

/*
 * Move the last that the program printed to the start of tail. Returns its size, at most
 * RELAY_TAIL.
 */
size_t relay_tail_size(struct relay *relay);

#endif
