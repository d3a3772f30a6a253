/* SPDX-License-Identifier: MIT */
/*
 * What the program writes, on its way to the agent. Without a relay the program has our descriptors themselves. With one it
 * writes into pipes of ours, so that it does not notice when the agent goes: what nobody reads is dropped, but for the tail.
 */
#ifndef CHILD_RELAY_H
#define CHILD_RELAY_H

#include <stdbool.h>
#include <stddef.h>

#include "../lib/platform/unix/supervisor.h"

#define RELAY_TAIL   RDV__REPORT_TAIL
#define RELAY_BUFFER 65536

/* One way through: from the program's pipe to a descriptor of ours. */
struct relay_way {
    int from, program;       /* the two ends of the pipe; -1 once closed */
    int to;                  /* -1 once nobody reads */
    unsigned long long lost; /* how many bytes were dropped since then */
    size_t start, size;      /* where in buffer what waits is */
    char buffer[RELAY_BUFFER];
};

struct relay {
    bool on;
    struct relay_way ways[2]; /* output to 1, notices to 3 */
    char tail[2 * RELAY_TAIL];
    size_t tail_size;
};

/* 0, or -1 with errno. */
int relay_init(struct relay *relay, bool on);

/* In the program's process: make the pipes its descriptors. */
void relay_become(const struct relay *relay);

/* In ours, once the program has its ends: close them. */
void relay_started(struct relay *relay);

/* Wait until something can be passed on, or `signals` is readable. */
void relay_wait(struct relay *relay, int signals);

/* Pass on what can be without waiting. */
void relay_pass_on(struct relay *relay);

/* The program has ended: take what is left in its pipes, and give the agent a moment to take it from us. */
void relay_drain(struct relay *relay);

/* The last that the program printed is at the start of tail; its size, at most RELAY_TAIL. */
size_t relay_tail_size(struct relay *relay);

#endif
