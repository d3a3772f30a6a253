/* SPDX-License-Identifier: MIT */
/* The control: how many connect, who they are, and how much they may have. */
#define _GNU_SOURCE

#include <inttypes.h>
#ifndef _WIN32
#include <errno.h>
#include <grp.h>
#include <malloc.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#endif

#include "control_agent.h"
#include "loop/loop.h"

/* ------------------------------------------------------------------ connections */

START_TEST(a_thousand_connections_at_once_are_withstood)
{
    static struct wire *fds[1000];
    struct wire *first = bench_client(&agent);
    for (int i = 0; i < 1000; i++) {
        fds[i] = wire_open(agent.socket);
        if (i % 4 == 3) /* a pipe lets fewer wait than a socket */
            bench_turns(&agent);
    }
    for (int i = 0; i < 20; i++)
        bench_turns(&agent);
    int served = 0, refused = 0;
    for (int i = 0; i < 1000; i++) {
        const char *line = wire_line(fds[i]);
        if (line) {
            ck_assert_has(line, "\"id\":null,\"error\":{\"code\":-4,");
            ck_assert_has(line, "too many clients");
            ck_assert(bench_closed(&agent, fds[i]));
            refused++;
        } else {
            served++;
        }
    }
    ck_assert_int_eq(served, RDV_CONTROL_CLIENTS - 1);
    ck_assert_int_eq(refused, 1000 - served);
    ck_assert_has(bench_ask(&agent, first, CALL("list", "{}")), "\"result\":[]");
    for (int i = 0; i < 1000; i++)
        wire_close(fds[i]);
    /* Once it has noticed that they have gone, whoever comes is taken, and told nothing. */
    struct wire *after = bench_client(&agent);
    int64_t begun = rdv_test_clock();
    while (bench_hear_now(&agent, after) && bench_goes_on(&agent, begun)) {
        wire_close(after);
        after = bench_client(&agent);
    }
    ck_assert_has(bench_ask(&agent, after, CALL("list", "{}")), "\"result\":[]");
    wire_close(after);
    wire_close(first);
}
END_TEST

/* ------------------------------------------------------------------ credentials */

#ifdef _WIN32

START_TEST(others_can_not_connect)
{
}
END_TEST

START_TEST(others_are_refused_even_where_the_socket_lets_them_in)
{
}
END_TEST

START_TEST(the_reader_group_may_call_what_only_reads)
{
}
END_TEST

START_TEST(the_reader_group_may_not_call_what_changes_something)
{
}
END_TEST

START_TEST(the_reader_group_has_shorter_lines)
{
}
END_TEST

START_TEST(readers_that_take_all_places_they_may_have_keep_out_nobody_else)
{
}
END_TEST

START_TEST(readers_take_no_more_memory_than_they_may)
{
}
END_TEST

START_TEST(readers_that_do_not_read_hold_up_only_readers)
{
}
END_TEST

static const char *needs_root(void)
{
    return "needs other users, whom only Unix lets root be";
}

/* Whether there are enough descriptors for so many connections. */
static const char *needs_descriptors(void)
{
    return NULL;
}

#else

static gid_t reader_gid;

/* Become somebody, connect and ask: 0 if the answer has the part; without a request, if connecting is not allowed. */
static int try_as(uid_t uid, gid_t group, const char *request, const char *part)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char line[4096];
    memcpy(address.sun_path, agent.socket, strlen(agent.socket));
    if (setgroups(group != 65534, &group) < 0 || setgid(65534) < 0 || setuid(uid) < 0)
        return 1;
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0)
        return errno == EACCES && !request ? 0 : 2;
    if (!request)
        return 3;
    (void)!send(fd, request, strlen(request), MSG_NOSIGNAL);
    (void)!send(fd, "\n", 1, MSG_NOSIGNAL);
    ssize_t size = recv(fd, line, sizeof line - 1, 0);
    line[size > 0 ? size : 0] = '\0';
    return strstr(line, part) ? 0 : 4;
}

/* The same in a process of its own, which is killed, so that nothing that it has copied counts as lost. */
static void ask_as(uid_t uid, gid_t group, const char *request, const char *part)
{
    int *verdict =
        mmap(NULL, sizeof *verdict, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ck_assert(verdict != MAP_FAILED);
    *verdict = -1;
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        __atomic_store_n(verdict, try_as(uid, group, request, part), __ATOMIC_RELEASE);
        for (;;)
            pause();
    }
    int result = -1;
    for (int i = 0; i < 6000 && result == -1; i++) {
        bench_turns(&agent);
        bench_busy(&agent, 5);
        result = __atomic_load_n(verdict, __ATOMIC_ACQUIRE);
    }
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    munmap(verdict, sizeof *verdict);
    ck_assert_msg(result == 0, "as %d: %s: %d", (int)uid, request ? request : "connect", result);
}

static const char *needs_root(void)
{
    if (geteuid() != 0)
        return "needs root, to become somebody else";
    struct group *group = getgrnam("daemon");
    if (!group)
        return "needs a group 'daemon'";
    reader_gid = group->gr_gid;
    return NULL;
}

/* The directory lets everybody through. */
static void open_to_readers(void)
{
    rdv_control_free(agent.control);
    agent.options.reader_group = "daemon";
    bench_listen(&agent);
    ck_assert_int_eq(chmod(agent.directory, 0755), 0);
}

START_TEST(others_can_not_connect)
{
    ck_assert_int_eq(chmod(agent.directory, 0755), 0);
    ask_as(65534, 65534, NULL, NULL);
    ask_as(0, 65534, CALL("list", "{}"), "\"result\":[]");
}
END_TEST

START_TEST(others_are_refused_even_where_the_socket_lets_them_in)
{
    ck_assert_int_eq(chmod(agent.directory, 0755), 0);
    ck_assert_int_eq(chmod(agent.socket, 0666), 0);
    ask_as(65534, 65534, CALL("list", "{}"), "\"id\":null,\"error\":{\"code\":-10,");
    ask_as(65534, reader_gid, CALL("list", "{}"), "\"id\":null,\"error\":{\"code\":-10,");
    ck_assert_has(agent.log.last, "a client was refused: uid 65534, pid ");
}
END_TEST

START_TEST(the_reader_group_may_call_what_only_reads)
{
    static const char *const reads[] = {
        CALL("list", "{}"),   CALL("history", "{}"),
        CALL("status", "{}"), CALL("show", "{\"identifier\":\"a\"}"),
        CALL("watch", "{}"),  CALL("explain", "{\"identifier\":\"a\"}")};
    struct stat status;
    open_to_readers();
    schedule("a", NOW + RDV_HOUR);
    ck_assert_int_eq(stat(agent.socket, &status), 0);
    ck_assert_int_eq(status.st_mode & 07777, 0660);
    ck_assert_uint_eq(status.st_gid, reader_gid);
    for (size_t i = 0; i < sizeof reads / sizeof *reads; i++)
        ask_as(65534, reader_gid, reads[i], "\"result\":");
    ask_as(65534, 65534, NULL, NULL);
}
END_TEST

START_TEST(the_reader_group_may_not_call_what_changes_something)
{
    static const char *const methods[] = {"schedule", "delete", "cancel",
                                          "pause",    "resume", "reload"};
    open_to_readers();
    schedule("a", NOW + RDV_HOUR);
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        char request[200], part[100];
        snprintf(request, sizeof request, CALL("%s", "{\"identifier\":\"a\"}"), methods[i]);
        snprintf(part, sizeof part, "\"code\":-10,\"message\":\"'%s' is not for clients that",
                 methods[i]);
        ask_as(65534, reader_gid, request, part);
    }
    ask_as(65534, reader_gid, "{\"jsonrpc\":\"2.0\",\"method\":\"pause\"}\n" CALL("status", "{}"),
           "\"paused\":false");
    ck_assert_uint_eq(rdv_trigger_unfinished(agent.trigger), 1);
    ask_as(0, 65534, CALL("delete", "{\"identifier\":\"a\"}"), "\"outcome\":\"cancelled\"");
}
END_TEST

START_TEST(the_reader_group_has_shorter_lines)
{
    static char request[RDV_CONTROL_READER_LINE_MAX + 100];
    open_to_readers();
    memset(request, ' ', RDV_CONTROL_READER_LINE_MAX + 1);
    ask_as(65534, reader_gid, request, "\"code\":-32600,");
}
END_TEST

/* Clients of the group that have been taken, or refused. */
static void readers(struct wire **wires, int count)
{
    for (int done = 0; done < count;) {
        int some = count - done < 50 ? count - done : 50;
        wire_open_as(agent.socket, 65534, reader_gid, wires + done, some);
        done += some;
        bench_turns(&agent);
    }
}

START_TEST(readers_that_take_all_places_they_may_have_keep_out_nobody_else)
{
    static struct wire *fds[RDV_CONTROL_READERS + 8];
    open_to_readers();
    schedule("a", NOW + RDV_HOUR);
    readers(fds, RDV_CONTROL_READERS + 8);
    for (int i = 0; i < RDV_CONTROL_READERS + 8; i++) {
        if (i < RDV_CONTROL_READERS)
            ck_assert_has(bench_ask(&agent, fds[i], CALL("status", "{}")), "\"pending\":1");
        else
            ck_assert_has(bench_hear(&agent, fds[i]),
                          "\"code\":-4,\"message\":\"the agent has too");
    }
    struct wire *owner = bench_client(&agent);
    ck_assert_has(bench_ask(&agent, owner, CALL("cancel", "{\"identifier\":\"a\"}")),
                  "\"outcome\":\"cancelled\"");
    wire_close(owner);
    for (int i = 0; i < RDV_CONTROL_READERS + 8; i++)
        wire_close(fds[i]);
}
END_TEST

START_TEST(readers_that_do_not_read_hold_up_only_readers)
{
    struct wire *fds[3];
    open_to_readers();
    schedule_long_names(600); /* a list of them is more than a third of what may wait for readers */
    schedule("a", NOW + RDV_HOUR);
    readers(fds, 3);
    for (int i = 0; i < 2; i++) {
        bench_send(fds[i], CALL("list", "{}") "\n");
        bench_turns(&agent);
    }
    ck_assert_has(bench_ask(&agent, fds[2], CALL("list", "{}")),
                  "\"code\":-4,\"message\":\"too much waits for clients that do not read\"");
    struct wire *owner = bench_client(&agent);
    ck_assert_has(bench_ask(&agent, owner, CALL("cancel", "{\"identifier\":\"a\"}")),
                  "\"outcome\":\"cancelled\"");
    for (int i = 0; i < 3; i++)
        wire_close(fds[i]);
    wire_close(owner);
}
END_TEST

/* What is allocated, in bytes; where the library can't say, 0. */
static size_t allocated(void)
{
#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 33)
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
#else
    return 0;
#endif
}

#define READERS_ALL 190

/* Each of them does the same, and reads nothing; meanwhile entries change, and all of that is long. */
static void ck_take_no_more_than_they_may(const char *line, size_t size)
{
    static struct wire *fds[READERS_ALL];
    char message[RDV_MESSAGE_MAX + 1];
    memset(message, '\x01', RDV_MESSAGE_MAX); /* six characters each */
    message[RDV_MESSAGE_MAX] = '\0';
    open_to_readers();
    bench_attach(&agent);
    schedule_long_names(500);
    schedule("a", 0);
    bench_turns(&agent);
    size_t before = allocated(), most = 0;
    /* What the wires themselves take is not the agent's. */
    readers(fds, READERS_ALL);
    for (int round = 0; round < 60; round++) {
        for (int i = 0; i < READERS_ALL; i++)
            (void)wire_send(fds[i], line, size);
        for (int i = 0; i < 20; i++)
            (void)bench_report(&agent, "a", RDV_STATUS_APPLYING, i, message);
        bench_turns(&agent);
        size_t now = allocated();
        most = now > before && now - before > most ? now - before : most;
    }
    ck_assert_msg(most <= RDV_CONTROL_READER_MEMORY_MAX, "%zu bytes", most);
    struct wire *owner = bench_client(&agent);
    ck_assert_has(bench_ask(&agent, owner, CALL("cancel", "{\"identifier\":\"a\"}")),
                  "\"identifier\":\"a\"");
    wire_close(owner);
    for (int i = 0; i < READERS_ALL; i++)
        wire_close(fds[i]);
    bench_turns(&agent);
}

START_TEST(readers_take_no_more_memory_than_they_may)
{
    static char half[RDV_CONTROL_READER_LINE_MAX];
    memset(half, ' ', sizeof half);
    static const char watch[] = CALL("watch", "{\"after\":501}") "\n",
                      list[] = CALL("list", "{}") "\n",
                      show[] = CALL("show", "{\"identifier\":\"a\"}") "\n";
    switch (_i) {
    case 0:
        ck_take_no_more_than_they_may(watch, sizeof watch - 1);
        break;
    case 1:
        ck_take_no_more_than_they_may(list, sizeof list - 1);
        break;
    case 2:
        ck_take_no_more_than_they_may(show, sizeof show - 1);
        break;
    default:
        ck_take_no_more_than_they_may(half, sizeof half);
    }
}
END_TEST

/* Whether there are enough descriptors for so many connections. */
static const char *needs_descriptors(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= 2600)
        return NULL;
    limit.rlim_cur = limit.rlim_max < 2600 ? limit.rlim_max : 2600;
    return setrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur == 2600
               ? NULL
               : "needs 2600 open files";
}

#endif

int main(void)
{
    const char *slow = rdv_test_under_valgrind("takes a minute under Valgrind");
    const char *no_root = needs_root();
    Suite *suite = suite_create("control connections");

    TCase *connections = tcase_create("connections");
    tcase_set_timeout(connections, PATIENCE);
    tcase_add_checked_fixture(connections, set_up, tear_down);
    rdv_test_add_unless(connections, a_thousand_connections_at_once_are_withstood,
                        needs_descriptors());
    rdv_test_add_unless(connections, others_can_not_connect, no_root);
    rdv_test_add_unless(connections, others_are_refused_even_where_the_socket_lets_them_in,
                        no_root);
    rdv_test_add_unless(connections, the_reader_group_may_call_what_only_reads, no_root);
    rdv_test_add_unless(connections, the_reader_group_may_not_call_what_changes_something, no_root);
    rdv_test_add_unless(connections, the_reader_group_has_shorter_lines, no_root);
    rdv_test_add_unless(connections,
                        readers_that_take_all_places_they_may_have_keep_out_nobody_else,
                        no_root ? no_root : needs_descriptors());
    rdv_test_add_unless(connections, readers_that_do_not_read_hold_up_only_readers,
                        no_root ? no_root : slow);
    if (no_root || slow)
        rdv_test_add_unless(connections, readers_take_no_more_memory_than_they_may,
                            no_root ? no_root : slow);
    else
        tcase_add_loop_test(connections, readers_take_no_more_memory_than_they_may, 0, 4);
    suite_add_tcase(suite, connections);

    return rdv_test_main(suite);
}
