/* SPDX-License-Identifier: MIT */
/*
 * The client's end of the socket: rdv_client_… for programs that ask an agent. It sends request
 * lines and hands out the lines that come in. It blocks where a caller waits; with a loop, the
 * loop tells when there is something to receive.
 *
 * The line that rdv_client_receive() gives lies in the buffer, and may move or go with the next
 * call. response.c reads what the lines say.
 */
#include <rdvtask/control.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "control/line_buffer.h"
#include "loop/loop.h"
#include "platform/platform.h"
#include "platform/socket.h"

/* How long to wait for an agent to accept the connection and to answer. */
#define OPEN_WAIT (10 * RDV_SECOND)

/* How much room there is at least for what is received at once, in bytes. */
#define READ_SIZE 65536

struct rdv_client {
    rdv__descriptor fd;
    /* NULL if the client is not attached to a loop. */
    struct rdv__io *io;
    /* What has come in. */
    struct rdv__line_buffer in;
    /* The size, with its end, of the line that the caller was given last. It is dropped when the
     * next one is asked for. */
    size_t taken;
    /* Nothing more will come. */
    bool ended;
};

/* Receive what is there, which may be nothing. The line that the caller was given last may move. */
static int receive_input(rdv_client *client)
{
    struct rdv__line_buffer *in = &client->in;
    int result = rdv__line_buffer_reserve(in, READ_SIZE, NULL);
    if (result != 0)
        return result;
    size_t received = 0;
    result = rdv__socket_receive(client->fd, in->data + in->end, in->room - in->end, &received);
    if (result == RDV_ESHUTDOWN) {
        client->ended = true;
        /* The descriptor stays readable after the end: the loop would call without a pause. */
        if (client->io)
            rdv__io_watch(client->io, false, false);
        return 0;
    }
    in->end += received;
    return result;
}

int rdv_client_send(rdv_client *client, const char *line)
{
    static const char line_end[] = "\n";
    const char *parts[] = {line, line_end};

    if (!client || !line || strchr(line, '\n'))
        return RDV_EINVAL;
    for (int i = 0; i < 2; i++) {
        size_t size = strlen(parts[i]);
        for (size_t sent = 0, step; sent < size; sent += step) {
            int result = rdv__socket_send(client->fd, parts[i] + sent, size - sent, &step);
            if (result != 0)
                return result;
            if (step > 0)
                continue;
            /* While its answers are not read, an agent does not read either. */
            result = rdv__socket_wait(client->fd, true, -1);
            if (result == 0 && !client->ended)
                result = receive_input(client);
            if (result != 0)
                return result;
        }
    }
    return 0;
}

/* Take a whole line that has come in. It stays in the buffer until the next one is taken. NULL if
 * there is none. */
static const char *take_line(rdv_client *client)
{
    struct rdv__line_buffer *in = &client->in;
    size_t size;
    if (client->taken > 0)
        rdv__line_buffer_drop(in, client->taken);
    client->taken = 0;
    if (!rdv__line_buffer_find_line(in, &size))
        return NULL;
    char *line = in->data + in->begin;
    line[size] = '\0';
    client->taken = size + 1;
    return line;
}

int rdv_client_receive(rdv_client *client, rdv_duration wait, const char **ret_line)
{
    if (!client || !ret_line)
        return RDV_EINVAL;
    rdv_duration begun = rdv__plat_running();
    for (;;) {
        const char *line = take_line(client);
        if (line) {
            *ret_line = line;
            return 0;
        }
        if (client->ended)
            return RDV_ESHUTDOWN;
        if (client->in.scanned > RDV_CONTROL_LINE_MAX)
            return RDV_ELIMIT;
        rdv_duration passed = rdv__plat_running() - begun;
        int result = rdv__socket_wait(client->fd, false,
                                      wait < 0        ? -1
                                      : passed < wait ? wait - passed
                                                      : 0);
        if (result == 0)
            result = receive_input(client);
        if (result != 0)
            return result;
    }
}

int rdv_client_fd(const rdv_client *client)
{
    return client ? rdv__socket_number(client->fd) : -1;
}

int rdv_client_attach(rdv_client *client, rdv_loop *loop, void (*fn)(void *user), void *user)
{
    if (!client || (loop && !fn))
        return RDV_EINVAL;
    if (!loop) {
        rdv__io_free(client->io);
        client->io = NULL;
        return 0;
    }
    if (client->io)
        return RDV_ESTATE;
    int result = rdv__io_new(loop, client->fd, fn, user, &client->io);
    if (result == 0 && client->ended)
        rdv__io_watch(client->io, false, false);
    return result;
}

void rdv_client_close(rdv_client *client)
{
    if (!client)
        return;
    rdv__io_free(client->io);
    rdv__socket_close(client->fd);
    rdv__line_buffer_clear(&client->in, NULL);
    free(client);
}

/* Ask the agent for its status. Only an answer tells that it has accepted this client: if it
 * refuses one, it sends a line too. */
static int request_status(rdv_client *client, struct rdv_error *error)
{
    const char *line, *words = "";
    rdv_response *response = NULL;
    int result = rdv_client_send(client, "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"status\"}");
    /* A client that was refused may have been cut off before it could send; the reason can still be
     * read. */
    if (result == 0 || result == RDV_ESHUTDOWN)
        result = rdv_client_receive(client, OPEN_WAIT, &line);
    if (result == RDV_ETIMEDOUT)
        return rdv__fail(error, RDV_EBUSY, "the agent is connected, but does not answer");
    if (result == RDV_ESHUTDOWN)
        return rdv__fail(error, RDV_ENOTFOUND, "the agent has gone");
    if (result == 0)
        result = rdv_response_parse(line, &response);
    if (result != 0)
        return rdv__fail(error, result, "talking to the agent: %s", rdv_strerror(result));
    result = rdv_response_error(response, &words);
    if (result != 0)
        (void)rdv__fail(error, result, "%s", words);
    rdv_response_free(response);
    return result;
}

int rdv_client_open(const char *socket, rdv_client **ret_client, struct rdv_error *error)
{
    if (!socket || !ret_client)
        return rdv__fail(error, RDV_EINVAL, "invalid argument to rdv_client_open");
    rdv_client *client = calloc(1, sizeof *client);
    if (!client)
        return rdv__fail(error, RDV_ENOMEM, "out of memory");
    client->fd = RDV__NO_DESCRIPTOR;
    int result = rdv__socket_connect(socket, OPEN_WAIT, &client->fd, error);
    if (result == 0)
        result = request_status(client, error);
    if (result != 0) {
        rdv_client_close(client);
        return result;
    }
    *ret_client = client;
    return 0;
}
