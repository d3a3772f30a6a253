/* SPDX-License-Identifier: MIT */
/*
 * What comes from a child, for spawn.c. Windows can't say whether a pipe has something to read,
 * only that a read which was begun is over. So one is always under way for each connection, into a
 * buffer of its own, and the event that it sets is what the loop watches.
 *
 *     CONNECTING --> READING <--> READ --> (its bytes are handed out)
 *          ^            |
 *          +--- GONE <--+--> OVER         GONE: serves again; OVER: nothing will come any more
 *
 * Several processes may write notices at once, each through a connection of its own, and a line
 * must not be continued by another connection's bytes. So the beginning of a line stays with its
 * connection until the rest is there.
 *
 * One event serves all connections of a stream. An operation that begins clears it, and each one
 * that is over sets it, after it has left its result. So the event is set right after each look at
 * the connections, and none of them is missed.
 */
#include "platform/win/child.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

/* How many clients may have the pipe for notices open at once. */
#define SERVED_AT_ONCE 8

#define READ_SIZE   16384
#define NOTICE_SIZE 4096
#define PIPE_ROOM   65536

/*
 * How long the end of a pipe may take to be noticed when nobody is left to write, in milliseconds.
 * In other cases nobody waits for the end, as a process that isn't a child may have got hold of the
 * pipe.
 */
#define LAST_WAIT 100

struct rdv__win_connection {
    HANDLE pipe;
    OVERLAPPED operation;
    enum {
        /* Nobody has it open. */
        CONNECTING,
        READING,
        /* There are bytes to be handed out. */
        READ,
        /* The client that had it open has closed it. */
        GONE,
        /* Nothing will come any more. */
        OVER
    } state;
    /*
     * Offsets in data: bytes before `at` were handed out, those before `whole` are to be handed
     * out, and those before `size` wait for the end of their line.
     */
    size_t at, whole, size;
    size_t room;
    unsigned char *data;
};

/* ------------------------------------------------------------- operations */

static bool is_done(const struct rdv__win_connection *connection)
{
    return HasOverlappedIoCompleted(&connection->operation);
}

static void clear_operation(struct rdv__win_connection *connection, HANDLE event)
{
    memset(&connection->operation, 0, sizeof connection->operation);
    connection->operation.hEvent = event;
}

static void begin_read(struct rdv__win_connection *connection, HANDLE event)
{
    connection->size -= connection->at;
    memmove(connection->data, connection->data + connection->at, connection->size);
    connection->at = connection->whole = 0;
    clear_operation(connection, event);
    bool begun =
        ReadFile(connection->pipe, connection->data + connection->size,
                 (DWORD)(connection->room - connection->size), NULL, &connection->operation) ||
        GetLastError() == ERROR_IO_PENDING;
    connection->state = begun ? READING : GONE;
}

static void begin_connect(struct rdv__win_connection *connection, HANDLE event)
{
    clear_operation(connection, event);
    if (ConnectNamedPipe(connection->pipe, &connection->operation)) {
        connection->state = CONNECTING;
        return;
    }
    switch (GetLastError()) {
    case ERROR_IO_PENDING:
        connection->state = CONNECTING;
        break;
    case ERROR_PIPE_CONNECTED:
    /* A client has closed the pipe already, but what it has written is there. */
    case ERROR_NO_DATA:
        begin_read(connection, event);
        break;
    default:
        connection->state = OVER;
    }
}

static void cancel(struct rdv__win_connection *connection)
{
    if (connection->state != CONNECTING && connection->state != READING)
        return;
    CancelIoEx(connection->pipe, &connection->operation);
    /* The event serves other connections as well, so it is no use waiting for it. */
    while (!is_done(connection))
        Sleep(0);
}

/* Wait for the end of what is under way. Nobody is left to write, so it ends soon, or never. */
static void wait_for_last(struct rdv__win_connection *connection)
{
    for (int i = 0; i < LAST_WAIT && !is_done(connection) && connection->state == READING; i++)
        Sleep(1);
    if (!is_done(connection))
        cancel(connection);
}

/* ------------------------------------------------------------------ reading */

/* Return how many bytes are to be handed out: whole lines, or most of a line that is too long. */
static size_t size_to_hand_out(const struct rdv__win_stream *stream,
                               const struct rdv__win_connection *connection)
{
    size_t size = connection->size;
    while (stream->serves && size > 0 && connection->data[size - 1] != '\n')
        size--;
    return size == 0 && connection->size == connection->room ? connection->room - 1 : size;
}

/*
 * Go on with an operation that is over. False when nothing can be had from the connection for now.
 */
static bool advance_connection(struct rdv__win_stream *stream,
                               struct rdv__win_connection *connection)
{
    const HANDLE event = stream->source.readable;
    DWORD size = 0;
    switch (connection->state) {
    case CONNECTING:
    case READING:
        if (stream->last)
            wait_for_last(connection);
        if (!is_done(connection))
            return false;
        if (!GetOverlappedResult(connection->pipe, &connection->operation, &size, FALSE)) {
            connection->state = connection->state == READING ? GONE : OVER;
        } else {
            /* A connection comes without bytes, and a client may also write none. */
            connection->size += connection->state == READING ? size : 0;
            connection->whole = size_to_hand_out(stream, connection);
            if (connection->whole > 0)
                connection->state = READ;
            else
                begin_read(connection, event);
        }
        return true;
    case READ:
        return true;
    case GONE:
        if (connection->size > 0) {
            connection->data[connection->size++] = '\n';
            connection->whole = connection->size;
            connection->state = READ;
            return true;
        }
        if (!stream->serves || stream->last) {
            connection->state = OVER;
            return true;
        }
        DisconnectNamedPipe(connection->pipe);
        begin_connect(connection, event);
        return true;
    case OVER:
        return false;
    }
    return false;
}

static size_t take_bytes(struct rdv__win_stream *stream, struct rdv__win_connection *connection,
                         unsigned char *buffer, size_t room)
{
    while (connection->state != READ)
        if (!advance_connection(stream, connection))
            return 0;
    size_t size = connection->whole - connection->at;
    if (size > room)
        size = room;
    memcpy(buffer, connection->data + connection->at, size);
    connection->at += size;
    if (connection->at == connection->whole)
        begin_read(connection, stream->source.readable);
    return size;
}

/* Set the event if something can be done or nothing ever will be, and clear it otherwise. */
static bool settle_event(struct rdv__win_stream *stream)
{
    bool ready = false, open = false;
    ResetEvent(stream->source.readable);
    for (size_t i = 0; i < stream->count; i++) {
        const struct rdv__win_connection *connection = &stream->connections[i];
        bool waits = connection->state == CONNECTING || connection->state == READING;
        ready = ready || (waits ? is_done(connection) : connection->state != OVER);
        open = open || connection->state != OVER;
    }
    if (ready || !open)
        SetEvent(stream->source.readable);
    return open;
}

int rdv__plat_child_read(rdv__descriptor fd, void *buffer, size_t room, size_t *ret_size)
{
    struct rdv__win_stream *stream = (struct rdv__win_stream *)fd;
    size_t size = 0;
    for (size_t i = 0; size == 0 && i < stream->count; i++) {
        size = take_bytes(stream, &stream->connections[stream->turn], buffer, room);
        stream->turn = (stream->turn + 1) % stream->count;
    }
    if (!settle_event(stream) && size == 0)
        return RDV_EIO;
    *ret_size = size;
    return 0;
}

/* ------------------------------------------------------------- open, close */

static DWORD open_connection(struct rdv__win_stream *stream, size_t index,
                             SECURITY_ATTRIBUTES *attributes)
{
    struct rdv__win_connection *connection = &stream->connections[index];
    connection->room = stream->serves ? NOTICE_SIZE : READ_SIZE;
    connection->data = malloc(connection->room);
    if (!connection->data)
        return ERROR_NOT_ENOUGH_MEMORY;
    HANDLE pipe = CreateNamedPipeW(
        stream->name,
        PIPE_ACCESS_INBOUND | FILE_FLAG_OVERLAPPED |
            (index == 0 ? FILE_FLAG_FIRST_PIPE_INSTANCE : 0),
        PIPE_TYPE_BYTE | PIPE_READMODE_BYTE | PIPE_WAIT | PIPE_REJECT_REMOTE_CLIENTS,
        stream->serves ? SERVED_AT_ONCE : 1, 0, PIPE_ROOM, 0, attributes);
    if (pipe == INVALID_HANDLE_VALUE)
        return GetLastError();
    connection->pipe = pipe;
    begin_connect(connection, stream->source.readable);
    return 0;
}

DWORD rdv__win_stream_open(const wchar_t *name, bool serves, struct rdv__win_stream **ret_stream)
{
    SECURITY_ATTRIBUTES attributes = {0};
    struct rdv__win_stream *stream = calloc(1, sizeof *stream);
    if (!stream)
        return ERROR_NOT_ENOUGH_MEMORY;
    DWORD number = rdv__win_private(&attributes);
    if (number != 0)
        goto out;
    size_t count = serves ? SERVED_AT_ONCE : 1, size = (wcslen(name) + 1) * sizeof *name;
    stream->serves = serves;
    stream->name = malloc(size);
    stream->connections = calloc(count, sizeof *stream->connections);
    stream->source.readable = CreateEventW(NULL, TRUE, FALSE, NULL);
    if (!stream->source.readable) {
        number = GetLastError();
        goto out;
    }
    if (!stream->name || !stream->connections) {
        number = ERROR_NOT_ENOUGH_MEMORY;
        goto out;
    }
    memcpy(stream->name, name, size);
    for (; number == 0 && stream->count < count; stream->count++) {
        stream->connections[stream->count].state = OVER;
        number = open_connection(stream, stream->count, &attributes);
    }
    if (number == 0)
        settle_event(stream);
out:
    rdv__win_private_free(&attributes);
    if (number != 0)
        rdv__win_stream_close(stream);
    else
        *ret_stream = stream;
    return number;
}

void rdv__win_stream_close(struct rdv__win_stream *stream)
{
    if (!stream)
        return;
    for (size_t i = 0; i < stream->count; i++) {
        struct rdv__win_connection *connection = &stream->connections[i];
        cancel(connection);
        if (connection->pipe)
            CloseHandle(connection->pipe);
        free(connection->data);
    }
    if (stream->source.readable)
        CloseHandle(stream->source.readable);
    free(stream->connections);
    free(stream->name);
    free(stream);
}
