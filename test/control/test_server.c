/* SPDX-License-Identifier: MIT */
/*
 * The server of lines: its bounds, its order and its fairness, with small limits. The loop is dispatched by the test itself, and
 * the user of the server answers each line with itself.
 */
#define _GNU_SOURCE

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifndef _WIN32
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#endif

#include <rdvtask/loop.h>

#include "control/line_server.h"
#include "harness.h"
#include "kit/kit.h"
#include "loop/loop.h"
#include "system.h"
#include "wire.h"

#define LINE_MAX_HERE  1000
#define QUEUE_MAX_HERE 100000
#define CLIENTS_HERE   4
#define READERS_HERE   3

/* How long something that must come is waited for, in milliseconds, and how long a test may take, in seconds. */
#define WAIT_MAX 60000
#define PATIENCE 180

/* ------------------------------------------------------------------ fixture */

/* What a connection is to the user: answers that it was told to keep back. */
struct peer {
    struct rdv__connection *connection;
    struct rdv__answer *kept[32];
    size_t kept_count;
    int more; /* how often `late` still has something */
};

static char directory[RDV_TEST_PATH], path[RDV_TEST_PATH + 16];
static rdv_loop *loop;
static struct rdv__server *server;
static struct rdv__server_options options;
static struct peer *last_peer;
static int opened, opened_readers, closed, lines_done, most_at_once, done_this_turn, lates;
static char *noted; /* gets the first letter of each line that is done */
static struct rdv_kit_log fake_log;
static bool refuse_memory, gathering;

static void *peer_opened(void *user, struct rdv__connection *connection, enum rdv__peer who)
{
    (void)user;
    ck_assert_int_ne(who, RDV__PEER_STRANGER);
    if (refuse_memory)
        return NULL;
    struct peer *peer = calloc(1, sizeof *peer);
    ck_assert_ptr_nonnull(peer);
    peer->connection = connection;
    last_peer = peer;
    opened++;
    opened_readers += who == RDV__PEER_READER;
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
    ck_assert_uint_eq(limit, options.owners.line_max);
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

/* A clock that goes on by one each time it is looked at. */
static rdv_duration clock_here;

static rdv_duration running(void)
{
    return clock_here++;
}

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
    rdv_test_make_folder(directory, "server");
    snprintf(path, sizeof path, "%s/socket", directory);
    ck_assert_int_eq(rdv_loop_new(&loop), 0);
    opened = opened_readers = closed = lines_done = most_at_once = done_this_turn = lates =
        fake_log.lines = 0;
    fake_log.last[0] = '\0';
    refuse_memory = gathering = false;
    options = (struct rdv__server_options){
        .path = path,
        .queue_max = QUEUE_MAX_HERE,
        .owners = {.line_max = LINE_MAX_HERE,
                   .input_max = 1000000,
                   .output_max = 1000000,
                   .time = RDV_HOUR},
        .readers = {.line_max = 10, .input_max = 1000000, .output_max = 500000, .time = RDV_HOUR},
        .connections = CLIENTS_HERE,
        .reader_connections = READERS_HERE,
        .patience = RDV_HOUR,
        .quiet = RDV_HOUR,
        .busy_line = "busy",
        .refuse_line = "refused",
        .late_line = "late",
        .running = running,
        .log = rdv_kit_log_ops(&fake_log),
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
    ck_assert(!rdv_test_exists(path));
    rdv_test_remove(directory);
}

/* ------------------------------------------------------------------ clients */

static void turns(void)
{
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(rdv_loop_dispatch(loop), 0);
}

/* One more round of a wait for what must come: false = it has taken too long. */
static bool goes_on(int64_t begun)
{
    turns();
    /* Where the loop has no descriptor it may be told a moment later of what is there. */
    (void)rdv_test_wait(loop, 1);
    return rdv_test_clock() - begun < WAIT_MAX;
}

/* Wait until so many of something have been. */
static void until(const int *counter, int value)
{
    int64_t begun = rdv_test_clock();
    turns();
    while (*counter < value && goes_on(begun))
        ;
    ck_assert_int_eq(*counter, value);
}

/* One that has been taken, and is the last peer. */
static struct wire *client(void)
{
    int before = opened;
    struct wire *wire = wire_open(path);
    until(&opened, before + 1);
    return wire;
}

static void say(struct wire *wire, const char *text)
{
    size_t size = strlen(text);
    for (size_t sent = 0; sent < size;) {
        sent += wire_send(wire, text + sent, size - sent);
        turns();
    }
}

static char heard[1000000];

/* Add what comes, and so many characters at least, to `size` of them; false once the server has closed. */
static bool hear_more(struct wire *wire, size_t *size, size_t least)
{
    int64_t begun = rdv_test_clock();
    size_t step;
    bool open = true;
    for (int quiet = 0; quiet < 3 && open;) {
        turns();
        open = wire_receive(wire, heard + *size, sizeof heard - 1 - *size, &step);
        *size += step;
        quiet = step > 0 ? 0 : quiet + 1;
        if (quiet == 3 && *size < least && goes_on(begun))
            quiet = 0;
    }
    heard[*size] = '\0';
    return open;
}

/* This comes, and no more, and the connection stays. */
static void ck_hears(struct wire *wire, const char *text)
{
    size_t size = 0;
    ck_assert(hear_more(wire, &size, strlen(text)));
    ck_assert_str_eq(heard, text);
}

/* So many characters come, and no more, and the connection stays. */
static void ck_hears_so_many(struct wire *wire, size_t count)
{
    size_t size = 0;
    ck_assert(hear_more(wire, &size, count));
    ck_assert_uint_eq(size, count);
}

/* This comes, and then the end. */
static void ck_ends(struct wire *wire, const char *text)
{
    size_t size = 0;
    ck_assert(!hear_more(wire, &size, sizeof heard));
    ck_assert_str_eq(heard, text);
}

/* So much comes for it in all. */
static void ck_hears_all(struct wire *wire, size_t all)
{
    int64_t begun = rdv_test_clock();
    size_t size = 0, step;
    for (int quiet = 0; quiet < 5;) {
        turns();
        wire_receive(wire, heard, sizeof heard, &step);
        quiet = step > 0 ? 0 : quiet + 1;
        size += step;
        if (quiet == 5 && size < all && goes_on(begun))
            quiet = 0;
    }
    ck_assert_uint_eq(size, all);
}

static bool has_work(int patience)
{
    return wire_loop_works(loop, patience);
}

/* ------------------------------------------------------------------ Unix only */

#ifdef _WIN32

static void check_signals(void)
{
}

START_TEST(who_hangs_up_after_asking_still_gets_the_answers)
{
}
END_TEST

START_TEST(running_out_of_descriptors_does_not_spin)
{
}
END_TEST

START_TEST(who_leaves_makes_room_for_who_waits_for_a_descriptor)
{
}
END_TEST

START_TEST(readers_leave_places_for_others)
{
}
END_TEST

START_TEST(what_waits_for_readers_holds_up_only_readers)
{
}
END_TEST

static const char *no_readers(void)
{
    return "needs other users, whom only Unix lets root be";
}

static const char *no_half(void)
{
    return "a pipe has no half that could be closed alone";
}

static const char *no_limit(void)
{
    return "Windows has no limit of handles that could be set";
}

#else

static void check_signals(void)
{
    struct sigaction before;
    ck_assert_int_eq(sigaction(SIGPIPE, NULL, &before), 0);
    ck_assert(before.sa_handler == SIG_DFL);
}

START_TEST(who_hangs_up_after_asking_still_gets_the_answers)
{
    struct wire *fd = client();
    ck_assert_uint_eq(wire_send(fd, "one\nlate\nearly\nhalf", 19), 19);
    ck_assert_int_eq(shutdown(fd->fd, SHUT_WR), 0);
    ck_ends(fd, "one\nlate\nearly\n");
    ck_assert_int_eq(closed, 1);
    wire_close(fd);

    fd = client();
    say(fd, "keep\n");
    ck_assert_int_eq(shutdown(fd->fd, SHUT_WR), 0);
    ck_hears(fd, "");
    ck_assert(!has_work(50));
    rdv__answer_give(last_peer->kept[0], copy("kept", 4));
    ck_ends(fd, "kept\n");
    wire_close(fd);
}
END_TEST

struct full {
    struct rlimit limit; /* as it was */
    int fillers[64], count;
};

/* Have no more descriptors than up to the last one, and all of these in use. */
static void fill_up(struct full *full, int last)
{
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &full->limit), 0);
    struct rlimit low = full->limit;
    low.rlim_cur = (rlim_t)last + 1;
    int filler = -1;
    for (full->count = 0; full->count < 64 && (filler = dup(last)) >= 0 && filler < last;)
        full->fillers[full->count++] = filler;
    if (full->count < 64 && filler >= 0)
        close(filler);
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &low), 0);
}

static void make_room(const struct full *full)
{
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &full->limit), 0);
    for (int i = 0; i < full->count; i++)
        close(full->fillers[i]);
}

START_TEST(running_out_of_descriptors_does_not_spin)
{
    struct full full;
    struct wire *fd = client(), *waiting = wire_open(path);
    fill_up(&full, waiting->fd);
    turns();
    ck_assert_int_eq(opened, 1);
    ck_assert_str_eq(fake_log.last, "no client can be taken just now: too many open files");
    ck_assert(!has_work(50));
    /* Those who are in are served. */
    say(fd, "in\n");
    ck_hears(fd, "in\n");

    make_room(&full);
    until(&opened, 2);
    ck_assert_int_eq(fake_log.lines, 1);
    wire_close(fd);
    wire_close(waiting);
}
END_TEST

START_TEST(who_leaves_makes_room_for_who_waits_for_a_descriptor)
{
    struct full full;
    struct wire *fd = client(), *waiting = wire_open(path);
    fill_up(&full, waiting->fd);
    turns();
    ck_assert_int_eq(opened, 1);
    wire_close(fd);
    until(&opened, 2);
    ck_assert_int_eq(closed, 1);
    make_room(&full);
    wire_close(waiting);
}
END_TEST

/* Some number: no such group has to be there. */
#define READER       65534
#define READER_GROUP 65533

static void start_server_for_readers(void)
{
    static const rdv__group group = READER_GROUP;
    rdv__server_free(server);
    options.group = &group;
    start_server();
    ck_assert_int_eq(chmod(directory, 0711), 0);
}

/* One that has been taken, and is the last peer. */
static struct wire *reader(void)
{
    int before = opened_readers;
    struct wire *wire;
    wire_open_as(path, READER, READER_GROUP, &wire, 1);
    until(&opened_readers, before + 1);
    return wire;
}

START_TEST(readers_leave_places_for_others)
{
    struct wire *readers[READERS_HERE], *owners[CLIENTS_HERE - READERS_HERE], *more;
    start_server_for_readers();
    for (int i = 0; i < READERS_HERE; i++)
        readers[i] = reader();
    wire_open_as(path, READER, READER_GROUP, &more, 1);
    ck_ends(more, "busy\n");
    wire_close(more);
    ck_assert_ptr_nonnull(strstr(fake_log.last, "too many clients: 3, of which 3 may only read; "));
    for (int i = 0; i < CLIENTS_HERE - READERS_HERE; i++) {
        owners[i] = client();
        say(owners[i], "in\n");
        ck_hears(owners[i], "in\n");
    }
    more = wire_open(path);
    ck_ends(more, "busy\n");
    wire_close(more);
    /* That is news, although it was just said of the readers. */
    ck_assert_int_eq(fake_log.lines, 2);
    ck_assert_ptr_nonnull(strstr(fake_log.last, "too many clients: 4, of which 3 may only read; "));
    /* Who goes makes room for another. */
    wire_close(readers[0]);
    until(&closed, 1);
    readers[0] = reader();
    for (int i = 0; i < READERS_HERE; i++)
        wire_close(readers[i]);
    for (int i = 0; i < CLIENTS_HERE - READERS_HERE; i++)
        wire_close(owners[i]);
}
END_TEST

START_TEST(what_waits_for_readers_holds_up_only_readers)
{
    start_server_for_readers();
    struct wire *owner = client();
    struct rdv__connection *an_owner = last_peer->connection;
    struct wire *one = reader(), *other = reader();
    struct rdv__connection *a_reader = last_peer->connection;
    say(one, "big\n");
    ck_assert(!rdv__connection_has_room(a_reader, options.readers.output_max));
    ck_assert(rdv__connection_has_room(a_reader, options.readers.output_max - 300001));
    ck_assert(rdv__connection_has_room(an_owner, options.owners.output_max));
    wire_close(one);
    until(&closed, 1);
    ck_assert(rdv__connection_has_room(a_reader, options.readers.output_max));
    say(owner, "big\n");
    ck_assert(!rdv__connection_has_room(an_owner, options.owners.output_max));
    ck_assert(rdv__connection_has_room(a_reader, options.readers.output_max));
    ck_hears_all(owner, 300001);
    ck_assert(rdv__connection_has_room(an_owner, options.owners.output_max));
    wire_close(other);
    wire_close(owner);
}
END_TEST

static const char *no_readers(void)
{
    return geteuid() == 0 ? NULL : "needs root, to become somebody else";
}

static const char *no_half(void)
{
    return NULL;
}

/* Under Valgrind accept() takes a connection before it says that there is no descriptor for it. */
static const char *no_limit(void)
{
    const char *preload = getenv("LD_PRELOAD");
    return preload && strstr(preload, "vgpreload")
               ? "needs an accept() that leaves what it can't take"
               : NULL;
}

#endif

/* --------------------------------------------------------------------- lines */

START_TEST(each_line_has_its_answer)
{
    struct wire *fd = client();
    say(fd, "one\ntwo\n\nthree\n");
    ck_hears(fd, "one\ntwo\n\nthree\n");
    wire_close(fd);
}
END_TEST

START_TEST(a_line_may_come_in_pieces)
{
    struct wire *fd = client();
    say(fd, "on");
    say(fd, "e\ntw");
    ck_hears(fd, "one\n");
    say(fd, "o\n");
    ck_hears(fd, "two\n");
    wire_close(fd);
}
END_TEST

START_TEST(half_a_line_and_silence_holds_up_nobody)
{
    struct wire *silent = client(), *other = client();
    say(silent, "half");
    say(other, "whole\n");
    ck_hears(other, "whole\n");
    ck_assert_int_eq(lines_done, 1);
    wire_close(silent);
    wire_close(other);
}
END_TEST

START_TEST(half_a_line_and_a_hang_up_is_forgotten)
{
    struct wire *fd = client();
    say(fd, "half");
    wire_close(fd);
    until(&closed, 1);
    ck_assert_int_eq(lines_done, 0);
    ck_assert_int_eq(fake_log.lines, 0);
}
END_TEST

START_TEST(the_longest_line_is_taken)
{
    struct wire *fd = client();
    char *line = fill('l', LINE_MAX_HERE);
    say(fd, line);
    say(fd, "\nnext\n");
    ck_hears_so_many(fd, LINE_MAX_HERE + 1 + 5);
    ck_assert_str_eq(heard + LINE_MAX_HERE, "\nnext\n");
    free(line);
    wire_close(fd);
}
END_TEST

START_TEST(a_line_that_is_too_long_is_answered_and_left_out)
{
    struct wire *fd = client();
    char *line = fill('l', LINE_MAX_HERE + 1);
    say(fd, "first\n");
    say(fd, line);
    say(fd, "\nnext\n");
    ck_hears(fd, "first\ntoo long\nnext\n");
    free(line);
    wire_close(fd);
}
END_TEST

START_TEST(a_line_without_end_takes_no_memory)
{
    struct wire *fd = client();
    char *line = fill('l', 300000);
    for (int i = 0; i < 10; i++)
        say(fd, line);
    ck_hears(fd, "too long\n");
    say(fd, "rest\nnext\n");
    ck_hears(fd, "next\n");
    free(line);
    wire_close(fd);
}
END_TEST

/* ------------------------------------------------------------------- answers */

START_TEST(answers_keep_the_order_of_their_lines)
{
    struct wire *fd = client();
    say(fd, "keep\nkeep\nthird\n");
    until(&lines_done, 3);
    rdv__answer_give(last_peer->kept[1], copy("second", 6));
    ck_hears(fd, "");
    rdv__answer_give(last_peer->kept[0], copy("first", 5));
    ck_hears(fd, "first\nsecond\nthird\n");
    wire_close(fd);
}
END_TEST

START_TEST(who_can_not_be_answered_for_want_of_memory_is_cut_off)
{
    struct wire *fd = client(), *other = client();
    struct peer *peer = last_peer;
    say(other, "keep\nsecond\n");
    until(&lines_done, 2);
    rdv__answer_give(peer->kept[0], NULL);
    ck_ends(other, "");
    ck_assert_str_eq(fake_log.last, "a client was cut off: out of memory");
    say(fd, "still here\n");
    ck_hears(fd, "still here\n");
    wire_close(fd);
    wire_close(other);
}
END_TEST

START_TEST(an_answer_for_who_has_gone_is_dropped)
{
    struct wire *fd = client();
    say(fd, "keep\nkeep\nthird\n");
    until(&lines_done, 3);
    struct rdv__answer *first = last_peer->kept[0], *second = last_peer->kept[1];
    rdv__connection_close(last_peer->connection);
    until(&closed, 1);
    rdv__answer_give(second, copy("second", 6));
    rdv__answer_give(first, NULL);
    wire_close(fd);
}
END_TEST

START_TEST(an_answer_may_come_after_the_server_has_gone)
{
    struct wire *fd = client();
    say(fd, "keep\n");
    until(&lines_done, 1);
    struct rdv__answer *answer = last_peer->kept[0];
    rdv__server_free(server);
    server = NULL;
    rdv__answer_give(answer, copy("late", 4));
    wire_close(fd);
}
END_TEST

START_TEST(a_line_that_waits_holds_up_those_that_follow_it)
{
    struct wire *fd = client();
    say(fd, "keep\n");
    until(&lines_done, 1);
    gathering = true;
    say(fd, "gather\nlast\n");
    ck_assert_int_eq(lines_done, 1);
    /* It is not read from meanwhile, and costs nothing. */
    say(fd, "more\n");
    ck_assert(!has_work(50));
    gathering = false;
    rdv__answer_give(last_peer->kept[0], copy("kept", 4));
    ck_hears(fd, "kept\ngather\nlast\nmore\n");
    wire_close(fd);
}
END_TEST

static char parts[64];

/* From the first line on. */
static int note_part(struct rdv__turn *turn)
{
    (void)turn;
    if (*parts && strlen(parts) < sizeof parts / 2)
        strcat(parts, "|");
    return 0;
}

START_TEST(lines_of_one_part_are_done_for_all_before_those_of_the_other)
{
    struct rdv__turn commit = {.run = note_part, .phase = RDV__TURN_COMMIT};
    /* Nobody has been taken yet, so all is there when they are, and is read in one turn. */
    struct wire *one = wire_open(path), *other = wire_open(path);
    *parts = '\0';
    rdv__loop_add_turn(loop, &commit);
    noted = parts;
    ck_assert_uint_eq(wire_send(one, "early\nlate\nearly\nlate\n", 22), 22);
    ck_assert_uint_eq(wire_send(other, "late\nearly\nlate\n", 16), 16);
    until(&lines_done, 7);
    noted = NULL;
    rdv__loop_remove_turn(loop, &commit);
    ck_assert_msg(strncmp(parts, "e|llee|ll", 9) == 0, "%s", parts);
    wire_close(one);
    wire_close(other);
}
END_TEST

/* ------------------------------------------------------------------ fairness */

START_TEST(many_lines_in_one_write_are_done_some_at_a_time)
{
    static char text[200000];
    for (int i = 0; i < 2000; i++)
        strcat(text + (size_t)i * 5, "line\n");
    struct wire *many = wire_open(path), *other = wire_open(path);
    ck_assert_uint_eq(wire_send(many, text, strlen(text)), strlen(text));
    ck_assert_uint_eq(wire_send(other, "other\n", 6), 6);
    int64_t begun = rdv_test_clock();
    while (!wire_waits(other) && rdv_test_clock() - begun < WAIT_MAX)
        ck_assert_int_eq(rdv_loop_dispatch(loop), 0);
    ck_assert(wire_waits(other));
    /* As many turns as a dispatch takes are far too few for all. */
    ck_assert_int_lt(lines_done, 2000);
    until(&lines_done, 2001);
    ck_assert_int_le(most_at_once, 2 * 16 + 1);
    ck_hears(many, text);
    wire_close(many);
    wire_close(other);
}
END_TEST

/* The clock goes on by one with each line, so a turn that has time for 6 does about as many, whoever sends how much. */
START_TEST(a_turn_does_no_more_than_there_is_time_for)
{
    rdv__server_free(server);
    options.owners.time = 6;
    start_server();
    struct wire *fds[CLIENTS_HERE];
    for (int i = 0; i < CLIENTS_HERE; i++)
        fds[i] = client();
    most_at_once = done_this_turn = 0;
    for (int i = 0; i < CLIENTS_HERE; i++)
        for (int j = 0; j < 30; j++)
            ck_assert_uint_eq(wire_send(fds[i], "late\n", 5), 5);
    int64_t begun = rdv_test_clock();
    while (lines_done < CLIENTS_HERE * 30 && goes_on(begun))
        ;
    ck_assert_int_eq(lines_done, CLIENTS_HERE * 30);
    ck_assert_int_le(most_at_once, 7);
    for (int i = 0; i < CLIENTS_HERE; i++) {
        ck_hears_all(fds[i], 150);
        wire_close(fds[i]);
    }
}
END_TEST

/* Of work that never ends, each gets some in every few turns. */
START_TEST(who_did_not_come_to_its_turn_is_first_in_the_next)
{
    rdv__server_free(server);
    options.owners.time = 1;
    options.queue_max = options.owners.output_max;
    start_server();
    struct wire *fds[CLIENTS_HERE];
    struct peer *peers[CLIENTS_HERE];
    for (int i = 0; i < CLIENTS_HERE; i++) {
        fds[i] = client();
        peers[i] = last_peer;
        peers[i]->more = 1000;
        rdv__connection_more(peers[i]->connection);
    }
    for (int turn = 0; turn < 40; turn++) {
        ck_assert_int_eq(rdv_loop_dispatch(loop), 0);
        for (int i = 0; i < CLIENTS_HERE; i++)
            while (wire_waits(fds[i]))
                fds[i]->begin = fds[i]->end = 0;
    }
    int least = 1000, most = 0;
    for (int i = 0; i < CLIENTS_HERE; i++) {
        int done = 1000 - peers[i]->more;
        least = done < least ? done : least;
        most = done > most ? done : most;
        wire_close(fds[i]);
    }
    ck_assert_int_gt(least, 10);
    ck_assert_int_le(most, 2 * least);
}
END_TEST

START_TEST(idle_clients_cost_no_turns)
{
    struct wire *fds[CLIENTS_HERE];
    for (int i = 0; i < CLIENTS_HERE; i++)
        fds[i] = client();
    say(fds[0], "half");
    say(fds[1], "a line\n");
    ck_hears(fds[1], "a line\n");
    ck_assert(!has_work(50));
    for (int i = 0; i < CLIENTS_HERE; i++)
        wire_close(fds[i]);
}
END_TEST

/* -------------------------------------------------------------------- output */

START_TEST(who_does_not_read_is_not_read_from)
{
    struct wire *fd = client(), *other = client();
    for (int i = 0; i < 50; i++)
        say(fd, "big\n");
    /* What the kernel holds for it, one answer that has no room there, and no more. */
    (void)has_work(50);
    turns();
    int done = lines_done;
    ck_assert_int_lt(done, 50);
    turns();
    ck_assert_int_eq(lines_done, done);
    ck_assert(!rdv__connection_has_room(last_peer->connection, 1000000));
    say(other, "other\n");
    ck_hears(other, "other\n");
    ck_assert(!has_work(50));

    ck_hears_all(fd, 50 * 300001);
    ck_assert(rdv__connection_has_room(last_peer->connection, 1000000));
    wire_close(fd);
    wire_close(other);
}
END_TEST

START_TEST(lines_that_are_there_already_wait_for_room_too)
{
    struct wire *fd = client();
    say(fd, "big\nbig\nbig\nbig\nbig\nbig\nbig\nbig\n");
    turns();
    ck_assert_int_lt(lines_done, 4);
    size_t step;
    int64_t begun = rdv_test_clock();
    while (lines_done < 8 && goes_on(begun))
        ck_assert(wire_receive(fd, heard, sizeof heard, &step));
    ck_assert_int_eq(lines_done, 8);
    wire_close(fd);
}
END_TEST

START_TEST(lines_go_on_when_what_was_before_them_is_on_its_way)
{
    /* The first answer is more than may wait, but the kernel takes it at once. */
    struct wire *fd = client();
    say(fd, "mid\nlast\n");
    ck_hears_so_many(fd, 100001 + 5);
    wire_close(fd);
}
END_TEST

/* All that has come, and how it ends. */
static void ck_hears_that_it_is_late(struct wire *fd)
{
    int64_t begun = rdv_test_clock();
    size_t size = 0, step;
    char end[8] = "";
    while (wire_receive(fd, heard, sizeof heard, &step) && goes_on(begun)) {
        for (size_t i = step > 6 ? step - 6 : 0; i < step; i++) {
            memmove(end, end + 1, 6);
            end[5] = heard[i];
        }
        size += step;
    }
    /* The line that it had begun to read has come to its end. */
    ck_assert_str_eq(end, "\nlate\n");
    ck_assert_uint_eq((size - 5) % 50001, 0);
}

START_TEST(who_does_not_read_what_is_pushed_is_told_so_and_cut_off)
{
    struct wire *fd = client();
    struct rdv__connection *first = last_peer->connection;
    struct wire *other = client();
    struct rdv__connection *connection = last_peer->connection;
    char *line = fill('p', 50000);
    int pushed = 0;
    while (fake_log.lines == 0 && pushed < 100) {
        rdv__connection_push(connection, line, 50000);
        pushed++;
        turns();
    }
    ck_assert_int_lt(pushed, 20);
    ck_assert_str_eq(fake_log.last, "a client was cut off: it does not read what it asked for");
    /* What it would not read is gone at once. */
    ck_assert(rdv__connection_has_room(first, 1000000 - 2 * 50001));
    rdv__connection_push(connection, line, 50000);
    ck_hears_that_it_is_late(other);
    until(&closed, 1);
    ck_assert_int_eq(fake_log.lines, 1);
    ck_assert(rdv__connection_has_room(first, 1000000));
    say(fd, "still here\n");
    ck_hears(fd, "still here\n");
    free(line);
    wire_close(fd);
    wire_close(other);
}
END_TEST

START_TEST(where_there_is_no_room_the_one_with_the_most_is_late)
{
    rdv__server_free(server);
    options.queue_max = 900000;
    start_server();
    struct wire *fds[3];
    struct rdv__connection *connections[3];
    char *line = fill('p', 50000);
    for (int i = 0; i < 3; i++) {
        fds[i] = client();
        connections[i] = last_peer->connection;
    }
    /* Each gets as much, and the second reads nothing. */
    for (int i = 0; i < 40 && fake_log.lines == 0; i++) {
        for (int j = 0; j < 3; j++) {
            rdv__connection_push(connections[j], line, 50000);
            turns();
            if (j != 1)
                ck_hears_all(fds[j], 50001);
        }
    }
    ck_assert_int_eq(fake_log.lines, 1);
    ck_hears_that_it_is_late(fds[1]);
    until(&closed, 1);
    for (int j = 0; j < 3; j += 2) {
        rdv__connection_push(connections[j], line, 50000);
        ck_hears_all(fds[j], 50001);
        wire_close(fds[j]);
    }
    free(line);
    wire_close(fds[1]);
}
END_TEST

START_TEST(what_is_held_counts_like_what_waits_to_be_read)
{
    struct wire *fd = client(), *other = client();
    struct rdv__connection *connection = last_peer->connection;
    ck_assert(rdv__connection_hold(connection, 900000));
    ck_assert(!rdv__connection_has_room(connection, 100001));
    ck_assert(!rdv__connection_hold(connection, 1000001));
    ck_assert(rdv__connection_hold(connection, 0));
    ck_assert(rdv__connection_has_room(connection, 1000000));
    ck_assert(rdv__connection_hold(connection, 5000));
    wire_close(other); /* with something held */
    until(&closed, 1);
    say(fd, "one\n");
    ck_hears(fd, "one\n");
    wire_close(fd);
}
END_TEST

START_TEST(who_stops_reading_is_cut_off_after_a_while)
{
    rdv__server_free(server);
    /* So long that a machine that is busy with others does not keep the slow one from reading meanwhile. */
    options.patience = RDV_SECOND;
    start_server();
    struct wire *stopped = client(), *slow = client();
    const size_t all = 8 * 300001;
    say(stopped, "big\nbig\n");
    say(slow, "big\nbig\nbig\nbig\nbig\nbig\nbig\nbig\n");
    size_t read = 0, step;
    int64_t begun = rdv_test_clock();
    do {
        ck_assert(wire_receive(slow, heard, 20000, &step));
        read += step;
        rdv_test_sleep(20);
    } while ((closed == 0 || read < all) && goes_on(begun));
    ck_assert_uint_eq(read, all);
    ck_assert_int_eq(closed, 1);
    ck_assert_str_eq(fake_log.last, "a client was cut off: it has stopped reading");
    /* Now that nothing waits, nobody looks at the time. */
    has_work(1200);
    turns();
    ck_assert(!has_work(1300));
    wire_close(stopped);
    wire_close(slow);
}
END_TEST

START_TEST(what_is_done_late_waits_for_room)
{
    struct wire *fd = client();
    last_peer->more = 40;
    rdv__connection_more(last_peer->connection);
    turns();
    turns();
    ck_assert_int_gt(last_peer->more, 0);
    int left = last_peer->more;
    turns();
    ck_assert_int_eq(last_peer->more, left);
    ck_hears_all(fd, 40 * 60001);
    ck_assert_int_eq(last_peer->more, 0);
    wire_close(fd);
}
END_TEST

START_TEST(a_client_that_is_killed_in_the_middle_of_an_answer_raises_no_signal)
{
    check_signals();
    struct wire *fd = client();
    say(fd, "big\nbig\n");
    wire_close(fd);
    until(&closed, 1);
}
END_TEST

/* --------------------------------------------------------------- connections */

#ifndef _WIN32 /* where nobody can take a pipe's name away */

/* Whether somebody who looks for us finds us; what they send is answered. */
static bool is_found(void)
{
    rdv__descriptor fd;
    if (rdv__socket_connect(path, RDV_SECOND, &fd, NULL) != 0)
        return false;
    rdv__socket_close(fd);
    return true;
}

START_TEST(a_socket_that_was_removed_is_made_again_in_the_next_turn)
{
    for (int i = 0; i < 3; i++) {
        rdv_test_remove(path);
        if (i > 0) {
            char lock[sizeof path + 8];
            snprintf(lock, sizeof lock, "%s.lock", path);
            rdv_test_remove(lock);
        }
        ck_assert(!is_found());
        ck_assert_int_eq(rdv_loop_dispatch(loop), 0);
        ck_assert(is_found());
        ck_assert_msg(strstr(fake_log.last, "made again"), "said: %s", fake_log.last);
    }
    ck_assert_int_eq(fake_log.lines, 3);
}
END_TEST

START_TEST(a_socket_is_not_taken_from_who_has_its_name_now)
{
    rdv_test_remove(path);
    rdv_test_write(path, "words", 5);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(rdv_loop_dispatch(loop), 0);
        rdv_test_sleep(120);
    }
    ck_assert_int_eq(rdv_test_size(path), 5);
    ck_assert_int_eq(fake_log.lines, 1);
    rdv_test_remove(path);
    struct rdv__listener *other;
    ck_assert_int_eq(rdv__listener_new(path, NULL, &other, NULL), 0);
    ck_assert_int_eq(rdv_loop_dispatch(loop), 0);
    ck_assert(rdv__listener_is_there(other));
    rdv__listener_free(other);
    rdv_test_sleep(120);
    ck_assert_int_eq(rdv_loop_dispatch(loop), 0);
    ck_assert(is_found());
}
END_TEST

START_TEST(a_socket_comes_back_with_its_folder)
{
    rdv_test_remove(directory);
    ck_assert_int_eq(rdv_loop_dispatch(loop), 0);
    ck_assert_msg(strstr(fake_log.last, "can't be made again"), "said: %s", fake_log.last);
    rdv_test_make_directory(directory);
    rdv_test_sleep(120);
    ck_assert_int_eq(rdv_loop_dispatch(loop), 0);
    ck_assert(is_found());
}
END_TEST

#endif

START_TEST(one_too_many_gets_one_line)
{
    struct wire *fds[CLIENTS_HERE + 2];
    for (int i = 0; i < CLIENTS_HERE + 2; i++)
        fds[i] = wire_open(path);
    until(&opened, CLIENTS_HERE);
    ck_assert_uint_eq(rdv__server_connections(server), CLIENTS_HERE);
    for (int i = CLIENTS_HERE; i < CLIENTS_HERE + 2; i++) {
        ck_ends(fds[i], "busy\n");
    }
    ck_assert_int_eq(fake_log.lines, 1);
    wire_close(fds[0]);
    until(&closed, 1);
    struct wire *late = client();
    say(late, "in\n");
    ck_hears(late, "in\n");
    struct wire *again = wire_open(path);
    ck_ends(again, "busy\n");
    ck_assert_int_eq(fake_log.lines, 1);
    wire_close(again);
    wire_close(late);
    for (int i = 1; i < CLIENTS_HERE + 2; i++)
        wire_close(fds[i]);
}
END_TEST

START_TEST(that_there_are_too_many_is_said_now_and_then_with_their_number)
{
    rdv__server_free(server);
    options.quiet = RDV_SECOND;
    start_server();
    struct wire *fds[CLIENTS_HERE];
    for (int i = 0; i < CLIENTS_HERE; i++)
        fds[i] = client();
    int64_t begun = rdv_test_clock();
    int refused = 0;
    do {
        struct wire *again = wire_open(path);
        ck_ends(again, "busy\n");
        wire_close(again);
        if (++refused == 1)
            ck_assert_ptr_eq(strstr(fake_log.last, "too many clients: 4, of which 0 may only read; "
                                                   "refused 1 more ("),
                             fake_log.last);
        /* There was a place meanwhile. */
        wire_close(fds[0]);
        until(&closed, refused);
        fds[0] = client();
    } while (fake_log.lines < 2 && goes_on(begun));
    char words[64];
    snprintf(words, sizeof words, "; refused %d more (", refused - 1);
    ck_assert_int_eq(fake_log.lines, 2);
    ck_assert_msg(strstr(fake_log.last, words) != NULL, "%d: %s", refused, fake_log.last);
    for (int i = 0; i < CLIENTS_HERE; i++)
        wire_close(fds[i]);
}
END_TEST

START_TEST(without_memory_for_its_state_a_client_is_closed)
{
    refuse_memory = true;
    struct wire *fd = wire_open(path);
    ck_ends(fd, "");
    refuse_memory = false;
    ck_assert_int_eq(opened, 0);
    wire_close(fd);
}
END_TEST

START_TEST(more_input_than_there_is_room_for_cuts_off_its_sender)
{
    rdv__server_free(server);
    options.owners.line_max = 1000000;
    options.owners.input_max = 300000;
    start_server();
    struct wire *fd = client(), *other = client();
    char *line = fill('l', 250000);
    say(fd, line);
    (void)has_work(50); /* it is read to its end */
    ck_assert_int_eq(closed, 0);
    char *more = fill('m', 100000);
    (void)wire_send(other, more, 100000);
    ck_ends(other, "busy\n");
    say(fd, "\n");
    ck_hears_so_many(fd, 250001);
    free(line);
    free(more);
    wire_close(fd);
    wire_close(other);
}
END_TEST

START_TEST(input_that_was_dealt_with_makes_room)
{
    rdv__server_free(server);
    options.owners.input_max = 100000;
    start_server();
    char *line = fill('l', LINE_MAX_HERE), *half = fill('h', LINE_MAX_HERE - 1);
    line[LINE_MAX_HERE - 1] = '\n';
    struct wire *fd = client();
    for (int i = 0; i < 150; i++) {
        say(fd, line);
        if (i % 50 == 49)
            ck_hears_so_many(fd, 50 * LINE_MAX_HERE);
    }
    for (int i = 0; i < 150; i++) {
        struct wire *other = client();
        ck_assert_uint_eq(wire_send(other, half, strlen(half)), strlen(half));
        turns();
        wire_close(other);
        until(&closed, i + 1);
    }
    ck_assert_int_eq(lines_done, 150);
    ck_assert_int_eq(fake_log.lines, 0);
    say(fd, "last\n");
    ck_hears(fd, "last\n");
    free(line);
    free(half);
    wire_close(fd);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("server");

    TCase *lines = tcase_create("lines");
    tcase_set_timeout(lines, PATIENCE);
    tcase_add_checked_fixture(lines, set_up, tear_down);
    tcase_add_test(lines, each_line_has_its_answer);
    tcase_add_test(lines, a_line_may_come_in_pieces);
    tcase_add_test(lines, half_a_line_and_silence_holds_up_nobody);
    tcase_add_test(lines, half_a_line_and_a_hang_up_is_forgotten);
    tcase_add_test(lines, the_longest_line_is_taken);
    tcase_add_test(lines, a_line_that_is_too_long_is_answered_and_left_out);
    tcase_add_test(lines, a_line_without_end_takes_no_memory);
    rdv_test_add_unless(lines, who_hangs_up_after_asking_still_gets_the_answers, no_half());
    suite_add_tcase(suite, lines);

    TCase *answers = tcase_create("answers");
    tcase_set_timeout(answers, PATIENCE);
    tcase_add_checked_fixture(answers, set_up, tear_down);
    tcase_add_test(answers, answers_keep_the_order_of_their_lines);
    tcase_add_test(answers, who_can_not_be_answered_for_want_of_memory_is_cut_off);
    tcase_add_test(answers, an_answer_for_who_has_gone_is_dropped);
    tcase_add_test(answers, an_answer_may_come_after_the_server_has_gone);
    tcase_add_test(answers, a_line_that_waits_holds_up_those_that_follow_it);
    tcase_add_test(answers, lines_of_one_part_are_done_for_all_before_those_of_the_other);
    suite_add_tcase(suite, answers);

    TCase *fair = tcase_create("fairness");
    tcase_set_timeout(fair, PATIENCE);
    tcase_add_checked_fixture(fair, set_up, tear_down);
    tcase_add_test(fair, many_lines_in_one_write_are_done_some_at_a_time);
    tcase_add_test(fair, a_turn_does_no_more_than_there_is_time_for);
    tcase_add_test(fair, who_did_not_come_to_its_turn_is_first_in_the_next);
    tcase_add_test(fair, idle_clients_cost_no_turns);
    suite_add_tcase(suite, fair);

    TCase *output = tcase_create("output");
    tcase_set_timeout(output, PATIENCE);
    tcase_add_checked_fixture(output, set_up, tear_down);
    tcase_add_test(output, who_does_not_read_is_not_read_from);
    tcase_add_test(output, lines_that_are_there_already_wait_for_room_too);
    tcase_add_test(output, lines_go_on_when_what_was_before_them_is_on_its_way);
    tcase_add_test(output, who_does_not_read_what_is_pushed_is_told_so_and_cut_off);
    tcase_add_test(output, where_there_is_no_room_the_one_with_the_most_is_late);
    tcase_add_test(output, what_is_held_counts_like_what_waits_to_be_read);
    tcase_add_test(output, who_stops_reading_is_cut_off_after_a_while);
    tcase_add_test(output, what_is_done_late_waits_for_room);
    tcase_add_test(output, a_client_that_is_killed_in_the_middle_of_an_answer_raises_no_signal);
    rdv_test_add_unless(output, what_waits_for_readers_holds_up_only_readers, no_readers());
    suite_add_tcase(suite, output);

    TCase *connections = tcase_create("connections");
    tcase_set_timeout(connections, PATIENCE);
    tcase_add_checked_fixture(connections, set_up, tear_down);
#ifndef _WIN32
    tcase_add_test(connections, a_socket_that_was_removed_is_made_again_in_the_next_turn);
    tcase_add_test(connections, a_socket_is_not_taken_from_who_has_its_name_now);
    tcase_add_test(connections, a_socket_comes_back_with_its_folder);
#endif
    tcase_add_test(connections, one_too_many_gets_one_line);
    tcase_add_test(connections, that_there_are_too_many_is_said_now_and_then_with_their_number);
    rdv_test_add_unless(connections, readers_leave_places_for_others, no_readers());
    rdv_test_add_unless(connections, running_out_of_descriptors_does_not_spin, no_limit());
    rdv_test_add_unless(connections, who_leaves_makes_room_for_who_waits_for_a_descriptor,
                        no_limit());
    tcase_add_test(connections, without_memory_for_its_state_a_client_is_closed);
    tcase_add_test(connections, more_input_than_there_is_room_for_cuts_off_its_sender);
    tcase_add_test(connections, input_that_was_dealt_with_makes_room);
    suite_add_tcase(suite, connections);

    return rdv_test_main(suite);
}
