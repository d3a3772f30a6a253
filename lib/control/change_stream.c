/* SPDX-License-Identifier: MIT */
/*
 * The clients that watch, and what each has heard of. control.c opens a stream when a client calls
 * the method `watch`, has it catch up late in a turn while there is room for output, and closes it
 * with the connection. One watch of the trigger agent serves all streams; there is none while there
 * is no stream.
 *
 *             open             catch_up: that was all
 *   closed ---------> behind --------------------------> live
 *                       ^                                  |
 *                       +----------------------------------+
 *                        no memory for the line of a change
 *
 * A stream that is behind reads the store. A live one is sent each change when it is durable. The
 * changes that a client hears of are in order, none twice and none left out: a stream becomes live
 * only when the store has nothing more for it, and drops what it has had from the store already.
 */
#include "control/change_stream.h"

#include <stdlib.h>
#include <string.h>

#include <rdvtask/base.h>

#include "base/error.h"
#include "control/line_server.h"
#include "document/entry_json.h"
#include "json/writer.h"
#include "loop/loop.h"

/* Write the line that tells of a change. */
static int write_change(const rdv_entry *entry, char **ret_line)
{
    static const char version[] = "2.0", method[] = "change";
    struct rdv__json_writer *writer;
    int result = rdv__json_writer_new(&writer);
    if (result != 0)
        return result;
    rdv__json_write_string(writer, "jsonrpc", version, sizeof version - 1);
    rdv__json_write_string(writer, "method", method, sizeof method - 1);
    rdv__entry_write(writer, "params", entry);
    return rdv__json_writer_finish(writer, ret_line);
}

static void send_change(struct rdv__change_stream *stream, const char *line, size_t size,
                        int64_t change)
{
    rdv__connection_push(stream->connection, line, size);
    stream->follow.told = change;
}

/* A change is durable: send it to the live streams. The line is made once for all of them. */
static int send_durable_change(void *user, const rdv_entry *entry)
{
    struct rdv__change_streams *streams = user;
    char *line = NULL;
    size_t size = 0;
    for (struct rdv__change_stream *stream = streams->first; stream; stream = stream->next) {
        /* A stream that is behind gets this change from the store; a live one may have got it
         * there before the trigger agent told of it. */
        if (!stream->live || entry->change <= stream->follow.told)
            continue;
        if (!line) {
            if (write_change(entry, &line) != 0) {
                stream->live = false;
                rdv__connection_more(stream->connection);
                continue;
            }
            size = strlen(line);
        }
        send_change(stream, line, size, entry->change);
    }
    free(line);
    return 0;
}

static int send_stored_change(void *user, const rdv_entry *entry)
{
    struct rdv__change_stream *stream = user;
    char *line;
    int result = write_change(entry, &line);
    if (result != 0)
        return result;
    send_change(stream, line, strlen(line), entry->change);
    free(line);
    return rdv__connection_is_full(stream->connection) ? RDV__QUERY_ENOUGH : 0;
}

bool rdv__change_stream_catch_up(struct rdv__change_streams *streams,
                                 struct rdv__change_stream *stream)
{
    if (!stream->open || stream->live)
        return false;
    int result = rdv__query_follow(streams->trigger, &stream->follow, send_stored_change, stream);
    if (result < 0) {
        const char *words = rdv_store_message(streams->store);
        rdv__log(&streams->log, RDV_LOG_WARNING, "a client that watches was cut off: %s",
                 *words ? words : rdv_strerror(result));
        rdv__connection_close(stream->connection);
        return false;
    }
    stream->live = result == 0;
    return result != 0;
}

int rdv__change_stream_open(struct rdv__change_streams *streams, struct rdv__change_stream *stream,
                            struct rdv__connection *connection, int64_t after)
{
    int result = streams->watch ? 0
                                : rdv_trigger_watch(streams->trigger, send_durable_change, streams,
                                                    &streams->watch);
    if (result != 0)
        return result;
    if (!stream->open) {
        stream->connection = connection;
        stream->next = streams->first;
        if (stream->next)
            stream->next->previous = stream;
        streams->first = stream;
        stream->open = true;
    }
    stream->live = false;
    stream->follow = (struct rdv__query_follow){.told = after};
    rdv__connection_more(connection);
    return 0;
}

void rdv__change_stream_close(struct rdv__change_streams *streams,
                              struct rdv__change_stream *stream)
{
    if (!stream->open)
        return;
    if (stream->previous)
        stream->previous->next = stream->next;
    else
        streams->first = stream->next;
    if (stream->next)
        stream->next->previous = stream->previous;
    stream->open = false;
    if (!streams->first) {
        rdv_watch_free(streams->watch);
        streams->watch = NULL;
    }
}
