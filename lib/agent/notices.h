/* SPDX-License-Identifier: MIT */
/* What a child says through descriptor 3: lines of text, collected into notices. No descriptor is
 * read here. */
#ifndef RDV__AGENT_NOTICES_H
#define RDV__AGENT_NOTICES_H

#include <stdbool.h>
#include <stddef.h>

/* The longest line, in bytes. */
#define RDV__NOTICE_LINE 4096

/* One notice: lines that come together ("STATUS=…", "PROGRESS=…", "MESSAGE=…") are one. Values that
 * can't be right are left out, and `trouble` hears of them. */
struct rdv__child_notice {
    /* NULL = not said. It is as the child wrote it: the caller knows the names. */
    const char *status;
    /* NULL = not said. */
    const char *message;
    /* -1 = not said; 0 to 100. */
    int progress;
};

struct rdv__notice_listener {
    void *user;
    /* May be NULL. */
    void (*notice)(void *user, const struct rdv__child_notice *notice);
    /* A line that is not a notice (too long, unknown key, bad value): words for the log. At most 10
     * of them for a child. May be NULL. */
    void (*trouble)(void *user, const char *words);
};

/* Embedded in a process. */
struct rdv__notices {
    struct rdv__notice_listener listener;
    /* No function of the listener is to be called any more. The owner sets it, also from inside one
     * of them. */
    bool stopped;
    int troubles;
    /* What comes is the rest of a line that is too long. */
    bool skipping;
    size_t line_size;
    char line[RDV__NOTICE_LINE];
    /* Its strings are below. */
    struct rdv__child_notice collected;
    char status[RDV__NOTICE_LINE], message[RDV__NOTICE_LINE];
};

void rdv__notices_init(struct rdv__notices *notices, const struct rdv__notice_listener *listener);

/* Take what was read. A notice is delivered when a line comes that can't be part of it, or when the
 * caller says so. */
void rdv__notices_add(struct rdv__notices *notices, const char *data, size_t size);

/* Deliver what was collected, if that is anything. */
void rdv__notices_deliver(struct rdv__notices *notices);

/* Nothing will come any more: a last line may lack its end. */
void rdv__notices_finish(struct rdv__notices *notices);

#endif
