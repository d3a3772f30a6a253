/* SPDX-License-Identifier: MIT */
/*
 * Lines in and lines out over a local socket: connections, their buffers and bounds, and a fair share for each. What the lines
 * mean is the user's.
 *
 * A line is done in one of two parts of a turn, and waits for the other where it does not belong in one: early, when it is read,
 * before the turn's commit; or late, after the commit and after what it settles. When all have done what is late, they go on
 * with what is early for the next turn. A line that waits stays where it is, with all that follow it.
 *
 * Answers keep the order of their lines, also when they are known in another. A connection whose client does not read is not
 * read from either, so that at most one answer, and what else is pushed to it, waits.
 *
 * Our own user and root on one side, and the group on the other, each have a share of the memory that may be taken, and of the time
 * that a turn gives to what is late. Our share is used first; all that the group asks for is late. Connections that a share has no
 * time left for come first in the next turn. So a turn takes no longer than both shares and one line, or one call of `late`, whatever
 * is asked.
 */
#ifndef RDV__CONTROL_LINE_SERVER_H
#define RDV__CONTROL_LINE_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rdvtask/base.h>
#include <rdvtask/loop.h>

#include "platform/socket.h"

struct rdv__server;
struct rdv__connection;

/* The place of an answer among those of its connection. */
struct rdv__answer;

enum rdv__line {
    RDV__LINE_DONE, /* go on */
    RDV__LINE_WAIT  /* ask again in the other part */
};

struct rdv__server_ops {
    /* Someone has connected. Returns what is the user's of it; NULL = no memory: the connection is closed. */
    void *(*opened)(void *user, struct rdv__connection *connection, enum rdv__peer peer);
    void (*closed)(void *user, void *state);
    /* A line without its end, followed by a NUL; it may hold others. */
    enum rdv__line (*line)(void *user, void *state, const char *line, size_t size, bool late);
    /* A line was longer than allowed, and was left out. */
    void (*too_long)(void *user, void *state, size_t limit);
    /* Do a part of what there is to do. Called in the late part of a turn while there is room for output, after
     * rdv__connection_more() was called, or if this returned true the last time. */
    bool (*late)(void *user, void *state);
};

struct rdv__server_options {
    const char *path;
    const rdv__group *group; /* who may connect besides us; NULL = nobody */
    size_t queue_max; /* with more than this unread, a connection is late when more is pushed */
    /* The shares of our own user and root, and of the group. */
    struct rdv__share_limits {
        size_t line_max;
        size_t input_max;  /* bytes that all of them have sent, and that were not done yet */
        size_t output_max; /* bytes that all of them have not read yet */
        rdv_duration time; /* for what is late in a turn */
    } owners, readers;
    size_t connections;        /* at once */
    size_t reader_connections; /* so many of them may be the group's */
    rdv_duration patience;     /* how long a client may let output wait without reading any of it */
    rdv_duration quiet;        /* how long not to say again that there are too many */
    const char *busy_line;     /* for those who are too many */
    const char *refuse_line;   /* for those who may not connect */
    const char *late_line;     /* the last line for those who do not read what is pushed */
    rdv_duration (*running)(void); /* the clock of the shares */
    rdv_log log;
};

/* Ops and lines are borrowed; path is copied. Errors as rdv__listener_new(). */
int rdv__server_new(rdv_loop *loop, const struct rdv__server_options *options,
                    const struct rdv__server_ops *ops, void *user, struct rdv__server **ret_server,
                    struct rdv_error *error);

/* Close everything; `closed` is called for each connection. Answers that are still expected become the giver's to give, which
 * frees them. NULL is fine. */
void rdv__server_free(struct rdv__server *server);

size_t rdv__server_connections(const struct rdv__server *server);

/* Say how many bytes are taken by something that is to become an answer of this connection: they count as if they waited to be read.
 * Returns false if there is no room for so many; then take less. Once it is an answer, say 0. */
bool rdv__connection_hold(struct rdv__connection *connection, size_t size);

/* Whether the connection can do nothing more before its client has read what waits. */
bool rdv__connection_is_full(const struct rdv__connection *connection);

/* Whether an answer of this size has room among all that waits to be read by those who may do the same as its client. */
bool rdv__connection_has_room(const struct rdv__connection *connection, size_t size);

/* Keep the place of an answer that comes later. NULL without memory. */
struct rdv__answer *rdv__connection_expect(struct rdv__connection *connection);

/* Here it is; takes text (from malloc, without line end). NULL = there was no memory for it: rather than wait for ever, the client
 * is cut off. Fine when the connection, or the server, is gone. */
void rdv__answer_give(struct rdv__answer *answer, char *text);

/* An answer that is known at once; the same otherwise. */
void rdv__connection_answer(struct rdv__connection *connection, char *text);

/*
 * Send a line that is not an answer. If there is no room for it, the connection of the same share in which most of such lines wait is
 * late. It is told so by a last line, in place of all that its client has not begun to read, and then closed.
 */
void rdv__connection_push(struct rdv__connection *connection, const char *line, size_t size);

/* Close it, without what waits for it to be read. */
void rdv__connection_close(struct rdv__connection *connection);

/* Have `late` called for it soon. */
void rdv__connection_more(struct rdv__connection *connection);

#endif
