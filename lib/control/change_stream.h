/* SPDX-License-Identifier: MIT */
/*
 * Streams of changes to clients that watch: first what is in the store after the change that the
 * client names, a slice at a time, then each change as it becomes durable.
 */
#ifndef RDV__CONTROL_CHANGE_STREAM_H
#define RDV__CONTROL_CHANGE_STREAM_H

#include <stdbool.h>
#include <stdint.h>

#include <rdvtask/store.h>
#include <rdvtask/trigger.h>

#include "trigger/query.h"

struct rdv__connection;

/* One stream, embedded in what its owner keeps for the connection. All zeros is a stream that was
 * not opened. */
struct rdv__change_stream {
    struct rdv__connection *connection;
    /* The client watches: the stream is in the list. */
    bool open;
    /* Its client has heard of all changes up to now. */
    bool live;
    /* The last change that it has heard of, and what helps to find the next. */
    struct rdv__query_follow follow;
    struct rdv__change_stream *next, *previous;
};

/* The streams of one trigger agent. The owner fills in the trigger agent, its store and the log;
 * all else begins as zeros. */
struct rdv__change_streams {
    rdv_store *store;
    rdv_trigger *trigger;
    rdv_log log;
    struct rdv__change_stream *first;
    /* NULL while nobody watches. */
    rdv_watch *watch;
};

/* Open a stream of all changes after this one, or have an open one begin again there. Its first
 * lines come with rdv__change_stream_catch_up(), which the connection is told of as more work.
 * Returns 0 or an error of rdv_trigger_watch(). */
int rdv__change_stream_open(struct rdv__change_streams *streams, struct rdv__change_stream *stream,
                            struct rdv__connection *connection, int64_t after);

/* Send a slice of what the client has not heard of yet, if it watches and is behind. Returns true
 * if there is more. If the store can't be read, the connection is closed. */
bool rdv__change_stream_catch_up(struct rdv__change_streams *streams,
                                 struct rdv__change_stream *stream);

/* End a stream that may be open: its connection is going. */
void rdv__change_stream_close(struct rdv__change_streams *streams,
                              struct rdv__change_stream *stream);

#endif
