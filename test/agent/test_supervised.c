/* SPDX-License-Identifier: MIT */
/* Processes under a supervisor: whole trees, being left, and being found again. test_process.c has what is the same without. */
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <rdvtask/loop.h>

#include "agent/process.h"
#include "harness.h"
#include "loop/loop.h"
#include "platform/platform.h"
#include "system.h"
#include "unix/crowd.h"

#define ORDINARY_USER "nobody"
#define PATIENCE      (20 * RDV_SECOND)

/* ------------------------------------------------------------------- stage */

static rdv_loop *loop;
static struct rdv_error error;
static char directory[64], record[128], mark[48];
static const char *const plain[] = {"PATH=/usr/bin:/bin", mark, NULL};
static const char *const marks[] = {mark, NULL}; /* of the supervisor itself */

struct watched {
    struct rdv__process *process;
    char output[32768];
    size_t output_size, total;
    char last; /* byte that it printed */
    char notices[256];
    bool line, ended;
    int result, code;
    char words[320]; /* why it was not started */
};

static void take_output(void *user, const char *data, size_t size)
{
    struct watched *watched = user;
    ck_assert(!watched->ended);
    watched->total += size;
    watched->last = data[size - 1];
    if (watched->output_size + size >= sizeof watched->output)
        return; /* one that prints without end */
    memcpy(watched->output + watched->output_size, data, size);
    watched->output_size += size;
    watched->output[watched->output_size] = '\0';
    if (strchr(watched->output, '\n'))
        rdv_loop_stop(loop);
}

static void take_notice(void *user, const struct rdv__child_notice *notice)
{
    struct watched *watched = user;
    snprintf(watched->notices, sizeof watched->notices, "%d %s", notice->progress,
             notice->message ? notice->message : "");
}

static void take_end(void *user, int result, int code)
{
    struct watched *watched = user;
    ck_assert(!watched->ended);
    watched->ended = true;
    watched->result = result;
    watched->code = code;
    const char *words = rdv__process_not_started(watched->process);
    snprintf(watched->words, sizeof watched->words, "%s", words ? words : "");
    rdv__process_free(watched->process);
    watched->process = NULL;
    rdv_loop_stop(loop);
}

static struct rdv__process_options options_of(struct watched *watched, const char *const *argv,
                                              const struct rdv__supervision *supervision)
{
    return (struct rdv__process_options){
        .argv = argv,
        .environment = plain,
        .supervision = supervision,
        .user = watched,
        .output = take_output,
        .notice = take_notice,
        .ended = take_end,
    };
}

static void start_with(struct watched *watched, const struct rdv__supervision *supervision,
                       const char *script)
{
    const char *const argv[] = {"sh", "-c", script, NULL};
    struct rdv__process_options options = options_of(watched, argv, supervision);
    options.input = "context";
    options.input_size = 7;
    memset(watched, 0, sizeof *watched);
    ck_assert_msg(rdv__process_start(loop, &options, &watched->process, &error) == 0, "%s",
                  error.text);
}

static void start(struct watched *watched, const char *script)
{
    const struct rdv__supervision supervision = {.program = RDV_TEST_CHILD, .marks = marks};
    start_with(watched, &supervision, script);
}

static void start_recorded(struct watched *watched, const char *script)
{
    const struct rdv__supervision supervision = {
        .program = RDV_TEST_CHILD, .record = record, .marks = marks};
    start_with(watched, &supervision, script);
}

static void wait_for_end(struct watched *watched)
{
    while (!watched->ended)
        ck_assert_int_eq(rdv_loop_run(loop), 0);
}

static void wait_for_line(struct watched *watched)
{
    while (!strchr(watched->output, '\n')) {
        ck_assert(!watched->ended);
        ck_assert_int_eq(rdv_loop_run(loop), 0);
    }
}

static int adopt(struct watched *watched)
{
    const char *const argv[] = {NULL};
    struct rdv__process_options options = options_of(watched, argv, NULL);
    memset(watched, 0, sizeof *watched);
    return rdv__process_adopt(loop, record, &options, &watched->process);
}

static void rest(rdv_duration duration)
{
    const struct timespec moment = {duration / RDV_SECOND, duration % RDV_SECOND * 100};
    nanosleep(&moment, NULL);
}

/* How many of our children's descendants there are, by the mark in the name of what they wait for. */
static int marked(void)
{
    char command[128];
    snprintf(command, sizeof command, "pgrep -cfx 'sleep %s'", mark + strlen("MARK="));
    FILE *pipe = popen(command, "r");
    ck_assert_ptr_nonnull(pipe);
    int count = -1;
    ck_assert_int_eq(fscanf(pipe, "%d", &count), 1);
    pclose(pipe);
    return count;
}

static void wait_for_marked(int count)
{
    rdv_duration until = rdv__plat_running() + PATIENCE;
    while (marked() != count && rdv__plat_running() < until)
        rest(10 * RDV_MILLISECOND);
    ck_assert_int_eq(marked(), count);
}

static void set_up(void)
{
    ck_assert_int_eq(rdv_loop_new(&loop), 0);
    snprintf(directory, sizeof directory, "/tmp/rdvtask-test-supervised.XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(directory));
    snprintf(record, sizeof record, "%s/record", directory);
    struct timespec now; /* process ids come back */
    clock_gettime(CLOCK_REALTIME, &now);
    snprintf(mark, sizeof mark, "MARK=2000000.%d%09ld", (int)getpid(), now.tv_nsec);
}

static void tear_down(void)
{
    char command[128];
    rdv_loop_free(loop);
    snprintf(command, sizeof command, "rm -rf %s", directory);
    ck_assert_int_eq(system(command), 0);
}

static const char *root_reason(void)
{
    return getuid() == 0 && getpwnam(ORDINARY_USER) ? NULL : "needs root";
}

/* ------------------------------------------------------------------ whole trees */

#define ALL_WAYS_TO_HIDE                                                  \
    "setsid sleep $MARK & ( (sleep $MARK &) & ) \n env -i sleep $MARK & " \
    "(trap '' TERM HUP; exec sleep $MARK) & echo ready\n "
#define HIDDEN 4

START_TEST(the_end_takes_the_whole_tree_along)
{
    struct watched watched;
    start(&watched, "trap '' TERM;" ALL_WAYS_TO_HIDE "while :; do sleep 1; done");
    wait_for_line(&watched);
    wait_for_marked(HIDDEN);
    rdv__process_end(watched.process, 50 * RDV_MILLISECOND);
    wait_for_end(&watched);
    ck_assert_int_eq(watched.result, 0);
    ck_assert_int_eq(watched.code, -SIGKILL);
    ck_assert_int_eq(marked(), 0);
}
END_TEST

START_TEST(what_a_program_leaves_behind_ends_with_it)
{
    struct watched watched;
    start(&watched,
          ALL_WAYS_TO_HIDE "until pgrep -fx \"sleep $MARK\" >/dev/null; do :; done; exit 3");
    wait_for_end(&watched);
    ck_assert_int_eq(watched.code, 3);
    ck_assert_int_eq(marked(), 0);
}
END_TEST

START_TEST(freeing_a_process_takes_the_whole_tree_along)
{
    struct watched watched;
    start(&watched, ALL_WAYS_TO_HIDE "yes");
    wait_for_line(&watched);
    wait_for_marked(HIDDEN);
    rdv__process_free(watched.process);
    ck_assert(!watched.ended);
    ck_assert_int_eq(marked(), 0);
    ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1); /* nor does the supervisor stay */
}
END_TEST

START_TEST(freeing_a_process_whose_output_is_not_read_takes_no_time)
{
    struct watched watched;
    rdv_duration shortest = INT64_MAX;
    /* The relay would wait for a second, each time; so may anybody on a busy machine, but not each time. */
    for (int i = 0; i < 10 && shortest >= RDV_SECOND / 2; i++) {
        start_recorded(&watched, "echo x; yes");
        wait_for_line(&watched);
        rest(100 * RDV_MILLISECOND); /* it prints more than there is room for */
        rdv_duration began = rdv__plat_running();
        rdv__process_free(watched.process);
        rdv_duration took = rdv__plat_running() - began;
        shortest = took < shortest ? took : shortest;
        ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
    }
    ck_assert_int_lt(shortest, RDV_SECOND / 2);
}
END_TEST

START_TEST(a_fork_loop_within_its_limit_is_gone_after_the_end)
{
    static const struct rdv__limit limit = {"processes", 50};
    const struct rdv__supervision supervision = {
        .program = RDV_TEST_CHILD, .user = ORDINARY_USER, .limits = &limit, .limit_count = 1};
    char script[256], command[128];
    struct watched watched;
    snprintf(script, sizeof script,
             ": %s; exec 2>/dev/null; trap '' TERM; echo go; bomb() { bomb | bomb & }; "
             "(while :; do bomb; done) & exec sleep $MARK",
             mark);
    int crowd = rdv_test_crowd_begin();
    start_with(&watched, &supervision, script);
    wait_for_line(&watched);
    ck_assert(!watched.ended);
    rdv__process_end(watched.process, 100 * RDV_MILLISECOND);
    wait_for_end(&watched);
    ck_assert_int_eq(watched.code, -SIGKILL);
    /* So written that the shell which runs this is not meant. */
    snprintf(command, sizeof command, "pgrep -f '[M]%s' >/dev/null", mark + 1);
    ck_assert_int_eq(system(command), 1 << 8);
    ck_assert_int_eq(marked(), 0);
    rdv_test_crowd_end(crowd);
}
END_TEST

static void assert_supervisor_killed(const struct watched *watched, int number)
{
    char words[128], wanted[64];
    ck_assert_int_eq(watched->result, 0);
    ck_assert(rdv__plat_end_is_lost(watched->code));
    ck_assert_int_eq(rdv__plat_end_words(watched->code, words, sizeof words), 128 + number);
    snprintf(wanted, sizeof wanted, "rdvtask-child, was killed by signal %d", number);
    ck_assert_msg(strstr(words, wanted), "%s", words);
}

START_TEST(a_supervisor_that_does_nothing_is_killed_and_the_program_with_it)
{
    struct watched watched;
    start(&watched, "echo $PPID; exec sleep $MARK");
    wait_for_line(&watched);
    wait_for_marked(1);
    /* It can't see what it is told; told twice, it is stuck. */
    struct rdv__plat_child child = {.pid = atoi(watched.output), .end = -1, .supervised = true};
    child.told = true;
    rdv__plat_child_end(&child, true);
    wait_for_end(&watched);
    assert_supervisor_killed(&watched, SIGKILL);
    wait_for_marked(0);
}
END_TEST

START_TEST(a_supervisor_that_is_killed_is_told_from_its_program)
{
    struct watched watched;
    start(&watched, "kill -KILL $PPID; exec sleep $MARK");
    wait_for_end(&watched);
    assert_supervisor_killed(&watched, SIGKILL);
    wait_for_marked(0);

    start(&watched, "kill -ALRM $PPID; exec sleep $MARK");
    wait_for_end(&watched);
    assert_supervisor_killed(&watched, SIGALRM);
    wait_for_marked(0);

    static const int numbers[] = {SIGKILL, SIGTERM, SIGQUIT};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        char script[32];
        snprintf(script, sizeof script, "kill -%d $$", numbers[i]);
        start(&watched, script);
        wait_for_end(&watched);
        ck_assert_int_eq(watched.code, -numbers[i]);
        ck_assert(!rdv__plat_end_is_lost(watched.code));
    }
}
END_TEST

START_TEST(user_folder_and_limits_are_those_asked_for)
{
    static const struct rdv__limit limits[] = {{"files", 33}, {"file-size", 4096}};
    const struct rdv__supervision supervision = {.program = RDV_TEST_CHILD,
                                                 .user = getuid() == 0 ? ORDINARY_USER : NULL,
                                                 .directory = "/usr",
                                                 .limits = limits,
                                                 .limit_count = 2};
    struct watched watched;
    start_with(&watched, &supervision, "echo $(pwd) $(ulimit -n) $(ulimit -f) $(id -u) $(cat)");
    wait_for_end(&watched);
    char expected[128];
    const struct passwd *user = getpwnam(ORDINARY_USER);
    snprintf(expected, sizeof expected, "/usr 33 8 %d context\n",
             getuid() == 0 ? (int)user->pw_uid : (int)getuid());
    ck_assert_str_eq(watched.output, expected);
    ck_assert_int_eq(watched.code, 0);
}
END_TEST

/* ------------------------------------------------------- more rights than the program */

static const char *environment_of_tests[4];

static void start_in_environment(struct watched *watched,
                                 const struct rdv__supervision *supervision, const char *one,
                                 const char *other, const char *script)
{
    const char *const argv[] = {"sh", "-c", script, NULL};
    struct rdv__process_options options = options_of(watched, argv, supervision);
    const char *const environment[] = {plain[0], one, other};
    memcpy(environment_of_tests, environment, sizeof environment);
    options.environment = environment_of_tests;
    memset(watched, 0, sizeof *watched);
    ck_assert_msg(rdv__process_start(loop, &options, &watched->process, &error) == 0, "%s",
                  error.text);
}

START_TEST(the_program_s_environment_is_neither_its_supervisor_s_nor_in_an_argument)
{
    struct watched watched;
    const struct rdv__supervision supervision = {.program = RDV_TEST_CHILD, .marks = marks};
    start_in_environment(
        &watched, &supervision, "SECRET=of the handler", "EMPTY=",
        "tr '\\0' '\\n' </proc/$PPID/environ; echo \"$SECRET\" [${EMPTY-none}]; "
        "grep -c 'of the hand[l]er' /proc/$PPID/cmdline; ls /proc/self/fd | tr '\\n' ' '");
    wait_for_end(&watched);
    char expected[256];
    snprintf(expected, sizeof expected, "%s\nof the handler []\n0\n0 1 2 3 4 ", mark);
    ck_assert_str_eq(watched.output, expected);
}
END_TEST

START_TEST(what_is_interpreted_of_an_environment_is_so_by_its_user_only)
{
    /* The dynamic linker of each process that has this writes a file, as who it is. */
    char where[128], command[256];
    struct watched watched;
    const struct rdv__supervision supervision = {
        .program = RDV_TEST_CHILD, .user = ORDINARY_USER, .marks = marks};
    ck_assert_int_eq(chmod(directory, 0777), 0);
    snprintf(where, sizeof where, "LD_DEBUG_OUTPUT=%s/linked", directory);
    start_in_environment(&watched, &supervision, "LD_DEBUG=files", where, "true");
    wait_for_end(&watched);
    ck_assert_int_eq(watched.code, 0);
    snprintf(command, sizeof command,
             "ls %s/linked.* >/dev/null && test -z \"$(find %s -name 'linked.*' ! -user %s)\"",
             directory, directory, ORDINARY_USER);
    ck_assert_int_eq(system(command), 0);
}
END_TEST

START_TEST(a_program_is_looked_for_by_its_user_only)
{
    /* Where root would find none, as a folder of the user's may be closed to root, too; and one where root would. */
    char path[160];
    struct watched watched;
    const struct rdv__supervision supervision = {.program = RDV_TEST_CHILD, .user = ORDINARY_USER};
    snprintf(path, sizeof path, "%s/only-root", directory);
    ck_assert_int_eq(mkdir(path, 0700), 0);
    snprintf(path, sizeof path, "%s/only-root/program", directory);
    ck_assert_int_eq(symlink("/bin/true", path), 0);
    snprintf(path, sizeof path, "PATH=%s/only-root", directory);
    const char *const argv[] = {"program", NULL}, *const environment[] = {path, NULL};
    struct rdv__process_options options = options_of(&watched, argv, &supervision);
    options.environment = environment;
    memset(&watched, 0, sizeof watched);
    ck_assert_int_eq(chmod(directory, 0755), 0);
    ck_assert_int_eq(rdv__process_start(loop, &options, &watched.process, &error), 0);
    wait_for_end(&watched);
    ck_assert_int_eq(watched.result, RDV_EACCES);
    ck_assert_str_eq(watched.words, "cannot run 'program': Permission denied");
}
END_TEST

/* --------------------------------------------------------- what it fails at itself */

static void check_not_started(const struct rdv__supervision *supervision, const char *script,
                              int result, const char *words)
{
    struct watched watched;
    start_with(&watched, supervision, script);
    wait_for_end(&watched);
    ck_assert_int_eq(watched.result, result);
    ck_assert_str_eq(watched.words, words);
    ck_assert_str_eq(watched.output, "");
}

START_TEST(what_keeps_a_program_from_being_started_is_no_exit_code)
{
    for (int i = 0; i < 2; i++) {
        const char *file = i == 0 ? NULL : record;
        const struct rdv__supervision no_user = {
            .program = RDV_TEST_CHILD, .user = "no-such-user", .record = file};
        check_not_started(&no_user, "echo x", RDV_ENOTFOUND,
                          "no user 'no-such-user': No such file or directory");
        const struct rdv__supervision no_folder = {
            .program = RDV_TEST_CHILD, .directory = "/nonexistent\nfolder", .record = file};
        check_not_started(&no_folder, "echo x", RDV_ENOTFOUND,
                          "cannot go to '/nonexistent?folder': No such file or directory");
        const struct rdv__supervision other = {
            .program = RDV_TEST_CHILD, .user = "root", .record = file};
        if (geteuid() != 0)
            check_not_started(&other, "echo x", RDV_EACCES,
                              "cannot become user 'root': Operation not permitted");
    }
    const struct rdv__supervision no_record = {.program = RDV_TEST_CHILD,
                                               .record = "/nonexistent/record"};
    check_not_started(&no_record, "echo x", RDV_ENOTFOUND,
                      "cannot write '/nonexistent/record': No such file or directory");
    /* A program may say what it likes. */
    struct watched watched;
    start(&watched, "echo rdvtask-child: no user; exit 127");
    wait_for_end(&watched);
    ck_assert_int_eq(watched.result, 0);
    ck_assert_int_eq(watched.code, 127);
    ck_assert_str_eq(watched.words, "");
}
END_TEST

START_TEST(a_start_that_failed_meanwhile_is_told_from_the_record)
{
    struct watched watched;
    const struct rdv__supervision supervision = {
        .program = RDV_TEST_CHILD, .directory = "/nonexistent", .record = record};
    start_with(&watched, &supervision, "echo x");
    wait_for_end(&watched);
    ck_assert_int_eq(adopt(&watched), 0);
    wait_for_end(&watched);
    ck_assert_int_eq(watched.result, RDV_ENOTFOUND);
    ck_assert_str_eq(watched.words, "cannot go to '/nonexistent': No such file or directory");
}
END_TEST

START_TEST(a_supervisor_that_never_comes_to_its_work_is_told_from_its_program)
{
    char words[128];
    struct watched watched;
    const struct rdv__supervision supervision = {.program = "/bin/false"};
    start_with(&watched, &supervision, "exit 0");
    wait_for_end(&watched);
    ck_assert_int_eq(watched.result, 0);
    ck_assert(rdv__plat_end_is_lost(watched.code));
    ck_assert_int_eq(rdv__plat_end_words(watched.code, words, sizeof words), RDV_EFAILED);
    ck_assert_str_eq(words, "its supervisor, rdvtask-child, ended by itself with exit code 1");
    /* Nor is what a program of ours that is none of its kind says an end. */
    const struct rdv__supervision other = {.program = "/bin/true"};
    start_with(&watched, &other, "exit 0");
    wait_for_end(&watched);
    ck_assert(rdv__plat_end_is_lost(watched.code));
}
END_TEST

START_TEST(a_supervisor_that_is_not_there_is_named)
{
    const struct rdv__supervision supervision = {.program = "/nonexistent/rdvtask-child"};
    const char *const argv[] = {"true", NULL};
    struct watched watched = {0};
    struct rdv__process_options options = options_of(&watched, argv, &supervision);
    ck_assert_int_eq(rdv__process_start(loop, &options, &watched.process, &error), RDV_ENOTFOUND);
    ck_assert_str_eq(error.text,
                     "cannot run '/nonexistent/rdvtask-child': No such file or directory");
}
END_TEST

/* ------------------------------------------------------------ left, and found again */

START_TEST(with_a_record_all_is_as_without)
{
    struct watched watched;
    start_recorded(&watched, "cat; echo; echo err >&2; echo PROGRESS=5 >&3; exit 9");
    wait_for_end(&watched);
    ck_assert_str_eq(watched.output, "context\nerr\n");
    ck_assert_str_eq(watched.notices, "5 ");
    ck_assert_int_eq(watched.result, 0);
    ck_assert_int_eq(watched.code, 9);
}
END_TEST

START_TEST(a_child_that_was_left_is_adopted_and_its_end_and_tail_are_told)
{
    struct watched watched;
    char script[256];
    snprintf(script, sizeof script,
             "echo one; until [ -e %s/go ]; do sleep 0.03; done; echo two; exit 7", directory);
    start_recorded(&watched, script);
    wait_for_line(&watched);
    rdv__process_leave(watched.process);

    ck_assert_int_eq(adopt(&watched), 0);
    char path[128];
    snprintf(path, sizeof path, "%s/go", directory);
    close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    wait_for_end(&watched);
    ck_assert_int_eq(watched.result, 0);
    ck_assert_int_eq(watched.code, 7);
    ck_assert_str_eq(watched.output, "one\ntwo\n");
}
END_TEST

/* In a process of its own, which ends without a word to anybody, as one that is killed does. */
static void start_in_another_process_with(void (*start_so)(struct watched *, const char *),
                                          const char *script)
{
    const pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        struct watched watched;
        rdv_loop *other;
        if (rdv_loop_new(&other) != 0)
            _exit(1);
        loop = other;
        start_so(&watched, script);
        wait_for_line(&watched);
        raise(SIGKILL);
    }
    int status;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert(WIFSIGNALED(status));
}

static void start_in_another_process(const char *script)
{
    start_in_another_process_with(start_recorded, script);
}

START_TEST(leftovers_are_ended_with_their_whole_trees)
{
    /* Two of these have no mark in their environment: only the supervisor knows them. */
    start_in_another_process_with(start, "trap '' TERM; " ALL_WAYS_TO_HIDE
                                         "env -i sh -c \"trap '' TERM; exec sleep $MARK\" & "
                                         "while :; do sleep 1; done");
    wait_for_marked(HIDDEN + 1);
    ck_assert_int_gt(rdv__plat_end_orphans(marks, true, 50 * RDV_MILLISECOND), 0);
    ck_assert_int_eq(marked(), 0);
}
END_TEST

START_TEST(a_child_of_an_agent_that_was_killed_is_adopted)
{
    struct watched watched;
    start_in_another_process("echo one; sleep 0.2; echo two; exit 8");
    ck_assert_int_eq(adopt(&watched), 0);
    wait_for_end(&watched);
    ck_assert_int_eq(watched.result, 0);
    ck_assert_int_eq(watched.code, 8);
    ck_assert_str_eq(watched.output, "one\ntwo\n");
}
END_TEST

START_TEST(a_child_that_has_ended_meanwhile_is_told_as_ended)
{
    struct watched watched;
    start_in_another_process("echo one; kill -USR1 $$");
    rdv_duration until = rdv__plat_running() + PATIENCE;
    struct rdv__plat_record end = {0};
    do {
        rdv__plat_end_free(&end.end);
        ck_assert_int_eq(rdv__plat_record_read(record, &end), 0);
    } while (!end.ended && rdv__plat_running() < until);
    rdv__plat_end_free(&end.end);
    ck_assert_int_eq(adopt(&watched), 0);
    ck_assert(!watched.ended);
    rdv__process_end(watched.process, 0); /* there is nothing to be ended */
    wait_for_end(&watched);
    ck_assert_int_eq(watched.result, 0);
    ck_assert_int_eq(watched.code, -SIGUSR1);
    ck_assert_str_eq(watched.output, "one\n");
}
END_TEST

START_TEST(one_that_has_ended_can_be_freed_before_it_is_told)
{
    struct watched watched;
    start_recorded(&watched, "exit 1");
    wait_for_end(&watched);
    ck_assert_int_eq(adopt(&watched), 0);
    rdv__process_free(watched.process);
    ck_assert_int_eq(adopt(&watched), 0);
    rdv__process_leave(watched.process);
    rdv__process_leave(NULL);
    ck_assert(!watched.ended);
}
END_TEST

START_TEST(an_adopted_child_ends_with_its_whole_tree)
{
    struct watched watched;
    start_in_another_process("trap '' TERM;" ALL_WAYS_TO_HIDE "while :; do sleep 1; done");
    wait_for_marked(HIDDEN);
    ck_assert_int_eq(adopt(&watched), 0);
    rdv__process_end(watched.process, 50 * RDV_MILLISECOND);
    wait_for_end(&watched);
    ck_assert_int_eq(watched.code, -SIGKILL);
    ck_assert_int_eq(marked(), 0);
}
END_TEST

START_TEST(freeing_an_adopted_child_ends_its_whole_tree)
{
    struct watched watched;
    start_in_another_process(ALL_WAYS_TO_HIDE "while :; do sleep 1; done");
    wait_for_marked(HIDDEN);
    ck_assert_int_eq(adopt(&watched), 0);
    rdv__process_free(watched.process);
    ck_assert(!watched.ended);
    ck_assert_int_eq(marked(), 0);
}
END_TEST

START_TEST(a_supervisor_that_is_killed_takes_the_program_along_and_its_end_is_unknown)
{
    struct watched watched;
    start_in_another_process("echo $PPID; exec sleep $MARK");
    wait_for_marked(1);
    ck_assert_int_eq(adopt(&watched), 0);
    int pid;
    FILE *file = fopen(record, "r");
    ck_assert_int_eq(fscanf(file, "rdvtask-child 1\npid %d", &pid), 1);
    fclose(file);
    kill(pid, SIGKILL);
    wait_for_end(&watched);
    ck_assert_int_eq(watched.result, RDV_EIO);
    wait_for_marked(0);
    /* And who comes later finds nobody. */
    ck_assert_int_eq(adopt(&watched), RDV_ENOTFOUND);
}
END_TEST

/* A record of a process that runs: ours. */
static void write_record(const char *format, int pid, unsigned long long ticks, const char *boot)
{
    FILE *file = fopen(record, "w");
    ck_assert_ptr_nonnull(file);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    fprintf(file, format, pid, ticks, boot);
#pragma GCC diagnostic pop
    fclose(file);
}

static unsigned long long our_ticks(void)
{
    char text[1024] = "";
    FILE *file = fopen("/proc/self/stat", "r");
    ck_assert_ptr_nonnull(fgets(text, sizeof text, file));
    fclose(file);
    const char *at = strrchr(text, ')');
    for (int field = 2; field < 22; field++)
        at = strchr(at + 1, ' ');
    return strtoull(at + 1, NULL, 10);
}

START_TEST(nobody_else_is_taken_for_the_supervisor)
{
    static const char good[] = "rdvtask-child 1\npid %d %llu %s\n";
    char boot[RDV__BOOT_ID_SIZE];
    ck_assert_int_eq(rdv__plat_boot_id(boot), 0);
    struct watched watched;

    signal(SIGUSR1, SIG_IGN); /* that a supervisor is told */
    write_record(good, getpid(), our_ticks(), boot);
    ck_assert_int_eq(adopt(&watched), 0);
    rdv__process_leave(watched.process);
    /* The number is another's now. */
    write_record(good, getpid(), our_ticks() + 1, boot);
    ck_assert_int_eq(adopt(&watched), RDV_ENOTFOUND);
    /* It is from before the machine was started. */
    write_record(good, getpid(), our_ticks(), "00000000-0000-0000-0000-000000000000");
    ck_assert_int_eq(adopt(&watched), RDV_ENOTFOUND);
    /* There is no such process. */
    write_record(good, INT_MAX, our_ticks(), boot);
    ck_assert_int_eq(adopt(&watched), RDV_ENOTFOUND);
}
END_TEST

START_TEST(a_record_that_is_not_right_is_as_good_as_none)
{
    static const char *const wrong[] = {
        "",
        "rdvtask-child 1\n",
        "rdvtask-child 1\npid",
        "rdvtask-child 2\npid %d %llu %s\n",
        "rdvtask-child 1\npid -%d %llu %s\n",
        "rdvtask-child 1\npid %d %llu %s",
        "rdvtask-child 1\npid %d %llu %s\nexit 0\n",
        "rdvtask-child 1\npid %d %llu %s\nexit 0\noutput 5\nabc",
        "rdvtask-child 1\npid %d %llu %s\nexit 0\noutput 2\nabc",
        "rdvtask-child 1\npid %d %llu %s\nexit\noutput 3\nabc",
        "rdvtask-child 1\npid %d %llu %s\ngone 0\noutput 3\nabc",
    };
    char boot[RDV__BOOT_ID_SIZE];
    struct watched watched;
    ck_assert_int_eq(rdv__plat_boot_id(boot), 0);
    ck_assert_int_eq(adopt(&watched), RDV_ENOTFOUND);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        write_record(wrong[i], getpid(), our_ticks(), boot);
        ck_assert_msg(adopt(&watched) == RDV_ENOTFOUND, "%s", wrong[i]);
    }
    write_record("rdvtask-child 1\npid %d %llu %s\nexit 4\noutput 3\nabc", getpid(), our_ticks(),
                 boot);
    ck_assert_int_eq(adopt(&watched), 0);
    wait_for_end(&watched);
    ck_assert_int_eq(watched.code, 4);
    ck_assert_str_eq(watched.output, "abc");
    rdv__plat_record_delete(record);
    rdv__plat_record_delete(record);
    ck_assert_int_eq(adopt(&watched), RDV_ENOTFOUND);
}
END_TEST

/* It prints so much, and we look away for longer than a supervisor waits. */
static void read_late(struct watched *watched, int size)
{
    char script[128];
    snprintf(script, sizeof script, "head -c %d /dev/zero | tr '\\0' a; echo b; exit 3", size - 2);
    start_recorded(watched, script);
    rest(5 * RDV_SECOND / 2);
    wait_for_end(watched);
    ck_assert_int_eq(watched->result, 0);
    ck_assert_int_eq(watched->code, 3);
    ck_assert_int_eq(watched->last, '\n');
}

START_TEST(an_agent_that_reads_late_has_the_end_of_the_output)
{
    struct watched watched;
    /* All of it, if what did not fit into the pipe is no more than the supervisor keeps. */
    read_late(&watched, 65536 + 8000);
    ck_assert_uint_eq(watched.total, 65536 + 8000);
    /* Else it is said that some is missing. */
    read_late(&watched, 65536 + 20000);
    ck_assert_uint_gt(watched.total, 65536 + 8192);
    ck_assert_uint_lt(watched.total, 65536 + 8192 + 128);
}
END_TEST

/* As under Valgrind. */
static const char *pidfd_reason(void)
{
    return syscall(SYS_pidfd_open, 1, ~0u) < 0 && errno == ENOSYS ? "needs pidfds" : NULL;
}

static TCase *add_case(Suite *suite, const char *name)
{
    TCase *tcase = tcase_create(name);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_set_timeout(tcase, 60);
    suite_add_tcase(suite, tcase);
    return tcase;
}

int main(void)
{
    Suite *suite = suite_create("supervised");

    TCase *trees = add_case(suite, "trees");
    tcase_add_test(trees, the_end_takes_the_whole_tree_along);
    tcase_add_test(trees, what_a_program_leaves_behind_ends_with_it);
    rdv_test_add_unless(trees, leftovers_are_ended_with_their_whole_trees, pidfd_reason());
    tcase_add_test(trees, freeing_a_process_takes_the_whole_tree_along);
    tcase_add_test(trees, freeing_a_process_whose_output_is_not_read_takes_no_time);
    rdv_test_add_unless(trees, a_fork_loop_within_its_limit_is_gone_after_the_end, root_reason());
    tcase_add_test(trees, a_supervisor_that_does_nothing_is_killed_and_the_program_with_it);
    tcase_add_test(trees, a_supervisor_that_is_killed_is_told_from_its_program);

    TCase *given = add_case(suite, "given");
    tcase_add_test(given, user_folder_and_limits_are_those_asked_for);
    rdv_test_add_unless(given, a_supervisor_that_is_not_there_is_named, rdv_test_deaf_start());

    TCase *rights = add_case(suite, "rights");
    tcase_add_test(rights,
                   the_program_s_environment_is_neither_its_supervisor_s_nor_in_an_argument);
    rdv_test_add_unless(rights, what_is_interpreted_of_an_environment_is_so_by_its_user_only,
                        root_reason());
    rdv_test_add_unless(rights, a_program_is_looked_for_by_its_user_only, root_reason());

    TCase *failures = add_case(suite, "failures");
    tcase_add_test(failures, what_keeps_a_program_from_being_started_is_no_exit_code);
    tcase_add_test(failures, a_start_that_failed_meanwhile_is_told_from_the_record);
    tcase_add_test(failures, a_supervisor_that_never_comes_to_its_work_is_told_from_its_program);

    TCase *left = add_case(suite, "left");
    tcase_add_test(left, an_agent_that_reads_late_has_the_end_of_the_output);
    tcase_add_test(left, with_a_record_all_is_as_without);
    rdv_test_add_unless(left, a_child_that_was_left_is_adopted_and_its_end_and_tail_are_told,
                        pidfd_reason());
    rdv_test_add_unless(left, a_child_of_an_agent_that_was_killed_is_adopted, pidfd_reason());
    tcase_add_test(left, a_child_that_has_ended_meanwhile_is_told_as_ended);
    tcase_add_test(left, one_that_has_ended_can_be_freed_before_it_is_told);
    rdv_test_add_unless(left, an_adopted_child_ends_with_its_whole_tree, pidfd_reason());
    rdv_test_add_unless(left, freeing_an_adopted_child_ends_its_whole_tree, pidfd_reason());
    rdv_test_add_unless(left,
                        a_supervisor_that_is_killed_takes_the_program_along_and_its_end_is_unknown,
                        pidfd_reason());
    rdv_test_add_unless(left, nobody_else_is_taken_for_the_supervisor, pidfd_reason());
    tcase_add_test(left, a_record_that_is_not_right_is_as_good_as_none);

    return rdv_test_main(suite);
}
