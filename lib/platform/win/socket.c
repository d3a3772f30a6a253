/* SPDX-License-Identifier: MIT */
/*
 * Local sockets by named pipes, for control/. platform/socket.h has the contracts.
 *
 *     waiting: begin_connect() --> a client comes --> rdv__listener_accept() --> connection
 *         ^                                                   |
 *         +--- add_waiting(), before the old one is taken <---+
 *
 *     connection: a read is always under way --> finish_read() --> taken --> the next read
 *                 a write is under way or not --> finish_write() --> its size counts as sent
 *
 * A pipe can't be asked whether something could be read or written: one has to begin the operation,
 * and is told later that it is done. So each connection always has a read under way, into a buffer
 * of its own, and at most one write, from another buffer. The loop waits for the events that they
 * set. A write counts as taken once Windows holds all of it, and not while it waits for room in the
 * pipe; so everything that was taken arrives, whoever closes what.
 *
 * A pipe has no half that could be closed alone, and it is no file: its name is made from the path
 * that it is asked for by. It ends with the processes that have it open, so nothing stale is ever
 * left behind, with one exception: clients that hold on to their end keep the name, even when the
 * process that served them was killed.
 */
#include "platform/socket.h"

#include <assert.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "base/error.h"
#include "platform/lock.h"
#include "platform/platform.h"
#include "platform/win/peer.h"
#include "platform/win/source.h"
#include "platform/win/win.h"

/* How many connections may wait to be accepted. Each one that is accepted is replaced first. */
#define BACKLOG 16

/* How much a pipe holds in each direction, and how much is read and written at once, in bytes. */
#define PIPE_ROOM  65536
#define READ_SIZE  8192
#define WRITE_SIZE 16384

/*
 * The longest name of a pipe that Windows takes, the prefix of all such names, and how much of a
 * file's name goes into one.
 */
#define NAME_MAX_LENGTH    256
#define NAME_PREFIX        L"\\\\.\\pipe\\"
#define NAME_PREFIX_LENGTH (sizeof NAME_PREFIX / sizeof(wchar_t) - 1)
#define NAME_FILE_MAX      64

/*
 * What a client asks for: to read, which includes READ_CONTROL, and to write, and nothing that a
 * reader has no right to.
 */
#define CLIENT_RIGHTS (GENERIC_READ | FILE_WRITE_DATA)

/*
 * One end of a pipe. Before it is connected, only `pipe` and `reading`, which waits for that, are
 * in use.
 */
struct connection {
    /* The first field, as the loop knows a connection by it. */
    struct rdv__source source;
    HANDLE pipe;
    OVERLAPPED reading, writing;
    /* `reading` is for a client that may come. */
    bool is_connecting;
    bool is_reading, is_writing;
    /*
     * Whether the client has yet to be confirmed as an owner, before anything from it is passed on.
     */
    bool confirm;
    /* Why nothing more is read; 0 = reading goes on. */
    int ended;
    /* What was read, and has not been passed on yet. */
    DWORD begin, end;
    DWORD out_size;
    /* The last fields, as they are not cleared. */
    char in[READ_SIZE], out[WRITE_SIZE];
};

struct rdv__listener {
    /* The first field. It is readable when a client has come. */
    struct rdv__source source;
    wchar_t name[NAME_MAX_LENGTH + 1];
    SECURITY_ATTRIBUTES security;
    /* NULL if the path is the name of a pipe, beside which no file can be. */
    struct rdv__plat_lock *lock;
    /* In the order in which they were made; clients come to the first one. */
    struct connection *waiting[BACKLOG];
    size_t count;
};

/* ------------------------------------------------------------------- names */

static bool is_separator(wchar_t c)
{
    return c == L'\\' || c == L'/';
}

/* Return the part of a pipe's name after the prefix, or NULL if it isn't the name of a pipe. */
static const wchar_t *after_prefix(const wchar_t *path)
{
    return is_separator(path[0]) && is_separator(path[1]) && (path[2] == L'.' || path[2] == L'?') &&
                   is_separator(path[3]) && _wcsnicmp(path + 4, L"pipe", 4) == 0 &&
                   is_separator(path[8])
               ? path + NAME_PREFIX_LENGTH
               : NULL;
}

/* Hash a text (FNV-1a, 64 bits). */
static uint64_t hash_text(const wchar_t *text)
{
    uint64_t value = UINT64_C(0xcbf29ce484222325);
    for (; *text; text++) {
        value = (value ^ (*text & 0xff)) * UINT64_C(0x100000001b3);
        value = (value ^ (uint64_t)*text >> 8) * UINT64_C(0x100000001b3);
    }
    return value;
}

/*
 * Make the name of the pipe for a file: the readable part of the file's name, and what tells it
 * from other files of that name. Changes path.
 */
static void name_for_file(wchar_t *path, wchar_t name[NAME_MAX_LENGTH + 1])
{
    wchar_t *last = path + wcslen(path);
    size_t length = NAME_PREFIX_LENGTH;
    while (last > path && !is_separator(last[-1]))
        last--;
    wmemcpy(name, NAME_PREFIX L"rdvtask-", NAME_PREFIX_LENGTH + 8);
    length += 8;
    for (size_t i = 0; last[i] && i < NAME_FILE_MAX; i++) {
        wchar_t c = last[i];
        if (c >= L'A' && c <= L'Z')
            c = (wchar_t)(c - L'A' + L'a');
        bool readable = (c >= L'a' && c <= L'z') || (c >= L'0' && c <= L'9') || c == L'.' ||
                        c == L'-' || c == L'_';
        name[length++] = readable ? c : L'_';
    }
    /*
     * This makes capitals, as the file system compares names, and in the same way whatever the
     * user's language is.
     */
    LCMapStringW(LOCALE_INVARIANT, LCMAP_UPPERCASE, path, -1, path, (int)wcslen(path) + 1);
    uint64_t value = hash_text(path);
    swprintf(name + length, NAME_MAX_LENGTH + 1 - length, L"-%08lx%08lx",
             (unsigned long)(value >> 32), (unsigned long)(value & 0xffffffff));
}

/*
 * Find the name of the pipe that a path stands for. ret_file says whether the path is that of a
 * file.
 */
static int pipe_name(const char *path, wchar_t name[NAME_MAX_LENGTH + 1], bool *ret_file,
                     struct rdv_error *error)
{
    char words[RDV__WIN_WORDS];
    int result = 0;
    wchar_t *full = NULL, *wide = rdv__win_wide(path);
    const wchar_t *rest = wide ? after_prefix(wide) : NULL;
    if (!*path) {
        result = rdv__fail(error, RDV_EINVAL, "the path of the socket is empty");
    } else if (rest) {
        if (!*rest || wcspbrk(rest, L"\\/"))
            result = rdv__fail(error, RDV_EINVAL, "'%s' is no name of a pipe", path);
        else if (wcslen(rest) > NAME_MAX_LENGTH - NAME_PREFIX_LENGTH)
            result = rdv__fail(
                error, RDV_EINVAL,
                "the name of the pipe '%s' is too long: give one of at most %d characters", path,
                (int)NAME_MAX_LENGTH);
        else
            swprintf(name, NAME_MAX_LENGTH + 1, NAME_PREFIX L"%ls", rest);
    } else {
        full = wide ? rdv__win_path(path) : NULL;
        if (!full && GetLastError() == ERROR_NOT_ENOUGH_MEMORY)
            result = rdv__fail(error, RDV_ENOMEM, "out of memory");
        else if (!full)
            result = rdv__fail(error, RDV_EINVAL, "'%s': %s", path,
                               rdv__win_words(GetLastError(), words));
        else
            /* The form of a path that has no limit means the same file. */
            name_for_file(wcsncmp(full, L"\\\\?\\", 4) == 0 ? full + 4 : full, name);
    }
    free(full);
    free(wide);
    if (result == 0)
        *ret_file = !rest;
    return result;
}

/* ------------------------------------------------------------- connections */

static int gone_or_failed(DWORD number)
{
    return number == ERROR_BROKEN_PIPE || number == ERROR_NO_DATA ||
                   number == ERROR_PIPE_NOT_CONNECTED
               ? RDV_ESHUTDOWN
               : RDV_EIO;
}

/*
 * End the operation that is under way, so that its memory can be freed. Its event may be set by
 * other operations, too.
 */
static void stop_operation(HANDLE pipe, OVERLAPPED *operation)
{
    CancelIoEx(pipe, operation);
    while (!HasOverlappedIoCompleted(operation))
        SwitchToThread();
}

static void connection_free(struct connection *connection)
{
    if (!connection)
        return;
    if (connection->is_connecting || connection->is_reading)
        stop_operation(connection->pipe, &connection->reading);
    if (connection->is_writing)
        stop_operation(connection->pipe, &connection->writing);
    if (connection->pipe != INVALID_HANDLE_VALUE)
        CloseHandle(connection->pipe);
    if (connection->source.readable)
        CloseHandle(connection->source.readable);
    if (connection->source.writable)
        CloseHandle(connection->source.writable);
    free(connection);
}

/*
 * Make a connection. It takes the pipe over, even when it fails, which it does for want of memory
 * only.
 */
static struct connection *connection_new(HANDLE pipe)
{
    struct connection *connection = malloc(sizeof *connection);
    if (!connection) {
        CloseHandle(pipe);
        return NULL;
    }
    memset(connection, 0, offsetof(struct connection, in));
    connection->pipe = pipe;
    /* Nothing has been read yet, and there is room to write. */
    connection->source.readable = CreateEventW(NULL, TRUE, FALSE, NULL);
    connection->source.writable = CreateEventW(NULL, TRUE, TRUE, NULL);
    if (!connection->source.readable || !connection->source.writable) {
        connection_free(connection);
        return NULL;
    }
    return connection;
}

static void end_reading(struct connection *connection, int why)
{
    connection->ended = why;
    SetEvent(connection->source.readable);
}

static void begin_read(struct connection *connection)
{
    connection->begin = connection->end = 0;
    connection->reading = (OVERLAPPED){.hEvent = connection->source.readable};
    if (ReadFile(connection->pipe, connection->in, READ_SIZE, NULL, &connection->reading) ||
        GetLastError() == ERROR_IO_PENDING)
        connection->is_reading = true;
    else
        end_reading(connection, gone_or_failed(GetLastError()));
}

/* Finish the read under way. Returns whether there is something, or will never be anything more. */
static bool finish_read(struct connection *connection)
{
    DWORD size;
    if (connection->begin < connection->end || connection->ended)
        return true;
    if (!HasOverlappedIoCompleted(&connection->reading))
        return false;
    connection->is_reading = false;
    if (GetOverlappedResult(connection->pipe, &connection->reading, &size, FALSE)) {
        connection->end = size;
        if (size > 0 && connection->confirm && !rdv__peer_is_owner(connection->pipe)) {
            connection->end = 0;
            end_reading(connection, RDV_EIO);
        }
        connection->confirm = connection->confirm && size == 0;
    } else if (GetLastError() != ERROR_OPERATION_ABORTED) {
        end_reading(connection, gone_or_failed(GetLastError()));
    }
    /* The read was empty, or it has ended with the thread that began it. */
    if (connection->end == 0 && !connection->ended)
        begin_read(connection);
    return connection->end > 0 || connection->ended;
}

int rdv__socket_receive(rdv__descriptor fd, void *buffer, size_t room, size_t *ret_size)
{
    struct connection *connection = (struct connection *)fd;
    size_t size = 0;
    assert(room > 0);
    while (size < room && finish_read(connection)) {
        DWORD step = connection->end - connection->begin;
        if (step == 0)
            break;
        if (step > room - size)
            step = (DWORD)(room - size);
        memcpy((char *)buffer + size, connection->in + connection->begin, step);
        connection->begin += step;
        size += step;
        if (connection->begin == connection->end)
            begin_read(connection);
    }
    if (size == 0 && connection->ended)
        return connection->ended;
    *ret_size = size;
    return 0;
}

/* Find out how the write under way has ended: how much was taken, or an error. */
static int finish_write(struct connection *connection, size_t *ret_size)
{
    DWORD size;
    connection->is_writing = false;
    if (GetOverlappedResult(connection->pipe, &connection->writing, &size, FALSE)) {
        assert(size == connection->out_size);
        *ret_size = size;
        return 0;
    }
    SetEvent(connection->source.writable);
    return gone_or_failed(GetLastError());
}

int rdv__socket_send(rdv__descriptor fd, const void *data, size_t size, size_t *ret_size)
{
    struct connection *connection = (struct connection *)fd;
    size_t sent = 0, step = 0;
    int result = 0;
    for (;;) {
        if (connection->is_writing) {
            if (!HasOverlappedIoCompleted(&connection->writing))
                break;
            /* After an error in the middle of a line, the caller may hand in something else. */
            result =
                connection->out_size <= size - sent ? finish_write(connection, &step) : RDV_EIO;
            if (result != 0)
                return result;
            sent += step;
        }
        if (sent == size)
            break;
        connection->out_size = (DWORD)(size - sent < WRITE_SIZE ? size - sent : WRITE_SIZE);
        memcpy(connection->out, (const char *)data + sent, connection->out_size);
        connection->writing = (OVERLAPPED){.hEvent = connection->source.writable};
        if (!WriteFile(connection->pipe, connection->out, connection->out_size, NULL,
                       &connection->writing) &&
            GetLastError() != ERROR_IO_PENDING) {
            result = gone_or_failed(GetLastError());
            SetEvent(connection->source.writable);
            return result;
        }
        connection->is_writing = true;
    }
    *ret_size = sent;
    return 0;
}

int rdv__socket_wait(rdv__descriptor fd, bool send, rdv_duration wait)
{
    const HANDLE objects[] = {fd->readable, fd->writable};
    const rdv_duration begun = rdv__plat_running();
    for (;;) {
        rdv_duration left = wait < 0 ? -1 : wait - (rdv__plat_running() - begun);
        int64_t milliseconds = left / RDV_MILLISECOND + (left % RDV_MILLISECOND != 0);
        DWORD status = WaitForMultipleObjects(send ? 2 : 1, objects, FALSE,
                                              wait < 0                 ? INFINITE
                                              : left <= 0              ? 0
                                              : milliseconds > INT_MAX ? INT_MAX
                                                                       : (DWORD)milliseconds);
        if (status == WAIT_FAILED)
            return RDV_EIO;
        if (status != WAIT_TIMEOUT)
            return 0;
        if (left <= 0 || milliseconds <= INT_MAX)
            return RDV_ETIMEDOUT;
    }
}

void rdv__socket_close(rdv__descriptor fd)
{
    connection_free((struct connection *)fd);
}

int rdv__socket_number(rdv__descriptor fd)
{
    (void)fd;
    return -1;
}

int64_t rdv__socket_own_pid(void)
{
    return GetCurrentProcessId();
}

enum rdv__peer rdv__socket_peer(rdv__descriptor fd, const rdv__group *group,
                                struct rdv__peer_words *ret_words)
{
    struct connection *connection = (struct connection *)fd;
    enum rdv__peer peer = rdv__peer_look(connection->pipe, group, ret_words);
    connection->confirm = group && peer == RDV__PEER_OWNER;
    return peer;
}

/* -------------------------------------------------------------- connecting */

int rdv__socket_connect(const char *path, rdv_duration wait, rdv__descriptor *ret_fd,
                        struct rdv_error *error)
{
    wchar_t name[NAME_MAX_LENGTH + 1];
    char words[RDV__WIN_WORDS];
    bool file;
    DWORD number = 0;
    const rdv_duration begun = rdv__plat_running();
    int result = pipe_name(path, name, &file, error);
    if (result != 0)
        return result;

    HANDLE pipe;
    for (;;) {
        /* The server may learn which user this is, but can't act as that user. */
        pipe = CreateFileW(name, CLIENT_RIGHTS, 0, NULL, OPEN_EXISTING,
                           FILE_FLAG_OVERLAPPED | SECURITY_SQOS_PRESENT | SECURITY_IDENTIFICATION,
                           NULL);
        number = pipe == INVALID_HANDLE_VALUE ? GetLastError() : 0;
        rdv_duration left = wait - (rdv__plat_running() - begun);
        if (number != ERROR_PIPE_BUSY || left <= 0)
            break;
        /*
         * A time of 0 would stand for the pipe's own. Another client may be faster, so try again
         * whatever the result is.
         */
        WaitNamedPipeW(name, (DWORD)(left / RDV_MILLISECOND) + 1);
    }
    switch (number) {
    case 0:
        break;
    case ERROR_FILE_NOT_FOUND:
        return rdv__fail(error, RDV_ENOTFOUND, "nobody listens at '%s'", path);
    case ERROR_PIPE_BUSY:
        return rdv__fail(error, RDV_EBUSY, "the process that listens at '%s' does not answer",
                         path);
    default:
        return rdv__fail(error, rdv__win_error(number), "cannot connect to '%s': %s", path,
                         rdv__win_words(number, words));
    }
    result = rdv__peer_check_server(pipe, path, error);
    if (result != 0) {
        CloseHandle(pipe);
        return result;
    }
    struct connection *connection = connection_new(pipe);
    if (!connection)
        return rdv__fail(error, RDV_ENOMEM, "out of memory");
    begin_read(connection);
    *ret_fd = &connection->source;
    return 0;
}

/* --------------------------------------------------------------- listening */

/*
 * Wait for a client. The event is the listener's, and this clears it even if another connection has
 * just set it.
 */
static DWORD begin_connect(struct connection *connection, HANDLE event)
{
    for (;;) {
        connection->reading = (OVERLAPPED){.hEvent = event};
        DWORD number =
            ConnectNamedPipe(connection->pipe, &connection->reading) ? 0 : GetLastError();
        connection->is_connecting = number == ERROR_IO_PENDING;
        if (number == ERROR_IO_PENDING || number == ERROR_PIPE_CONNECTED)
            return 0;
        /* A client has come, and has gone already. */
        if (number != ERROR_NO_DATA || !DisconnectNamedPipe(connection->pipe))
            return number;
    }
}

/* Find the first waiting end that a client has connected to. */
static bool find_connected(struct rdv__listener *listener, size_t *ret_place)
{
    for (size_t i = 0; i < listener->count; i++) {
        struct connection *connection = listener->waiting[i];
        DWORD size;
        if (connection->is_connecting && HasOverlappedIoCompleted(&connection->reading)) {
            connection->is_connecting = false;
            /* The wait has ended with the thread that began it, so begin again in this one. */
            if (!GetOverlappedResult(connection->pipe, &connection->reading, &size, FALSE) &&
                GetLastError() == ERROR_OPERATION_ABORTED) {
                (void)begin_connect(connection, listener->source.readable);
                SetEvent(listener->source.readable);
            }
        }
        if (!connection->is_connecting) {
            *ret_place = i;
            return true;
        }
    }
    return false;
}

/* Add an end for a client to connect to. Returns 0, or what GetLastError() says. */
static DWORD add_waiting(struct rdv__listener *listener, bool first)
{
    assert(listener->count < BACKLOG);
    HANDLE pipe = CreateNamedPipeW(
        listener->name,
        PIPE_ACCESS_DUPLEX | FILE_FLAG_OVERLAPPED | (first ? FILE_FLAG_FIRST_PIPE_INSTANCE : 0),
        PIPE_TYPE_BYTE | PIPE_READMODE_BYTE | PIPE_WAIT | PIPE_REJECT_REMOTE_CLIENTS,
        PIPE_UNLIMITED_INSTANCES, PIPE_ROOM, PIPE_ROOM, 0, &listener->security);
    if (pipe == INVALID_HANDLE_VALUE)
        return GetLastError();
    struct connection *connection = connection_new(pipe);
    if (!connection)
        return ERROR_NOT_ENOUGH_MEMORY;
    DWORD number = begin_connect(connection, listener->source.readable);
    if (number != 0)
        connection_free(connection);
    else
        listener->waiting[listener->count++] = connection;
    /* Adding it may have cleared the event for another one, so check. */
    size_t place;
    if (find_connected(listener, &place))
        SetEvent(listener->source.readable);
    return number;
}

/* Whether nobody serves the pipe any more, and only clients of a process that has gone keep it. */
static bool is_left_over(const wchar_t *name)
{
    HANDLE pipe = CreateFileW(name, CLIENT_RIGHTS, 0, NULL, OPEN_EXISTING,
                              SECURITY_SQOS_PRESENT | SECURITY_IDENTIFICATION, NULL);
    if (pipe == INVALID_HANDLE_VALUE)
        return GetLastError() == ERROR_FILE_NOT_FOUND;
    CloseHandle(pipe);
    return false;
}

/* Make the first end, by which the pipe becomes this process's. */
static int make_pipe(struct rdv__listener *listener, const char *path, struct rdv_error *error)
{
    char words[RDV__WIN_WORDS];
    /*
     * Wine 8 lets anybody be the first, however many there are, so check before. On Windows this
     * only saves the attempt.
     */
    DWORD number =
        WaitNamedPipeW(listener->name, 1) ? ERROR_PIPE_BUSY : add_waiting(listener, true);
    /*
     * With the lock held, this process may go on with the pipe if an earlier process of rdvtask
     * made it.
     */
    if (number == ERROR_ACCESS_DENIED && listener->lock && is_left_over(listener->name)) {
        number = add_waiting(listener, false);
        if (number == 0 && !rdv__peer_is_secured(listener->waiting[0]->pipe, &listener->security))
            number = ERROR_ACCESS_DENIED;
    }
    switch (number) {
    case 0:
        return 0;
    case ERROR_ACCESS_DENIED:
    case ERROR_PIPE_BUSY:
        return rdv__fail(error, RDV_ELOCKED,
                         "another process listens at '%s', or has made a pipe of that name", path);
    default:
        return rdv__fail(error, rdv__win_error(number), "cannot listen at '%s': %s", path,
                         rdv__win_words(number, words));
    }
}

int rdv__listener_new(const char *path, const rdv__group *group,
                      struct rdv__listener **ret_listener, struct rdv_error *error)
{
    char words[RDV__WIN_WORDS];
    bool file;
    struct rdv__listener *listener = calloc(1, sizeof *listener);
    if (!listener)
        return rdv__fail(error, RDV_ENOMEM, "out of memory");
    int result = pipe_name(path, listener->name, &file, error);
    if (result == 0 && file)
        result = rdv__lock_beside(path, &listener->lock, error);
    if (result == 0) {
        listener->source.readable = CreateEventW(NULL, TRUE, FALSE, NULL);
        DWORD number = listener->source.readable ? rdv__peer_security(group, &listener->security)
                                                 : GetLastError();
        if (number != 0)
            result = rdv__fail(error, rdv__win_error(number), "cannot listen at '%s': %s", path,
                               rdv__win_words(number, words));
    }
    if (result == 0)
        result = make_pipe(listener, path, error);
    /* One would be enough. */
    while (result == 0 && listener->count < BACKLOG && add_waiting(listener, false) == 0)
        ;
    if (result != 0)
        rdv__listener_free(listener);
    else
        *ret_listener = listener;
    return result;
}

rdv__descriptor rdv__listener_fd(const struct rdv__listener *listener)
{
    return (rdv__descriptor)&listener->source;
}

bool rdv__listener_is_there(const struct rdv__listener *listener)
{
    /* A pipe has its name as long as somebody has it open. */
    (void)listener;
    return true;
}

int rdv__listener_accept(struct rdv__listener *listener, rdv__descriptor *ret_fd)
{
    size_t place;
    if (!find_connected(listener, &place)) {
        /* A client that comes between the search and this would not be noticed, so search again. */
        ResetEvent(listener->source.readable);
        if (!find_connected(listener, &place))
            return RDV_ENOTFOUND;
        SetEvent(listener->source.readable);
    }
    /*
     * Somebody must always be able to connect: without another end, any other process could make
     * one.
     */
    struct connection *connection = listener->waiting[place];
    listener->count--;
    memmove(listener->waiting + place, listener->waiting + place + 1,
            (listener->count - place) * sizeof *listener->waiting);
    if (add_waiting(listener, false) != 0) {
        memmove(listener->waiting + place + 1, listener->waiting + place,
                (listener->count - place) * sizeof *listener->waiting);
        listener->waiting[place] = connection;
        listener->count++;
        return RDV_ELIMIT;
    }
    begin_read(connection);
    *ret_fd = &connection->source;
    return 0;
}

void rdv__listener_free(struct rdv__listener *listener)
{
    if (!listener)
        return;
    for (size_t i = 0; i < listener->count; i++)
        connection_free(listener->waiting[i]);
    if (listener->source.readable)
        CloseHandle(listener->source.readable);
    rdv__win_private_free(&listener->security);
    rdv__plat_unlock(listener->lock);
    free(listener);
}
