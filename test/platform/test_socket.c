/* SPDX-License-Identifier: MIT */
/*
 * Local sockets, without a loop: what is sent arrives, nothing waits that should not, and names are nobody else's. What one
 * system has of it alone is at the end, once for each.
 */
#define _GNU_SOURCE

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"
#include "platform/platform.h"
#include "platform/socket.h"
#include "platform/thread.h"
#include "system.h"

/* More than any system keeps for a reader who does not read. */
#define TOO_MUCH ((size_t)32 * 1024 * 1024)

/* How long a test may take, in seconds, however busy the machine is. */
#define PATIENCE 120

/* ------------------------------------------------------------------ fixture */

static char directory[RDV_TEST_PATH], path[2 * RDV_TEST_PATH];
static struct rdv__listener *listener;

static void set_up(void)
{
    struct rdv_error error = {0};
    rdv_test_make_folder(directory, "socket");
    snprintf(path, sizeof path, "%s/socket", directory);
    int result = rdv__listener_new(path, NULL, &listener, &error);
    ck_assert_msg(result == 0, "%s", error.text);
}

static void stop_listening(void)
{
    rdv__listener_free(listener);
    listener = NULL;
}

static void tear_down(void)
{
    stop_listening();
    ck_assert(!rdv_test_exists(path));
    rdv_test_remove(directory);
}

/* A path in the test's folder; valid until the next but three calls. */
static const char *in_directory(const char *name)
{
    static char names[4][RDV_TEST_PATH + 300];
    static int next;
    char *room = names[next++ % 4];
    snprintf(room, sizeof names[0], "%s/%s", directory, name);
    return room;
}

static int try_to_listen(const char *at)
{
    struct rdv__listener *other = NULL;
    struct rdv_error error = {0};
    int result = rdv__listener_new(at, NULL, &other, &error);
    rdv__listener_free(other);
    if (result != 0) {
        ck_assert_ptr_null(other);
        ck_assert_int_eq(error.code, result);
        ck_assert_msg(strlen(error.text) > 0, "no words");
    }
    return result;
}

static rdv__descriptor connect_to(const char *at)
{
    rdv__descriptor fd;
    struct rdv_error error = {0};
    int result = rdv__socket_connect(at, 10 * RDV_SECOND, &fd, &error);
    ck_assert_msg(result == 0, "%s", error.text);
    return fd;
}

/* Both ends of a connection. */
struct ends {
    rdv__descriptor client, server;
};

static struct ends connect_both(void)
{
    struct ends ends;
    ends.client = connect_to(path);
    ck_assert_int_eq(rdv__socket_wait(rdv__listener_fd(listener), false, RDV_MINUTE), 0);
    ck_assert_int_eq(rdv__listener_accept(listener, &ends.server), 0);
    return ends;
}

static void close_both(struct ends ends)
{
    rdv__socket_close(ends.client);
    rdv__socket_close(ends.server);
}

/* The next that comes, within a minute; its size, or 0 when nothing more will. */
static size_t receive(rdv__descriptor fd, void *buffer, size_t room)
{
    size_t size = 0;
    int result = 0;
    while (result == 0 && size == 0) {
        ck_assert_int_eq(rdv__socket_wait(fd, false, RDV_MINUTE), 0);
        result = rdv__socket_receive(fd, buffer, room, &size);
    }
    ck_assert_int_ne(result, RDV_EIO);
    return result == 0 ? size : 0;
}

static void hear(rdv__descriptor fd, const char *text)
{
    char heard[256];
    size_t size = 0, step = 1;
    while (size < strlen(text) && step > 0) {
        step = receive(fd, heard + size, sizeof heard - 1 - size);
        size += step;
    }
    heard[size] = '\0';
    ck_assert_str_eq(heard, text);
}

static void say(rdv__descriptor fd, const char *text)
{
    size_t sent = 0;
    ck_assert_int_eq(rdv__socket_send(fd, text, strlen(text), &sent), 0);
    ck_assert_uint_eq(sent, strlen(text));
}

/* What is at each place of a long text, so that nothing can be lost, doubled or moved without being noticed. */
static char letter(size_t place)
{
    return (char)('!' + (place ^ place / 90) % 90);
}

static void fill(char *text, size_t size, size_t place)
{
    for (size_t i = 0; i < size; i++)
        text[i] = letter(place + i);
}

static bool is_right(const char *text, size_t size, size_t place)
{
    for (size_t i = 0; i < size; i++)
        if (text[i] != letter(place + i))
            return false;
    return true;
}

/* Send as much as there is room for now; how much it was. */
static size_t send_all_there_is_room_for(rdv__descriptor fd)
{
    char text[50000];
    size_t sent = 0, step = 1;
    while (step > 0 && sent < TOO_MUCH) {
        fill(text, sizeof text, sent);
        ck_assert_int_eq(rdv__socket_send(fd, text, sizeof text, &step), 0);
        sent += step;
    }
    return sent;
}

/* Hear it all, and then the end. What was on its way, but not taken, may come, too. */
static void hear_all(rdv__descriptor fd, size_t size)
{
    static char text[10000];
    size_t heard = 0;
    for (size_t step; (step = receive(fd, text, sizeof text)) > 0; heard += step)
        ck_assert(is_right(text, step, heard));
    ck_assert_uint_ge(heard, size);
}

/* ------------------------------------------------------------------- talking */

START_TEST(what_is_sent_comes_to_the_other_end)
{
    struct ends ends = connect_both();
    say(ends.client, "one");
    hear(ends.server, "one");
    say(ends.server, "two");
    say(ends.server, "three");
    hear(ends.client, "twothree");
    close_both(ends);
}
END_TEST

START_TEST(what_is_received_in_small_parts_is_complete)
{
    struct ends ends = connect_both();
    char buffer[4];
    size_t size;
    say(ends.client, "abcdefg");
    ck_assert_int_eq(rdv__socket_wait(ends.server, false, RDV_MINUTE), 0);
    ck_assert_int_eq(rdv__socket_receive(ends.server, buffer, 3, &size), 0);
    ck_assert_uint_eq(size, 3);
    ck_assert_mem_eq(buffer, "abc", 3);
    /* There is more, and so there is no waiting. */
    ck_assert_int_eq(rdv__socket_wait(ends.server, false, 0), 0);
    hear(ends.server, "defg");
    ck_assert_int_eq(rdv__socket_wait(ends.server, false, 0), RDV_ETIMEDOUT);
    close_both(ends);
}
END_TEST

START_TEST(nothing_waits_for_who_does_not_send)
{
    struct ends ends = connect_both();
    char buffer[10];
    size_t size = 77;
    ck_assert_int_eq(rdv__socket_receive(ends.server, buffer, sizeof buffer, &size), 0);
    ck_assert_uint_eq(size, 0);
    ck_assert_int_eq(rdv__socket_receive(ends.client, buffer, sizeof buffer, &size), 0);
    ck_assert_uint_eq(size, 0);
    close_both(ends);
}
END_TEST

START_TEST(nothing_waits_for_who_does_not_read_and_room_that_is_made_is_told)
{
    struct ends ends = connect_both();
    size_t sent = send_all_there_is_room_for(ends.server), more, heard = 0;
    ck_assert_uint_gt(sent, 1000);
    ck_assert_uint_lt(sent, TOO_MUCH);
    ck_assert_uint_eq(send_all_there_is_room_for(ends.server), 0);
    static char text[10000];
    while (rdv__socket_wait(ends.client, false, 0) == 0) {
        ck_assert_int_eq(rdv__socket_receive(ends.client, text, sizeof text, &more), 0);
        heard += more;
    }
    ck_assert_uint_ge(heard, sent);
    ck_assert_int_eq(rdv__socket_wait(ends.server, true, RDV_MINUTE), 0);
    close_both(ends);
}
END_TEST

/* A sender and a reader who take turns, so that each has to wait for the other again and again. */
START_TEST(much_is_sent_in_parts_as_room_is_made)
{
    struct ends ends = connect_both();
    const size_t all = 3000000;
    static char text[100000], buffer[30000];
    size_t sent = 0, heard = 0, step;
    while (heard < all) {
        size_t size = all - sent < sizeof text ? all - sent : sizeof text;
        fill(text, size, sent);
        if (size > 0) {
            ck_assert_int_eq(rdv__socket_send(ends.client, text, size, &step), 0);
            sent += step;
        }
        ck_assert_int_eq(rdv__socket_receive(ends.server, buffer, sizeof buffer, &step), 0);
        ck_assert(is_right(buffer, step, heard));
        heard += step;
    }
    ck_assert_uint_eq(sent, all);
    close_both(ends);
}
END_TEST

START_TEST(what_was_taken_arrives_although_its_sender_has_closed)
{
    for (int i = 0; i < 2; i++) {
        struct ends ends = connect_both();
        rdv__descriptor sender = i ? ends.client : ends.server;
        rdv__descriptor reader = i ? ends.server : ends.client;
        size_t sent = send_all_there_is_room_for(sender);
        rdv__socket_close(sender);
        hear_all(reader, sent);
        rdv__socket_close(reader);
    }
}
END_TEST

START_TEST(the_end_is_told_for_ever_and_sending_to_it_too)
{
    for (int i = 0; i < 2; i++) {
        struct ends ends = connect_both();
        rdv__descriptor gone = i ? ends.client : ends.server;
        rdv__descriptor left = i ? ends.server : ends.client;
        char buffer[10];
        size_t size;
        rdv__socket_close(gone);
        for (int again = 0; again < 3; again++) {
            ck_assert_int_eq(rdv__socket_wait(left, false, RDV_MINUTE), 0);
            ck_assert_int_eq(rdv__socket_receive(left, buffer, sizeof buffer, &size),
                             RDV_ESHUTDOWN);
        }
        ck_assert_int_eq(rdv__socket_send(left, "x", 1, &size), RDV_ESHUTDOWN);
        rdv__socket_close(left);
    }
}
END_TEST

START_TEST(closing_ends_what_is_under_way_and_waits_for_nobody)
{
    int64_t begun = rdv_test_clock();
    for (int i = 0; i < 20; i++) {
        struct ends ends = connect_both();
        send_all_there_is_room_for(ends.client);
        send_all_there_is_room_for(ends.server);
        rdv__socket_close(i % 2 ? ends.client : ends.server);
        rdv__socket_close(i % 2 ? ends.server : ends.client);
    }
    ck_assert_int_lt(rdv_test_clock() - begun, 60000);
    rdv__socket_close(RDV__NO_DESCRIPTOR);
}
END_TEST

START_TEST(connections_leave_no_descriptors_behind)
{
    int before = 0;
    for (int i = 0; i < 30; i++) {
        if (i == 10) /* whatever the system keeps for later, it has by now */
            before = rdv_test_descriptors();
        struct ends ends = connect_both();
        say(ends.client, "x");
        hear(ends.server, "x");
        close_both(ends);
        ck_assert_int_eq(try_to_listen(path), RDV_ELOCKED);
    }
    ck_assert_int_le(rdv_test_descriptors(), before);
}
END_TEST

START_TEST(waiting_for_a_socket_ends_in_time)
{
    struct ends ends = connect_both();
    ck_assert_int_eq(rdv__socket_wait(ends.client, false, 0), RDV_ETIMEDOUT);
    ck_assert_int_eq(rdv__socket_wait(ends.client, false, RDV_MILLISECOND + 1), RDV_ETIMEDOUT);
    ck_assert_int_eq(rdv__socket_wait(ends.client, true, -1), 0);
    say(ends.server, "x");
    ck_assert_int_eq(rdv__socket_wait(ends.client, false, -1), 0);
    ck_assert_int_eq(rdv__socket_wait(ends.client, false, INT64_MAX), 0);
    close_both(ends);
}
END_TEST

/* ---------------------------------------------------------------- connecting */

START_TEST(many_may_wait_to_be_taken_and_are_in_turn)
{
    rdv__descriptor clients[10], taken;
    char name[2] = "a";
    for (int i = 0; i < 10; i++) {
        clients[i] = connect_to(path);
        name[0] = (char)('a' + i);
        say(clients[i], name);
    }
    for (int i = 0; i < 10; i++) {
        ck_assert_int_eq(rdv__listener_accept(listener, &taken), 0);
        name[0] = (char)('a' + i);
        hear(taken, name);
        rdv__socket_close(taken);
        rdv__socket_close(clients[i]);
    }
    ck_assert_int_eq(rdv__listener_accept(listener, &taken), RDV_ENOTFOUND);
    ck_assert_int_eq(rdv__socket_wait(rdv__listener_fd(listener), false, 0), RDV_ETIMEDOUT);
}
END_TEST

START_TEST(who_has_gone_before_it_was_taken_harms_nobody)
{
    rdv__descriptor fd;
    char heard[4];
    for (int round = 0; round < 5; round++) {
        for (int i = 0; i < 10; i++) {
            fd = connect_to(path);
            if (i % 2)
                say(fd, "x");
            rdv__socket_close(fd);
        }
        for (int i = 0; i < 10; i++) {
            ck_assert_int_eq(rdv__socket_wait(rdv__listener_fd(listener), false, RDV_MINUTE), 0);
            ck_assert_int_eq(rdv__listener_accept(listener, &fd), 0);
            while (receive(fd, heard, sizeof heard) > 0)
                ck_assert_int_eq(heard[0], 'x');
            rdv__socket_close(fd);
        }
    }
    struct ends ends = connect_both();
    say(ends.client, "x");
    hear(ends.server, "x");
    close_both(ends);
}
END_TEST

static void listen_and_connect(void *user)
{
    struct ends *ends = user;
    struct rdv_error error;
    ck_assert_int_eq(rdv__listener_new(path, NULL, &listener, &error), 0);
    *ends = connect_both();
}

START_TEST(what_a_thread_has_begun_goes_on_when_it_has_ended)
{
    struct ends ends;
    struct rdv__thread *thread;
    stop_listening();
    ck_assert_int_eq(rdv__thread_new(listen_and_connect, &ends, &thread), 0);
    rdv__thread_join(thread);
    say(ends.client, "one");
    hear(ends.server, "one");
    say(ends.server, "two");
    hear(ends.client, "two");
    close_both(ends);
    ends = connect_both();
    say(ends.client, "three");
    hear(ends.server, "three");
    close_both(ends);
}
END_TEST

START_TEST(who_has_connected_is_told_and_is_our_user)
{
    struct ends ends = connect_both();
    struct rdv__peer_words words;
    char pid[32];
    snprintf(pid, sizeof pid, ", pid %lld", (long long)rdv__socket_own_pid());
    ck_assert_int_eq(rdv__socket_peer(ends.server, NULL, &words), RDV__PEER_OWNER);
    ck_assert_ptr_nonnull(strstr(words.text, pid));
    ck_assert_ptr_null(strstr(words.text, "unknown"));
    say(ends.client, "x");
    hear(ends.server, "x");
    close_both(ends);
}
END_TEST

START_TEST(connecting_to_nobody_is_told_from_other_trouble)
{
    struct rdv_error error = {0};
    rdv__descriptor fd = RDV__NO_DESCRIPTOR;
    const char *at = in_directory("socket.lock");
    ck_assert_int_eq(rdv__socket_connect(in_directory("none"), RDV_SECOND, &fd, &error),
                     RDV_ENOTFOUND);
    ck_assert_int_eq(rdv__socket_connect(at, RDV_SECOND, &fd, &error), RDV_ENOTFOUND);
    ck_assert_ptr_nonnull(strstr(error.text, at));
    stop_listening();
    ck_assert_int_eq(rdv__socket_connect(path, RDV_SECOND, &fd, &error), RDV_ENOTFOUND);
    ck_assert(fd == RDV__NO_DESCRIPTOR);
}
END_TEST

/* ----------------------------------------------------------------- listening */

START_TEST(a_socket_that_answers_is_not_replaced)
{
    ck_assert_int_eq(try_to_listen(path), RDV_ELOCKED);
    struct ends ends = connect_both();
    say(ends.client, "still there");
    hear(ends.server, "still there");
    close_both(ends);
}
END_TEST

START_TEST(who_listens_is_named_to_who_would_like_to)
{
    struct rdv__listener *other = NULL;
    struct rdv_error error = {0};
    char pid[32];
    snprintf(pid, sizeof pid, "%lld", (long long)rdv__socket_own_pid());
    ck_assert_int_eq(rdv__listener_new(path, NULL, &other, &error), RDV_ELOCKED);
    ck_assert_ptr_nonnull(strstr(error.text, pid));
}
END_TEST

START_TEST(once_nobody_listens_anybody_may_though_clients_hold_on)
{
    struct ends ends = connect_both();
    rdv__descriptor waiting = connect_to(path);
    stop_listening();
    rdv__socket_close(ends.server);
    struct rdv_error error = {0};
    int result = rdv__listener_new(path, NULL, &listener, &error);
    ck_assert_msg(result == 0, "%s", error.text);
    struct ends others = connect_both();
    say(others.client, "new");
    hear(others.server, "new");
    close_both(others);
    rdv__socket_close(ends.client);
    rdv__socket_close(waiting);
}
END_TEST

START_TEST(a_directory_that_is_not_there_is_an_error)
{
    ck_assert_int_eq(try_to_listen(in_directory("none/socket")), RDV_ENOTFOUND);
    ck_assert_int_eq(try_to_listen(""), RDV_EINVAL);
}
END_TEST

START_TEST(a_path_longer_than_an_address_is_reached_through_its_directory)
{
    char name[101];
    memset(name, 'd', 100);
    name[100] = '\0';
    stop_listening();
    rdv_test_make_directory(in_directory(name));
    snprintf(path, sizeof path, "%s/%s/socket", directory, name);
    struct rdv_error error;
    rdv__descriptor none;
    ck_assert_int_eq(rdv__listener_new(path, NULL, &listener, &error), 0);
    struct ends ends = connect_both();
    ck_assert_int_eq(rdv__listener_accept(listener, &none), RDV_ENOTFOUND);
    say(ends.client, "x");
    hear(ends.server, "x");
    close_both(ends);
}
END_TEST

/* ------------------------------------------------- what Unix has of it alone */

#ifndef _WIN32

#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static int bind_at(const char *at, int backlog)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    ck_assert_uint_lt(strlen(at), sizeof address.sun_path);
    memcpy(address.sun_path, at, strlen(at));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    ck_assert_int_eq(listen(fd, backlog), 0);
    return fd;
}

static void start_again(void)
{
    struct rdv_error error = {0};
    int result = rdv__listener_new(path, NULL, &listener, &error);
    ck_assert_msg(result == 0, "%s", error.text);
}

START_TEST(a_socket_that_answers_is_not_replaced_without_its_lock_either)
{
    rdv_test_remove(in_directory("socket.lock"));
    ck_assert_int_eq(try_to_listen(path), RDV_ELOCKED);
}
END_TEST

START_TEST(a_socket_that_a_killed_process_has_left_is_replaced)
{
    stop_listening();
    close(bind_at(path, 1));
    ck_assert(rdv_test_exists(path));
    start_again();
    struct ends ends = connect_both();
    say(ends.client, "new");
    hear(ends.server, "new");
    close_both(ends);
}
END_TEST

START_TEST(what_is_no_socket_is_left_alone)
{
    stop_listening();
    rdv_test_write_text(path, "");
    ck_assert_int_eq(try_to_listen(path), RDV_EEXISTS);
    ck_assert(rdv_test_exists(path));
    rdv_test_remove(path);
}
END_TEST

START_TEST(a_socket_that_is_no_longer_ours_is_left_alone)
{
    rdv_test_remove(path);
    rdv_test_write_text(path, "");
    stop_listening();
    ck_assert(rdv_test_exists(path));
    rdv_test_remove(path);
}
END_TEST

START_TEST(the_socket_is_for_our_user_alone)
{
    struct stat status;
    ck_assert_int_eq(stat(path, &status), 0);
    ck_assert_int_eq(status.st_mode & 07777, 0600);
    stop_listening();
    mode_t mask = umask(0777);
    start_again();
    umask(mask);
    ck_assert_int_eq(stat(path, &status), 0);
    ck_assert_int_eq(status.st_mode & 07777, 0600);
}
END_TEST

START_TEST(a_name_that_is_too_long_is_an_error_that_says_so)
{
    char name[220];
    struct rdv_error error = {0};
    rdv__descriptor fd;
    snprintf(name, sizeof name, "%0200d", 1);
    ck_assert_int_eq(try_to_listen(in_directory(name)), RDV_EINVAL);
    ck_assert_int_eq(rdv__socket_connect(in_directory(name), RDV_SECOND, &fd, &error), RDV_EINVAL);
    ck_assert_ptr_nonnull(strstr(error.text, "too long"));
    /* The whole path does not matter, the directory does. */
    strcat(name, "/socket");
    ck_assert_int_eq(rdv__socket_connect(in_directory(name), RDV_SECOND, &fd, &error),
                     RDV_ENOTFOUND);
}
END_TEST

START_TEST(connecting_without_descriptors_left_says_so)
{
    /* Also where the limit is below the numbers that are kept free for programs that are started. */
    struct rlimit before, few;
    struct rdv_error error = {0};
    rdv__descriptor fd;
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
    int spare = dup(STDERR_FILENO);
    close(spare);
    for (rlim_t room = 0; room < 2; room++) {
        few = before;
        few.rlim_cur = (rlim_t)spare + room;
        ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
        int result = rdv__socket_connect(path, RDV_SECOND, &fd, &error);
        ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
        ck_assert_int_eq(result, RDV_ERESOURCES);
    }
}
END_TEST

START_TEST(connecting_does_not_wait_for_ever_for_who_does_not_accept)
{
    /* A listener of our own, whose queue is full at once. */
    const char *full = in_directory("full");
    struct rdv_error error = {0};
    int socket = bind_at(full, 0), fds[8], count = 0, result = 0;
    while (count < 8 && result == 0) {
        result = rdv__socket_connect(full, 20 * RDV_MILLISECOND, &fds[count], &error);
        count += result == 0;
    }
    ck_assert_int_eq(result, RDV_EBUSY);
    /* And it is alive. */
    ck_assert_int_eq(try_to_listen(full), RDV_ELOCKED);
    while (count > 0)
        rdv__socket_close(fds[--count]);
    close(socket);
}
END_TEST

START_TEST(a_group_has_a_number)
{
    rdv__group group = 77;
    struct rdv_error error = {0};
    ck_assert_int_eq(rdv__socket_group("root", &group, &error), 0);
    ck_assert_uint_eq(group, 0);
    ck_assert_int_eq(rdv__socket_group("no-such-group", &group, &error), RDV_ENOTFOUND);
    ck_assert_str_eq(error.text, "there is no group 'no-such-group'");
}
END_TEST

/* Users that need not be there. */
#define STRANGER 65534
#define SOMEBODY 65533

/* What it comes to as this user, in a process of its own. */
static int as_user(uid_t user, int (*fn)(void *argument), void *argument)
{
    int status = -1;
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0)
        _exit(setgid(user) < 0 || setuid(user) < 0 ? 99 : fn(argument));
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status));
    ck_assert_int_ne(WEXITSTATUS(status), 99);
    return WEXITSTATUS(status);
}

static int listen_as_it(void *argument)
{
    return listen(*(int *)argument, 8) < 0;
}

/* The RDV_E… constant without its sign. */
static int connect_as_it(void *argument)
{
    struct rdv_error error = {0};
    rdv__descriptor fd = RDV__NO_DESCRIPTOR;
    int result = rdv__socket_connect(argument, RDV_MINUTE, &fd, &error);
    rdv__socket_close(fd);
    return -result;
}

/* A user that listens, and the folder that this is in. */
struct listens {
    uid_t user, folder;
    mode_t mode;
};

/* The kernel tells who has called listen(), and not who has the socket then. */
static int listen_there(const struct listens *how, const char *at)
{
    char folder[RDV_TEST_PATH + 300];
    snprintf(folder, sizeof folder, "%.*s", (int)(strrchr(at, '/') - at), at);
    rdv_test_make_directory(folder);
    ck_assert_int_eq(chmod(directory, 0711), 0);
    ck_assert_int_eq(chown(folder, how->folder, how->folder), 0);
    ck_assert_int_eq(chmod(folder, how->mode), 0);
    int fd = bind_at(at, 8);
    ck_assert_int_eq(chmod(at, 0666), 0);
    ck_assert_int_eq(as_user(how->user, listen_as_it, &fd), 0);
    return fd;
}

START_TEST(a_socket_at_which_a_stranger_listens_is_not_talked_to)
{
    static const struct listens places[] = {{STRANGER, 0, 01777},
                                            {STRANGER, 0, 0755},
                                            {STRANGER, SOMEBODY, 0755},
                                            {STRANGER, STRANGER, 0775},
                                            {STRANGER, STRANGER, 01757}};
    char at[RDV_TEST_PATH + 300], user[32];
    snprintf(at, sizeof at, "%s", in_directory("pub/socket"));
    snprintf(user, sizeof user, " user %d, ", STRANGER);
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        struct rdv_error error = {0};
        rdv__descriptor fd = RDV__NO_DESCRIPTOR;
        int socket = listen_there(&places[i], at);
        ck_assert_int_eq(rdv__socket_connect(at, RDV_MINUTE, &fd, &error), RDV_EACCES);
        ck_assert(fd == RDV__NO_DESCRIPTOR);
        ck_assert_int_eq(error.code, RDV_EACCES);
        ck_assert_ptr_nonnull(strstr(error.text, at));
        ck_assert_ptr_nonnull(strstr(error.text, user));
        ck_assert_int_eq(as_user(SOMEBODY, connect_as_it, at), -RDV_EACCES);
        /* To that user it is no stranger's. */
        ck_assert_int_eq(as_user(STRANGER, connect_as_it, at), 0);
        close(socket);
        rdv_test_remove(in_directory("pub"));
    }
}
END_TEST

START_TEST(an_agent_of_roots_or_in_a_folder_of_its_own_is_talked_to)
{
    static const struct listens places[] = {{0, 0, 01777},
                                            {0, STRANGER, 0777},
                                            {STRANGER, STRANGER, 0755},
                                            {STRANGER, STRANGER, 01711}};
    char at[RDV_TEST_PATH + 300];
    snprintf(at, sizeof at, "%s", in_directory("own/socket"));
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        int socket = listen_there(&places[i], at);
        ck_assert_int_eq(as_user(0, connect_as_it, at), 0);
        ck_assert_int_eq(as_user(SOMEBODY, connect_as_it, at), 0);
        ck_assert_int_eq(as_user(STRANGER, connect_as_it, at), 0);
        close(socket);
        rdv_test_remove(in_directory("own"));
    }
}
END_TEST

START_TEST(whose_a_folder_is_is_seen_however_its_path_is_written)
{
    static const struct listens own = {STRANGER, STRANGER, 0755};
    const char *at = in_directory("own/socket");
    char folder[RDV_TEST_PATH + 300], longer[RDV_TEST_PATH + 600];
    int socket = listen_there(&own, at);
    snprintf(folder, sizeof folder, "%s", in_directory("own"));
    int size = snprintf(longer, sizeof longer, "%s", folder);
    for (int i = 0; i < 60; i++)
        size += snprintf(longer + size, sizeof longer - (size_t)size, "/.");
    snprintf(longer + size, sizeof longer - (size_t)size, "/socket");
    rdv_test_go_to(folder);
    const char *paths[] = {at, longer, "socket", "./socket"};
    for (int i = 0; i < 4; i++) {
        ck_assert_int_eq(chmod(folder, 0755), 0);
        ck_assert_int_eq(connect_as_it((char *)paths[i]), 0);
        ck_assert_int_eq(chmod(folder, 0777), 0);
        ck_assert_int_eq(connect_as_it((char *)paths[i]), -RDV_EACCES);
    }
    rdv_test_go_to("/");
    close(socket);
}
END_TEST

static const char *no_strangers(void)
{
    return geteuid() == 0 ? NULL : "needs root, to become somebody else";
}

static void add_system(TCase *tcase)
{
    tcase_add_test(tcase, a_socket_that_answers_is_not_replaced_without_its_lock_either);
    tcase_add_test(tcase, a_socket_that_a_killed_process_has_left_is_replaced);
    tcase_add_test(tcase, what_is_no_socket_is_left_alone);
    tcase_add_test(tcase, a_socket_that_is_no_longer_ours_is_left_alone);
    tcase_add_test(tcase, the_socket_is_for_our_user_alone);
    tcase_add_test(tcase, a_name_that_is_too_long_is_an_error_that_says_so);
    tcase_add_test(tcase, connecting_without_descriptors_left_says_so);
    tcase_add_test(tcase, connecting_does_not_wait_for_ever_for_who_does_not_accept);
    tcase_add_test(tcase, a_group_has_a_number);
    rdv_test_add_unless(tcase, a_socket_at_which_a_stranger_listens_is_not_talked_to,
                        no_strangers());
    rdv_test_add_unless(tcase, an_agent_of_roots_or_in_a_folder_of_its_own_is_talked_to,
                        no_strangers());
    rdv_test_add_unless(tcase, whose_a_folder_is_is_seen_however_its_path_is_written,
                        no_strangers());
}

#else

#include <windows.h>
/* after windows.h */
#include <aclapi.h>
#include <sddl.h>

static void own_sid(char text[200])
{
    struct {
        TOKEN_USER user;
        unsigned char room[SECURITY_MAX_SID_SIZE];
    } answer;
    HANDLE token;
    DWORD size;
    char *words;
    ck_assert(OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &token));
    ck_assert(GetTokenInformation(token, TokenUser, &answer, sizeof answer, &size));
    ck_assert(ConvertSidToStringSidA(answer.user.User.Sid, &words));
    snprintf(text, 200, "%s", words);
    LocalFree(words);
    CloseHandle(token);
}

/* Make a pipe as any program can, with this security in words. */
static HANDLE make_pipe(const char *name, const char *words)
{
    SECURITY_ATTRIBUTES security = {sizeof security, NULL, FALSE};
    ck_assert(ConvertStringSecurityDescriptorToSecurityDescriptorA(
        words, SDDL_REVISION_1, &security.lpSecurityDescriptor, NULL));
    HANDLE pipe = CreateNamedPipeA(name, PIPE_ACCESS_DUPLEX, PIPE_TYPE_BYTE,
                                   PIPE_UNLIMITED_INSTANCES, 4096, 4096, 0, &security);
    ck_assert_msg(pipe != INVALID_HANDLE_VALUE, "error %lu", GetLastError());
    LocalFree(security.lpSecurityDescriptor);
    return pipe;
}

/* A name that no other process has. */
static const char *own_name(void)
{
    static char name[64];
    snprintf(name, sizeof name, "\\\\.\\pipe\\rdvtask-test-%lu", GetCurrentProcessId());
    return name;
}

#define PUBLIC "D:(A;;FA;;;WD)"

/* One that is ours, and everybody's to use. */
static HANDLE make_own_pipe(const char *name)
{
    char user[200], words[256];
    own_sid(user);
    snprintf(words, sizeof words, "O:%s" PUBLIC, user);
    return make_pipe(name, words);
}

START_TEST(the_pipe_of_a_file_has_the_name_that_is_documented)
{
    static const char name[] = "\\\\.\\pipe\\rdvtask-store.db.sock-533f74a7335028fc";
    static const char *const files[] = {
        "C:\\ProgramData\\rdvtask\\store.db.sock",
        "c:/programdata/RDVTASK/Store.DB.sock",
        "C:\\ProgramData\\.\\x\\..\\rdvtask\\\\store.db.sock",
        "\\\\?\\C:\\ProgramData\\rdvtask\\store.db.sock",
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        HANDLE pipe = make_own_pipe(name);
        rdv__socket_close(connect_to(files[i]));
        CloseHandle(pipe);
    }
    struct rdv_error error;
    rdv__descriptor fd;
    HANDLE pipe = make_own_pipe(name);
    ck_assert_int_eq(rdv__socket_connect("C:/ProgramData/rdvtask2/store.db.sock", 0, &fd, &error),
                     RDV_ENOTFOUND);
    CloseHandle(pipe);
}
END_TEST

START_TEST(the_name_of_a_pipe_can_be_given)
{
    char other[64];
    stop_listening();
    snprintf(path, sizeof path, "%s", own_name());
    struct rdv_error error;
    ck_assert_int_eq(rdv__listener_new(path, NULL, &listener, &error), 0);
    ck_assert_int_eq(try_to_listen(path), RDV_ELOCKED);
    struct ends ends = connect_both();
    close_both(ends);
    snprintf(other, sizeof other, "//./PIPE/RDVTASK-test-%lu", GetCurrentProcessId());
    rdv__socket_close(connect_to(other));
    stop_listening();
    rdv__descriptor fd;
    ck_assert_int_eq(rdv__socket_connect(other, RDV_SECOND, &fd, &error), RDV_ENOTFOUND);
}
END_TEST

START_TEST(what_can_not_be_the_name_of_a_pipe_is_an_error)
{
    char name[300];
    struct rdv_error error;
    rdv__descriptor fd;
    ck_assert_int_eq(try_to_listen("\\\\.\\pipe\\"), RDV_EINVAL);
    ck_assert_int_eq(try_to_listen("\\\\.\\pipe\\..\\x"), RDV_EINVAL);
    ck_assert_int_eq(rdv__socket_connect("//./pipe/a/b", RDV_SECOND, &fd, &error), RDV_EINVAL);
    snprintf(name, sizeof name, "\\\\.\\pipe\\%0270d", 1);
    ck_assert_int_eq(rdv__socket_connect(name, RDV_SECOND, &fd, &error), RDV_EINVAL);
    ck_assert_ptr_nonnull(strstr(error.text, "too long"));
    name[256] = '\0';
    ck_assert_int_eq(rdv__socket_connect(name, RDV_SECOND, &fd, &error), RDV_ENOTFOUND);
    ck_assert_int_eq(try_to_listen("\xFF"), RDV_EINVAL);
}
END_TEST

START_TEST(a_pipe_that_somebody_else_has_made_first_is_noticed)
{
    HANDLE pipe = make_pipe(own_name(), PUBLIC);
    ck_assert_int_eq(try_to_listen(own_name()), RDV_ELOCKED);
    CloseHandle(pipe);
    ck_assert_int_eq(try_to_listen(own_name()), 0);
}
END_TEST

START_TEST(a_pipe_that_another_user_has_made_is_not_talked_to)
{
    struct rdv_error error = {0};
    rdv__descriptor fd = RDV__NO_DESCRIPTOR;
    HANDLE pipe = make_pipe(own_name(), "O:WD" PUBLIC);
    ck_assert_int_eq(rdv__socket_connect(own_name(), RDV_SECOND, &fd, &error), RDV_EACCES);
    ck_assert(fd == RDV__NO_DESCRIPTOR);
    ck_assert_ptr_nonnull(strstr(error.text, "belongs neither to this user"));
    CloseHandle(pipe);
}
END_TEST

/* Owner and rights of a pipe as its clients see them. */
static const char *rights_of(const char *name)
{
    static char text[1024];
    PSECURITY_DESCRIPTOR found;
    char *words;
    HANDLE pipe = CreateFileA(name, READ_CONTROL, 0, NULL, OPEN_EXISTING, 0, NULL);
    ck_assert_msg(pipe != INVALID_HANDLE_VALUE, "error %lu", GetLastError());
    ck_assert_uint_eq(GetSecurityInfo(pipe, SE_KERNEL_OBJECT, DACL_SECURITY_INFORMATION, NULL, NULL,
                                      NULL, NULL, &found),
                      0);
    ck_assert(ConvertSecurityDescriptorToStringSecurityDescriptorA(
        found, SDDL_REVISION_1, DACL_SECURITY_INFORMATION, &words, NULL));
    snprintf(text, sizeof text, "%s", words);
    LocalFree(words);
    LocalFree(found);
    CloseHandle(pipe);
    return text;
}

START_TEST(the_pipe_is_for_our_user_the_administrators_and_the_system_alone)
{
    char user[200], rights[400];
    own_sid(user);
    ck_assert_int_eq(try_to_listen(own_name()), 0);
    struct rdv__listener *one;
    struct rdv_error error;
    ck_assert_int_eq(rdv__listener_new(own_name(), NULL, &one, &error), 0);
    snprintf(rights, sizeof rights, "D:P(A;;FA;;;SY)(A;;FA;;;BA)(A;;FA;;;%s)", user);
    ck_assert_str_eq(rights_of(own_name()), rights);
    rdv__listener_free(one);
}
END_TEST

START_TEST(a_group_may_read_and_write_but_not_serve)
{
    char user[200], rights[400];
    rdv__group users;
    struct rdv__listener *one;
    struct rdv_error error;
    own_sid(user);
    ck_assert_int_eq(rdv__socket_group("S-1-5-32-545", &users, &error), 0);
    ck_assert_int_eq(rdv__listener_new(own_name(), &users, &one, &error), 0);
    snprintf(rights, sizeof rights, "D:P(A;;FA;;;SY)(A;;FA;;;BA)(A;;FA;;;%s)(A;;0x12008b;;;BU)",
             user);
    ck_assert_str_eq(rights_of(own_name()), rights);
    rdv__listener_free(one);
}
END_TEST

START_TEST(where_there_is_a_group_an_owner_is_still_one_and_is_confirmed)
{
    rdv__group users;
    struct rdv_error error;
    struct rdv__peer_words words;
    stop_listening();
    snprintf(path, sizeof path, "%s", own_name());
    ck_assert_int_eq(rdv__socket_group("S-1-5-32-545", &users, &error), 0);
    ck_assert_int_eq(rdv__listener_new(path, &users, &listener, &error), 0);
    struct ends ends = connect_both();
    ck_assert_int_eq(rdv__socket_peer(ends.server, &users, &words), RDV__PEER_OWNER);
    say(ends.client, "one");
    hear(ends.server, "one");
    say(ends.client, "two");
    hear(ends.server, "two");
    close_both(ends);
}
END_TEST

START_TEST(a_group_is_found_by_its_name_or_by_its_sid)
{
    rdv__group by_sid, by_name;
    struct rdv_error error = {0};
    char name[256], domain[256];
    DWORD room = sizeof name, domain_room = sizeof domain;
    SID_NAME_USE kind;
    memset(&by_sid, 0, sizeof by_sid);
    memset(&by_name, 0, sizeof by_name);
    ck_assert_int_eq(rdv__socket_group("S-1-5-32-544", &by_sid, &error), 0);
    ck_assert(LookupAccountSidA(NULL, by_sid.sid, name, &room, domain, &domain_room, &kind));
    ck_assert_int_eq(rdv__socket_group(name, &by_name, &error), 0);
    ck_assert(EqualSid(by_sid.sid, by_name.sid));
    ck_assert_int_eq(rdv__socket_group("no-such-group", &by_sid, &error), RDV_ENOTFOUND);
    ck_assert_str_eq(error.text, "there is no group 'no-such-group'");
}
END_TEST

/* What Wine does another way, and Windows is documented to do. */
static const char *under_wine(const char *reason)
{
    return GetProcAddress(GetModuleHandleA("ntdll.dll"), "wine_get_version") ? reason : NULL;
}

START_TEST(who_serves_a_client_may_see_who_it_is_but_not_act_as_it)
{
    char heard;
    DWORD size;
    SECURITY_IMPERSONATION_LEVEL level;
    HANDLE pipe = make_own_pipe(own_name()), token;
    rdv__descriptor client = connect_to(own_name());
    say(client, "x");
    ck_assert(ReadFile(pipe, &heard, 1, &size, NULL));
    ck_assert(ImpersonateNamedPipeClient(pipe));
    ck_assert(OpenThreadToken(GetCurrentThread(), TOKEN_QUERY, TRUE, &token));
    ck_assert(RevertToSelf());
    ck_assert(GetTokenInformation(token, TokenImpersonationLevel, &level, sizeof level, &size));
    ck_assert_int_eq(level, SecurityIdentification);
    CloseHandle(token);
    rdv__socket_close(client);
    CloseHandle(pipe);
}
END_TEST

START_TEST(connecting_does_not_wait_for_ever_for_who_does_not_accept)
{
    rdv__descriptor fds[64];
    struct rdv_error error = {0};
    int count = 0, result = 0;
    while (count < 64 && result == 0) {
        result = rdv__socket_connect(path, 20 * RDV_MILLISECOND, &fds[count], &error);
        count += result == 0;
    }
    ck_assert_int_eq(result, RDV_EBUSY);
    while (count > 0)
        rdv__socket_close(fds[--count]);
}
END_TEST

static void add_system(TCase *tcase)
{
    tcase_add_test(tcase, the_pipe_of_a_file_has_the_name_that_is_documented);
    tcase_add_test(tcase, the_name_of_a_pipe_can_be_given);
    tcase_add_test(tcase, what_can_not_be_the_name_of_a_pipe_is_an_error);
    tcase_add_test(tcase, a_pipe_that_somebody_else_has_made_first_is_noticed);
    tcase_add_test(tcase, a_pipe_that_another_user_has_made_is_not_talked_to);
    tcase_add_test(tcase, the_pipe_is_for_our_user_the_administrators_and_the_system_alone);
    tcase_add_test(tcase, a_group_may_read_and_write_but_not_serve);
    tcase_add_test(tcase, where_there_is_a_group_an_owner_is_still_one_and_is_confirmed);
    tcase_add_test(tcase, a_group_is_found_by_its_name_or_by_its_sid);
    rdv_test_add_unless(tcase, who_serves_a_client_may_see_who_it_is_but_not_act_as_it,
                        under_wine("Wine has the server act as itself"));
    tcase_add_test(tcase, connecting_does_not_wait_for_ever_for_who_does_not_accept);
}

#endif

int main(void)
{
    Suite *suite = suite_create("socket");

    TCase *talking = tcase_create("talking");
    tcase_set_timeout(talking, PATIENCE);
    tcase_add_checked_fixture(talking, set_up, tear_down);
    tcase_add_test(talking, what_is_sent_comes_to_the_other_end);
    tcase_add_test(talking, what_is_received_in_small_parts_is_complete);
    tcase_add_test(talking, nothing_waits_for_who_does_not_send);
    tcase_add_test(talking, nothing_waits_for_who_does_not_read_and_room_that_is_made_is_told);
    tcase_add_test(talking, much_is_sent_in_parts_as_room_is_made);
    tcase_add_test(talking, what_was_taken_arrives_although_its_sender_has_closed);
    tcase_add_test(talking, the_end_is_told_for_ever_and_sending_to_it_too);
    tcase_add_test(talking, closing_ends_what_is_under_way_and_waits_for_nobody);
    tcase_add_test(talking, connections_leave_no_descriptors_behind);
    tcase_add_test(talking, waiting_for_a_socket_ends_in_time);
    suite_add_tcase(suite, talking);

    TCase *connecting = tcase_create("connecting");
    tcase_set_timeout(connecting, PATIENCE);
    tcase_add_checked_fixture(connecting, set_up, tear_down);
    tcase_add_test(connecting, many_may_wait_to_be_taken_and_are_in_turn);
    tcase_add_test(connecting, who_has_gone_before_it_was_taken_harms_nobody);
    tcase_add_test(connecting, what_a_thread_has_begun_goes_on_when_it_has_ended);
    tcase_add_test(connecting, who_has_connected_is_told_and_is_our_user);
    tcase_add_test(connecting, connecting_to_nobody_is_told_from_other_trouble);
    suite_add_tcase(suite, connecting);

    TCase *listening = tcase_create("listening");
    tcase_set_timeout(listening, PATIENCE);
    tcase_add_checked_fixture(listening, set_up, tear_down);
    tcase_add_test(listening, a_socket_that_answers_is_not_replaced);
    tcase_add_test(listening, who_listens_is_named_to_who_would_like_to);
    tcase_add_test(listening, once_nobody_listens_anybody_may_though_clients_hold_on);
    tcase_add_test(listening, a_directory_that_is_not_there_is_an_error);
    tcase_add_test(listening, a_path_longer_than_an_address_is_reached_through_its_directory);
    suite_add_tcase(suite, listening);

    TCase *system = tcase_create("this system");
    tcase_set_timeout(system, PATIENCE);
    tcase_add_checked_fixture(system, set_up, tear_down);
    add_system(system);
    suite_add_tcase(suite, system);

    return rdv_test_main(suite);
}
