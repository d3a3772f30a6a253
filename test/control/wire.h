/* SPDX-License-Identifier: MIT */
/*
 * Raw clients of a local socket, for tests that dispatch the loop of the server themselves: nothing here waits.
 *
 *     struct wire *wire = wire_open(path);
 *     ck_assert_uint_eq(wire_send(wire, "line\n", 5), 5);
 *     ...turns of the loop...
 *     ck_assert_str_eq(wire_line(wire), "line");
 *     wire_close(wire);
 */
#ifndef RDV_TEST_WIRE_H
#define RDV_TEST_WIRE_H

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#ifndef _WIN32
#include <grp.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#endif

#include <check.h>

#include <rdvtask/loop.h>

#include "loop/loop.h"
#include "platform/socket.h"
#include "system.h"

struct wire {
    rdv__descriptor fd;
    char *data; /* what has come and was not asked for: bytes begin to end */
    size_t begin, end, room;
    size_t scanned; /* so many of them hold no line end */
    bool ended;
};

static inline struct wire *wire_open(const char *path)
{
    struct rdv_error error = {0};
    struct wire *wire = calloc(1, sizeof *wire);
    ck_assert_ptr_nonnull(wire);
    int result = rdv__socket_connect(path, 10 * RDV_SECOND, &wire->fd, &error);
    ck_assert_msg(result == 0, "%s", error.text);
    return wire;
}

#ifndef _WIN32

/* Some of another user, which is in this group besides its own: the kernel tells who has connected, and not who uses it then. For
 * root only. */
static inline void wire_open_as(const char *path, uid_t user, gid_t group, struct wire **wires,
                                int count)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int status = -1;
    ck_assert_uint_lt(strlen(path), sizeof address.sun_path);
    memcpy(address.sun_path, path, strlen(path));
    for (int i = 0; i < count; i++) {
        wires[i] = calloc(1, sizeof *wires[i]);
        ck_assert_ptr_nonnull(wires[i]);
        wires[i]->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        ck_assert_int_ge(wires[i]->fd, 0);
    }
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        bool failed = setgroups(1, &group) < 0 || setgid(user) < 0 || setuid(user) < 0;
        for (int i = 0; i < count; i++)
            failed |= connect(wires[i]->fd, (struct sockaddr *)&address, sizeof address) < 0;
        if (!failed)
            kill(getpid(), SIGKILL); /* so that nothing that it has copied counts as lost */
        _exit(1);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_msg(WIFSIGNALED(status), "that user could not connect");
}

#endif

static inline void wire_close(struct wire *wire)
{
    rdv__socket_close(wire->fd);
    free(wire->data);
    free(wire);
}

/* How much there was room for; 0 also if nobody is there any more. */
static inline size_t wire_send(struct wire *wire, const void *data, size_t size)
{
    size_t sent = 0;
    int result = rdv__socket_send(wire->fd, data, size, &sent);
    ck_assert_int_ne(result, RDV_EIO);
    return sent;
}

/* Take in what has come. */
static inline void wire_fill(struct wire *wire)
{
    size_t size = 1;
    if (wire->begin == wire->end)
        wire->begin = wire->end = 0;
    while (!wire->ended && size > 0) {
        if (wire->room - wire->end < 65536) {
            wire->room = wire->room * 2 + 65536;
            wire->data = realloc(wire->data, wire->room);
            ck_assert_ptr_nonnull(wire->data);
        }
        size = 0;
        int result =
            rdv__socket_receive(wire->fd, wire->data + wire->end, wire->room - wire->end, &size);
        wire->ended = result != 0;
        wire->end += size;
    }
}

/* What has come, as much as there is room for. False: nothing has, and nothing will. */
static inline bool wire_receive(struct wire *wire, void *buffer, size_t room, size_t *ret_size)
{
    *ret_size = 0;
    /* Not more than is asked for: what nobody reads is to stay where it is. */
    if (wire->begin == wire->end && !wire->ended)
        wire->ended = rdv__socket_receive(wire->fd, buffer, room, ret_size) != 0;
    size_t here = wire->end - wire->begin;
    if (here > 0) {
        *ret_size = here < room ? here : room;
        memcpy(buffer, wire->data + wire->begin, *ret_size);
        wire->begin += *ret_size;
        wire->scanned = 0;
    }
    return *ret_size > 0 || !wire->ended;
}

/* The next whole line, without its end; NULL if there is none yet. Valid until the next call. */
static inline char *wire_line(struct wire *wire)
{
    char *end = NULL;
    for (int try = 0; try < 2 && !end; try++) {
        if (try > 0)
            wire_fill(wire);
        size_t begin = wire->begin + wire->scanned;
        if (begin < wire->end)
            end = memchr(wire->data + begin, '\n', wire->end - begin);
        wire->scanned = wire->end - wire->begin;
    }
    if (!end)
        return NULL;
    char *line = wire->data + wire->begin;
    *end = '\0';
    wire->begin = (size_t)(end + 1 - wire->data);
    wire->scanned = 0;
    return line;
}

/* Whether something has come that nobody has asked for yet. */
static inline bool wire_waits(struct wire *wire)
{
    wire_fill(wire);
    return wire->begin < wire->end;
}

/* So many turns may be about what was there before; who turns in circles takes far more. */
#define WIRE_LATE_TURNS 10

struct wire_counter {
    struct rdv__turn turn; /* first */
    int turns;
};

static inline int wire_count_turn(struct rdv__turn *turn)
{
    ((struct wire_counter *)turn)->turns++;
    return 0;
}

static inline void wire_stop_loop(void *user)
{
    rdv_loop_stop(user);
}

/*
 * Whether the loop has anything to do within so many milliseconds. Where it has no descriptor that would tell, it does it: some
 * turns are nothing, as what was noticed late may be over.
 */
static inline bool wire_loop_works(rdv_loop *loop, int milliseconds)
{
    if (rdv_loop_fd(loop) >= 0)
        return rdv_test_wait(loop, milliseconds);
    struct wire_counter counter = {.turn = {.run = wire_count_turn, .phase = RDV__TURN_DECIDE}};
    rdv_timer *timer = NULL;
    ck_assert_int_eq(rdv_timer_new(loop, wire_stop_loop, loop, &timer), 0);
    rdv__loop_add_turn(loop, &counter.turn);
    rdv_timer_start(timer, milliseconds * RDV_MILLISECOND);
    ck_assert_int_eq(rdv_loop_run(loop), 0);
    rdv__loop_remove_turn(loop, &counter.turn);
    rdv_timer_free(timer);
    return counter.turns > WIRE_LATE_TURNS;
}

#endif
