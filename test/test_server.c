/* SPDX-License-Identifier: MIT */
/*
 * The server of lines: its bounds, its order and its fairness, with small limits. The loop is dispatched by the test itself, and
 * the user of the server answers each line with itself.
 */
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <rdvtask/loop.h>

#include "harness.h"
#include "loop.h"
#include "server.h"

#define LINE_MAX_HERE  1000
#define QUEUE_MAX_HERE 100000
#define CLIENTS_HERE   4

/* ------------------------------------------------------------------ fixture */

/* What a connection is to the user: answers that it was told to keep back. */
struct peer {
    struct rdv__connection *connection;
    struct rdv__answer *kept[32];
    size_t kept_count;
    int more; /* how often `late` still has something */
};

static char directory[32], path[48];
static rdv_loop *loop;
static struct rdv__server *server;
static struct rdv__server_options options;
static struct peer *last_peer;
static int opened, closed, lines_done, most_at_once, done_this_turn, lates;
static char *noted; /* gets the first letter of each line that is done */
static char last_log[1024];
static int log_lines;
static bool refuse_memory, gathering;

static void log_write(void *user, rdv_log_level level, const char *text)
{
    (void)user;
    (void)level;
    log_lines++;
    snprintf(last_log, sizeof last_log, "%s", text);
}

static void *peer_opened(void *user, struct rdv__connection *connection, enum rdv__peer who)
{
    (void)user;
    ck_assert_int_eq(who, RDV__PEER_OWNER);
    if (refuse_memory)
        return NULL;
    struct peer *peer = calloc(1, sizeof *peer);
    ck_assert_ptr_nonnull(peer);
    peer->connection = connection;
    last_peer = peer;
    opened++;
    return peer;
}

static void peer_closed(void *user, void *state)
{
    (void)user;
    struct peer *peer = state;
    if (last_peer == peer)
        last_peer = NULL;
    free(peer);
    closed++;
}

static char *copy(const char *text, size_t size)
{
    char *line = malloc(size + 1);
    ck_assert_ptr_nonnull(line);
    memcpy(line, text, size);
    line[size] = '\0';
    return line;
}

/* A text of so many characters. */
static char *fill(char c, size_t count)
{
    char *text = malloc(count + 1);
    ck_assert_ptr_nonnull(text);
    memset(text, c, count);
    text[count] = '\0';
    return text;
}

/* "keep" keeps its answer back, "late" and "early" wait for their part of a turn, "gather" waits while the test gathers, "big" has an answer of 300,000 bytes, "mid" one of
 * 100,000. */
static enum rdv__line peer_line(void *user, void *state, const char *line, size_t size, bool late)
{
    (void)user;
    struct peer *peer = state;
    if (size == 4 && memcmp(line, "late", 4) == 0 && !late)
        return RDV__LINE_WAIT;
    if (size == 5 && memcmp(line, "early", 5) == 0 && late)
        return RDV__LINE_WAIT;
    if (size == 6 && memcmp(line, "gather", 6) == 0 && gathering)
        return RDV__LINE_WAIT;
    if (noted)
        strncat(noted, line, 1);
    lines_done++;
    if (++done_this_turn > most_at_once)
        most_at_once = done_this_turn;
    if (size == 4 && memcmp(line, "keep", 4) == 0) {
        ck_assert_uint_lt(peer->kept_count, 32);
        peer->kept[peer->kept_count++] = rdv__connection_expect(peer->connection);
    } else if (size == 3 && memcmp(line, "big", 3) == 0) {
        rdv__connection_answer(peer->connection, fill('x', 300000));
    } else if (size == 3 && memcmp(line, "mid", 3) == 0) {
        rdv__connection_answer(peer->connection, fill('x', 100000));
    } else {
        rdv__connection_answer(peer->connection, copy(line, size));
    }
    return RDV__LINE_DONE;
}

static void peer_too_long(void *user, void *state, size_t limit)
{
    (void)user;
    struct peer *peer = state;
    ck_assert_uint_eq(limit, options.line_max);
    rdv__connection_answer(peer->connection, copy("too long", 8));
}

static bool peer_late(void *user, void *state)
{
    (void)user;
    struct peer *peer = state;
    lates++;
    if (peer->more == 0)
        return false;
    peer->more--;
    char block[60000];
    memset(block, 'm', sizeof block);
    rdv__connection_push(peer->connection, block, sizeof block);
    return peer->more > 0;
}

static const struct rdv__server_ops ops = {
    .opened = peer_opened,
    .closed = peer_closed,
    .line = peer_line,
    .too_long = peer_too_long,
    .late = peer_late,
};

static int turn_counts(struct rdv__turn *turn)
{
    (void)turn;
    done_this_turn = 0;
    return 0;
}

static struct rdv__turn counting = {.run = turn_counts, .phase = RDV__TURN_DECIDE};

static void start_server(void)
{
    struct rdv_error error;
    int result = rdv__server_new(loop, &options, &ops, NULL, &server, &error);
    ck_assert_msg(result == 0, "%s", error.text);
}

static void set_up(void)
{
    strcpy(directory, "/tmp/rdvtask-server-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/socket", directory);
    ck_assert_int_eq(rdv_loop_new(&loop), 0);
    opened = closed = lines_done = most_at_once = done_this_turn = lates = log_lines = 0;
    *last_log = '\0';
    refuse_memory = gathering = false;
    options = (struct rdv__server_options){
        .path = path,
        .line_max = LINE_MAX_HERE,
        .reader_line_max = 10,
        .input_max = 1000000,
        .queue_max = QUEUE_MAX_HERE,
        .output_max = 1000000,
        .connections = CLIENTS_HERE,
        .patience = RDV_HOUR,
        .busy_line = "busy",
        .refuse_line = "refused",
        .log = {log_write, NULL},
    };
    rdv__loop_add_turn(loop, &counting);
    start_server();
}

static void tear_down(void)
{
    rdv__server_free(server);
    server = NULL;
    ck_assert_int_eq(opened, closed);
    rdv_loop_free(loop);
    ck_assert_int_ne(access(path, F_OK), 0);
    char lock[160];
    snprintf(lock, sizeof lock, "%s.lock", path);
    unlink(lock);
    rmdir(directory);
}

/* ------------------------------------------------------------------ clients */

static void turns(void)
{
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(rdv_loop_dispatch(loop), 0);
}

static int connect_raw(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    ck_assert_int_eq(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    return fd;
}

static int client(void)
{
    int fd = connect_raw();
    turns();
    return fd;
}

static void say(int fd, const char *text)
{
    size_t size = strlen(text);
    for (size_t sent = 0; sent < size;) {
        ssize_t step = send(fd, text + sent, size - sent, MSG_NOSIGNAL);
        ck_assert_msg(step > 0 || errno == EAGAIN, "%s", strerror(errno));
        sent += step > 0 ? (size_t)step : 0;
        turns();
    }
}

static char heard[1000000];

/* All that comes for it; false once the server has closed. */
static bool hear(int fd)
{
    size_t size = 0;
    bool open = true;
    for (int quiet = 0; quiet < 3 && open;) {
        turns();
        ssize_t step = recv(fd, heard + size, sizeof heard - 1 - size, 0);
        size += step > 0 ? (size_t)step : 0;
        quiet = step > 0 ? 0 : quiet + 1;
        open = step > 0 || (step < 0 && errno == EAGAIN);
    }
    heard[size] = '\0';
    return open;
}

static bool has_work(int patience)
{
    struct pollfd wait = {rdv_loop_fd(loop), POLLIN, 0};
    return poll(&wait, 1, patience) == 1;
}

/* --------------------------------------------------------------------- lines */

START_TEST(each_line_has_its_answer)
{
    int fd = client();
    say(fd, "one\ntwo\n\nthree\n");
    ck_assert(hear(fd));
    ck_assert_str_eq(heard, "one\ntwo\n\nthree\n");
    close(fd);
}
END_TEST

START_TEST(a_line_may_come_in_pieces)
{
    int fd = client();
    say(fd, "on");
    say(fd, "e\ntw");
    ck_assert(hear(fd));
    ck_assert_str_eq(heard, "one\n");
    say(fd, "o\n");
    ck_assert(hear(fd));
    ck_assert_str_eq(heard, "two\n");
    close(fd);
}
END_TEST

START_TEST(half_a_line_and_silence_holds_up_nobody)
{
    int silent = client(), other = client();
    say(silent, "half");
    say(other, "whole\n");
    ck_assert(hear(other));
    ck_assert_str_eq(heard, "whole\n");
    ck_assert_int_eq(lines_done, 1);
    close(silent);
    close(other);
}
END_TEST

START_TEST(half_a_line_and_a_hang_up_is_forgotten)
{
    int fd = client();
    say(fd, "half");
    close(fd);
    turns();
    ck_assert_int_eq(closed, 1);
    ck_assert_int_eq(lines_done, 0);
    ck_assert_int_eq(log_lines, 0);
}
END_TEST

START_TEST(the_longest_line_is_taken)
{
    int fd = client();
    char *line = fill('l', LINE_MAX_HERE);
    say(fd, line);
    say(fd, "\nnext\n");
    ck_assert(hear(fd));
    ck_assert_uint_eq(strlen(heard), LINE_MAX_HERE + 1 + 5);
    ck_assert_str_eq(heard + LINE_MAX_HERE, "\nnext\n");
    free(line);
    close(fd);
}
END_TEST

START_TEST(a_line_that_is_too_long_is_answered_and_left_out)
{
    int fd = client();
    char *line = fill('l', LINE_MAX_HERE + 1);
    say(fd, "first\n");
    say(fd, line);
    say(fd, "\nnext\n");
    ck_assert(hear(fd));
    ck_assert_str_eq(heard, "first\ntoo long\nnext\n");
    free(line);
    close(fd);
}
END_TEST

START_TEST(a_line_without_end_takes_no_memory)
{
    int fd = client();
    char *line = fill('l', 300000);
    for (int i = 0; i < 10; i++)
        say(fd, line);
    ck_assert(hear(fd));
    ck_assert_str_eq(heard, "too long\n");
    say(fd, "rest\nnext\n");
    ck_assert(hear(fd));
    ck_assert_str_eq(heard, "next\n");
    free(line);
    close(fd);
}
END_TEST

START_TEST(who_hangs_up_after_asking_still_gets_the_answers)
{
    int fd = client();
    ck_assert_int_eq((int)send(fd, "one\nlate\nearly\nhalf", 19, MSG_NOSIGNAL), 19);
    ck_assert_int_eq(shutdown(fd, SHUT_WR), 0);
    ck_assert(!hear(fd));
    ck_assert_str_eq(heard, "one\nlate\nearly\n");
    ck_assert_int_eq(closed, 1);
    close(fd);

    fd = client();
    say(fd, "keep\n");
    ck_assert_int_eq(shutdown(fd, SHUT_WR), 0);
    ck_assert(hear(fd));
    ck_assert(!has_work(50));
    rdv__answer_give(last_peer->kept[0], copy("kept", 4));
    ck_assert(!hear(fd));
    ck_assert_str_eq(heard, "kept\n");
    close(fd);
}
END_TEST

/* ------------------------------------------------------------------- answers */

START_TEST(answers_keep_the_order_of_their_lines)
{
    int fd = client();
    say(fd, "keep\nkeep\nthird\n");
    rdv__answer_give(last_peer->kept[1], copy("second", 6));
    ck_assert(hear(fd));
    ck_assert_str_eq(heard, "");
    rdv__answer_give(last_peer->kept[0], copy("first", 5));
    ck_assert(hear(fd));
    ck_assert_str_eq(heard, "first\nsecond\nthird\n");
    close(fd);
}
END_TEST

START_TEST(who_can_not_be_answered_for_want_of_memory_is_cut_off)
{
    int fd = client(), other = client();
    struct peer *peer = last_peer;
    say(other, "keep\nsecond\n");
    rdv__answer_give(peer->kept[0], NULL);
    ck_assert(!hear(other));
    ck_assert_str_eq(heard, "");
    ck_assert_str_eq(last_log, "a client was cut off: out of memory");
    say(fd, "still here\n");
    ck_assert(hear(fd));
    close(fd);
    close(other);
}
END_TEST

START_TEST(an_answer_for_who_has_gone_is_dropped)
{
    int fd = client();
    say(fd, "keep\nkeep\nthird\n");
    struct rdv__answer *first = last_peer->kept[0], *second = last_peer->kept[1];
    rdv__connection_close(last_peer->connection);
    turns();
    ck_assert_int_eq(closed, 1);
    rdv__answer_give(second, copy("second", 6));
    rdv__answer_give(first, NULL);
    close(fd);
}
END_TEST

START_TEST(an_answer_may_come_after_the_server_has_gone)
{
    int fd = client();
    say(fd, "keep\n");
    struct rdv__answer *answer = last_peer->kept[0];
    rdv__server_free(server);
    server = NULL;
    rdv__answer_give(answer, copy("late", 4));
    close(fd);
}
END_TEST

START_TEST(a_line_that_waits_holds_up_those_that_follow_it)
{
    int fd = client();
    say(fd, "keep\n");
    gathering = true;
    say(fd, "gather\nlast\n");
    ck_assert_int_eq(lines_done, 1);
    /* It is not read from meanwhile, and costs nothing. */
    say(fd, "more\n");
    ck_assert(!has_work(50));
    gathering = false;
    rdv__answer_give(last_peer->kept[0], copy("kept", 4));
    ck_assert(hear(fd));
    ck_assert_str_eq(heard, "kept\ngather\nlast\nmore\n");
    close(fd);
}
END_TEST

static char parts[64];

static int note_part(struct rdv__turn *turn)
{
    (void)turn;
    strcat(parts, "|");
    return 0;
}

START_TEST(lines_of_one_part_are_done_for_all_before_those_of_the_other)
{
    struct rdv__turn commit = {.run = note_part, .phase = RDV__TURN_COMMIT};
    int one = client(), other = client();
    *parts = '\0';
    rdv__loop_add_turn(loop, &commit);
    noted = parts;
    ck_assert_int_eq((int)send(one, "early\nlate\nearly\nlate\n", 22, MSG_NOSIGNAL), 22);
    ck_assert_int_eq((int)send(other, "late\nearly\nlate\n", 16, MSG_NOSIGNAL), 16);
    turns();
    noted = NULL;
    ck_assert_msg(strncmp(parts, "e|llee|ll|", 10) == 0, "%s", parts);
    close(one);
    close(other);
}
END_TEST

/* ------------------------------------------------------------------ fairness */

START_TEST(many_lines_in_one_write_are_done_some_at_a_time)
{
    static char text[200000];
    for (int i = 0; i < 2000; i++)
        strcat(text + (size_t)i * 5, "line\n");
    int many = client(), other = client();
    ck_assert_int_eq((int)send(many, text, strlen(text), MSG_NOSIGNAL), (int)strlen(text));
    ck_assert_int_eq((int)send(other, "other\n", 6, MSG_NOSIGNAL), 6);
    /* As many turns as a dispatch takes are far too few for all. */
    ck_assert_int_eq(rdv_loop_dispatch(loop), 0);
    ck_assert_int_lt(lines_done, 2000);
    ck_assert_int_gt((int)recv(other, heard, sizeof heard, 0), 0);
    for (int i = 0; i < 100 && lines_done < 2001; i++)
        turns();
    ck_assert_int_eq(lines_done, 2001);
    ck_assert_int_le(most_at_once, 2 * 16 + 1);
    ck_assert(hear(many));
    ck_assert_str_eq(heard, text);
    close(many);
    close(other);
}
END_TEST

START_TEST(idle_clients_cost_no_turns)
{
    int fds[CLIENTS_HERE];
    for (int i = 0; i < CLIENTS_HERE; i++)
        fds[i] = client();
    say(fds[0], "half");
    say(fds[1], "a line\n");
    ck_assert(hear(fds[1]));
    ck_assert(!has_work(50));
    for (int i = 0; i < CLIENTS_HERE; i++)
        close(fds[i]);
}
END_TEST

/* -------------------------------------------------------------------- output */

START_TEST(who_does_not_read_is_not_read_from)
{
    int fd = client(), other = client();
    for (int i = 0; i < 50; i++)
        say(fd, "big\n");
    /* What the kernel holds for it, one answer that has no room there, and no more. */
    int done = lines_done;
    ck_assert_int_lt(done, 50);
    turns();
    ck_assert_int_eq(lines_done, done);
    ck_assert(!rdv__server_has_room(server, 1000000));
    say(other, "other\n");
    ck_assert(hear(other));
    ck_assert_str_eq(heard, "other\n");
    ck_assert(!has_work(50));

    size_t size = 0;
    for (int quiet = 0; quiet < 5;) {
        turns();
        ssize_t step = recv(fd, heard, sizeof heard, 0);
        quiet = step > 0 ? 0 : quiet + 1;
        size += step > 0 ? (size_t)step : 0;
    }
    ck_assert_uint_eq(size, 50 * 300001);
    ck_assert(rdv__server_has_room(server, 1000000));
    close(fd);
    close(other);
}
END_TEST

START_TEST(lines_that_are_there_already_wait_for_room_too)
{
    int fd = client();
    say(fd, "big\nbig\nbig\nbig\nbig\nbig\nbig\nbig\n");
    turns();
    ck_assert_int_lt(lines_done, 4);
    for (int i = 0; i < 100 && lines_done < 8; i++) {
        (void)!recv(fd, heard, sizeof heard, 0);
        turns();
    }
    ck_assert_int_eq(lines_done, 8);
    close(fd);
}
END_TEST

START_TEST(lines_go_on_when_what_was_before_them_is_on_its_way)
{
    /* The first answer is more than may wait, but the kernel takes it at once. */
    int fd = client();
    say(fd, "mid\nlast\n");
    ck_assert(hear(fd));
    ck_assert_uint_eq(strlen(heard), 100001 + 5);
    close(fd);
}
END_TEST

START_TEST(who_does_not_read_what_is_pushed_is_cut_off)
{
    int fd = client(), other = client();
    struct rdv__connection *connection = last_peer->connection; /* of the other */
    char *line = fill('p', 50000);
    int pushed = 0;
    while (closed == 0 && pushed < 100) {
        rdv__connection_push(connection, line, 50000);
        pushed++;
        turns();
    }
    ck_assert_int_eq(closed, 1);
    ck_assert_int_lt(pushed, 20);
    ck_assert_str_eq(last_log, "a client was cut off: it does not read what it asked for");
    ck_assert(rdv__server_has_room(server, 1000000));
    say(fd, "still here\n");
    ck_assert(hear(fd));
    ck_assert_str_eq(heard, "still here\n");
    free(line);
    close(fd);
    close(other);
}
END_TEST

START_TEST(who_stops_reading_is_cut_off_after_a_while)
{
    rdv__server_free(server);
    options.patience = 150 * RDV_MILLISECOND;
    start_server();
    int stopped = client(), slow = client();
    const size_t all = 8 * 300001;
    say(stopped, "big\nbig\n");
    say(slow, "big\nbig\nbig\nbig\nbig\nbig\nbig\nbig\n");
    size_t read = 0;
    for (int i = 0; i < 400 && (closed == 0 || read < all); i++) {
        has_work(5);
        usleep(5000);
        turns();
        ssize_t step = recv(slow, heard, 40000, 0);
        ck_assert(step > 0 || (step < 0 && errno == EAGAIN));
        read += step > 0 ? (size_t)step : 0;
    }
    ck_assert_uint_eq(read, all);
    ck_assert_int_eq(closed, 1);
    ck_assert_str_eq(last_log, "a client was cut off: it has stopped reading");
    /* Now that nothing waits, nobody looks at the time. */
    turns();
    has_work(200);
    turns();
    ck_assert(!has_work(300));
    close(stopped);
    close(slow);
}
END_TEST

START_TEST(what_is_done_late_waits_for_room)
{
    int fd = client();
    last_peer->more = 40;
    rdv__connection_more(last_peer->connection);
    turns();
    turns();
    ck_assert_int_gt(last_peer->more, 0);
    int left = last_peer->more;
    turns();
    ck_assert_int_eq(last_peer->more, left);
    size_t size = 0;
    for (int quiet = 0; quiet < 5;) {
        turns();
        ssize_t step = recv(fd, heard, sizeof heard, 0);
        quiet = step > 0 ? 0 : quiet + 1;
        size += step > 0 ? (size_t)step : 0;
    }
    ck_assert_uint_eq(size, 40 * 60001);
    ck_assert_int_eq(last_peer->more, 0);
    close(fd);
}
END_TEST

START_TEST(a_client_that_is_killed_in_the_middle_of_an_answer_raises_no_signal)
{
    struct sigaction before;
    ck_assert_int_eq(sigaction(SIGPIPE, NULL, &before), 0);
    ck_assert(before.sa_handler == SIG_DFL);
    int fd = client();
    say(fd, "big\nbig\n");
    close(fd);
    turns();
    turns();
    ck_assert_int_eq(closed, 1);
}
END_TEST

/* --------------------------------------------------------------- connections */

START_TEST(one_too_many_gets_one_line)
{
    int fds[CLIENTS_HERE + 2];
    for (int i = 0; i < CLIENTS_HERE + 2; i++)
        fds[i] = connect_raw();
    turns();
    ck_assert_uint_eq(rdv__server_connections(server), CLIENTS_HERE);
    for (int i = CLIENTS_HERE; i < CLIENTS_HERE + 2; i++) {
        ck_assert(!hear(fds[i]));
        ck_assert_str_eq(heard, "busy\n");
    }
    ck_assert_int_eq(log_lines, 1);
    close(fds[0]);
    turns();
    int late = client();
    say(late, "in\n");
    ck_assert(hear(late));
    ck_assert_str_eq(heard, "in\n");
    int again = client();
    ck_assert(!hear(again));
    ck_assert_int_eq(log_lines, 2);
    close(again);
    close(late);
    for (int i = 1; i < CLIENTS_HERE + 2; i++)
        close(fds[i]);
}
END_TEST

START_TEST(running_out_of_descriptors_does_not_spin)
{
    struct rlimit limit, low;
    int fd = client(), waiting = connect_raw();
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    low = limit;
    low.rlim_cur = (rlim_t)waiting + 1; /* all below it are in use */
    int fillers[64], count = 0;
    while (count < 64 && (fillers[count] = dup(fd)) >= 0 && fillers[count] < waiting)
        count++;
    if (count < 64 && fillers[count] >= 0)
        close(fillers[count]);
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &low), 0);
    turns();
    ck_assert_int_eq(opened, 1);
    ck_assert_str_eq(last_log, "no client can be taken just now: too many open files");
    ck_assert(!has_work(50));
    /* Those who are in are served. */
    say(fd, "in\n");
    ck_assert(hear(fd));
    ck_assert_str_eq(heard, "in\n");

    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    for (int i = 0; i < 30 && opened < 2; i++) {
        has_work(100);
        turns();
    }
    ck_assert_int_eq(opened, 2);
    ck_assert_int_eq(log_lines, 1);
    for (int i = 0; i < count; i++)
        close(fillers[i]);
    close(fd);
    close(waiting);
}
END_TEST

START_TEST(who_leaves_makes_room_for_who_waits_for_a_descriptor)
{
    struct rlimit limit, low;
    int fd = client(), waiting = connect_raw();
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    low = limit;
    low.rlim_cur = (rlim_t)waiting + 1;
    int fillers[64], count = 0;
    while (count < 64 && (fillers[count] = dup(waiting)) >= 0 && fillers[count] < waiting)
        count++;
    if (count < 64 && fillers[count] >= 0)
        close(fillers[count]);
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &low), 0);
    turns();
    ck_assert_int_eq(opened, 1);
    close(fd);
    turns();
    ck_assert_int_eq(closed, 1);
    ck_assert_int_eq(opened, 2);
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    for (int i = 0; i < count; i++)
        close(fillers[i]);
    close(waiting);
}
END_TEST

START_TEST(without_memory_for_its_state_a_client_is_closed)
{
    refuse_memory = true;
    int fd = client();
    ck_assert(!hear(fd));
    refuse_memory = false;
    ck_assert_int_eq(opened, 0);
    close(fd);
}
END_TEST

START_TEST(more_input_than_there_is_room_for_cuts_off_its_sender)
{
    rdv__server_free(server);
    options.line_max = 1000000;
    options.input_max = 300000;
    start_server();
    int fd = client(), other = client();
    char *line = fill('l', 250000);
    say(fd, line);
    ck_assert_int_eq(closed, 0);
    char *more = fill('m', 100000);
    (void)!send(other, more, 100000, MSG_NOSIGNAL);
    ck_assert(!hear(other));
    ck_assert_str_eq(heard, "busy\n");
    say(fd, "\n");
    ck_assert(hear(fd));
    ck_assert_uint_eq(strlen(heard), 250001);
    free(line);
    free(more);
    close(fd);
    close(other);
}
END_TEST

START_TEST(input_that_was_dealt_with_makes_room)
{
    char *line = fill('l', LINE_MAX_HERE), *half = fill('h', LINE_MAX_HERE - 1);
    line[LINE_MAX_HERE - 1] = '\n';
    int fd = client();
    for (int i = 0; i < 1500; i++) {
        say(fd, line);
        if (i % 50 == 49)
            ck_assert(hear(fd));
    }
    for (int i = 0; i < 1500; i++) {
        int other = client();
        ck_assert_int_eq((int)send(other, half, strlen(half), MSG_NOSIGNAL), (int)strlen(half));
        turns();
        close(other);
    }
    ck_assert_int_eq(lines_done, 1500);
    ck_assert_int_eq(log_lines, 0);
    say(fd, "last\n");
    ck_assert(hear(fd));
    ck_assert_str_eq(heard, "last\n");
    free(line);
    free(half);
    close(fd);
}
END_TEST

/* -------------------------------------------------------------------- sockets */

static int listen_error(const char *at)
{
    struct rdv__listener *listener = NULL;
    struct rdv_error error = {0};
    int result = rdv__listener_new(at, NULL, &listener, &error);
    ck_assert_ptr_null(listener);
    ck_assert_int_eq(error.code, result);
    ck_assert_msg(strlen(error.text) > 0, "no words");
    return result;
}

START_TEST(a_socket_that_answers_is_not_replaced)
{
    ck_assert_int_eq(listen_error(path), RDV_ELOCKED);
    int fd = client();
    say(fd, "still there\n");
    ck_assert(hear(fd));
    ck_assert_str_eq(heard, "still there\n");
    close(fd);
}
END_TEST

START_TEST(a_socket_that_answers_is_not_replaced_without_its_lock_either)
{
    char lock[160];
    snprintf(lock, sizeof lock, "%s.lock", path);
    ck_assert_int_eq(unlink(lock), 0);
    ck_assert_int_eq(listen_error(path), RDV_ELOCKED);
    close(client());
    turns();
}
END_TEST

START_TEST(a_socket_that_a_killed_process_has_left_is_replaced)
{
    rdv__server_free(server);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    ck_assert_int_eq(listen(fd, 1), 0);
    close(fd);
    ck_assert_int_eq(access(path, F_OK), 0);
    start_server();
    fd = client();
    say(fd, "new\n");
    ck_assert(hear(fd));
    close(fd);
}
END_TEST

START_TEST(what_is_no_socket_is_left_alone)
{
    rdv__server_free(server);
    server = NULL;
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    fclose(file);
    ck_assert_int_eq(listen_error(path), RDV_EEXISTS);
    ck_assert_int_eq(access(path, F_OK), 0);
    unlink(path);
}
END_TEST

START_TEST(a_socket_that_is_no_longer_ours_is_left_alone)
{
    struct stat status;
    unlink(path);
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    fclose(file);
    rdv__server_free(server);
    server = NULL;
    ck_assert_int_eq(stat(path, &status), 0);
    unlink(path);
}
END_TEST

START_TEST(the_socket_is_for_our_user_alone)
{
    struct stat status;
    ck_assert_int_eq(stat(path, &status), 0);
    ck_assert_int_eq(status.st_mode & 07777, 0600);
    rdv__server_free(server);
    mode_t mask = umask(0777);
    start_server();
    umask(mask);
    ck_assert_int_eq(stat(path, &status), 0);
    ck_assert_int_eq(status.st_mode & 07777, 0600);
}
END_TEST

START_TEST(a_directory_that_is_not_there_is_an_error)
{
    char nowhere[200];
    snprintf(nowhere, sizeof nowhere, "%s/none/socket", directory);
    ck_assert_int_eq(listen_error(nowhere), RDV_ENOTFOUND);
    ck_assert_int_eq(listen_error(""), RDV_EINVAL);
}
END_TEST

/* A path of a socket that has no room in an address. */
static char *long_path(char *room, size_t size)
{
    char name[101];
    memset(name, 'd', 100);
    name[100] = '\0';
    snprintf(room, size, "%s/%s", directory, name);
    ck_assert_int_eq(mkdir(room, 0700), 0);
    snprintf(room, size, "%s/%s/socket", directory, name);
    return room;
}

START_TEST(a_path_longer_than_an_address_is_reached_through_its_directory)
{
    char at[300], lock[310];
    struct rdv__listener *listener;
    struct rdv_error error;
    int fd, there;
    long_path(at, sizeof at);
    ck_assert_int_eq(rdv__listener_new(at, NULL, &listener, &error), 0);
    ck_assert_int_eq(rdv__socket_connect(at, RDV_SECOND, &fd, &error), 0);
    ck_assert_int_eq(rdv__listener_accept(listener, &there), 0);
    ck_assert_int_eq(rdv__listener_accept(listener, &there), RDV_ENOTFOUND);
    rdv__socket_close(fd);
    rdv__socket_close(there);
    rdv__listener_free(listener);
    ck_assert_int_ne(access(at, F_OK), 0);
    snprintf(lock, sizeof lock, "%s.lock", at);
    unlink(lock);
    *strrchr(at, '/') = '\0';
    ck_assert_int_eq(rmdir(at), 0);
}
END_TEST

START_TEST(a_name_that_is_too_long_is_an_error_that_says_so)
{
    char at[400];
    struct rdv_error error = {0};
    int fd = -1;
    snprintf(at, sizeof at, "%s/%0200d", directory, 1);
    ck_assert_int_eq(listen_error(at), RDV_EINVAL);
    ck_assert_int_eq(rdv__socket_connect(at, RDV_SECOND, &fd, &error), RDV_EINVAL);
    ck_assert_ptr_nonnull(strstr(error.text, "too long"));
    /* The whole path does not matter, the directory does. */
    snprintf(at, sizeof at, "%s/%0200d/socket", directory, 1);
    ck_assert_int_eq(rdv__socket_connect(at, RDV_SECOND, &fd, &error), RDV_ENOTFOUND);
}
END_TEST

START_TEST(connecting_to_nobody_is_told_from_other_trouble)
{
    struct rdv_error error = {0};
    int fd = -1;
    char at[200];
    snprintf(at, sizeof at, "%s/none", directory);
    ck_assert_int_eq(rdv__socket_connect(at, RDV_SECOND, &fd, &error), RDV_ENOTFOUND);
    snprintf(at, sizeof at, "%s.lock", path);
    ck_assert_int_eq(rdv__socket_connect(at, RDV_SECOND, &fd, &error), RDV_ENOTFOUND);
    ck_assert_ptr_nonnull(strstr(error.text, at));
    ck_assert_int_eq(fd, -1);
}
END_TEST

START_TEST(connecting_does_not_wait_for_ever_for_who_does_not_accept)
{
    /* A listener of our own, whose queue is full at once. */
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct rdv_error error = {0};
    snprintf(address.sun_path, sizeof address.sun_path, "%s/full", directory);
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), fds[8], count = 0, result = 0;
    ck_assert_int_eq(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
    ck_assert_int_eq(listen(listener, 0), 0);
    while (count < 8 && result == 0) {
        result = rdv__socket_connect(address.sun_path, 20 * RDV_MILLISECOND, &fds[count], &error);
        count += result == 0;
    }
    ck_assert_int_eq(result, RDV_EBUSY);
    /* And it is alive. */
    ck_assert_int_eq(listen_error(address.sun_path), RDV_ELOCKED);
    while (count > 0)
        rdv__socket_close(fds[--count]);
    close(listener);
    unlink(address.sun_path);
    strcat(address.sun_path, ".lock");
    unlink(address.sun_path);
}
END_TEST

START_TEST(waiting_for_a_socket_ends_in_time)
{
    int pair[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    ck_assert_int_eq(rdv__socket_wait(pair[0], false, 0), RDV_ETIMEDOUT);
    ck_assert_int_eq(rdv__socket_wait(pair[0], false, RDV_MILLISECOND + 1), RDV_ETIMEDOUT);
    ck_assert_int_eq(rdv__socket_wait(pair[0], true, -1), 0);
    ck_assert_int_eq((int)send(pair[1], "x", 1, 0), 1);
    ck_assert_int_eq(rdv__socket_wait(pair[0], false, -1), 0);
    ck_assert_int_eq(rdv__socket_wait(pair[0], false, INT64_MAX), 0);
    close(pair[0]);
    close(pair[1]);
    rdv__socket_close(-1);
}
END_TEST

START_TEST(a_group_has_a_number)
{
    uint32_t group = 77;
    struct rdv_error error = {0};
    ck_assert_int_eq(rdv__socket_group("root", &group, &error), 0);
    ck_assert_uint_eq(group, 0);
    ck_assert_int_eq(rdv__socket_group("no-such-group", &group, &error), RDV_ENOTFOUND);
    ck_assert_str_eq(error.text, "there is no group 'no-such-group'");
}
END_TEST

/* Under Valgrind accept() takes a connection before it says that there is no descriptor for it. */
static const char *valgrind(void)
{
    const char *preload = getenv("LD_PRELOAD");
    return preload && strstr(preload, "vgpreload")
               ? "needs an accept() that leaves what it can't take"
               : NULL;
}

int main(void)
{
    Suite *suite = suite_create("server");

    TCase *lines = tcase_create("lines");
    tcase_add_checked_fixture(lines, set_up, tear_down);
    tcase_add_test(lines, each_line_has_its_answer);
    tcase_add_test(lines, a_line_may_come_in_pieces);
    tcase_add_test(lines, half_a_line_and_silence_holds_up_nobody);
    tcase_add_test(lines, half_a_line_and_a_hang_up_is_forgotten);
    tcase_add_test(lines, the_longest_line_is_taken);
    tcase_add_test(lines, a_line_that_is_too_long_is_answered_and_left_out);
    tcase_add_test(lines, a_line_without_end_takes_no_memory);
    tcase_add_test(lines, who_hangs_up_after_asking_still_gets_the_answers);
    suite_add_tcase(suite, lines);

    TCase *answers = tcase_create("answers");
    tcase_add_checked_fixture(answers, set_up, tear_down);
    tcase_add_test(answers, answers_keep_the_order_of_their_lines);
    tcase_add_test(answers, who_can_not_be_answered_for_want_of_memory_is_cut_off);
    tcase_add_test(answers, an_answer_for_who_has_gone_is_dropped);
    tcase_add_test(answers, an_answer_may_come_after_the_server_has_gone);
    tcase_add_test(answers, a_line_that_waits_holds_up_those_that_follow_it);
    tcase_add_test(answers, lines_of_one_part_are_done_for_all_before_those_of_the_other);
    suite_add_tcase(suite, answers);

    TCase *fair = tcase_create("fairness");
    tcase_add_checked_fixture(fair, set_up, tear_down);
    tcase_add_test(fair, many_lines_in_one_write_are_done_some_at_a_time);
    tcase_add_test(fair, idle_clients_cost_no_turns);
    suite_add_tcase(suite, fair);

    TCase *output = tcase_create("output");
    tcase_add_checked_fixture(output, set_up, tear_down);
    tcase_add_test(output, who_does_not_read_is_not_read_from);
    tcase_add_test(output, lines_that_are_there_already_wait_for_room_too);
    tcase_add_test(output, lines_go_on_when_what_was_before_them_is_on_its_way);
    tcase_add_test(output, who_does_not_read_what_is_pushed_is_cut_off);
    tcase_add_test(output, who_stops_reading_is_cut_off_after_a_while);
    tcase_add_test(output, what_is_done_late_waits_for_room);
    tcase_add_test(output, a_client_that_is_killed_in_the_middle_of_an_answer_raises_no_signal);
    suite_add_tcase(suite, output);

    TCase *connections = tcase_create("connections");
    tcase_add_checked_fixture(connections, set_up, tear_down);
    tcase_add_test(connections, one_too_many_gets_one_line);
    rdv_test_add_unless(connections, running_out_of_descriptors_does_not_spin, valgrind());
    rdv_test_add_unless(connections, who_leaves_makes_room_for_who_waits_for_a_descriptor,
                        valgrind());
    tcase_add_test(connections, without_memory_for_its_state_a_client_is_closed);
    tcase_add_test(connections, more_input_than_there_is_room_for_cuts_off_its_sender);
    tcase_add_test(connections, input_that_was_dealt_with_makes_room);
    suite_add_tcase(suite, connections);

    TCase *sockets = tcase_create("sockets");
    tcase_add_checked_fixture(sockets, set_up, tear_down);
    tcase_add_test(sockets, a_socket_that_answers_is_not_replaced);
    tcase_add_test(sockets, a_socket_that_answers_is_not_replaced_without_its_lock_either);
    tcase_add_test(sockets, a_socket_that_a_killed_process_has_left_is_replaced);
    tcase_add_test(sockets, what_is_no_socket_is_left_alone);
    tcase_add_test(sockets, a_socket_that_is_no_longer_ours_is_left_alone);
    tcase_add_test(sockets, the_socket_is_for_our_user_alone);
    tcase_add_test(sockets, a_directory_that_is_not_there_is_an_error);
    tcase_add_test(sockets, a_path_longer_than_an_address_is_reached_through_its_directory);
    tcase_add_test(sockets, a_name_that_is_too_long_is_an_error_that_says_so);
    tcase_add_test(sockets, connecting_to_nobody_is_told_from_other_trouble);
    tcase_add_test(sockets, connecting_does_not_wait_for_ever_for_who_does_not_accept);
    tcase_add_test(sockets, waiting_for_a_socket_ends_in_time);
    tcase_add_test(sockets, a_group_has_a_number);
    suite_add_tcase(suite, sockets);

    return rdv_test_main(suite);
}
