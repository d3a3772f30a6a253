/* SPDX-License-Identifier: MIT */
/*
 * The line server: its listener, the connections of clients, and their turns. control.c is its
 * user. What the lines mean is not known here.
 *
 * connection_ready() is called by the loop when a connection can be read or written; turn_late() is
 * called once in each turn, late, for the connections that are awake. Both end with
 * settle_connection(), which closes the connection or says what it waits for:
 *
 *               a line waits, or the user has more
 *   waiting -------------------------------------------> awake
 *       | <----------------------------------------------- |
 *       |            it has had its part of a turn
 *       |
 *       +-- more is pushed than it may have --> late: only late_line is left to read --> freed
 *       |
 *       +-- an error, or nothing read for `patience` --> broken ------------------------> freed
 *       |
 *       +-- the client has ended, and has all its answers ------------------------------> freed
 *
 * A waiting connection waits for input, or for its client to read. A connection is freed by
 * settle_connection() and only when it is not awake; everything else marks it as broken. (When the
 * server is freed, all go.) While a whole line waits, nothing is received, so that the line stays
 * in its place.
 */
#include "control/line_server.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "control/line_buffer.h"
#include "loop/loop.h"
#include "platform/platform.h"

/* How much is received from a connection at once, in bytes. It is less for a connection of the
 * group, as all of the group share little memory. */
#define READ_SIZE        65536
#define READ_SIZE_READER 16384

/* How many lines of a connection are done at once, and how many connections are accepted at
 * once. */
#define LINES_AT_ONCE   16
#define ACCEPTS_AT_ONCE 64

/* If a client has more than this to read, in bytes, nothing more is done for it. */
#define QUEUE_LOW 65536

/* How long no connection is accepted after the process had no descriptor for one. */
#define ACCEPT_PAUSE RDV_SECOND

/* How long to wait before trying again to make the socket anew. */
#define LISTEN_PAUSE (100 * RDV_MILLISECOND)

struct rdv__answer {
    /* NULL if the connection is gone. */
    struct rdv__connection *connection;
    struct rdv__answer *next;
    char *text;
    bool given;
};

/* The connections of clients with the same rights: what they may have all together, and what they
 * have. */
struct share {
    struct rdv__share_limits limits;
    size_t connections_max, connections;
    size_t read_size;
    /* Bytes of memory that their buffers take; output also has what is held for their answers. */
    size_t input, output;
    /* All that they ask for is late. */
    bool only_late;
    /* How many clients were refused as too many since that was logged last. */
    size_t refused;
    /* Until this running time it is not logged again. */
    rdv_duration quiet;
};

struct rdv__connection {
    struct rdv__server *server;
    struct rdv__connection *next, *previous;
    /* In the list of those that turn_late() is to look after, if awake. */
    struct rdv__connection *next_awake;
    bool awake;
    /* It had its part of this turn. */
    bool done;
    rdv__descriptor fd;
    struct rdv__io *io;
    void *state;
    struct share *share;
    struct rdv__line_buffer in, out;
    /* What comes is the rest of a line that was too long. */
    bool skipping;
    /* The client will send nothing more. */
    bool ended;
    /* It is to be closed as soon as nobody is using it. */
    bool broken;
    /* Some output was read since the patience of the server ended last. */
    bool moved;
    /* The user has more late work for it. */
    bool more;
    /* A line that is not an answer was sent to it. */
    bool pushed;
    /* It is to be closed when the client has read late_line. */
    bool late;
    /* Bytes for work on its requests; they are part of the share's output. */
    size_t held;
    /* Answers whose turn has not come, in the order of their lines, and how many there are. */
    struct rdv__answer *answers, **answers_end;
    size_t expected;
};

struct rdv__server {
    rdv_loop *loop;
    struct rdv__server_options options;
    const struct rdv__server_ops *ops;
    void *user;
    char *path;
    /* NULL while its name is gone and can't be made again. */
    struct rdv__listener *listener;
    /* NULL if listener is. */
    struct rdv__io *accepting;
    /* When to try again to make the socket anew, in running time. */
    rdv_duration listen_again_at;
    /* It was logged that the socket can't be made again. */
    bool logged_away;
    rdv_timer *accept_again, *patience;
    /* The patience timer is started. */
    bool waiting;
    /* There were no descriptors: no connection is accepted for a while. */
    bool paused;
    /* It was logged that no connection can be accepted. */
    bool logged_paused;
    /* The turn is added to the loop. */
    bool attached;
    struct rdv__turn turn;
    struct rdv__connection *connections;
    struct share owners, readers;
    struct rdv__connection *awake, **awake_end;
    /* When the time of the share that is being done is used up. */
    rdv_duration until;
    /* Where input is received; it is not zeroed, see rdv__server_new(). */
    char scratch[READ_SIZE];
};

/* ------------------------------------------------------------- connections */

/* Forget bytes of a buffer. An empty one takes no memory: most connections are idle. */
static void drop_bytes(struct rdv__line_buffer *buffer, size_t size, size_t *total)
{
    rdv__line_buffer_drop(buffer, size);
    if (rdv__line_buffer_size(buffer) == 0)
        rdv__line_buffer_clear(buffer, total);
}

/* Have the connection looked after late in this turn, or in the next one. */
static void wake_connection(struct rdv__connection *connection)
{
    struct rdv__server *server = connection->server;
    if (connection->awake)
        return;
    connection->awake = true;
    connection->next_awake = NULL;
    *server->awake_end = connection;
    server->awake_end = &connection->next_awake;
    rdv__loop_again(server->loop);
}

void rdv__connection_more(struct rdv__connection *connection)
{
    connection->more = true;
    wake_connection(connection);
}

void rdv__connection_close(struct rdv__connection *connection)
{
    connection->broken = true;
    wake_connection(connection);
}

static void cut_off(struct rdv__connection *connection, const char *why)
{
    if (connection->broken)
        return;
    rdv__log(&connection->server->options.log, RDV_LOG_WARNING, "a client was cut off: %s", why);
    rdv__connection_close(connection);
}

static bool has_room(const struct rdv__connection *connection)
{
    return rdv__line_buffer_size(&connection->out) <= QUEUE_LOW;
}

static void queue_line(struct rdv__connection *connection, const char *line, size_t size)
{
    size_t *total = &connection->share->output;
    if (connection->broken || connection->late)
        return;
    if (rdv__line_buffer_reserve(&connection->out, size + 1, total) != 0) {
        cut_off(connection, "out of memory");
        return;
    }
    (void)rdv__line_buffer_append(&connection->out, line, size, total);
    (void)rdv__line_buffer_append(&connection->out, "\n", 1, total);
    wake_connection(connection);
}

static void queue_answer(struct rdv__connection *connection, char *text)
{
    struct rdv__line_buffer *out = &connection->out;
    if (!text) {
        cut_off(connection, "out of memory");
    } else if (!out->data && !connection->broken && !connection->late) {
        /* The text becomes the buffer, with a line end in place of its NUL: a large answer is not
         * copied. */
        size_t size = strlen(text) + 1;
        char *fitting = realloc(text, size);
        text = fitting ? fitting : text;
        text[size - 1] = '\n';
        *out = (struct rdv__line_buffer){.data = text, .end = size, .room = size};
        connection->share->output += size;
        wake_connection(connection);
        return;
    } else {
        queue_line(connection, text, strlen(text));
    }
    free(text);
}

/* ----------------------------------------------------------------- pushing */

/* Leave a connection only the line that its client has begun to read, and late_line. */
static void make_late(struct rdv__connection *connection)
{
    struct rdv__line_buffer *out = &connection->out;
    const char *words = connection->server->options.late_line;
    const char *begin = out->data ? out->data + out->begin : NULL;
    const char *end = begin ? memchr(begin, '\n', rdv__line_buffer_size(out)) : NULL;
    struct rdv__line_buffer kept = {0};
    size_t *total = &connection->share->output;
    rdv__log(&connection->server->options.log, RDV_LOG_WARNING, "a client was cut off: %s",
             "it does not read what it asked for");
    int result = end ? rdv__line_buffer_append(&kept, begin, (size_t)(end + 1 - begin), total) : 0;
    if (result == 0)
        result = rdv__line_buffer_append(&kept, words, strlen(words), total);
    if (result == 0)
        result = rdv__line_buffer_append(&kept, "\n", 1, total);
    rdv__line_buffer_clear(out, total);
    *out = kept;
    connection->late = true;
    connection->more = false;
    connection->broken |= result != 0;
    wake_connection(connection);
}

/* Find the connection of the same share that has most waiting, among those to which lines were sent
 * that are not answers. It is this one if there is no other. */
static struct rdv__connection *find_latest(struct rdv__connection *connection)
{
    struct rdv__connection *worst = connection;
    for (struct rdv__connection *other = connection->server->connections; other;
         other = other->next)
        if (other->share == connection->share && other->pushed && !other->late && !other->broken &&
            other->out.room > worst->out.room)
            worst = other;
    return worst;
}

void rdv__connection_push(struct rdv__connection *connection, const char *line, size_t size)
{
    if (connection->broken || connection->late)
        return;
    connection->pushed = true;
    if (rdv__line_buffer_size(&connection->out) > connection->server->options.queue_max)
        make_late(connection);
    while (!connection->late && !rdv__connection_has_room(connection, size + 1))
        make_late(find_latest(connection));
    queue_line(connection, line, size);
}

/* Send as much output as the socket has room for. */
static void flush_output(struct rdv__connection *connection)
{
    struct rdv__server *server = connection->server;
    struct rdv__line_buffer *out = &connection->out;
    while (!connection->broken && rdv__line_buffer_size(out) > 0) {
        size_t sent;
        if (rdv__socket_send(connection->fd, out->data + out->begin, rdv__line_buffer_size(out),
                             &sent) != 0) {
            connection->broken = true;
            return;
        }
        if (sent == 0)
            break;
        connection->moved = true;
        drop_bytes(out, sent, &connection->share->output);
    }
    if (rdv__line_buffer_size(out) > 0 && !server->waiting) {
        server->waiting = true;
        rdv_timer_start(server->patience, server->options.patience);
    }
}

/* Cut off the clients that have left output waiting, and have read none of it since the last
 * time. */
static void patience_ends(void *user)
{
    struct rdv__server *server = user;
    server->waiting = false;
    for (struct rdv__connection *connection = server->connections; connection;
         connection = connection->next) {
        if (rdv__line_buffer_size(&connection->out) > 0 && !connection->moved)
            cut_off(connection, "it has stopped reading");
        connection->moved = false;
        server->waiting |= rdv__line_buffer_size(&connection->out) > 0;
    }
    if (server->waiting)
        rdv_timer_start(server->patience, server->options.patience);
}

/* ----------------------------------------------------------------- answers */

static struct rdv__answer *answer_new(struct rdv__connection *connection)
{
    struct rdv__answer *answer = calloc(1, sizeof *answer);
    if (!answer)
        return NULL;
    answer->connection = connection;
    *connection->answers_end = answer;
    connection->answers_end = &answer->next;
    connection->expected++;
    return answer;
}

struct rdv__answer *rdv__connection_expect(struct rdv__connection *connection)
{
    return answer_new(connection);
}

static struct rdv__answer *take_first_answer(struct rdv__connection *connection)
{
    struct rdv__answer *answer = connection->answers;
    connection->answers = answer->next;
    if (!connection->answers)
        connection->answers_end = &connection->answers;
    connection->expected--;
    return answer;
}

void rdv__answer_give(struct rdv__answer *answer, char *text)
{
    struct rdv__connection *connection = answer->connection;
    if (!connection) {
        free(text);
        free(answer);
        return;
    }
    answer->text = text;
    answer->given = true;
    while (connection->answers && connection->answers->given) {
        struct rdv__answer *first = take_first_answer(connection);
        queue_answer(connection, first->text);
        free(first);
    }
}

void rdv__connection_answer(struct rdv__connection *connection, char *text)
{
    if (!connection->answers) {
        queue_answer(connection, text);
        return;
    }
    struct rdv__answer *answer = answer_new(connection);
    if (answer) {
        rdv__answer_give(answer, text);
    } else {
        free(text);
        cut_off(connection, "out of memory");
    }
}

/* The connection is going: leave the answers that are still to come to those who will give them. */
static void disown_answers(struct rdv__connection *connection)
{
    while (connection->answers) {
        struct rdv__answer *answer = take_first_answer(connection);
        answer->connection = NULL;
        if (answer->given)
            rdv__answer_give(answer, answer->text);
    }
}

/* ------------------------------------------------------------------- input */

static void resume_accepting(struct rdv__server *server)
{
    if (!server->paused)
        return;
    server->paused = false;
    rdv_timer_stop(server->accept_again);
    if (server->accepting)
        rdv__io_watch(server->accepting, true, false);
}

static void connection_free(struct rdv__connection *connection)
{
    struct rdv__server *server = connection->server;
    assert(!connection->awake);
    if (connection->state)
        server->ops->closed(server->user, connection->state);
    disown_answers(connection);
    (void)rdv__connection_hold(connection, 0);
    if (connection->previous)
        connection->previous->next = connection->next;
    else
        server->connections = connection->next;
    if (connection->next)
        connection->next->previous = connection->previous;
    connection->share->connections--;
    rdv__io_free(connection->io);
    rdv__socket_close(connection->fd);
    rdv__line_buffer_clear(&connection->in, &connection->share->input);
    rdv__line_buffer_clear(&connection->out, &connection->share->output);
    free(connection);
    resume_accepting(server);
}

static void drop_input(struct rdv__connection *connection, size_t size)
{
    drop_bytes(&connection->in, size, &connection->share->input);
}

static void line_too_long(struct rdv__connection *connection)
{
    struct rdv__server *server = connection->server;
    server->ops->too_long(server->user, connection->state, connection->share->limits.line_max);
}

/* Whether the share that is being done has used up its time in this turn. */
static bool time_is_up(const struct rdv__server *server)
{
    return server->options.running() >= server->until;
}

/* Do lines of a connection, as many as it may have done at once, in this part of the turn. */
static void do_lines(struct rdv__connection *connection, bool late)
{
    struct rdv__server *server = connection->server;
    size_t size;
    if (connection->late || (connection->share->only_late && !late))
        return;
    for (int lines = 0; !connection->broken && has_room(connection) &&
                        rdv__line_buffer_find_line(&connection->in, &size);
         lines++) {
        if (lines == LINES_AT_ONCE || (late && lines > 0 && time_is_up(server))) {
            wake_connection(connection);
            return;
        }
        if (size > connection->share->limits.line_max) {
            line_too_long(connection);
        } else if (server->ops->line(server->user, connection->state,
                                     connection->in.data + connection->in.begin, size,
                                     late) == RDV__LINE_WAIT) {
            return;
        }
        drop_input(connection, size + 1);
    }
    if (!connection->broken && connection->in.scanned > connection->share->limits.line_max &&
        connection->in.scanned == rdv__line_buffer_size(&connection->in)) {
        line_too_long(connection);
        drop_input(connection, rdv__line_buffer_size(&connection->in));
        connection->skipping = true;
    }
}

static void take_input(struct rdv__connection *connection, const char *data, size_t size)
{
    struct rdv__server *server = connection->server;
    if (connection->skipping) {
        const char *end = memchr(data, '\n', size);
        if (!end)
            return;
        connection->skipping = false;
        size -= (size_t)(end + 1 - data);
        data = end + 1;
    }
    struct share *share = connection->share;
    if (share->input + size <= share->limits.input_max &&
        rdv__line_buffer_append(&connection->in, data, size, &share->input) == 0)
        return;
    const char *words = server->options.busy_line;
    queue_line(connection, words, strlen(words));
    flush_output(connection);
    cut_off(connection, "there is no room for what clients send");
}

static void receive_input(struct rdv__connection *connection)
{
    struct rdv__server *server = connection->server;
    size_t size = 0;
    int result =
        rdv__socket_receive(connection->fd, server->scratch, connection->share->read_size, &size);
    if (result == RDV_ESHUTDOWN)
        connection->ended = true;
    else if (result != 0)
        connection->broken = true;
    else if (size > 0)
        take_input(connection, server->scratch, size);
}

/* Close a connection for which all was done, if it is over; or wait for what can come next. */
static void settle_connection(struct rdv__connection *connection)
{
    size_t size;
    flush_output(connection);
    bool line = rdv__line_buffer_find_line(&connection->in, &size), room = has_room(connection);
    /* A line that waits for a commit goes on when an answer is given; any other goes on late in
     * this turn or in the next one. */
    if (room && !connection->broken && !connection->late &&
        (connection->more || (line && connection->expected == 0)))
        wake_connection(connection);
    /* A client that has sent its last line still gets its answers. */
    bool finished = rdv__line_buffer_size(&connection->out) == 0 &&
                    (connection->late || (connection->ended && connection->expected == 0));
    if ((connection->broken || finished) && !connection->awake)
        connection_free(connection);
    else if (!connection->broken)
        rdv__io_watch(connection->io, !connection->ended && !line && room && !connection->late,
                      rdv__line_buffer_size(&connection->out) > 0);
}

static void connection_ready(void *user)
{
    struct rdv__connection *connection = user;
    size_t size;
    flush_output(connection);
    if (!connection->broken && !connection->ended && !connection->late && has_room(connection) &&
        !rdv__line_buffer_find_line(&connection->in, &size))
        receive_input(connection);
    do_lines(connection, false);
    settle_connection(connection);
}

/* Do the late work of a share's connections, in the order in which they have woken up, until the
 * share's time is used up. */
static void do_share(struct rdv__server *server, const struct share *share,
                     struct rdv__connection *first)
{
    server->until = server->options.running() + share->limits.time;
    bool is_first = true;
    for (struct rdv__connection *connection = first; connection;
         connection = connection->next_awake) {
        if (connection->share != share)
            continue;
        bool idle = connection->broken || connection->late;
        connection->done = idle || is_first || !time_is_up(server);
        if (idle || !connection->done)
            continue;
        is_first = false;
        if (connection->more && has_room(connection))
            connection->more = server->ops->late(server->user, connection->state);
        do_lines(connection, true);
    }
}

/* --------------------------------------------------------------- accepting */

static struct share *share_of(struct rdv__server *server, enum rdv__peer peer)
{
    return peer == RDV__PEER_OWNER ? &server->owners : &server->readers;
}

static int connection_new(struct rdv__server *server, rdv__descriptor fd, enum rdv__peer peer)
{
    struct rdv__connection *connection = calloc(1, sizeof *connection);
    int result = connection ? 0 : RDV_ENOMEM;
    if (result == 0)
        result = rdv__io_new(server->loop, fd, connection_ready, connection, &connection->io);
    if (result != 0) {
        free(connection);
        rdv__socket_close(fd);
        return result;
    }
    connection->server = server;
    connection->fd = fd;
    connection->share = share_of(server, peer);
    connection->answers_end = &connection->answers;
    connection->next = server->connections;
    if (connection->next)
        connection->next->previous = connection;
    server->connections = connection;
    connection->share->connections++;
    connection->state = server->ops->opened(server->user, connection, peer);
    if (connection->state)
        return 0;
    connection_free(connection);
    return RDV_ENOMEM;
}

/* Send one line to a client that can't stay, and close its socket. There is room for the line,
 * since nothing was sent before. */
static void turn_away_client(rdv__descriptor fd, const char *line)
{
    size_t sent;
    if (rdv__socket_send(fd, line, strlen(line), &sent) == 0)
        (void)rdv__socket_send(fd, "\n", 1, &sent);
    rdv__socket_close(fd);
}

static bool is_full(const struct rdv__server *server, const struct share *share)
{
    return share->connections >= share->connections_max ||
           rdv__server_connections(server) >= server->options.connections;
}

/* Log that there are too many clients, but not more often than once in options.quiet: a client that
 * is refused can come again at once. */
static void log_full(struct rdv__server *server, struct share *share,
                     const struct rdv__peer_words *words)
{
    const struct rdv__server_options *options = &server->options;
    rdv_duration now = rdv__plat_running();
    share->refused++;
    if (now < share->quiet)
        return;
    rdv__log(&options->log, RDV_LOG_WARNING,
             "too many clients: %zu, of which %zu may only read; refused %zu more (%s)",
             rdv__server_connections(server), server->readers.connections, share->refused,
             words->text);
    share->refused = 0;
    share->quiet = now + options->quiet;
}

/* Accept a connection, or turn its client away. Returns false if no more can be accepted now. */
static bool take_connection(struct rdv__server *server)
{
    const struct rdv__server_options *options = &server->options;
    struct rdv__peer_words words;
    rdv__descriptor fd;
    int result = rdv__listener_accept(server->listener, &fd);
    if (result == RDV_ENOTFOUND)
        return false;
    if (result == 0) {
        enum rdv__peer peer = rdv__socket_peer(fd, options->group, &words);
        if (peer == RDV__PEER_STRANGER) {
            rdv__log(&options->log, RDV_LOG_WARNING, "a client was refused: %s", words.text);
            turn_away_client(fd, options->refuse_line);
        } else if (is_full(server, share_of(server, peer))) {
            log_full(server, share_of(server, peer), &words);
            turn_away_client(fd, options->busy_line);
        } else {
            result = connection_new(server, fd, peer);
        }
    }
    if (result == 0) {
        server->logged_paused = false;
        return true;
    }
    /* The loop would tell of the waiting connections in each turn, for nothing. */
    if (!server->logged_paused)
        rdv__log(&options->log, RDV_LOG_WARNING, "no client can be taken just now: %s",
                 result == RDV_ELIMIT ? "too many open files" : rdv_strerror(result));
    server->logged_paused = true;
    server->paused = true;
    rdv__io_watch(server->accepting, false, false);
    rdv_timer_start(server->accept_again, ACCEPT_PAUSE);
    return false;
}

static void accept_ready(void *user)
{
    struct rdv__server *server = user;
    for (int i = 0; i < ACCEPTS_AT_ONCE && take_connection(server); i++)
        ;
}

static void accept_again(void *user)
{
    resume_accepting(user);
}

/* ---------------------------------------------------------------- listening */

static int start_listening(struct rdv__server *server, struct rdv_error *error)
{
    int result = rdv__listener_new(server->path, server->options.group, &server->listener, error);
    if (result != 0)
        return result;
    result = rdv__io_new(server->loop, rdv__listener_fd(server->listener), accept_ready, server,
                         &server->accepting);
    return result == 0 ? 0 : rdv__fail(error, result, "%s", rdv_strerror(result));
}

static void stop_listening(struct rdv__server *server)
{
    rdv__io_free(server->accepting);
    server->accepting = NULL;
    rdv__listener_free(server->listener);
    server->listener = NULL;
}

/*
 * Make the socket anew if somebody has removed it, for example in cleaning up a folder. This is
 * checked in each turn, that is, whenever something is done anyway, so it costs nothing while the
 * agent is idle. Connections that were made before are kept. If somebody else has taken the name,
 * it is left to them, and the server goes without a socket until the name is free.
 */
static void look_after_listener(struct rdv__server *server)
{
    struct rdv_error error = {0};
    if (server->listener && rdv__listener_is_there(server->listener))
        return;
    const rdv_duration now = rdv__plat_running();
    if (!server->listener && now < server->listen_again_at)
        return;
    if (server->listener) {
        /* Clients may have connected to the old socket before it was removed. */
        accept_ready(server);
        server->paused = false;
        rdv_timer_stop(server->accept_again);
        stop_listening(server);
    }
    if (start_listening(server, &error) == 0) {
        rdv__log(&server->options.log, RDV_LOG_WARNING,
                 "the socket '%s' was removed or replaced, and was made again", server->path);
        server->logged_away = false;
        return;
    }
    stop_listening(server);
    server->listen_again_at = now + LISTEN_PAUSE;
    if (!server->logged_away)
        rdv__log(&server->options.log, RDV_LOG_WARNING,
                 "the socket '%s' was removed or replaced, and can't be made again: %s; it is "
                 "tried again when there is something to do, and at the latest on a reload",
                 server->path, error.text);
    server->logged_away = true;
}

/* The late part of a turn: the loop's settle phase, after that of the store. */
static int turn_late(struct rdv__turn *turn)
{
    struct rdv__server *server =
        (struct rdv__server *)((char *)turn - offsetof(struct rdv__server, turn));
    look_after_listener(server);
    struct rdv__connection *first = server->awake, *connection, *next;
    struct rdv__connection *left = NULL, **left_end = &left;
    server->awake = NULL;
    server->awake_end = &server->awake;
    do_share(server, &server->owners, first);
    do_share(server, &server->readers, first);
    for (connection = first; connection; connection = next) {
        next = connection->next_awake;
        if (!connection->done) {
            *left_end = connection;
            left_end = &connection->next_awake;
            continue;
        }
        connection->awake = false;
        do_lines(connection, false);
        settle_connection(connection);
    }
    /* Connections that have not had their part come first in the next turn. */
    if (left) {
        *left_end = server->awake;
        if (!server->awake)
            server->awake_end = left_end;
        server->awake = left;
        rdv__loop_again(server->loop);
    }
    return 0;
}

/* -------------------------------------------------------------------- life */

int rdv__server_new(rdv_loop *loop, const struct rdv__server_options *options,
                    const struct rdv__server_ops *ops, void *user, struct rdv__server **ret_server,
                    struct rdv_error *error)
{
    struct rdv__server *server = malloc(sizeof *server);
    if (!server)
        return rdv__fail(error, RDV_ENOMEM, "out of memory");
    /* The system gives a page of memory only when it is touched, and scratch is touched only when
     * something is received: a server to which nobody talks does without it. */
    memset(server, 0, offsetof(struct rdv__server, scratch));
    server->loop = loop;
    server->options = *options;
    server->ops = ops;
    server->user = user;
    server->owners = (struct share){
        .limits = options->owners, .connections_max = options->connections, .read_size = READ_SIZE};
    server->readers = (struct share){.limits = options->readers,
                                     .connections_max = options->reader_connections,
                                     .read_size = READ_SIZE_READER,
                                     .only_late = true};
    server->awake_end = &server->awake;
    server->turn = (struct rdv__turn){.run = turn_late, .phase = RDV__TURN_SETTLE};
    server->path = malloc(strlen(options->path) + 1);
    int result = server->path ? 0 : RDV_ENOMEM;
    if (server->path)
        memcpy(server->path, options->path, strlen(options->path) + 1);
    if (result == 0)
        result = rdv_timer_new(loop, accept_again, server, &server->accept_again);
    if (result == 0)
        result = rdv_timer_new(loop, patience_ends, server, &server->patience);
    if (result != 0)
        (void)rdv__fail(error, result, "%s", rdv_strerror(result));
    if (result == 0)
        result = start_listening(server, error);
    if (result != 0) {
        rdv__server_free(server);
        return result;
    }
    rdv__loop_add_turn(loop, &server->turn);
    server->attached = true;
    *ret_server = server;
    return 0;
}

void rdv__server_free(struct rdv__server *server)
{
    if (!server)
        return;
    if (server->attached)
        rdv__loop_remove_turn(server->loop, &server->turn);
    server->paused = false;
    while (server->connections) {
        server->connections->awake = false;
        connection_free(server->connections);
    }
    stop_listening(server);
    free(server->path);
    rdv_timer_free(server->accept_again);
    rdv_timer_free(server->patience);
    free(server);
}

size_t rdv__server_connections(const struct rdv__server *server)
{
    return server->owners.connections + server->readers.connections;
}

bool rdv__connection_is_full(const struct rdv__connection *connection)
{
    return !has_room(connection);
}

bool rdv__connection_hold(struct rdv__connection *connection, size_t size)
{
    connection->share->output += size;
    connection->share->output -= connection->held;
    connection->held = size;
    return rdv__connection_has_room(connection, 0);
}

bool rdv__connection_has_room(const struct rdv__connection *connection, size_t size)
{
    return connection->share->output + size <= connection->share->limits.output_max;
}
