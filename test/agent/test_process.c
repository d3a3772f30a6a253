/* SPDX-License-Identifier: MIT */
#ifndef _WIN32
#define _GNU_SOURCE
#endif

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef _WIN32
#include <io.h>
#include <windows.h>
#else
#include <dirent.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#endif

#include <rdvtask/loop.h>

#include "agent/process.h"
#include "commands.h"
#include "harness.h"
#include "loop/loop.h"
#include "platform/platform.h"

#define INPUT_SIZE (16u << 20)

/* ------------------------------------------------------------------- stage */

static rdv_loop *loop;
static struct rdv_error error;
static char own_program[RDV_TEST_PATH];

static char plain_path[RDV_TEST_PATH + 8];
static const char *const plain[] = {plain_path, NULL};

/* A child and all that came of it. */
struct watched {
    struct rdv__process *process;
    char *output;
    size_t output_size, room;
    char notices[8192]; /* "status/progress/message;" each */
    char troubles[4096];
    int trouble_count;
    bool ended, stays;
    int result, code;
    void (*on_output)(struct watched *watched);
};

static char heard_folder[RDV_TEST_PATH]; /* "heard" is made in it with each notice; "" = nowhere */

static void take_output(void *user, const char *data, size_t size)
{
    struct watched *watched = user;
    ck_assert(!watched->ended);
    ck_assert_uint_gt(size, 0);
    if (watched->output_size + size >= watched->room) {
        watched->room = 2 * (watched->output_size + size) + 1;
        watched->output = realloc(watched->output, watched->room);
        ck_assert_ptr_nonnull(watched->output);
    }
    memcpy(watched->output + watched->output_size, data, size);
    watched->output_size += size;
    watched->output[watched->output_size] = '\0';
    if (watched->on_output)
        watched->on_output(watched);
}

static void take_notice(void *user, const struct rdv__child_notice *notice)
{
    struct watched *watched = user;
    ck_assert(!watched->ended);
    size_t size = strlen(watched->notices);
    snprintf(watched->notices + size, sizeof watched->notices - size, "%s/%d/%s;",
             notice->status ? notice->status : "-", notice->progress,
             notice->message ? notice->message : "-");
    if (*heard_folder) {
        char heard[RDV_TEST_PATH + 8];
        snprintf(heard, sizeof heard, "%s/heard", heard_folder);
        rdv_test_write_text(heard, "");
    }
}

static void take_trouble(void *user, const char *words)
{
    struct watched *watched = user;
    ck_assert(!watched->ended);
    size_t size = strlen(watched->troubles);
    snprintf(watched->troubles + size, sizeof watched->troubles - size, "%s;", words);
    watched->trouble_count++;
}

static void take_end(void *user, int result, int code)
{
    struct watched *watched = user;
    ck_assert(!watched->ended);
    watched->ended = true;
    watched->result = result;
    watched->code = code;
    rdv__process_free(watched->process);
    watched->process = NULL;
    rdv_loop_stop(loop);
}

/* All of this is run once more with a supervisor: it may make no difference. */
static struct rdv__supervision supervision;

static struct rdv__process_options options_of(struct watched *watched, const char *const *argv)
{
    return (struct rdv__process_options){
        .supervision = supervision.program ? &supervision : NULL,
        .argv = argv,
        .environment = plain,
        .user = watched,
        .output = take_output,
        .notice = take_notice,
        .trouble = take_trouble,
        .ended = take_end,
    };
}

static void start_with(struct watched *watched, const struct rdv__process_options *options)
{
    ck_assert_msg(rdv__process_start(loop, options, &watched->process, &error) == 0, "%s",
                  error.text);
}

static void start(struct watched *watched, const char *const *argv)
{
    struct rdv__process_options options = options_of(watched, argv);
    start_with(watched, &options);
}

static void start_shell(struct watched *watched, const char *script)
{
    const char *const argv[] = {"sh", "-c", script, NULL};
    start(watched, argv);
}

static void wait_for_end(struct watched *watched)
{
    while (!watched->ended)
        ck_assert_int_eq(rdv_loop_run(loop), 0);
}

/* Run until it has printed a line: what it set up before is there then. */
static void stop_at_words(struct watched *watched)
{
    if (strstr(watched->output, "asked"))
        rdv_loop_stop(loop);
}

static void stop_at_line(struct watched *watched)
{
    if (strchr(watched->output, '\n'))
        rdv_loop_stop(loop);
}

static void wait_for_line(struct watched *watched)
{
    watched->on_output = stop_at_line;
    while (!watched->ended && !(watched->output && strchr(watched->output, '\n')))
        ck_assert_int_eq(rdv_loop_run(loop), 0);
    watched->on_output = NULL;
    ck_assert(!watched->ended);
}

static void finish(struct watched *watched)
{
    free(watched->output);
    watched->output = NULL;
}

/* Run a script to its end; it prints this, and ends so. */
static void check_script(const char *script, int code, const char *output)
{
    struct watched watched = {0};
    start_shell(&watched, script);
    wait_for_end(&watched);
    ck_assert_int_eq(watched.result, 0);
    ck_assert_int_eq(watched.code, code);
    ck_assert_str_eq(watched.output ? watched.output : "", output);
    finish(&watched);
}

static void check_notices(const char *script, const char *notices, const char *trouble)
{
    struct watched watched = {0};
    start_shell(&watched, script);
    wait_for_end(&watched);
    ck_assert_int_eq(watched.code, 0);
    ck_assert_str_eq(watched.notices, notices);
    if (trouble)
        ck_assert_msg(strstr(watched.troubles, trouble) != NULL, "said: %s", watched.troubles);
    else
        ck_assert_str_eq(watched.troubles, "");
    finish(&watched);
}

static void check_refused(const char *const *argv, const char *const *environment, int code,
                          const char *words)
{
    struct watched watched = {0};
    struct rdv__process_options options = options_of(&watched, argv);
    options.environment = environment;
    memset(&error, 0, sizeof error);
    ck_assert_int_eq(rdv__process_start(loop, &options, &watched.process, &error), code);
    ck_assert_ptr_null(watched.process);
    ck_assert_int_eq(error.code, code);
    ck_assert_str_eq(error.text, words);
}

#ifdef _WIN32

static bool has_child(void)
{
    return false; /* an ended child is nothing to Windows */
}

static bool group_goes(int64_t group)
{
    return rdv_test_goes(group);
}

#else

static bool has_child(void)
{
    return waitpid(-1, NULL, WNOHANG) >= 0 || errno != ECHILD;
}

/* Whether a process of this group lives; one that is dead but not yet reaped by whoever does that doesn't. */
static bool group_lives(long group)
{
    DIR *processes = opendir("/proc");
    ck_assert_ptr_nonnull(processes);
    bool lives = false;
    const struct dirent *entry;
    while (!lives && (entry = readdir(processes)) != NULL) {
        char path[300], text[512], state;
        long its;
        snprintf(path, sizeof path, "/proc/%s/stat", entry->d_name);
        FILE *file = fopen(path, "re");
        if (!file)
            continue;
        const char *name_end = fgets(text, sizeof text, file) ? strrchr(text, ')') : NULL;
        lives = name_end && sscanf(name_end + 1, " %c %*d %ld", &state, &its) == 2 &&
                its == group && state != 'Z' && state != 'X';
        fclose(file);
    }
    closedir(processes);
    return lives;
}

/* Those that were killed may take a moment to go. */
static bool group_goes(int64_t group)
{
    for (int i = 0; i < 1000; i++) {
        if (!group_lives((long)group))
            return true;
        rdv_test_sleep(10);
    }
    return false;
}

#endif

/* Whether all go whose numbers a child has printed; and, where there are groups, all of the one that the first number has. */
static bool tree_goes(const char *numbers)
{
    char *end;
    bool first = true;
    for (; *numbers; numbers = end) {
        int64_t id = strtoll(numbers, &end, 10);
        if (end == numbers)
            break;
        ck_assert_int_gt(id, 1);
        if (!(first ? group_goes(id) : rdv_test_goes(id)))
            return false;
        first = false;
    }
    return !first;
}

static void set_up(void)
{
    rdv_test_program(own_program);
    snprintf(plain_path, sizeof plain_path, "PATH=%s", rdv_test_commands());
    ck_assert_int_eq(rdv_loop_new(&loop), 0);
}

static void tear_down(void)
{
    rdv_loop_free(loop);
}

static void usual(void)
{
    check_script("echo output; echo status=running >&3", 0, "output\n");
}

/* --------------------------------------------------------------- how it ends */

START_TEST(an_exit_code_is_told)
{
    check_script("exit 0", 0, "");
    check_script("exit 75", 75, "");
    check_script("exit 255", 255, "");
}
END_TEST

START_TEST(a_signal_is_told_as_a_negative_code)
{
    check_script("kill -KILL $$", RDV__KILLED, "");
    check_script("kill -SEGV $$", RDV_TEST_CRASHED, "");
}
END_TEST

START_TEST(a_program_that_is_not_there_is_named)
{
    char folder[RDV_TEST_PATH], words[RDV_TEST_PATH + 64];
    const char *const none[] = {"apt-gt", "update", NULL};
    const char *const path[] = {RDV_TEST_ABSENT "/apt-get", NULL};
    const char *const empty[] = {"", NULL};
    const char *const directory[] = {folder, NULL};
    const char *const no_path[] = {"A=b", NULL};
    const char *const empty_path[] = {"PATH=", NULL};
    const char *const relative_paths[] = {RDV_TEST_ON_WINDOWS("") ? "PATH=;.;bin;" : "PATH=:.:bin:",
                                          NULL};
    const char *const there[] = {"sh", NULL};
    check_refused(none, plain, RDV_ENOTFOUND, "cannot run 'apt-gt': not found in PATH");
    check_refused(path, plain, RDV_ENOTFOUND,
                  "cannot run '" RDV_TEST_ABSENT "/apt-get': No such file or directory");
    check_refused(empty, plain, RDV_ENOTFOUND, "cannot run '': not found in PATH");
    rdv_test_make_folder(folder, "process");
    snprintf(words, sizeof words, "cannot run '%s': Permission denied", folder);
    check_refused(directory, plain, RDV_EACCES, words);
    rdv_test_remove(folder);
    check_refused(there, no_path, RDV_ENOTFOUND, "cannot run 'sh': not found in PATH");
    check_refused(there, empty_path, RDV_ENOTFOUND, "cannot run 'sh': not found in PATH");
    ck_assert_int_eq(chdir(RDV_TEST_ON_WINDOWS("") ? rdv_test_commands() : "/"), 0);
    check_refused(there, relative_paths, RDV_ENOTFOUND, "cannot run 'sh': not found in PATH");
}
END_TEST

#ifdef _WIN32
RDV_TEST_ELSEWHERE(a_program_that_may_not_be_run_is_named)
#else
START_TEST(a_program_that_may_not_be_run_is_named)
{
    char folder[] = "/tmp/rdv-test-process-XXXXXX", file[64], path[96];
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(file, sizeof file, "%s/sh", folder);
    int fd = open(file, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
    ck_assert_int_eq(write(fd, "#!/bin/sh\nexit 5\n", 17), 17);
    close(fd);

    char words[128];
    const char *const direct[] = {file, NULL}, *const named[] = {"sh", NULL};
    snprintf(words, sizeof words, "cannot run '%s': Permission denied", file);
    check_refused(direct, plain, RDV_EACCES, words);
    snprintf(path, sizeof path, "PATH=%s", folder);
    const char *const only[] = {path, NULL};
    check_refused(named, only, RDV_EACCES, "cannot run 'sh': Permission denied");

    /* A later folder of PATH may have one that can be run; and a folder is no program. */
    for (int i = 0; i < 2; i++) {
        struct watched watched = {0};
        const char *const runs[] = {"sh", "-c", "exit 6", NULL};
        struct rdv__process_options options = options_of(&watched, runs);
        snprintf(path, sizeof path, "PATH=%s:/nonexistent:/bin", folder);
        options.environment = only;
        start_with(&watched, &options);
        wait_for_end(&watched);
        ck_assert_int_eq(watched.code, 6);
        ck_assert_int_eq(remove(file), 0);
        ck_assert_int_eq(mkdir(file, 0755), 0);
    }

    ck_assert_int_eq(rmdir(file), 0);
    ck_assert_int_eq(rmdir(folder), 0);
}
END_TEST
#endif

START_TEST(a_script_without_an_interpreter_is_run_by_no_shell)
{
    char folder[RDV_TEST_PATH], file[RDV_TEST_PATH + 8], words[RDV_TEST_PATH + 64];
    rdv_test_make_folder(folder, "process");
    snprintf(file, sizeof file, "%s/x.exe", folder);
    rdv_test_write_text(file, "exit 5\n");
#ifndef _WIN32
    ck_assert_int_eq(chmod(file, 0755), 0);
#endif
    const char *const argv[] = {file, NULL};
    snprintf(words, sizeof words, "cannot run '%s': %s", file,
             RDV_TEST_ON_WINDOWS("it is no program for this Windows")
                 ? "it is no program for this Windows"
                 : "Exec format error");
    check_refused(argv, plain, RDV_EIO, words);
    rdv_test_remove(folder);
}
END_TEST

#ifdef _WIN32
RDV_TEST_ELSEWHERE(a_program_in_a_host_without_descriptors_left_is_refused)
#else
START_TEST(a_program_in_a_host_without_descriptors_left_is_refused)
{
    struct rlimit before, few;
    const char *const argv[] = {"true", NULL};
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
    int spare = dup(STDERR_FILENO);
    close(spare);
    int entries = rdv_test_descriptors();
    /* Each step on the way fails once. */
    for (rlim_t room = 0; room < 8; room++) {
        struct watched watched = {0};
        struct rdv__process_options options = options_of(&watched, argv);
        few = before;
        few.rlim_cur = (rlim_t)spare + room;
        ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
        int result = rdv__process_start(loop, &options, &watched.process, &error);
        ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
        if (result == 0)
            wait_for_end(&watched);
        else
            ck_assert_int_eq(result, RDV_ERESOURCES);
        ck_assert(room > 0 || result != 0);
        ck_assert_int_eq(rdv_test_descriptors(), entries);
        ck_assert(!has_child());
    }
}
END_TEST
#endif

/* ------------------------------------------------------- what it is given */

START_TEST(a_child_gets_its_arguments_and_environment_and_no_other)
{
    struct watched watched = {0};
    const char *const argv[] = {"env", NULL};
    rdv_test_set_variable("RDV_TEST_OWN", "1");
    start(&watched, argv);
    wait_for_end(&watched);
    char *line = strtok(watched.output, "\n");
    ck_assert_str_eq(line, plain_path);
    line = strtok(NULL, "\n");
#ifdef _WIN32
    /* What no program can do without. Wine adds more. */
    bool notify = false, root = false;
    for (; line; line = strtok(NULL, "\n")) {
        notify = notify || strncmp(line, "RDV_NOTIFY=\\\\.\\pipe\\", 20) == 0;
        root = root || strncmp(line, "SystemRoot=", 11) == 0;
        ck_assert_msg(strncmp(line, "RDV_NOTIFY=", 11) == 0 || strncmp(line, "System", 6) == 0 ||
                          strncmp(line, "WINE", 4) == 0,
                      "%s", line);
    }
    ck_assert(notify && root);
#endif
    ck_assert_ptr_null(line);
    finish(&watched);
    watched = (struct watched){0};
    const char *const odd[] = {"printf", "%s|", "a b", "$HOME", "", "*", NULL};
    start(&watched, odd);
    wait_for_end(&watched);
    ck_assert_str_eq(watched.output, "a b|$HOME||*|");
    finish(&watched);
}
END_TEST

#ifdef _WIN32
/* Handles of pipes that all children would inherit, but for those that are given a list. More than a child has of its own. */
#define INHERITABLE 200

START_TEST(a_child_gets_no_descriptor_but_0_to_3)
{
    struct watched watched = {0};
    HANDLE pipes[2 * INHERITABLE];
    static char numbers[2 * INHERITABLE][24];
    const char *argv[2 * INHERITABLE + 2] = {"handles"};
    SECURITY_ATTRIBUTES inherited = {sizeof inherited, NULL, TRUE};
    for (int i = 0; i < INHERITABLE; i++)
        ck_assert(CreatePipe(&pipes[2 * i], &pipes[2 * i + 1], &inherited, 0));
    for (int i = 0; i < 2 * INHERITABLE; i++) {
        /* Low numbers may be its own by chance. */
        snprintf(numbers[i], sizeof numbers[i], "%llu", (unsigned long long)(uintptr_t)pipes[i]);
        argv[i + 1] = (uintptr_t)pipes[i] > 1024 ? numbers[i] : "0";
    }
    start(&watched, argv);
    wait_for_end(&watched);
    ck_assert_int_eq(watched.result, 0);
    ck_assert_int_eq(watched.code, 0);
    finish(&watched);
    for (int i = 0; i < 2 * INHERITABLE; i++)
        CloseHandle(pipes[i]);
}
END_TEST

RDV_TEST_ELSEWHERE(a_child_has_default_signals_and_an_empty_mask_and_its_own_group)
#else
/* What nobody closes at exec: more of them than /proc tells at once. */
#define INHERITABLE 200

static void check_descriptors(void)
{
    struct watched watched = {0};
    const char *const argv[] = {"ls", "/proc/self/fd", NULL};
    int copies[INHERITABLE];
    for (int i = 0; i < INHERITABLE; i++)
        ck_assert_int_ge(copies[i] = dup(STDERR_FILENO), 0);
    start(&watched, argv);
    wait_for_end(&watched);
    ck_assert_str_eq(watched.output, "0\n1\n2\n3\n4\n"); /* 4 is where ls reads this */
    finish(&watched);
    for (int i = 0; i < INHERITABLE; i++)
        close(copies[i]);
}

START_TEST(a_child_gets_no_descriptor_but_0_to_3)
{
    check_descriptors();
}
END_TEST

/* Prints what is wrong. glibc's posix_spawn(), by which we may have been started, leaves two signals of its own ignored, 32 and
 * 33. */
#define CHECK_SIGNALS \
    "grep -E '^Sig(Blk|Ign)' /proc/self/status | grep -vE '0{16}$|Ign:.*000000180000000$'"

START_TEST(a_child_has_default_signals_and_an_empty_mask_and_its_own_group)
{
    sigset_t all;
    sigfillset(&all);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGUSR1, SIG_IGN);
    signal(SIGRTMIN + 3, SIG_IGN);
    sigprocmask(SIG_BLOCK, &all, NULL);
    check_script(CHECK_SIGNALS "; true", 0, "");
    check_script("set -- $(cat /proc/self/stat); test $5 = $$ || echo $5 is not $$", 0, "");
}
END_TEST
#endif

static void fill(unsigned char *data, size_t size)
{
    uint32_t number = 12345;
    for (size_t i = 0; i < size; i++) {
        number = number * 1664525 + 1013904223;
        data[i] = (unsigned char)(number >> 24);
    }
}

/* As a child: read all of it twice, and say whether it was right; and that it can't be written to. */
static int read_input_twice(void)
{
    unsigned char *expected = malloc(INPUT_SIZE), *data = malloc(INPUT_SIZE + 1);
    struct stat status;
    if (!expected || !data)
        return 2;
    fill(expected, INPUT_SIZE);
    if (fstat(0, &status) < 0 || !S_ISREG(status.st_mode) || status.st_size != INPUT_SIZE)
        return 3;
#ifdef _WIN32
    setmode(0, O_BINARY);
#else
    if (status.st_nlink != 0)
        return 3;
#endif
    for (int i = 0; i < 2; i++) {
        size_t size = 0;
        ssize_t got;
        while (size <= INPUT_SIZE &&
               (got = read(0, data + size, (unsigned)(INPUT_SIZE + 1 - size))) > 0)
            size += (size_t)got;
        if (size != INPUT_SIZE || memcmp(data, expected, size) != 0)
            return 4;
        if (lseek(0, 0, SEEK_SET) != 0)
            return 5;
    }
    if (write(0, "x", 1) >= 0)
        return 6;
    free(expected);
    free(data);
    return 0;
}

#ifdef _WIN32

#define FILLED_PIPE 60000

static int fill_pipe(void)
{
    static char data[FILLED_PIPE];
    setmode(STDOUT_FILENO, O_BINARY);
    return write(STDOUT_FILENO, data, sizeof data) == (int)sizeof data ? 0 : 3;
}

#else

#define FILLED_PIPE 1000000

/* As a child: leave that much in the pipe. */
static int fill_pipe(void)
{
    static char data[FILLED_PIPE];
    if (fcntl(STDOUT_FILENO, F_SETPIPE_SZ, FILLED_PIPE) < FILLED_PIPE)
        return 2;
    return write(STDOUT_FILENO, data, sizeof data) == (ssize_t)sizeof data ? 0 : 3;
}

static bool no_memfd;

/* In place of the C library's: a system where there is none. */
int memfd_create(const char *name, unsigned flags)
{
    if (no_memfd) {
        errno = ENOSYS;
        return -1;
    }
    return (int)syscall(SYS_memfd_create, name, flags);
}

#endif

static void check_input(void)
{
    struct watched watched = {0};
    const char *const argv[] = {own_program, "read-input", NULL};
    struct rdv__process_options options = options_of(&watched, argv);
    unsigned char *data = malloc(INPUT_SIZE);
    ck_assert_ptr_nonnull(data);
    fill(data, INPUT_SIZE);
    options.input = data;
    options.input_size = INPUT_SIZE;
    start_with(&watched, &options);
    /* It has been copied. */
    memset(data, 0, INPUT_SIZE);
    free(data);
    wait_for_end(&watched);
    ck_assert_int_eq(watched.code, 0);
    finish(&watched);
}

START_TEST(input_is_a_file_that_can_be_read_again_and_not_written)
{
    check_input();
}
END_TEST

#ifdef _WIN32
RDV_TEST_ELSEWHERE(input_is_such_a_file_also_where_there_are_no_files_in_memory)
#else
START_TEST(input_is_such_a_file_also_where_there_are_no_files_in_memory)
{
    no_memfd = true;
    check_input();
}
END_TEST
#endif

START_TEST(no_input_is_nothing_to_read)
{
    check_script("wc -c", 0, "0\n");
}
END_TEST

/* ------------------------------------------------------------------ output */

START_TEST(standard_output_and_error_come_in_the_order_of_printing)
{
    check_script("echo 1; echo 2 >&2; echo 3; printf 4 >&2", 0, "1\n2\n3\n4");
}
END_TEST

START_TEST(all_of_a_large_output_comes)
{
    struct watched watched = {0};
    start_shell(&watched, "yes 123456789 | head -c 100000000; exit 9");
    wait_for_end(&watched);
    ck_assert_int_eq(watched.code, 9);
    ck_assert_uint_eq(watched.output_size, 100000000);
    bool right = true;
    for (size_t i = 0; i < watched.output_size; i += 10)
        right = right && memcmp(watched.output + i, "123456789\n", 10) == 0;
    ck_assert(right);
    finish(&watched);
}
END_TEST

static int ticks;

static void tick(void *user)
{
    rdv_timer *timer = *(rdv_timer **)user;
    if (++ticks == 5)
        rdv_loop_stop(loop);
    else
        rdv_timer_start(timer, RDV_MILLISECOND);
}

/* So slowly that the pipe is never empty. */
static void take_slowly(void *user, const char *data, size_t size)
{
    (void)user;
    (void)data;
    (void)size;
    rdv_test_sleep(1);
}

START_TEST(a_child_that_prints_without_end_starves_nobody)
{
    struct watched watched = {0};
    rdv_timer *timer;
    const char *const argv[] = {"yes", NULL};
    struct rdv__process_options options = options_of(&watched, argv);
    options.output = take_slowly;
    start_with(&watched, &options);
    ck_assert_int_eq(rdv_timer_new(loop, tick, &timer, &timer), 0);
    rdv_timer_start(timer, RDV_MILLISECOND);
    ck_assert_int_eq(rdv_loop_run(loop), 0);
    ck_assert_int_eq(ticks, 5);
    rdv__process_end(watched.process, 0);
    wait_for_end(&watched);
    ck_assert_int_eq(watched.code, RDV__KILLED);
    rdv_timer_free(timer);
}
END_TEST

static int turns;

static int count_turn(struct rdv__turn *turn)
{
    (void)turn;
    turns++;
    return 0;
}

START_TEST(what_was_printed_before_the_end_comes_before_it)
{
    struct watched watched = {0};
    const char *const argv[] = {own_program, "fill-pipe", NULL};
    start(&watched, argv);
    /* Let it end first: it leaves more than is read in one turn. */
#ifdef _WIN32
    rdv_test_sleep(500);
#else
    siginfo_t info;
    ck_assert_int_eq(waitid(P_ALL, 0, &info, WEXITED | WNOWAIT), 0);
#endif
    wait_for_end(&watched);
    ck_assert_int_eq(watched.code, 0);
    ck_assert_uint_eq(watched.output_size, FILLED_PIPE);
    finish(&watched);
}
END_TEST

START_TEST(a_child_that_closes_its_output_is_waited_for_without_spinning)
{
    struct watched watched = {0};
    start_shell(&watched, "echo; exec >/dev/null 2>&1 3>&-; sleep 0.3; exit 4");
    wait_for_line(&watched);
    turns = 0;
    struct rdv__turn turn = {count_turn, RDV__TURN_DECIDE, NULL};
    rdv__loop_add_turn(loop, &turn);
    wait_for_end(&watched);
    rdv__loop_remove_turn(loop, &turn);
    ck_assert_int_eq(watched.code, 4);
    ck_assert_int_lt(turns, 10);
    finish(&watched);
}
END_TEST

#ifdef _WIN32
RDV_TEST_ELSEWHERE(who_left_the_group_with_the_output_open_holds_up_nothing)
#else
START_TEST(who_left_the_group_with_the_output_open_holds_up_nothing)
{
    struct watched watched = {0};
    /* It ends once the other has left and said so. */
    start_shell(&watched,
                "trap 'exit 3' USR1; setsid sh -c 'echo $$; kill -USR1 $0; exec sleep 60' "
                "$$ & while :; do sleep 0.03; done");
    wait_for_end(&watched);
    ck_assert_int_eq(watched.code, 3);
    pid_t left = (pid_t)strtol(watched.output, NULL, 10);
    ck_assert_int_gt(left, 1);
    ck_assert_int_eq(kill(left, SIGKILL), 0);
    finish(&watched);
}
END_TEST
#endif

START_TEST(a_child_that_says_nothing_takes_one_turn_also_if_it_closes_its_output)
{
    struct watched watched = {0};
    struct rdv__turn turn = {count_turn, RDV__TURN_DECIDE, NULL};
    start_shell(&watched, "exec >&- 2>&- 3>&-; sleep 0.1");
    turns = 0;
    rdv__loop_add_turn(loop, &turn);
    wait_for_end(&watched);
    rdv__loop_remove_turn(loop, &turn);
    ck_assert_int_eq(watched.code, 0);
    ck_assert_int_eq(turns, 1);
    finish(&watched);
}
END_TEST

static void free_in_output(struct watched *watched)
{
    rdv__process_free(watched->process);
    watched->process = NULL;
    rdv_loop_stop(loop);
}

START_TEST(a_process_may_be_freed_in_any_of_its_callbacks)
{
    struct watched watched = {.on_output = free_in_output};
    start_shell(&watched, "while :; do echo x; echo STATUS=a >&3; done");
    ck_assert_int_eq(rdv_loop_run(loop), 0);
    ck_assert_ptr_null(watched.process);
    ck_assert(!watched.ended);
    ck_assert(!has_child());
    finish(&watched);
}
END_TEST

/* ----------------------------------------------------------------- notices */

START_TEST(notices_that_come_together_are_one)
{
    check_notices("printf 'STATUS=downloading\\nPROGRESS=42\\nMESSAGE=half = done\\n' >&3",
                  "downloading/42/half = done;", NULL);
    check_notices("printf 'PROGRESS=0\\n' >&3", "-/0/-;", NULL);
    check_notices("printf 'MESSAGE=\\n' >&3", "-/-1/;", NULL);
}
END_TEST

START_TEST(a_key_that_comes_again_begins_a_new_notice)
{
    check_notices("printf 'STATUS=a\\nPROGRESS=1\\nPROGRESS=2\\nSTATUS=b\\nSTATUS=c\\nMESSAGE=m\\n"
                  "MESSAGE=n\\n' >&3",
                  "a/1/-;b/2/-;c/-1/m;-/-1/n;", NULL);
}
END_TEST

/* A script that waits until a notice of it was heard: where "%s/heard" is there then. */
static void begin_heard(char *script, size_t room, const char *format)
{
    const char *at = strstr(format, "%s");
    rdv_test_make_folder(heard_folder, "process");
    snprintf(script, room, "%.*s%s%s", (int)(at - format), format, heard_folder, at + 2);
}

static void end_heard(void)
{
    rdv_test_remove(heard_folder);
    heard_folder[0] = '\0';
}

START_TEST(notices_that_come_apart_are_several)
{
    struct watched watched = {0};
    char script[RDV_TEST_PATH + 128];
    begin_heard(script, sizeof script,
                "echo PROGRESS=1 >&3; until test -e %s/heard; do "
                "sleep 0.03; done; echo STATUS=a >&3");
    start_shell(&watched, script);
    wait_for_end(&watched);
    ck_assert_str_eq(watched.notices, "-/1/-;a/-1/-;");
    finish(&watched);
    end_heard();
}
END_TEST

START_TEST(a_line_that_comes_in_pieces_is_put_together)
{
    check_notices("printf STAT >&3; sleep 0.1; printf 'US=dow' >&3; sleep 0.1; printf 'nload\\n' "
                  ">&3",
                  "download/-1/-;", NULL);
}
END_TEST

START_TEST(a_last_line_without_its_end_counts)
{
    char script[RDV_TEST_PATH + 128];
    begin_heard(script, sizeof script,
                "printf 'STATUS=a\\nPROGRESS=7' >&3; until test -e "
                "%s/heard; do sleep 0.03; done");
    check_notices(script, "a/-1/-;-/7/-;", NULL);
    end_heard();
    check_notices("printf 'PROGRESS=7\\r\\n\\n' >&3", "-/7/-;", NULL);
}
END_TEST

START_TEST(a_notice_that_can_t_be_right_is_left_out_and_told)
{
    check_notices("echo PROGRESS=101 >&3; echo PROGRESS=5 >&3", "-/5/-;",
                  "progress that is not 0 to 100: PROGRESS=101");
    check_notices("echo PROGRESS= >&3", "", "not 0 to 100");
    check_notices("echo PROGRESS=-1 >&3", "", "not 0 to 100");
    check_notices("echo PROGRESS=5% >&3", "", "not 0 to 100");
    check_notices("echo PROGRESS=4294967297 >&3", "", "not 0 to 100");
    check_notices("echo STATUS= >&3", "", "no status");
    check_notices("echo hello >&3", "", "without '=': hello");
    check_notices("echo TITLE=x >&3", "", "unknown kind: TITLE=x");
    check_notices("echo status=x >&3", "", "unknown kind: status=x");
    check_notices("printf 'MESSAGE=\\377\\n' >&3", "", "not UTF-8 text: MESSAGE=\\xff");
    check_notices("printf 'MESSAGE=a\\0b\\n' >&3", "", "not UTF-8 text");
    check_notices("printf 'X\\033[2J=1\\n' >&3", "", "X\\x1b[2J=1");
}
END_TEST

START_TEST(notices_that_others_define_are_passed_over_in_silence)
{
    check_notices("printf 'READY=1\\nWATCHDOG=1\\nX_MINE=2\\nMAINPID=5\\n' >&3", "", NULL);
}
END_TEST

START_TEST(a_line_that_is_too_long_is_skipped_to_its_end)
{
    struct watched watched = {0};
    /* 4096 bytes with the key are the most. */
    start_shell(&watched, "{ printf MESSAGE=; head -c 4089 /dev/zero | tr '\\0' a; echo; } >&3;"
                          "{ head -c 100000 /dev/zero | tr '\\0' b; echo; } >&3;"
                          "echo PROGRESS=9 >&3");
    wait_for_end(&watched);
    ck_assert_str_eq(watched.notices, "-/9/-;");
    ck_assert_int_eq(watched.trouble_count, 2);
    finish(&watched);

    watched = (struct watched){0};
    start_shell(&watched,
                "{ printf MESSAGE=; head -c 4088 /dev/zero | tr '\\0' a; echo; } >&3; exit 2");
    wait_for_end(&watched);
    ck_assert_int_eq(watched.trouble_count, 0);
    ck_assert_int_eq(strncmp(watched.notices, "-/-1/aaaa", 9), 0);
    ck_assert_uint_gt(strlen(watched.notices), 4000);
    finish(&watched);
}
END_TEST

START_TEST(at_most_ten_wrong_notices_are_told)
{
    struct watched watched = {0};
    start_shell(&watched, "for i in 1 2 3 4 5 6 7 8 9 10 11 12 13; do echo WRONG=$i >&3; done; "
                          "echo PROGRESS=3 >&3; sleep 0.1");
    wait_for_end(&watched);
    ck_assert_int_eq(watched.trouble_count, 10);
    ck_assert_ptr_nonnull(strstr(watched.notices, "-/3/-;"));
    finish(&watched);
}
END_TEST

/* ------------------------------------------------------------- ending it */

START_TEST(a_child_is_asked_first_and_its_own_exit_code_counts)
{
    struct watched watched = {0};
    start_shell(&watched, "trap 'exit 7' TERM; echo; while :; do sleep 0.03; done");
    wait_for_line(&watched);
    rdv__process_end(watched.process, RDV_HOUR);
    wait_for_end(&watched);
    ck_assert_int_eq(watched.code, 7);
    finish(&watched);
}
END_TEST

START_TEST(a_child_that_refuses_is_killed_after_the_grace)
{
    struct watched watched = {0};
    start_shell(&watched, "trap '' TERM; echo; while :; do sleep 0.03; done");
    wait_for_line(&watched);
    rdv_duration before = rdv__plat_running();
    rdv__process_end(watched.process, 50 * RDV_MILLISECOND);
    wait_for_end(&watched);
    ck_assert_int_eq(watched.code, RDV__KILLED);
    ck_assert_int_ge(rdv__plat_running() - before, 50 * RDV_MILLISECOND);
    finish(&watched);
}
END_TEST

START_TEST(asking_again_can_only_shorten_the_grace)
{
    struct watched watched = {0};
    start_shell(&watched, "trap 'echo asked' TERM; echo; while :; do sleep 0.03; done");
    wait_for_line(&watched);
    rdv__process_end(watched.process, RDV_HOUR);
    watched.on_output = stop_at_words;
    while (!strstr(watched.output, "asked"))
        ck_assert_int_eq(rdv_loop_run(loop), 0);
    rdv__process_end(watched.process, 100 * RDV_MILLISECOND);
    rdv__process_end(watched.process, INT64_MAX);
    wait_for_end(&watched);
    ck_assert_int_eq(watched.code, RDV__KILLED);
    ck_assert_ptr_nonnull(strstr(watched.output, "asked\n"));
    ck_assert_ptr_null(strstr(strstr(watched.output, "asked\n") + 1, "asked"));
    finish(&watched);

    watched = (struct watched){0};
    start_shell(&watched, "trap '' TERM; echo; while :; do sleep 0.03; done");
    wait_for_line(&watched);
    rdv__process_end(watched.process, RDV_HOUR);
    rdv__process_end(watched.process, 0);
    wait_for_end(&watched);
    ck_assert_int_eq(watched.code, RDV__KILLED);
    finish(&watched);
}
END_TEST

#ifdef _WIN32
RDV_TEST_ELSEWHERE(a_stopped_child_can_be_asked_to_end)
#else
START_TEST(a_stopped_child_can_be_asked_to_end)
{
    struct watched watched = {0};
    start_shell(&watched, "trap 'exit 8' TERM; echo $$; kill -STOP $$; sleep 1; exit 9");
    wait_for_line(&watched);
    siginfo_t info;
    pid_t pid = (pid_t)strtol(watched.output, NULL, 10);
    ck_assert_int_eq(waitid(P_PID, (id_t)pid, &info, WSTOPPED | WNOWAIT), 0);
    rdv__process_end(watched.process, RDV_HOUR);
    wait_for_end(&watched);
    ck_assert_int_eq(watched.code, 8);
    finish(&watched);
}
END_TEST
#endif

START_TEST(what_the_child_leaves_in_its_group_is_killed_at_its_end)
{
    struct watched watched = {0};
    start_shell(&watched, "trap '' TERM HUP; echo $$; sleep 100 & echo $!;"
                          "(sleep 100 & echo $!; sleep 100) & echo $!; sleep 0.3; exit 0");
    wait_for_end(&watched);
    ck_assert_int_eq(watched.code, 0);
    ck_assert(tree_goes(watched.output));
    finish(&watched);
}
END_TEST

START_TEST(freeing_a_process_kills_and_reaps_its_group)
{
    struct watched watched = {0};
    start_shell(&watched, "trap '' TERM; sleep 100 & echo $$ $!; sleep 100");
    wait_for_line(&watched);
    rdv__process_free(watched.process);
    ck_assert(!has_child());
    ck_assert(tree_goes(watched.output));
    ck_assert(!watched.ended);
    rdv__process_free(NULL);
    finish(&watched);
}
END_TEST

/* ------------------------------------------------------------ strange hosts */

static const char *supervised(const char *reason)
{
    return supervision.program ? reason : NULL;
}

#ifdef _WIN32

static const char *odd_system(void)
{
    return NULL;
}

static const char *large_host_reason(void)
{
    return NULL;
}

RDV_TEST_ELSEWHERE(a_host_that_ignores_sigchld_gets_exit_codes)
RDV_TEST_ELSEWHERE(a_host_whose_children_leave_no_zombies_gets_exit_codes)
RDV_TEST_ELSEWHERE(in_a_host_that_ignores_sigchld_a_monitor_that_is_killed_is_an_error)
RDV_TEST_ELSEWHERE(a_host_that_begins_to_ignore_sigchld_is_told_that_the_exit_code_is_lost)
RDV_TEST_ELSEWHERE(a_host_s_own_children_are_left_to_it)
RDV_TEST_ELSEWHERE(a_copy_of_the_host_makes_no_work)
RDV_TEST_ELSEWHERE(a_host_with_descriptors_0_to_3_closed_is_served_as_well)
RDV_TEST_ELSEWHERE(a_system_that_closes_descriptors_one_by_one_is_served_as_well)
RDV_TEST_ELSEWHERE(an_exit_code_that_the_system_does_not_tell_is_not_made_up)
RDV_TEST_ELSEWHERE(a_system_without_pidfds_is_served_as_well)
RDV_TEST_ELSEWHERE(a_large_host_is_served_as_well)

#else

/* Under Valgrind there are no pidfds: then the reason why tests that show them are skipped, else NULL. Asked before any test
 * takes the pidfds away. */
static const char *odd_system(void)
{
    static bool asked, odd;
    if (!asked)
        odd = syscall(SYS_pidfd_open, 1, ~0u) < 0 && errno == ENOSYS;
    asked = true;
    return odd ? "needs pidfds" : NULL;
}

static void check_host(void)
{
    check_script("echo out; exit 42", 42, "out\n");
    check_script("kill -KILL $$", RDV__KILLED, "");
    check_notices("echo STATUS=a >&3", "a/-1/-;", NULL);
    const char *const none[] = {"/nonexistent", NULL};
    if (!rdv_test_deaf_start())
        check_refused(none, plain, RDV_ENOTFOUND,
                      "cannot run '/nonexistent': No such file or directory");

    struct watched watched = {0};
    start_shell(&watched, "ls /proc/self/fd | tr '\\n' ' '; " CHECK_SIGNALS
                          "; trap '' TERM; sleep 100 & echo $$; sleep 100");
    wait_for_line(&watched);
    ck_assert_int_eq(strncmp(watched.output, "0 1 2 3 4 ", 10), 0);
    ck_assert_ptr_null(strstr(watched.output, "Sig"));
    pid_t group = (pid_t)strtol(watched.output + 10, NULL, 10);
    ck_assert_int_gt(group, 1);
    rdv__process_end(watched.process, 50 * RDV_MILLISECOND);
    wait_for_end(&watched);
    ck_assert_int_eq(watched.code, RDV__KILLED);
    ck_assert(group_goes(group));
    finish(&watched);

    watched = (struct watched){0};
    start_shell(&watched, "sleep 100");
    rdv__process_free(watched.process);
}

START_TEST(a_host_that_ignores_sigchld_gets_exit_codes)
{
    signal(SIGCHLD, SIG_IGN);
    int entries = rdv_test_descriptors();
    check_host();
    rdv_loop_dispatch(loop);
    ck_assert(!has_child());
    ck_assert_int_eq(rdv_test_descriptors(), entries);
}
END_TEST

START_TEST(a_host_whose_children_leave_no_zombies_gets_exit_codes)
{
    struct sigaction action = {.sa_handler = SIG_DFL, .sa_flags = SA_NOCLDWAIT};
    ck_assert_int_eq(sigaction(SIGCHLD, &action, NULL), 0);
    int entries = rdv_test_descriptors();
    check_host();
    rdv_loop_dispatch(loop);
    ck_assert(!has_child());
    ck_assert_int_eq(rdv_test_descriptors(), entries);
}
END_TEST

START_TEST(in_a_host_that_ignores_sigchld_a_monitor_that_is_killed_is_an_error)
{
    struct watched watched = {0};
    signal(SIGCHLD, SIG_IGN);
    start_shell(&watched, "echo $PPID; read a; sleep 100");
    wait_for_line(&watched);
    pid_t monitor = (pid_t)strtol(watched.output, NULL, 10);
    ck_assert_int_ne(monitor, getpid());
    ck_assert_int_eq(kill(monitor, SIGKILL), 0);
    rdv__process_end(watched.process, RDV_HOUR);
    wait_for_end(&watched);
    ck_assert_int_eq(watched.result, RDV_EIO);
    finish(&watched);
}
END_TEST

START_TEST(a_host_that_begins_to_ignore_sigchld_is_told_that_the_exit_code_is_lost)
{
    struct watched watched = {0};
    start_shell(&watched, "trap 'exit 3' USR1; echo $$; while :; do sleep 0.03; done");
    wait_for_line(&watched);
    signal(SIGCHLD, SIG_IGN);
    ck_assert_int_eq(kill((pid_t)strtol(watched.output, NULL, 10), SIGUSR1), 0);
    wait_for_end(&watched);
    /* A supervisor tells by a way of its own. */
    ck_assert_int_eq(watched.result, supervision.program ? 0 : RDV_EIO);
    ck_assert_int_eq(watched.code, supervision.program ? 3 : 0);
    finish(&watched);
}
END_TEST

START_TEST(a_host_s_own_children_are_left_to_it)
{
    pid_t before = fork();
    if (before == 0)
        _exit(11);
    check_host();
    pid_t after = fork();
    if (after == 0)
        _exit(12);
    check_host();

    int status, sum = 0;
    for (int i = 0; i < 2; i++) {
        ck_assert_int_gt(wait(&status), 0);
        ck_assert(WIFEXITED(status));
        sum += WEXITSTATUS(status);
    }
    ck_assert_int_eq(sum, 23);
    ck_assert(!has_child());
}
END_TEST

START_TEST(a_copy_of_the_host_makes_no_work)
{
    struct watched watched = {0};
    start_shell(&watched, "read a; sleep 0.1; echo STATUS=a >&3; exit 5");
    /* It has all that is ours as long as it is there. */
    pid_t copy = fork();
    if (copy == 0) {
        pause();
        _exit(0);
    }
    wait_for_end(&watched);
    ck_assert_int_eq(watched.code, 5);
    finish(&watched);
    ck_assert_int_eq(rdv_loop_dispatch(loop), 0);
    struct pollfd work = {rdv_loop_fd(loop), POLLIN, 0};
    ck_assert_int_eq(poll(&work, 1, 0), 0);
    kill(copy, SIGKILL);
    ck_assert_int_eq(waitpid(copy, NULL, 0), copy);
}
END_TEST

static void close_low(int saved[4])
{
    for (int fd = 0; fd < 4; fd++) {
        saved[fd] = fcntl(fd, F_DUPFD_CLOEXEC, 50);
        close(fd);
    }
}

static void reopen_low(const int saved[4])
{
    for (int fd = 0; fd < 4; fd++) {
        if (saved[fd] < 0)
            continue;
        dup2(saved[fd], fd);
        close(saved[fd]);
    }
}

START_TEST(a_host_with_descriptors_0_to_3_closed_is_served_as_well)
{
    int saved[4];
    int spare = dup(STDERR_FILENO);
    ck_assert_int_ge(spare, 3);
    close_low(saved);
    /* A failed assertion is told through a pipe of Check's that is somewhere else. */
    check_host();
    signal(SIGCHLD, SIG_IGN);
    check_host();
    for (int fd = 0; fd < 4; fd++)
        ck_assert_int_lt(fcntl(fd, F_GETFD), 0);
    reopen_low(saved);
    close(spare);
}
END_TEST

/* Have two system calls, or one twice, fail as where there are none. */
static void take_away(uint32_t one, uint32_t other)
{
    struct sock_filter rules[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, one, 1, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, other, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof rules / sizeof rules[0], rules};
    ck_assert_int_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    ck_assert_int_eq(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}

START_TEST(a_system_that_closes_descriptors_one_by_one_is_served_as_well)
{
    take_away(SYS_close_range, SYS_close_range);
    ck_assert_int_lt(syscall(SYS_close_range, 1000, 1000, 0), 0);
    check_descriptors();
}
END_TEST

START_TEST(a_system_without_pidfds_is_served_as_well)
{
    take_away(SYS_pidfd_open, SYS_pidfd_send_signal);
    ck_assert_int_lt(syscall(SYS_pidfd_open, getpid(), 0), 0);
    int entries = rdv_test_descriptors();
    check_host();
    rdv_loop_dispatch(loop);
    ck_assert_int_eq(rdv_test_descriptors(), entries);

    struct watched watched = {0};
    start_shell(&watched, "echo $PPID $$; read a; sleep 100");
    wait_for_line(&watched);
    char *end;
    pid_t monitor = (pid_t)strtol(watched.output, &end, 10);
    pid_t group = (pid_t)strtol(end, NULL, 10);
    ck_assert_int_eq(kill(monitor, SIGKILL), 0);
    wait_for_end(&watched);
    ck_assert_int_eq(watched.result, RDV_EIO);
    ck_assert(group_goes(group));
    ck_assert(!has_child());
    finish(&watched);
}
END_TEST

/* Have waitid() fail if it is called with one of these flags. */
static void take_away_waiting(uint32_t flags)
{
    struct sock_filter rules[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_waitid, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[3])),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, flags, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EINVAL),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof rules / sizeof rules[0], rules};
    ck_assert_int_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    ck_assert_int_eq(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}

START_TEST(an_exit_code_that_the_system_does_not_tell_is_not_made_up)
{
    struct watched watched = {0};
    take_away_waiting(WNOWAIT);
    check_script("exit 3", 3, "");
    check_script("kill -KILL $$", RDV__KILLED, "");
    take_away_waiting(WEXITED);
    start_shell(&watched, "exit 3");
    wait_for_end(&watched);
    ck_assert_int_eq(watched.result, supervision.program ? 0 : RDV_EIO);
    ck_assert_int_eq(watched.code, supervision.program ? 3 : 0);
    finish(&watched);
}
END_TEST

START_TEST(a_large_host_is_served_as_well)
{
    const size_t size = (size_t)1 << (rdv_test_slowly() ? 27 : 30);
    /* MAP_POPULATE: all of its pages are there, at a fraction of what it takes to touch them one by one. */
    char *memory =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    ck_assert_ptr_ne(memory, MAP_FAILED);
    for (int i = 0; i < (rdv_test_slowly() ? 2 : 20); i++)
        check_script("exit 3", 3, "");
    munmap(memory, size);
}
END_TEST

static const char *large_host_reason(void)
{
    long pages = sysconf(_SC_AVPHYS_PAGES), size = sysconf(_SC_PAGESIZE);
    return pages > 0 && size > 0 && pages / 1024 * (size / 1024) > 1500
               ? NULL
               : "needs 1.5 GiB of free memory";
}

#endif

START_TEST(hundreds_of_starts_leave_nothing_behind)
{
    const int starts = rdv_test_slowly() || rdv_test_system_slowly() ? 20 : 200;
    const char *const argv[] = {"true", NULL};
    check_script("exit 0", 0, "");
    int entries = rdv_test_descriptors(), threads = rdv_test_threads();
    for (int i = 0; i < starts; i++) {
        struct watched watched = {0};
        start(&watched, argv);
        if (i % 10 == 0)
            rdv__process_free(watched.process);
        else
            wait_for_end(&watched);
        finish(&watched);
    }
    /* A system's pool may lose some of its own, and threads that have ended take a moment to go. */
    for (int i = 0; i < 2000 && rdv_test_threads() > threads; i++)
        rdv_test_sleep(10);
#ifdef _WIN32
    ck_assert_int_le(rdv_test_descriptors(), entries);
    ck_assert_int_le(rdv_test_threads(), threads);
#else
    ck_assert_int_eq(rdv_test_descriptors(), entries);
    ck_assert_int_eq(rdv_test_threads(), threads);
#endif
    ck_assert(!has_child());
}
END_TEST

START_TEST(many_children_at_once_keep_apart)
{
    const int children = rdv_test_slowly() || rdv_test_system_slowly() ? 20 : 100;
    struct watched watched[100];
    char script[96];
    memset(watched, 0, sizeof watched);
    for (int i = 0; i < children; i++) {
        snprintf(script, sizeof script, "echo %d; echo PROGRESS=%d >&3; exit %d", i, i, i);
        start_shell(&watched[i], script);
    }
    for (int i = 0; i < children; i++) {
        wait_for_end(&watched[i]);
        snprintf(script, sizeof script, "-/%d/-;", i);
        ck_assert_int_eq(watched[i].code, i);
        ck_assert_int_eq(strtol(watched[i].output, NULL, 10), i);
        ck_assert_str_eq(watched[i].notices, script);
        finish(&watched[i]);
    }
}
END_TEST

static TCase *add_case(Suite *suite, const char *name)
{
    TCase *tcase = tcase_create(name);
    rdv_test_add_fixture(tcase, set_up, usual, tear_down);
    tcase_set_timeout(tcase, 60);
    suite_add_tcase(suite, tcase);
    return tcase;
}

/* Why a test is skipped here: the first of these reasons that there is. */
static const char *either(const char *one, const char *other)
{
    return one ? one : other;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "read-input") == 0)
        return read_input_twice();
    if (argc == 2 && strcmp(argv[1], "fill-pipe") == 0)
        return fill_pipe();

    supervision.program = getenv("RDVTASK_CHILD");
    Suite *suite = suite_create("process");

    TCase *ends = add_case(suite, "ends");
    tcase_add_test(ends, an_exit_code_is_told);
    tcase_add_test(ends, a_signal_is_told_as_a_negative_code);
    rdv_test_add_unless(ends, a_program_that_is_not_there_is_named, rdv_test_deaf_start());
    rdv_test_add_unless(ends, a_program_that_may_not_be_run_is_named,
                        either(RDV_TEST_ON_WINDOWS("a file has no right of its own to be run"),
                               rdv_test_deaf_start()));
    rdv_test_add_unless(ends, a_script_without_an_interpreter_is_run_by_no_shell,
                        either(rdv_test_deaf_start(), supervised("told by an exit code")));
    rdv_test_add_unless(ends, a_program_in_a_host_without_descriptors_left_is_refused,
                        either(RDV_TEST_ON_WINDOWS("handles can't be made few"),
                               rdv_test_under_valgrind(RDV_TEST_VALGRIND_DESCRIPTORS)));

    TCase *given = add_case(suite, "given");
    tcase_add_test(given, a_child_gets_its_arguments_and_environment_and_no_other);
    tcase_add_test(given, a_child_gets_no_descriptor_but_0_to_3);
    rdv_test_add_unless(given, a_child_has_default_signals_and_an_empty_mask_and_its_own_group,
                        RDV_TEST_ON_WINDOWS("there are no signals"));
    tcase_add_test(given, input_is_a_file_that_can_be_read_again_and_not_written);
    rdv_test_add_unless(given, input_is_such_a_file_also_where_there_are_no_files_in_memory,
                        RDV_TEST_ON_WINDOWS("there are none"));
    tcase_add_test(given, no_input_is_nothing_to_read);

    TCase *output = add_case(suite, "output");
    tcase_add_test(output, standard_output_and_error_come_in_the_order_of_printing);
    tcase_add_test(output, all_of_a_large_output_comes);
    tcase_add_test(output, a_child_that_prints_without_end_starves_nobody);
    rdv_test_add_unless(output, what_was_printed_before_the_end_comes_before_it, odd_system());
    tcase_add_test(output, a_child_that_closes_its_output_is_waited_for_without_spinning);
    rdv_test_add_unless(output, who_left_the_group_with_the_output_open_holds_up_nothing,
                        either(RDV_TEST_ON_WINDOWS("nobody can leave a job"),
                               supervised("a supervisor ends who left the group")));
    rdv_test_add_unless(output,
                        a_child_that_says_nothing_takes_one_turn_also_if_it_closes_its_output,
                        RDV_TEST_ON_WINDOWS("its pipes end one by one"));
    tcase_add_test(output, a_process_may_be_freed_in_any_of_its_callbacks);

    TCase *notices = add_case(suite, "notices");
    tcase_add_test(notices, notices_that_come_together_are_one);
    tcase_add_test(notices, a_key_that_comes_again_begins_a_new_notice);
    tcase_add_test(notices, notices_that_come_apart_are_several);
    tcase_add_test(notices, a_line_that_comes_in_pieces_is_put_together);
    tcase_add_test(notices, a_last_line_without_its_end_counts);
    tcase_add_test(notices, a_notice_that_can_t_be_right_is_left_out_and_told);
    tcase_add_test(notices, notices_that_others_define_are_passed_over_in_silence);
    tcase_add_test(notices, a_line_that_is_too_long_is_skipped_to_its_end);
    tcase_add_test(notices, at_most_ten_wrong_notices_are_told);

    TCase *ending = add_case(suite, "ending");
    rdv_test_add_unless(ending, a_child_is_asked_first_and_its_own_exit_code_counts,
                        rdv_test_no_asking());
    tcase_add_test(ending, a_child_that_refuses_is_killed_after_the_grace);
    rdv_test_add_unless(ending, asking_again_can_only_shorten_the_grace, rdv_test_no_asking());
    rdv_test_add_unless(ending, a_stopped_child_can_be_asked_to_end,
                        either(RDV_TEST_ON_WINDOWS("there is no SIGSTOP"),
                               either(odd_system(), supervised("the program is no child"))));
    tcase_add_test(ending, what_the_child_leaves_in_its_group_is_killed_at_its_end);
    tcase_add_test(ending, freeing_a_process_kills_and_reaps_its_group);

    TCase *hosts = add_case(suite, "hosts");
    const char *no_sigchld =
        RDV_TEST_ON_WINDOWS("there is no SIGCHLD: a host can't take a child's end away");
    rdv_test_add_unless(hosts, a_host_that_ignores_sigchld_gets_exit_codes, no_sigchld);
    rdv_test_add_unless(hosts, a_host_whose_children_leave_no_zombies_gets_exit_codes, no_sigchld);
    rdv_test_add_unless(hosts, in_a_host_that_ignores_sigchld_a_monitor_that_is_killed_is_an_error,
                        either(no_sigchld, supervised("what is killed is the supervisor")));
    rdv_test_add_unless(hosts,
                        a_host_that_begins_to_ignore_sigchld_is_told_that_the_exit_code_is_lost,
                        either(no_sigchld, odd_system()));
    rdv_test_add_unless(hosts, a_host_s_own_children_are_left_to_it, no_sigchld);
    rdv_test_add_unless(hosts, a_copy_of_the_host_makes_no_work,
                        RDV_TEST_ON_WINDOWS("no process is ever copied"));
    rdv_test_add_unless(hosts, a_host_with_descriptors_0_to_3_closed_is_served_as_well,
                        either(RDV_TEST_ON_WINDOWS("handles have no numbers that mean something"),
                               either(odd_system(), rdv_test_deaf_start())));
    /* It can't be given back. */
    const char *no_fork = getenv("CK_FORK") && strcmp(getenv("CK_FORK"), "no") == 0
                              ? "needs a process of its own"
                              : NULL;
    rdv_test_add_unless(
        hosts, a_system_that_closes_descriptors_one_by_one_is_served_as_well,
        either(RDV_TEST_ON_WINDOWS("there are no descriptors"),
               either(no_fork, supervised("the supervisor has them closed at once only"))));
    rdv_test_add_unless(
        hosts, an_exit_code_that_the_system_does_not_tell_is_not_made_up,
        either(RDV_TEST_ON_WINDOWS("there is no waitid()"), either(no_fork, odd_system())));
    rdv_test_add_unless(hosts, a_system_without_pidfds_is_served_as_well,
                        either(RDV_TEST_ON_WINDOWS("there are no pidfds"),
                               either(no_fork, supervised("what it kills is the supervisor"))));
    rdv_test_add_unless(
        hosts, a_large_host_is_served_as_well,
        either(RDV_TEST_ON_WINDOWS("no process is ever copied"), large_host_reason()));
    tcase_add_test(hosts, hundreds_of_starts_leave_nothing_behind);
    tcase_add_test(hosts, many_children_at_once_keep_apart);

    return rdv_test_main(suite);
}
