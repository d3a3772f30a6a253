/* SPDX-License-Identifier: MIT */
/* The program rdvtask-child by itself, as a command. test_supervised.c has what the library makes of it. */
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "harness.h"
#include "platform/platform.h"
#include "platform/unix/supervisor.h"
#include "unix/crowd.h"

#define ARGUMENTS_MAX  24
#define PATIENCE       20000 /* ms until a test that waits has failed */
#define START_FAILED   127
#define ORDINARY_USER  "nobody"
#define OUTPUT_SIZE    65536
#define SHELL_AND_REST "--", "sh", "-c"

/* A supervisor that runs, and what can be read of it. */
struct started {
    pid_t pid;
    int output, notices;
};

static char directory[64], record[128], mark[32];

/* How many processes of the system have our mark among their arguments: "sleep 1000000.NUMBER". */
static int marked(void)
{
    char command[128];
    snprintf(command, sizeof command, "pgrep -cfx '.*sleep %s'", mark);
    FILE *pipe = popen(command, "r");
    ck_assert_ptr_nonnull(pipe);
    int count = -1;
    ck_assert_int_eq(fscanf(pipe, "%d", &count), 1);
    pclose(pipe);
    return count;
}

static void set_up(void)
{
    snprintf(directory, sizeof directory, "/tmp/rdvtask-test-child.XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(directory));
    snprintf(record, sizeof record, "%s/record", directory);
    struct timespec now; /* process ids come back */
    clock_gettime(CLOCK_REALTIME, &now);
    snprintf(mark, sizeof mark, "1000000.%d%09ld", (int)getpid(), now.tv_nsec);
    /* Who escapes from a supervisor comes to us, and is found. */
    ck_assert_int_eq(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
}

static void tear_down(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", directory);
    ck_assert_int_eq(system(command), 0);
}

/* In the new process: run the supervisor with these, the last one being a script for "sh -c" if they end with SHELL_AND_REST. */
static struct started start_with(void (*prepare)(void), const char *first, va_list more)
{
    const char *argv[ARGUMENTS_MAX] = {RDV_TEST_CHILD};
    int count = 1, output[2], notices[2];
    for (const char *word = first; word; word = va_arg(more, const char *)) {
        ck_assert_int_lt(count, ARGUMENTS_MAX - 1);
        argv[count++] = word;
    }
    argv[count] = NULL;
    ck_assert_int_eq(pipe2(output, O_CLOEXEC), 0);
    ck_assert_int_eq(pipe2(notices, O_CLOEXEC), 0);
    struct started started = {fork(), output[0], notices[0]};
    ck_assert_int_ge(started.pid, 0);
    if (started.pid == 0) {
        dup2(output[1], 1);
        dup2(output[1], 2);
        dup2(notices[1], 3);
        setenv("MARK", mark, 1);
        if (prepare)
            prepare();
        execv(argv[0], (char *const *)argv);
        _exit(99);
    }
    close(output[1]);
    close(notices[1]);
    return started;
}

__attribute__((sentinel)) static struct started start(const char *first, ...)
{
    va_list more;
    va_start(more, first);
    struct started started = start_with(NULL, first, more);
    va_end(more);
    return started;
}

__attribute__((sentinel)) static struct started start_prepared(void (*prepare)(void),
                                                               const char *first, ...)
{
    va_list more;
    va_start(more, first);
    struct started started = start_with(prepare, first, more);
    va_end(more);
    return started;
}

/* Read to the end of what a descriptor has, or as far as there is room. */
static const char *read_text(int fd)
{
    static char text[OUTPUT_SIZE];
    size_t size = 0;
    ssize_t got;
    while (size + 1 < sizeof text && (got = read(fd, text + size, sizeof text - 1 - size)) > 0)
        size += (size_t)got;
    text[size] = '\0';
    return text;
}

static const char *read_line(int fd)
{
    static char line[256];
    size_t size = 0;
    while (size + 1 < sizeof line && read(fd, line + size, 1) == 1 && line[size] != '\n')
        size++;
    line[size] = '\0';
    return line;
}

static int wait_for(pid_t pid)
{
    int status;
    for (int waited = 0; waited < PATIENCE; waited += 2) {
        const pid_t ended = waitpid(pid, &status, WNOHANG);
        ck_assert_int_ge(ended, 0);
        if (ended == pid)
            return status;
        const struct timespec moment = {0, 2000000};
        nanosleep(&moment, NULL);
    }
    ck_abort_msg("the supervisor does not end");
    return -1;
}

/* The exit code, or -signal. */
static int finish(const struct started *started)
{
    const int status = wait_for(started->pid);
    close(started->output);
    close(started->notices);
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static void check_ends(const struct started *started, int code, const char *output)
{
    ck_assert_str_eq(read_text(started->output), output);
    ck_assert_int_eq(finish(started), code);
}

/* It fails to start, and these words are among what it says. */
static void check_fails(const struct started *started, const char *words)
{
    const char *text = read_text(started->output);
    ck_assert_msg(strstr(text, words) != NULL, "said: %s", text);
    ck_assert_int_eq(finish(started), START_FAILED);
}

static const char *root_reason(void)
{
    return getuid() == 0 && getpwnam(ORDINARY_USER) ? NULL : "needs root";
}

/* ----------------------------------------------------------------- as the program */

START_TEST(it_ends_with_the_program_s_exit_code)
{
    struct started started = start(SHELL_AND_REST, "echo out; echo err >&2; exit 42", NULL);
    check_ends(&started, 42, "out\nerr\n");
}
END_TEST

START_TEST(it_ends_by_the_program_s_signal)
{
    static const int signals[] = {SIGKILL, SIGTERM, SIGSEGV, SIGHUP, SIGPIPE, SIGUSR1, SIGQUIT};
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
        char script[32];
        snprintf(script, sizeof script, "kill -%d $$", signals[i]);
        struct started started = start(SHELL_AND_REST, script, NULL);
        check_ends(&started, -signals[i], "");
    }
}
END_TEST

static void want_cores(void)
{
    const struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY};
    setrlimit(RLIMIT_CORE, &all);
}

START_TEST(it_leaves_no_core_of_its_own)
{
    struct started started =
        start_prepared(want_cores, SHELL_AND_REST, "ulimit -c 0; kill -ABRT $$", NULL);
    const int status = wait_for(started.pid);
    ck_assert(WIFSIGNALED(status));
    ck_assert_int_eq(WTERMSIG(status), SIGABRT);
    ck_assert(!WCOREDUMP(status));
}
END_TEST

START_TEST(the_program_has_a_session_of_its_own_and_what_it_does_to_its_group_hits_nobody_else)
{
    struct started started = start(
        SHELL_AND_REST, "trap 'exit 7' TERM; cut -d' ' -f6 /proc/self/stat; kill 0; exit 8", NULL);
    ck_assert_int_ne(atoi(read_line(started.output)), getsid(0));
    ck_assert_int_eq(finish(&started), 7);
}
END_TEST

static void spoil_signals(void)
{
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    signal(SIGCHLD, SIG_IGN);
}

START_TEST(spoiled_signals_do_not_stop_it_from_seeing_the_end)
{
    struct started started = start_prepared(spoil_signals, SHELL_AND_REST,
                                            "grep ^SigBlk: /proc/self/status; exit 5", NULL);
    check_ends(&started, 5, "SigBlk:\t0000000000000000\n");
}
END_TEST

static void close_low(void)
{
    for (int fd = 0; fd < 4; fd++)
        close(fd);
}

START_TEST(closed_descriptors_are_filled_and_no_others_are_passed_on)
{
    char script[256];
    snprintf(script, sizeof script,
             "ls /proc/self/fd | tr '\\n' ' ' >%s/fds; readlink /proc/$$/fd/3 >>%s/fds", directory,
             directory);
    struct started started = start_prepared(close_low, SHELL_AND_REST, script, NULL);
    ck_assert_int_eq(finish(&started), 0);
    snprintf(script, sizeof script, "%s/fds", directory);
    const int fd = open(script, O_RDONLY);
    /* The fourth is ls's own. */
    ck_assert_str_eq(read_text(fd), "0 1 2 3 4 /dev/null\n");
    close(fd);
}
END_TEST

START_TEST(closed_descriptors_do_no_harm_to_a_relay)
{
    struct started started = start_prepared(close_low, "--record", record, SHELL_AND_REST,
                                            "echo out; echo x >&3; exit 6", NULL);
    ck_assert_int_eq(finish(&started), 6);
    const int fd = open(record, O_RDONLY);
    ck_assert_ptr_nonnull(strstr(read_text(fd), "\nexit 6\noutput 4\nout\n"));
    close(fd);
}
END_TEST

START_TEST(a_program_that_can_t_be_run_is_named)
{
    setenv("PATH", "/usr/bin:/bin", 1); /* a folder that may not be entered changes the words */
    struct started started = start("--", "/nonexistent", NULL);
    check_fails(&started, "rdvtask-child: cannot run '/nonexistent': No such file or directory");
    started = start("--", "no-such-program-anywhere", NULL);
    check_fails(&started, "cannot run 'no-such-program-anywhere': not found in PATH");
    started = start("--", directory, NULL);
    check_fails(&started, "Permission denied");
}
END_TEST

START_TEST(a_script_without_an_interpreter_is_run_by_no_shell)
{
    char path[128];
    snprintf(path, sizeof path, "%s/script", directory);
    const int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
    ck_assert_int_eq(write(fd, "exit 3\n", 7), 7);
    close(fd);
    struct started started = start("--", path, NULL);
    check_fails(&started, "Exec format error");
}
END_TEST

static void look_here(void)
{
    if (chdir(directory) != 0 || symlink("/bin/true", "here") != 0)
        _exit(98);
    setenv("PATH", ":.:bin:/nonexistent", 1);
}

START_TEST(a_program_is_looked_for_in_absolute_folders_only)
{
    struct started started = start_prepared(look_here, "--", "here", NULL);
    check_fails(&started, "cannot run 'here': not found in PATH");
}
END_TEST

START_TEST(words_that_are_not_right_are_refused)
{
    struct started started = start(NULL, NULL);
    ck_assert_int_eq(finish(&started), START_FAILED);
    static const char *const wrong[] = {"--limit", "--user", "--", "--nonsense"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        started = start(wrong[i], NULL);
        check_fails(&started, "usage: ");
    }
    static const char *const limits[] = {
        "memory",    "memory=", "memory=1k", "memory=-1",
        "memory= 1", "meals=1", "=1",        "memory=99999999999999999999"};
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        started = start("--limit", limits[i], "--", "true", NULL);
        check_fails(&started, "usage: ");
    }
}
END_TEST

/* ------------------------------------------------------- user, folder and limits */

START_TEST(the_program_runs_in_the_folder_that_is_given)
{
    char expected[128];
    struct started started = start("--directory", directory, SHELL_AND_REST, "pwd", NULL);
    snprintf(expected, sizeof expected, "%s\n", directory);
    check_ends(&started, 0, expected);
    started = start("--directory", "/nonexistent", "--", "true", NULL);
    check_fails(&started, "cannot go to '/nonexistent': No such file or directory");
}
END_TEST

static void forget_home(void)
{
    unsetenv("HOME");
    setenv("LOGNAME", "as-the-document-says", 1);
}

START_TEST(a_user_is_become_with_all_that_belongs_to_it_and_nothing_of_root_s)
{
    struct started started = start_prepared(
        forget_home, "--user", ORDINARY_USER, SHELL_AND_REST,
        "id -u; id -g; id -G; grep ^CapEff /proc/self/status; echo $HOME $USER $LOGNAME", NULL);
    const struct passwd *user = getpwnam(ORDINARY_USER);
    char expected[256];
    snprintf(expected, sizeof expected,
             "%d\n%d\n%d\nCapEff:\t0000000000000000\n%s " ORDINARY_USER " as-the-document-says\n",
             (int)user->pw_uid, (int)user->pw_gid, (int)user->pw_gid, user->pw_dir);
    check_ends(&started, 0, expected);
}
END_TEST

START_TEST(another_user_s_program_can_open_its_descriptors_by_name)
{
    struct started started = start("--user", ORDINARY_USER, SHELL_AND_REST,
                                   "echo one >/dev/stdout; echo two >/dev/stderr", NULL);
    check_ends(&started, 0, "one\ntwo\n");
    started = start("--user", ORDINARY_USER, "--record", record, SHELL_AND_REST,
                    "echo one >/dev/stdout; echo two >/dev/stderr", NULL);
    check_ends(&started, 0, "one\ntwo\n");
}
END_TEST

START_TEST(a_user_that_is_not_there_is_named)
{
    struct started started = start("--user", "no-such-user", "--", "true", NULL);
    check_fails(&started, "no user 'no-such-user'");
}
END_TEST

static void become_ordinary(void)
{
    const struct passwd *user = getpwnam(ORDINARY_USER);
    if (setgid(user->pw_gid) != 0 || setuid(user->pw_uid) != 0)
        _exit(98);
}

/* How setpriv becomes an ordinary user; and one that may become others. */
#define AS_ORDINARY "setpriv --reuid=" ORDINARY_USER " --clear-groups "
#define AS_CAPABLE                                      \
    "setpriv --reuid=1234 --regid=1234 --clear-groups " \
    "--inh-caps=+setuid,+setgid,+chown --ambient-caps=+setuid,+setgid,+chown "

/* Why the supervisor can't be run by another user; the command looks whether it can be. */
static const char *enter_reason(const char *command)
{
    if (root_reason())
        return root_reason();
    return system(command) == 0 ? NULL : "needs setpriv, and a folder that others may enter";
}

START_TEST(who_is_not_root_can_t_become_another)
{
    struct started started = start_prepared(become_ordinary, "--user", "root", "--", "true", NULL);
    check_fails(&started, "cannot become user 'root': Operation not permitted");
}
END_TEST

START_TEST(what_one_who_is_not_root_may_do_besides_is_not_the_user_s)
{
    /* Who may become others without being root would hand that on: a change between such users takes no rights away. */
    FILE *pipe = popen(AS_CAPABLE RDV_TEST_CHILD
                       " --user " ORDINARY_USER " -- sh -c 'id -un; grep CapAmb /proc/self/status; "
                       "grep CapEff /proc/self/status' 2>&1",
                       "r");
    ck_assert_ptr_nonnull(pipe);
    ck_assert_str_eq(read_text(fileno(pipe)), ORDINARY_USER "\nCapAmb:\t0000000000000000\n"
                                                            "CapEff:\t0000000000000000\n");
    pclose(pipe);
}
END_TEST

START_TEST(limits_bind)
{
    struct started started = start("--limit", "files=20", "--limit", "file-size=4096", "--limit",
                                   "memory=100000000", "--limit", "processes=50", SHELL_AND_REST,
                                   "grep -E 'open files|file size|address|processes|cpu' "
                                   "/proc/self/limits | tr -s ' '",
                                   NULL);
    const char *text = read_text(started.output);
    ck_assert_ptr_nonnull(strstr(text, "Max open files 20 20"));
    ck_assert_ptr_nonnull(strstr(text, "Max file size 4096 4096"));
    ck_assert_ptr_nonnull(strstr(text, "Max address space 100000000 100000000"));
    ck_assert_ptr_nonnull(strstr(text, "Max processes 50 50"));
    ck_assert_ptr_nonnull(strstr(text, "Max cpu time unlimited unlimited"));
    ck_assert_int_eq(finish(&started), 0);
}
END_TEST

START_TEST(a_program_past_its_processor_time_is_told_why_it_ends)
{
    struct started started = start("--limit", "cpu=1", SHELL_AND_REST, "while :; do :; done", NULL);
    check_ends(&started, -SIGXCPU, "");
}
END_TEST

START_TEST(too_little_memory_to_start_in_ends_the_program_and_nobody_else)
{
    struct started started = start("--limit", "memory=65536", "--", "true", NULL);
    read_text(started.output);
    const int code = finish(&started);
    /* Which of its ends it comes to is the loader's or a sanitizer's affair. */
    ck_assert_int_ne(code, 0);
}
END_TEST

START_TEST(a_limit_that_may_not_be_set_is_told)
{
    struct started started =
        start_prepared(become_ordinary, "--limit", "files=2000000000", "--", "true", NULL);
    check_fails(&started, "cannot set a limit to 2000000000: Operation not permitted");
}
END_TEST

/* ------------------------------------------------------------------ whole trees */

/* Ways to slip away, each of which leaves a sleep with the mark, and says so by one line. */
static const struct {
    const char *name, *script;
} escapes[] = {
    {"another session", "setsid sleep $MARK & "},
    {"a double fork", "( (sleep $MARK &) & ) "},
    {"a session, a double fork, and no environment", "env -i setsid sh -c \"(sleep $MARK &)\" "},
    {"deaf to the polite signal", "(trap '' TERM HUP INT; exec sleep $MARK) & "},
    {"stopped",
     "setsid sleep $MARK & until pgrep -fx \"sleep $MARK\"; do :; done >&2; kill -STOP $! "},
    {"deep down", "setsid sh -c 'setsid sh -c \"setsid sleep $MARK; :\"; :' & "},
};
#define ESCAPES ((int)(sizeof escapes / sizeof *escapes))

static void end_marked(void)
{
    char command[128];
    snprintf(command, sizeof command, "pkill -fx 'sleep %s'", mark);
    ck_assert_int_eq(system(command), 0);
    for (int waited = 0; marked() > 0 && waited < PATIENCE; waited += 20) {
        const struct timespec moment = {0, 20000000};
        nanosleep(&moment, NULL);
    }
    ck_assert_int_eq(marked(), 0);
}

static void wait_for_marked(int count)
{
    for (int waited = 0; marked() < count && waited < PATIENCE; waited += 20) {
        const struct timespec moment = {0, 20000000};
        nanosleep(&moment, NULL);
    }
    ck_assert_int_ge(marked(), count);
}

START_TEST(who_slips_away_ends_with_the_program)
{
    char script[256];
    snprintf(script, sizeof script, "%s\nuntil pgrep -fx \"sleep $MARK\"; do :; done >&2; exit 9",
             escapes[_i].script);
    struct started started = start(SHELL_AND_REST, script, NULL);
    /* Of none of them is the output held open: they are gone when it ends. */
    read_text(started.output);
    ck_assert_int_eq(marked(), 0);
    ck_assert_int_eq(finish(&started), 9);
}
END_TEST

START_TEST(who_slips_away_is_killed_with_the_tree)
{
    char script[256];
    snprintf(script, sizeof script, "trap '' TERM; %s\nwhile :; do sleep 1; done",
             escapes[_i].script);
    struct started started = start(SHELL_AND_REST, script, NULL);
    wait_for_marked(1);
    kill(started.pid, SIGTERM);
    kill(started.pid, SIGQUIT);
    ck_assert_int_eq(finish(&started), -SIGKILL);
    ck_assert_int_eq(marked(), 0);
}
END_TEST

START_TEST(the_polite_signal_reaches_all_of_the_tree)
{
    struct started started = start(SHELL_AND_REST,
                                   "trap 'wait; exit 4' TERM;"
                                   "setsid sh -c 'exec 2>/dev/null; trap \"echo heard; exit\" "
                                   "TERM; echo ready; while :; do sleep 0.03; done' & wait; wait",
                                   NULL);
    ck_assert_str_eq(read_line(started.output), "ready");
    kill(started.pid, SIGTERM);
    check_ends(&started, 4, "heard\n");
}
END_TEST

START_TEST(a_stopped_tree_hears_the_polite_signal)
{
    struct started started = start(SHELL_AND_REST, "echo $$; kill -STOP $$; sleep 100", NULL);
    read_line(started.output);
    kill(started.pid, SIGTERM);
    ck_assert_int_eq(finish(&started), -SIGTERM);
}
END_TEST

START_TEST(zombies_are_nobody_s_trouble)
{
    struct started started = start(
        SHELL_AND_REST,
        "for i in 1 2 3 4 5 6 7 8 9; do (true & exec true) & done; echo x; exec sleep 100", NULL);
    read_line(started.output);
    kill(started.pid, SIGQUIT);
    ck_assert_int_eq(finish(&started), -SIGKILL);
}
END_TEST

/* Processes that start others as fast as they can, until there are `limit`. Each has our mark among its arguments. */
static void check_bomb(const char *script)
{
    char marked_script[512], command[128];
    const int crowd = rdv_test_crowd_begin();
    snprintf(marked_script, sizeof marked_script, ": %s; %s", mark, script);
    struct started started = start("--user", ORDINARY_USER, "--limit", "processes=60",
                                   SHELL_AND_REST, marked_script, NULL);
    ck_assert_str_eq(read_line(started.output), "go");
    const struct timespec moment = {0, 100000000};
    nanosleep(&moment, NULL);
    kill(started.pid, SIGQUIT);
    ck_assert_int_eq(finish(&started), -SIGKILL);
    /* So written that the shell which runs this is not meant. */
    snprintf(command, sizeof command, "pgrep -f '[1]%s' >/dev/null", mark + 1);
    ck_assert_int_eq(system(command), 1 << 8);
    rdv_test_crowd_end(crowd);
}

START_TEST(a_fork_bomb_within_its_limit_is_ended)
{
    check_bomb("echo go; bomb() { bomb | bomb & }; (while :; do bomb; done) 2>/dev/null & "
               "exec sleep $MARK");
}
END_TEST

START_TEST(a_fork_bomb_whose_parts_all_have_sessions_of_their_own_is_ended)
{
    check_bomb(
        "echo go; export bomb=\": $MARK\"'; setsid sh -c \"$bomb\" & setsid sh -c \"$bomb\" &';"
        "(while :; do sh -c \"$bomb\"; done) 2>/dev/null & exec sleep $MARK");
}
END_TEST

/* Forks, and leaves all to the child, so that nobody lives for long; each in a session of its own. */
static int run_away(void)
{
    if (write(1, "go\n", 3) != 3)
        return 1;
    for (;;) {
        const pid_t pid = fork();
        if (pid > 0)
            _exit(0);
        if (pid == 0)
            setsid();
    }
}

static char own_program[PATH_MAX];

START_TEST(a_chain_of_processes_that_fork_and_exit_is_caught)
{
    struct started started =
        start(SHELL_AND_REST, "\"$0\" run-away & exec sleep 100", own_program, NULL);
    ck_assert_str_eq(read_line(started.output), "go");
    kill(started.pid, SIGQUIT);
    finish(&started);
    /* It would have come to us. */
    ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
    ck_assert_int_eq(errno, ECHILD);
}
END_TEST

START_TEST(the_program_ends_with_a_supervisor_that_is_killed)
{
    struct started started = start(SHELL_AND_REST, "echo x; exec sleep $MARK", NULL);
    read_line(started.output);
    kill(started.pid, SIGKILL);
    ck_assert_str_eq(read_text(started.output), "");
    finish(&started);
    started = start("--record", record, SHELL_AND_REST, "echo x; exec sleep $MARK", NULL);
    read_line(started.output);
    kill(started.pid, SIGKILL);
    finish(&started);
    while (waitpid(-1, NULL, 0) > 0)
        ;
    ck_assert_int_eq(marked(), 0);
}
END_TEST

/* Signals that wait are taken by their numbers, not in the order in which they came. */
static void wait_until_heard(pid_t pid, int number)
{
    unsigned long long waits = 0;
    char path[64], line[128];
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    for (int waited = 0; waited < PATIENCE; waited += 2) {
        FILE *status = fopen(path, "re");
        ck_assert_ptr_nonnull(status);
        bool told = false;
        while (fgets(line, sizeof line, status))
            told = sscanf(line, "ShdPnd: %llx", &waits) == 1 || told;
        fclose(status);
        ck_assert(told);
        if ((waits >> (number - 1) & 1) == 0)
            return;
        const struct timespec moment = {0, 2000000};
        nanosleep(&moment, NULL);
    }
    ck_abort_msg("the supervisor does not hear a signal");
}

/* What an agent does that finds its supervisor again, and then is there. */
static int follow(const char *path)
{
    struct rdv__plat_child child;
    if (rdv__plat_adopt(path, &child) != 0)
        return EXIT_FAILURE;
    rdv__plat_child_close(&child);
    execlp("sleep", "sleep", getenv("MARK"), (char *)NULL);
    return EXIT_FAILURE;
}

/* What a daemon does that would be taken for it. */
static int pretend(const char *supervisor)
{
    if (sigqueue((pid_t)atoi(supervisor), RDV__FOLLOW_SIGNAL, (union sigval){.sival_int = 7}) != 0)
        return EXIT_FAILURE;
    execlp("sleep", "sleep", getenv("MARK"), (char *)NULL);
    return EXIT_FAILURE;
}

START_TEST(an_agent_that_follows_from_inside_is_spared_and_nobody_else)
{
    /* One daemon says nothing that is heard, and another the same without having read the record: as the last, so that it would be it. */
    static const char script[] =
        "supervisor=$PPID; sleep $MARK & setsid sleep $MARK & "
        "sh -c 'kill -USR1 $0; sleep $MARK; :' $supervisor >&- 2>&- 3>&- & "
        "until [ $(pgrep -cfx \"sleep $MARK\") = 3 ]; do :; done; "
        "\"$0\" follow \"$1\" >&- 2>&- 3>&- & "
        "until [ $(pgrep -cfx \"sleep $MARK\") = 4 ]; do :; done; "
        "\"$0\" pretend $supervisor >&- 2>&- 3>&- & "
        "until [ $(pgrep -cfx \"sleep $MARK\") = 5 ]; do :; done; echo $!; read x; exit 4";
    for (int kill_it = 0; kill_it < 2; kill_it++) {
        int input[2];
        ck_assert_int_eq(pipe2(input, O_CLOEXEC), 0);
        ck_assert_int_eq(dup2(input[0], 0), 0);
        struct started started =
            start("--record", record, SHELL_AND_REST, script, own_program, record, NULL);
        const pid_t pretender = (pid_t)atoi(read_line(started.output));
        ck_assert_int_gt(pretender, 1);
        wait_until_heard(started.pid, RDV__FOLLOW_SIGNAL);
        wait_until_heard(started.pid, SIGUSR1);
        ck_assert_int_eq(kill(started.pid, SIGUSR1), 0); /* from outside: nothing is meant by it */
        wait_until_heard(started.pid, SIGUSR1);
        if (kill_it)
            kill(started.pid, SIGQUIT);
        else
            close(input[1]);
        read_text(started.output);
        ck_assert_int_eq(finish(&started), kill_it ? -SIGKILL : 4);
        close(input[0]);
        if (kill_it)
            close(input[1]);
        ck_assert_int_eq(marked(), 1);
        ck_assert_int_ne(kill(pretender, 0), 0);
        end_marked();
    }
}
END_TEST

START_TEST(another_user_s_program_ends_with_it_too)
{
    struct started started =
        start("--user", ORDINARY_USER, SHELL_AND_REST, "echo x; exec sleep $MARK", NULL);
    read_line(started.output);
    kill(started.pid, SIGKILL);
    ck_assert_str_eq(read_text(started.output), "");
    finish(&started);
}
END_TEST

/* ------------------------------------------------------------- record and relay */

static const char *read_record(void)
{
    const int fd = open(record, O_RDONLY | O_CLOEXEC);
    const char *text = fd < 0 ? "" : read_text(fd);
    if (fd >= 0)
        close(fd);
    return text;
}

START_TEST(a_record_says_who_it_is_from_the_start_and_how_it_ended)
{
    int input[2];
    ck_assert_int_eq(pipe2(input, O_CLOEXEC), 0);
    ck_assert_int_eq(dup2(input[0], 0), 0);
    struct started started =
        start("--record", record, SHELL_AND_REST, "echo out; read x; echo err >&2; exit 3", NULL);
    ck_assert_str_eq(read_line(started.output), "out");
    int pid, end = 0;
    unsigned long long ticks;
    unsigned long secret;
    char boot[64];
    ck_assert_int_eq(sscanf(read_record(), "rdvtask-child 1\npid %d %llu %36s %lx\n%n", &pid,
                            &ticks, boot, &secret, &end),
                     4);
    ck_assert_uint_ne(secret, 0);
    ck_assert_int_eq(pid, started.pid);
    ck_assert_uint_gt(ticks, 0);
    ck_assert_uint_eq(strlen(boot), 36);
    ck_assert_str_eq(read_record() + end, "");
    struct stat about;
    ck_assert_int_eq(stat(record, &about), 0);
    ck_assert_uint_eq(about.st_mode & 0777, 0600);

    close(input[0]);
    close(input[1]);
    check_ends(&started, 3, "err\n");
    ck_assert_str_eq(read_record() + end, "exit 3\noutput 8\nout\nerr\n");
    char command[128];
    snprintf(command, sizeof command, "ls %s", directory);
    FILE *list = popen(command, "r");
    ck_assert_str_eq(read_text(fileno(list)), "record\n");
    pclose(list);
}
END_TEST

START_TEST(a_record_s_tail_is_the_last_that_was_printed)
{
    struct started started = start("--record", record, SHELL_AND_REST,
                                   "yes 123456789 | head -c 1000000; echo; echo last", NULL);
    size_t total = 0;
    char data[4096];
    ssize_t got;
    while ((got = read(started.output, data, sizeof data)) > 0)
        total += (size_t)got;
    ck_assert_uint_eq(total, 1000006);
    ck_assert_int_eq(finish(&started), 0);
    const char *tail = strstr(read_record(), "\noutput 8192\n");
    ck_assert_ptr_nonnull(tail);
    tail += strlen("\noutput 8192\n");
    ck_assert_uint_eq(strlen(tail), 8192);
    ck_assert_str_eq(tail + 8192 - 6, "\nlast\n");
}
END_TEST

START_TEST(a_program_with_a_record_prints_on_when_nobody_reads_any_more)
{
    struct started started =
        start("--record", record, SHELL_AND_REST,
              "echo x; sleep 0.1; yes | head -c 1000000; yes | head -c 100000 >&3; "
              "echo MESSAGE=x >&3; echo done; exit 2",
              NULL);
    read_line(started.output);
    close(started.output);
    close(started.notices);
    const int status = wait_for(started.pid);
    ck_assert(WIFEXITED(status));
    ck_assert_int_eq(WEXITSTATUS(status), 2);
    ck_assert_ptr_nonnull(strstr(read_record(), "\ny\ndone\n"));
}
END_TEST

START_TEST(a_reader_that_sleeps_holds_up_the_program_s_end_only_for_a_moment)
{
    struct started started =
        start("--record", record, SHELL_AND_REST, "yes | head -c 100000; echo done", NULL);
    const int status = wait_for(started.pid);
    ck_assert_int_eq(WEXITSTATUS(status), 0);
    ck_assert_ptr_nonnull(strstr(read_record(), "\ny\ndone\n"));
    ck_assert_uint_gt(strlen(read_text(started.output)), 60000);
}
END_TEST

START_TEST(signals_are_heard_while_a_relay_is_full)
{
    struct started started = start("--record", record, SHELL_AND_REST, "yes", NULL);
    read_line(started.output);
    kill(started.pid, SIGQUIT);
    const int status = wait_for(started.pid);
    ck_assert_int_eq(WTERMSIG(status), SIGKILL);
}
END_TEST

START_TEST(a_program_that_closes_its_output_runs_on)
{
    struct started started =
        start("--record", record, SHELL_AND_REST, "exec >&- 2>&- 3>&-; sleep 0.1; exit 5", NULL);
    ck_assert_int_eq(finish(&started), 5);
}
END_TEST

START_TEST(a_start_that_fails_is_recorded_too)
{
    struct started started = start("--record", record, "--", "/nonexistent", NULL);
    check_fails(&started, "cannot run '/nonexistent'");
    char failed[128];
    snprintf(failed, sizeof failed,
             "\nfailed %d cannot run '/nonexistent': No such file or directory\noutput 0\n",
             ENOENT);
    ck_assert_ptr_nonnull(strstr(read_record(), failed));
}
END_TEST

START_TEST(without_a_record_nothing_is_started)
{
    struct started started =
        start("--record", "/nonexistent/record", SHELL_AND_REST, "echo started", NULL);
    check_fails(&started, "rdvtask-child: cannot write '/nonexistent/record': No such file");
    /* Nor by way of a link that somebody else has laid. */
    char fresh[160];
    snprintf(fresh, sizeof fresh, "%s.new", record);
    ck_assert_int_eq(symlink("/dev/null", fresh), 0);
    started = start("--record", record, SHELL_AND_REST, "echo started", NULL);
    check_fails(&started, "cannot write");
}
END_TEST

START_TEST(a_disk_that_fills_up_does_not_lose_the_end)
{
    char mount[256], file[160];
    snprintf(mount, sizeof mount, "mount -t tmpfs -o size=64k none %s 2>/dev/null", directory);
    ck_assert_int_eq(system(mount), 0);
    snprintf(file, sizeof file, "%s/fill", directory);
    struct started started =
        start("--record", record, SHELL_AND_REST,
              "yes | head -c 200000 | tail -c 9000; cat /dev/zero >\"$0\" 2>/dev/null; exit 6",
              file, NULL);
    read_text(started.output);
    const int code = finish(&started);
    char head[64] = "";
    const char *end = strstr(read_record(), "\nexit");
    snprintf(head, sizeof head, "%.20s", end ? end : "");
    snprintf(file, sizeof file, "%s/other", directory);
    started = start("--record", file, SHELL_AND_REST, "echo started", NULL);
    check_fails(&started, "cannot write");
    snprintf(mount, sizeof mount, "umount %s", directory);
    ck_assert_int_eq(system(mount), 0);
    ck_assert_int_eq(code, 6);
    ck_assert_ptr_nonnull(strstr(head, "exit 6\noutput 8192"));
}
END_TEST

static const char *mount_reason(void)
{
    if (root_reason())
        return root_reason();
    const bool can = system("d=$(mktemp -d) && mount -t tmpfs none $d 2>/dev/null && umount $d; "
                            "s=$?; rmdir $d; exit $s") == 0;
    return can ? NULL : "needs to mount a file system";
}

/* The memory that they map is more than any limit. */
static const char *sanitizer_reason(void)
{
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
    return "needs a supervisor without sanitizers";
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return "needs a supervisor without sanitizers";
#else
    return NULL;
#endif
}

static TCase *add_case(Suite *suite, const char *name)
{
    TCase *tcase = tcase_create(name);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_set_timeout(tcase, 60);
    suite_add_tcase(suite, tcase);
    return tcase;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "run-away") == 0)
        return run_away();
    if (argc == 3 && strcmp(argv[1], "follow") == 0)
        return follow(argv[2]);
    if (argc == 3 && strcmp(argv[1], "pretend") == 0)
        return pretend(argv[2]);
    if (!realpath(argv[0], own_program))
        return EXIT_FAILURE;

    Suite *suite = suite_create("child");
    const char *const root = root_reason();
    const char *const not_ordinary =
        enter_reason(AS_ORDINARY "test -x " RDV_TEST_CHILD " 2>/dev/null");

    TCase *program = add_case(suite, "program");
    tcase_add_test(program, it_ends_with_the_program_s_exit_code);
    tcase_add_test(program, it_ends_by_the_program_s_signal);
    tcase_add_test(program, it_leaves_no_core_of_its_own);
    tcase_add_test(
        program,
        the_program_has_a_session_of_its_own_and_what_it_does_to_its_group_hits_nobody_else);
    tcase_add_test(program, spoiled_signals_do_not_stop_it_from_seeing_the_end);
    tcase_add_test(program, closed_descriptors_are_filled_and_no_others_are_passed_on);
    tcase_add_test(program, closed_descriptors_do_no_harm_to_a_relay);
    tcase_add_test(program, a_program_that_can_t_be_run_is_named);
    tcase_add_test(program, a_script_without_an_interpreter_is_run_by_no_shell);
    tcase_add_test(program, a_program_is_looked_for_in_absolute_folders_only);
    tcase_add_test(program, words_that_are_not_right_are_refused);

    TCase *given = add_case(suite, "given");
    tcase_add_test(given, the_program_runs_in_the_folder_that_is_given);
    rdv_test_add_unless(given, a_user_is_become_with_all_that_belongs_to_it_and_nothing_of_root_s,
                        root);
    rdv_test_add_unless(given, another_user_s_program_can_open_its_descriptors_by_name, root);
    tcase_add_test(given, a_user_that_is_not_there_is_named);
    rdv_test_add_unless(given, who_is_not_root_can_t_become_another, not_ordinary);
    rdv_test_add_unless(given, what_one_who_is_not_root_may_do_besides_is_not_the_user_s,
                        enter_reason(AS_CAPABLE "test -x " RDV_TEST_CHILD " 2>/dev/null"));
    rdv_test_add_unless(given, limits_bind, sanitizer_reason());
    tcase_add_test(given, a_program_past_its_processor_time_is_told_why_it_ends);
    rdv_test_add_unless(given, too_little_memory_to_start_in_ends_the_program_and_nobody_else,
                        sanitizer_reason());
    rdv_test_add_unless(given, a_limit_that_may_not_be_set_is_told, not_ordinary);

    TCase *trees = add_case(suite, "trees");
    tcase_add_loop_test(trees, who_slips_away_ends_with_the_program, 0, ESCAPES);
    tcase_add_loop_test(trees, who_slips_away_is_killed_with_the_tree, 0, ESCAPES);
    tcase_add_test(trees, the_polite_signal_reaches_all_of_the_tree);
    tcase_add_test(trees, a_stopped_tree_hears_the_polite_signal);
    tcase_add_test(trees, zombies_are_nobody_s_trouble);
    rdv_test_add_unless(trees, a_fork_bomb_within_its_limit_is_ended, root);
    rdv_test_add_unless(trees, a_fork_bomb_whose_parts_all_have_sessions_of_their_own_is_ended,
                        root);
    tcase_add_test(trees, a_chain_of_processes_that_fork_and_exit_is_caught);
    tcase_add_test(trees, an_agent_that_follows_from_inside_is_spared_and_nobody_else);
    tcase_add_test(trees, the_program_ends_with_a_supervisor_that_is_killed);
    rdv_test_add_unless(trees, another_user_s_program_ends_with_it_too, root);

    TCase *records = add_case(suite, "records");
    tcase_add_test(records, a_record_says_who_it_is_from_the_start_and_how_it_ended);
    tcase_add_test(records, a_record_s_tail_is_the_last_that_was_printed);
    tcase_add_test(records, a_program_with_a_record_prints_on_when_nobody_reads_any_more);
    tcase_add_test(records, a_reader_that_sleeps_holds_up_the_program_s_end_only_for_a_moment);
    tcase_add_test(records, signals_are_heard_while_a_relay_is_full);
    tcase_add_test(records, a_program_that_closes_its_output_runs_on);
    tcase_add_test(records, a_start_that_fails_is_recorded_too);
    tcase_add_test(records, without_a_record_nothing_is_started);
    rdv_test_add_unless(records, a_disk_that_fills_up_does_not_lose_the_end, mount_reason());

    return rdv_test_main(suite);
}
