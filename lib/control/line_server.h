/* SPDX-License-Identifier: MIT */
/*
 * Lines in and lines out over a local socket: connections, their buffers and bounds, and a fair
 * share for each. The user of the server knows what the lines mean.
 *
 * A turn of the loop does lines in two parts: early, when they are read, before the turn's commit;
 * and late, after the commit and after what it settles. The user says of each line to which part it
 * belongs. In the other part it waits in its place, and all lines behind it wait too. When a
 * connection has done its late lines, it goes on with early ones, for the next turn.
 *
 * Answers are sent in the order of their lines, even if they become known in another order. While a
 * client does not read, nothing is read from it either; so at most one answer waits for it, beside
 * what is pushed to it.
 *
 * There are two shares: one of the agent's own user and root, one of the group (the readers). Each
 * has its part of the memory that may be taken, and of the time that a turn gives to late work. The
 * owners' share is done first, and all that the group asks for is late. Connections for which a
 * share has no time left come first in the next turn. So, whatever is asked, a turn takes no longer
 * than both shares and one line, or one call of `late`.
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

/* What the user has done with a line. */
enum rdv__line {
    /* It is done: go on with the next one. */
    RDV__LINE_DONE,
    /* It waits: give it again in the other part of the turn. */
    RDV__LINE_WAIT
};

struct rdv__server_ops {
    /* A client has connected. Returns the state that the user keeps for it, or NULL if there is no
     * memory; then the connection is closed. */
    void *(*opened)(void *user, struct rdv__connection *connection, enum rdv__peer peer);
    /* The connection is going: free the state. */
    void (*closed)(void *user, void *state);
    /* Do a line of this size, or have it wait. It has no NUL behind it, and may hold NULs. While it
     * waits, its bytes stay in their place. */
    enum rdv__line (*line)(void *user, void *state, const char *line, size_t size, bool late);
    /* A line was longer than this limit, and was left out. */
    void (*too_long)(void *user, void *state, size_t limit);
    /* Do a part of the work that waits. Called in the late part of a turn while there is room for
     * output, if rdv__connection_more() was called or this returned true the last time. */
    bool (*late)(void *user, void *state);
};

struct rdv__server_options {
    const char *path;
    /* The group that may connect too; NULL = none. */
    const rdv__group *group;
    /* If more than this is unread, in bytes, a connection is late when more is pushed to it. */
    size_t queue_max;
    /* The shares of the agent's own user and root, and of the group. */
    struct rdv__share_limits {
        size_t line_max;
        /* For what all connections of the share have sent and what is not done yet, in bytes. */
        size_t input_max;
        /* For what all connections of the share have not read yet, in bytes. */
        size_t output_max;
        /* For late work in a turn. */
        rdv_duration time;
    } owners, readers;
    /* How many connections there may be at once, and how many of these may be the group's. */
    size_t connections;
    size_t reader_connections;
    /* How long a client may leave output waiting without reading any of it. */
    rdv_duration patience;
    /* After it was logged that there are too many clients, it is not logged again for this long. */
    rdv_duration quiet;
    /* The only line for a client that is one too many. */
    const char *busy_line;
    /* The only line for a client that may not connect. */
    const char *refuse_line;
    /* The last line for a client that does not read what is pushed to it. */
    const char *late_line;
    /* The clock by which the time of the shares is measured. */
    rdv_duration (*running)(void);
    rdv_log log;
};

/* Make a server. Ops and lines are borrowed; path is copied. Errors are those of
 * rdv__listener_new(). */
int rdv__server_new(rdv_loop *loop, const struct rdv__server_options *options,
                    const struct rdv__server_ops *ops, void *user, struct rdv__server **ret_server,
                    struct rdv_error *error);

/* Close everything; `closed` is called for each connection. An answer that is still expected has to
 * be given all the same, which frees it. NULL is fine. */
void rdv__server_free(struct rdv__server *server);

/* How many connections there are. */
size_t rdv__server_connections(const struct rdv__server *server);

/* Set how many bytes the work on requests of this connection takes: they count as if they waited to
 * be read. Returns false if there is no room for so many; then take less. Set it to 0 when the
 * request has been answered. */
bool rdv__connection_hold(struct rdv__connection *connection, size_t size);

/* Whether nothing more is done for the connection until its client has read some of what waits. */
bool rdv__connection_is_full(const struct rdv__connection *connection);

/* Whether there is room for so many bytes more of output in the share of the connection. */
bool rdv__connection_has_room(const struct rdv__connection *connection, size_t size);

/* Keep the place of an answer that comes later. NULL if there is no memory. */
struct rdv__answer *rdv__connection_expect(struct rdv__connection *connection);

/* Give an answer whose place was kept. Takes text, which is from malloc() and has no line end. If
 * text is NULL, as there was no memory for it, the client is cut off rather than left waiting. The
 * connection and the server may be gone. */
void rdv__answer_give(struct rdv__answer *answer, char *text);

/* Give an answer that is known at once, behind those that are expected. Takes text like
 * rdv__answer_give(). */
void rdv__connection_answer(struct rdv__connection *connection, char *text);

/*
 * Send a line that is not an answer. If there is no room for it, the connection of the same share
 * that has most waiting, and to which such lines were sent, is late: late_line takes the place of
 * all that its client has not begun to read, and then it is closed.
 */
void rdv__connection_push(struct rdv__connection *connection, const char *line, size_t size);

/* Close the connection, with all that waits to be read. It stays until the server looks after it.
 * */
void rdv__connection_close(struct rdv__connection *connection);

/* Have `late` called for the connection soon. */
void rdv__connection_more(struct rdv__connection *connection);

#endif
