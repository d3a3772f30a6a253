/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "harness.h"
#include "plat.h"

/* ------------------------------------------------------------------- stage */

static char folder[64];
static char path[128];
static struct rdv_error error;

static const char *at(const char *name)
{
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void set_up(void)
{
    snprintf(folder, sizeof folder, "/tmp/rdv-test-plat-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    memset(&error, 0, sizeof error);
}

static void tear_down(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    ck_assert_int_eq(system(command), 0);
}

static void make_file(const char *name, const char *text, size_t size)
{
    FILE *file = fopen(at(name), "w");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(text, 1, size, file), size);
    ck_assert_int_eq(fclose(file), 0);
}

static void nap(long milliseconds)
{
    nanosleep(&(struct timespec){milliseconds / 1000, milliseconds % 1000 * 1000000}, NULL);
}

/* -------------------------------------------------------------------- time */

START_TEST(now_is_the_system_s_clock)
{
    struct timespec before;
    clock_gettime(CLOCK_REALTIME, &before);
    rdv_time now = rdv__plat_now();
    ck_assert_int_ge(now, rdv_time_from_unix(before.tv_sec, before.tv_nsec));
    ck_assert_int_lt(now, rdv_time_from_unix(before.tv_sec + 60, 0));
}
END_TEST

START_TEST(running_time_and_time_since_boot_go_forward)
{
    rdv_duration running = rdv__plat_running(), boot = rdv__plat_since_boot();
    nap(2);
    ck_assert_int_ge(rdv__plat_running(), running + RDV_MILLISECOND);
    ck_assert_int_ge(rdv__plat_since_boot(), boot + RDV_MILLISECOND);
    ck_assert_int_ge(boot, running - RDV_SECOND);
}
END_TEST

START_TEST(the_clock_s_state_can_be_asked_for)
{
    bool first = rdv__plat_clock_synchronised();
    ck_assert(first == rdv__plat_clock_synchronised());
}
END_TEST

static bool readable(int fd, int patience)
{
    struct pollfd wait = {fd, POLLIN, 0};
    return poll(&wait, 1, patience) == 1;
}

START_TEST(a_timer_s_descriptor_is_ready_at_its_moment_and_not_before)
{
    for (int i = 0; i < 2; i++) {
        struct rdv__plat_timer timer;
        ck_assert_int_eq(rdv__plat_timer_open(i == 1, &timer), 0);
        int64_t now = i == 1 ? rdv__plat_now() : rdv__plat_running();
        ck_assert_int_eq(rdv__plat_timer_read(&timer), RDV__TIMER_NOTHING);
        rdv__plat_timer_set(&timer, now + 20 * RDV_MILLISECOND);
        ck_assert_int_eq(rdv__plat_timer_read(&timer), RDV__TIMER_NOTHING);
        ck_assert(readable(timer.fd, 5000));
        ck_assert_int_ge(i == 1 ? rdv__plat_now() : rdv__plat_running(),
                         now + 20 * RDV_MILLISECOND);
        ck_assert_int_eq(rdv__plat_timer_read(&timer), RDV__TIMER_DUE);
        ck_assert(!readable(timer.fd, 0));

        rdv__plat_timer_set(&timer, 1);
        ck_assert(readable(timer.fd, 5000));
        rdv__plat_timer_set(&timer, INT64_MAX);
        ck_assert(!readable(timer.fd, 0));
        rdv__plat_timer_set(&timer, 1);
        rdv__plat_timer_set(&timer, 0);
        ck_assert(!readable(timer.fd, 5));
        rdv__plat_timer_close(&timer);
        rdv__plat_timer_close(&timer);
    }
}
END_TEST

/* ------------------------------------------------------------ this machine */

START_TEST(random_bytes_differ)
{
    unsigned char first[600], second[600];
    ck_assert_int_eq(rdv__plat_random(first, sizeof first), 0);
    ck_assert_int_eq(rdv__plat_random(second, sizeof second), 0);
    ck_assert_mem_ne(first, second, 16);
    ck_assert_mem_ne(first + 584, second + 584, 16);
}
END_TEST

START_TEST(the_boot_id_is_one_line_and_stays)
{
    char first[RDV__BOOT_ID_SIZE], second[RDV__BOOT_ID_SIZE];
    ck_assert_int_eq(rdv__plat_boot_id(first), 0);
    ck_assert_int_eq(rdv__plat_boot_id(second), 0);
    ck_assert_uint_eq(strlen(first), 36);
    ck_assert_str_eq(first, second);
}
END_TEST

static int counter;

static void *count(void *user)
{
    for (int i = 0; i < 10000; i++)
        rdv__atomic_add(&counter, 1);
    return user;
}

START_TEST(atomics_lose_nothing)
{
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, count, NULL), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    ck_assert_int_eq(rdv__atomic_load(&counter), 40000);
    ck_assert_int_eq(rdv__atomic_add(&counter, -1), 39999);
    rdv__atomic_store(&counter, 5);
    ck_assert_int_eq(rdv__atomic_load(&counter), 5);
}
END_TEST

/* ------------------------------------------------------------------- files */

static void check_reads(const char *name, size_t limit, const char *expected, size_t size)
{
    char *data;
    size_t got;
    ck_assert_int_eq(rdv__plat_read_file(at(name), limit, &data, &got, &error), 0);
    ck_assert_uint_eq(got, size);
    ck_assert_mem_eq(data, expected, size);
    ck_assert_int_eq(data[size], '\0');
    free(data);
}

static void check_refuses(const char *file, size_t limit, int code, const char *words)
{
    char *data = NULL;
    size_t size = 77;
    memset(&error, 0, sizeof error);
    ck_assert_int_eq(rdv__plat_read_file(file, limit, &data, &size, &error), code);
    ck_assert_ptr_null(data);
    ck_assert_uint_eq(size, 77);
    ck_assert_int_eq(error.code, code);
    ck_assert_int_eq(error.line, 0);
    ck_assert_msg(strstr(error.text, words) && strstr(error.text, file), "said: %s", error.text);
}

START_TEST(a_file_is_read_whole)
{
    static char large[300001];
    for (size_t i = 0; i < sizeof large; i++)
        large[i] = (char)(i * 7 % 251);
    make_file("empty", "", 0);
    make_file("nul", "a\0b", 3);
    make_file("large", large, sizeof large);
    check_reads("empty", 100, "", 0);
    check_reads("empty", 0, "", 0);
    check_reads("nul", 100, "a\0b", 3);
    check_reads("large", sizeof large, large, sizeof large);
    check_reads("large", 1 << 20, large, sizeof large);
}
END_TEST

START_TEST(a_file_whose_size_is_not_told_is_read_whole)
{
    char *data;
    size_t size;
    ck_assert_int_eq(rdv__plat_read_file("/proc/self/smaps", 64 << 20, &data, &size, NULL), 0);
    ck_assert_uint_gt(size, 4096);
    ck_assert_uint_eq(strlen(data), size);
    free(data);
}
END_TEST

START_TEST(a_file_past_the_limit_is_refused)
{
    make_file("four", "1234", 4);
    check_reads("four", 4, "1234", 4);
    check_refuses(at("four"), 3, RDV_ELIMIT, "larger than 3 bytes");
    check_refuses(at("four"), 0, RDV_ELIMIT, "larger than 0 bytes");
    check_refuses("/proc/self/status", 10, RDV_ELIMIT, "larger than 10 bytes");
}
END_TEST

START_TEST(errors_of_the_system_have_one_meaning_each)
{
    ck_assert_int_eq(rdv__plat_error(0), 0);
    ck_assert_int_eq(rdv__plat_error(ENOMEM), RDV_ENOMEM);
    ck_assert_int_eq(rdv__plat_error(ENOENT), RDV_ENOTFOUND);
    ck_assert_int_eq(rdv__plat_error(ENOTDIR), RDV_ENOTFOUND);
    ck_assert_int_eq(rdv__plat_error(EACCES), RDV_EACCES);
    ck_assert_int_eq(rdv__plat_error(EPERM), RDV_EACCES);
    ck_assert_int_eq(rdv__plat_error(EROFS), RDV_EREADONLY);
    ck_assert_int_eq(rdv__plat_error(ENOSPC), RDV_ENOSPC);
    ck_assert_int_eq(rdv__plat_error(EDQUOT), RDV_ENOSPC);
    ck_assert_int_eq(rdv__plat_error(EMFILE), RDV_EIO);
    ck_assert_int_eq(rdv__plat_error(EIO), RDV_EIO);
}
END_TEST

START_TEST(what_is_no_regular_file_is_refused_without_waiting)
{
    ck_assert_int_eq(mkfifo(at("fifo"), 0600), 0);
    check_refuses(at("fifo"), 100, RDV_EINVAL, "not a regular file");
    check_refuses(folder, 100, RDV_EINVAL, "not a regular file");
    check_refuses("/dev/zero", 100, RDV_EINVAL, "not a regular file");
}
END_TEST

START_TEST(a_file_that_is_not_there_is_said_to_be_so)
{
    check_refuses(at("missing"), 100, RDV_ENOTFOUND, "No such file");
    check_refuses(at("missing/too"), 100, RDV_ENOTFOUND, "No such file");
    char loops[128];
    snprintf(loops, sizeof loops, "%s", at("loop"));
    ck_assert_int_eq(symlink(loops, loops), 0);
    check_refuses(loops, 100, RDV_EIO, "symbolic links");
}
END_TEST

START_TEST(a_file_that_may_not_be_read_is_said_to_be_so)
{
    make_file("secret", "x", 1);
    ck_assert_int_eq(chmod(at("secret"), 0), 0);
    /* Root may read everything, so it must be someone else, in a process of its own. */
    pid_t pid = fork();
    if (pid == 0) {
        char *data;
        size_t size;
        if (chmod(folder, 0755) < 0 || (geteuid() == 0 && setuid(65534) < 0))
            _exit(2);
        int code = rdv__plat_read_file(path, 100, &data, &size, &error);
        _exit(code == RDV_EACCES && strstr(error.text, "Permission denied") ? 0 : 1);
    }
    int status;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(status, 0);
}
END_TEST

/* -------------------------------------------------------------------- lock */

START_TEST(a_second_writer_is_refused_with_the_first_one_s_name)
{
    struct rdv__plat_lock *lock, *second = NULL;
    char words[64];
    ck_assert_int_eq(rdv__plat_lock(at("lock"), "test holder", &lock, &error), 0);
    ck_assert_int_eq(rdv__plat_lock(at("lock"), "other", &second, &error), RDV_ELOCKED);
    ck_assert_ptr_null(second);
    snprintf(words, sizeof words, "test holder (pid %ld)", (long)getpid());
    ck_assert_msg(strstr(error.text, words), "said: %s", error.text);

    pid_t pid = fork();
    if (pid == 0)
        _exit(rdv__plat_lock(path, "child", &second, NULL) == RDV_ELOCKED ? 0 : 1);
    int status;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(status, 0);

    rdv__plat_unlock(lock);
    ck_assert_int_eq(rdv__plat_lock(at("lock"), "other", &second, &error), 0);
    rdv__plat_unlock(second);
    rdv__plat_unlock(NULL);
}
END_TEST

START_TEST(a_lock_is_free_after_unlock_though_a_forked_process_has_its_descriptor)
{
    struct rdv__plat_lock *lock;
    ck_assert_int_eq(rdv__plat_lock(at("lock"), "a", &lock, NULL), 0);
    pid_t pid = fork();
    if (pid == 0)
        for (;;)
            pause();
    rdv__plat_unlock(lock);
    ck_assert_int_eq(rdv__plat_lock(at("lock"), "b", &lock, NULL), 0);
    rdv__plat_unlock(lock);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}
END_TEST

START_TEST(a_lock_of_a_process_that_was_killed_is_free)
{
    struct rdv__plat_lock *lock;
    pid_t pid = fork();
    at("lock");
    if (pid == 0) {
        if (rdv__plat_lock(path, "a holder whose words are longer than the next one's", &lock,
                           NULL) != 0)
            _exit(1);
        raise(SIGKILL);
    }
    int status;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert(WIFSIGNALED(status));
    ck_assert_int_eq(rdv__plat_lock(path, "b", &lock, NULL), 0);

    char expected[64], *text;
    size_t size;
    snprintf(expected, sizeof expected, "b (pid %ld)\n", (long)getpid());
    ck_assert_int_eq(rdv__plat_read_file(path, 1000, &text, &size, NULL), 0);
    ck_assert_str_eq(text, expected);
    free(text);
    rdv__plat_unlock(lock);
}
END_TEST

START_TEST(a_lock_s_holder_that_is_not_told_is_another_process)
{
    struct rdv__plat_lock *lock;
    ck_assert_int_eq(rdv__plat_lock(at("lock"), "a", &lock, NULL), 0);
    ck_assert_int_eq(truncate(at("lock"), 0), 0);
    ck_assert_int_eq(rdv__plat_lock(at("lock"), "b", &lock, &error), RDV_ELOCKED);
    ck_assert_msg(strstr(error.text, "another process"), "said: %s", error.text);
    rdv__plat_unlock(lock);
}
END_TEST

START_TEST(a_lock_s_file_is_for_its_owner_only_and_not_inherited)
{
    struct rdv__plat_lock *lock;
    struct stat status;
    umask(0);
    close(STDIN_FILENO);
    ck_assert_int_eq(rdv__plat_lock(at("lock"), "a", &lock, NULL), 0);
    ck_assert_int_eq(stat(at("lock"), &status), 0);
    ck_assert_uint_eq(status.st_mode & 07777, 0600);
    ck_assert_int_lt(fcntl(STDIN_FILENO, F_GETFD), 0);
    rdv__plat_unlock(lock);
}
END_TEST

START_TEST(a_lock_that_can_t_be_made_says_why)
{
    struct rdv__plat_lock *lock = NULL;
    ck_assert_int_eq(rdv__plat_lock(at("no/lock"), "a", &lock, &error), RDV_ENOTFOUND);
    ck_assert_msg(strstr(error.text, "No such file"), "said: %s", error.text);
    ck_assert_int_eq(rdv__plat_lock(folder, "a", &lock, &error), RDV_EIO);
    ck_assert_int_eq(mkfifo(at("fifo"), 0600), 0);
    ck_assert_int_eq(rdv__plat_lock(at("fifo"), "a", &lock, &error), RDV_EIO);
    make_file("target", "", 0);
    ck_assert_int_eq(symlink("target", at("link")), 0);
    ck_assert_int_eq(rdv__plat_lock(at("link"), "a", &lock, &error), RDV_EIO);
    ck_assert_ptr_null(lock);
}
END_TEST

/* -------------------------------------------------------------------- logs */

static void age(const char *name, time_t seconds)
{
    struct timespec times[2] = {{seconds, 0}, {seconds, 0}};
    ck_assert_int_eq(utimensat(AT_FDCWD, at(name), times, 0), 0);
}

START_TEST(a_log_is_made_with_its_folders_appended_to_and_begun_afresh)
{
    char deep[128];
    int fd;
    struct stat status;
    snprintf(deep, sizeof deep, "%s", at("a/b/c"));
    umask(0);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(rdv__plat_log_open(deep, "1.log", false, &fd), 0);
        ck_assert_int_eq(rdv__plat_log_write(fd, "12345", 5), 0);
        ck_assert_int_eq(rdv__plat_log_size(fd), (i + 1) * 5);
        rdv__plat_log_close(fd);
    }
    ck_assert_int_eq(stat(at("a/b/c/1.log"), &status), 0);
    ck_assert_uint_eq(status.st_mode & 07777, 0600);
    ck_assert_int_eq(stat(at("a/b"), &status), 0);
    ck_assert_uint_eq(status.st_mode & 07777, 0700);

    ck_assert_int_eq(rdv__plat_log_open(deep, "1.log", true, &fd), 0);
    ck_assert_int_eq(rdv__plat_log_size(fd), 0);
    ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
    rdv__plat_log_close(fd);
    rdv__plat_log_close(-1);
    ck_assert_int_eq(rdv__plat_log_size(-1), -1);
}
END_TEST

START_TEST(a_log_that_can_t_be_made_or_written_says_why)
{
    int fd = -77;
    make_file("file", "", 0);
    ck_assert_int_eq(rdv__plat_log_open(at("file"), "1.log", true, &fd), RDV_ENOTFOUND);
    ck_assert_int_eq(rdv__plat_log_open(at("file/a/b"), "1.log", true, &fd), RDV_ENOTFOUND);
    ck_assert_int_eq(rdv__plat_log_open("/proc/rdv/logs", "1.log", true, &fd), RDV_ENOTFOUND);
    ck_assert_int_eq(symlink("file", at("link.log")), 0);
    ck_assert_int_eq(rdv__plat_log_open(folder, "link.log", true, &fd), RDV_EIO);
    ck_assert_int_eq(fd, -77);

    fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
    ck_assert_int_eq(rdv__plat_log_write(fd, "x", 1), RDV_ENOSPC);
    close(fd);
    ck_assert_int_eq(rdv__plat_log_write(fd, "x", 1), RDV_EIO);
}
END_TEST

START_TEST(trimming_takes_the_oldest_logs_first_and_nothing_else)
{
    char name[16];
    /* 70 of them, so that they don't fit in the first list. */
    for (int i = 0; i < 70; i++) {
        snprintf(name, sizeof name, "%d.log", i);
        make_file(name, "1234567890", 10);
        age(name, i == 69 ? 1000000 - 68 : 1000000 - i); /* 68 and 69 tie: by name */
    }
    make_file("69.txt", "1234567890", 10);
    make_file(".log", "1234567890", 10);
    age("69.txt", 1);
    age(".log", 1);
    ck_assert_int_eq(mkdir(at("folder.log"), 0700), 0);

    ck_assert_int_eq(rdv__plat_log_trim(folder, 700, NULL), 0);
    ck_assert_int_eq(access(at("69.log"), F_OK), 0);
    ck_assert_int_eq(rdv__plat_log_trim(folder, 699, NULL), 0);
    ck_assert_int_lt(access(at("68.log"), F_OK), 0);
    ck_assert_int_eq(access(at("69.log"), F_OK), 0);
    ck_assert_int_eq(rdv__plat_log_trim(folder, 20, "69.log"), 0);
    ck_assert_int_eq(access(at("69.log"), F_OK), 0);
    ck_assert_int_eq(access(at("0.log"), F_OK), 0);
    ck_assert_int_lt(access(at("1.log"), F_OK), 0);
    ck_assert_int_eq(rdv__plat_log_trim(folder, 0, "69.log"), 0);
    ck_assert_int_eq(access(at("69.log"), F_OK), 0);
    ck_assert_int_lt(access(at("0.log"), F_OK), 0);
    ck_assert_int_eq(access(at("69.txt"), F_OK), 0);
    ck_assert_int_eq(access(at(".log"), F_OK), 0);
    ck_assert_int_eq(access(at("folder.log"), F_OK), 0);
    ck_assert_int_eq(rdv__plat_log_trim(at("none"), 0, NULL), RDV_ENOTFOUND);
}
END_TEST

/* --------------------------------------------------------------- leftovers */

static char mark[64];

/* A shell in the way of a task that was left: the marks are in its environment, and it is nobody's child that is waited for. */
static pid_t leave(const char *script, const char *other)
{
    char run[64];
    snprintf(run, sizeof run, "%s", other);
    char *argv[] = {"sh", "-c", (char *)script, NULL};
    char *environment[] = {"PATH=/usr/bin:/bin", mark, run, NULL};
    int ends[2];
    ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
    pid_t pid = fork();
    if (pid == 0) {
        if (dup2(ends[1], STDOUT_FILENO) >= 0)
            execve("/bin/sh", argv, environment);
        _exit(127);
    }
    /* It is marked once it runs, and what it set up is there once it has printed a line. */
    char byte;
    close(ends[1]);
    ck_assert_int_eq(read(ends[0], &byte, 1), 1);
    close(ends[0]);
    return pid;
}

static int status_of(pid_t pid)
{
    int status;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    return status;
}

static const char *const *marks_of(const char *second)
{
    static const char *marks[3];
    marks[0] = mark;
    marks[1] = second;
    marks[2] = NULL;
    return marks;
}

static void set_mark(void)
{
    set_up();
    snprintf(mark, sizeof mark, "RDV_TEST_MARK=%ld", (long)getpid());
}

START_TEST(leftovers_with_all_marks_are_asked_to_end)
{
    pid_t meant = leave("trap 'exit 3' TERM; echo; while :; do sleep 0.01; done", "RUN=1");
    pid_t other = leave("echo; exec sleep 100", "RUN=11");
    /* The shell, and the sleep that it may be waiting for. */
    ck_assert_int_ge(rdv__plat_end_leftovers(marks_of("RUN=1"), 10 * RDV_SECOND), 1);
    int status = status_of(meant);
    ck_assert(WIFEXITED(status));
    ck_assert_int_eq(WEXITSTATUS(status), 3);
    ck_assert_int_eq(kill(other, 0), 0);
    ck_assert_int_eq(waitpid(other, NULL, WNOHANG), 0);
    kill(other, SIGKILL);
    status_of(other);
}
END_TEST

START_TEST(leftovers_that_refuse_are_killed_after_the_grace_and_stopped_ones_woken)
{
    pid_t stubborn = leave("trap '' TERM; echo; while :; do sleep 0.01; done", "RUN=2");
    pid_t stopped = leave("echo; kill -STOP $$; sleep 100", "RUN=2");
    int status;
    ck_assert_int_eq(waitpid(stopped, &status, WUNTRACED), stopped);
    ck_assert_int_ge(rdv__plat_end_leftovers(marks_of("RUN=2"), RDV_SECOND / 5), 2);
    ck_assert_int_eq(WTERMSIG(status_of(stubborn)), SIGKILL);
    ck_assert_int_eq(WTERMSIG(status_of(stopped)), SIGTERM);
}
END_TEST

START_TEST(leftovers_without_grace_are_killed_with_what_they_start_meanwhile)
{
    pid_t forking =
        leave("trap '' TERM; echo; for i in 1 2 3 4 5; do for k in 1 2 3 4 5 6 7 8 9; do "
              "sleep 20 & done; done; wait",
              "RUN=3");
    ck_assert_int_ge(rdv__plat_end_leftovers(marks_of("RUN=3"), 0), 1);
    ck_assert_int_eq(WTERMSIG(status_of(forking)), SIGKILL);
    ck_assert_int_eq(rdv__plat_end_leftovers(marks_of("RUN=3"), 0), 0);
}
END_TEST

START_TEST(no_mark_means_nobody)
{
    const char *const none[] = {NULL};
    ck_assert_int_eq(rdv__plat_end_leftovers(none, 0), 0);
}
END_TEST

START_TEST(the_caller_itself_is_no_leftover)
{
    /* Its own environment as it was started with has this, as all that are started from the same place do. */
    char *environment;
    size_t size;
    ck_assert_int_eq(rdv__plat_read_file("/proc/self/environ", 1 << 20, &environment, &size, NULL),
                     0);
    free(environment);
    ck_assert_int_eq(rdv__plat_end_leftovers(marks_of(NULL), 0), 0);

    /* So one that has the marks asks for it, and has to live to tell. */
    char self[256];
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    ck_assert_int_gt(length, 0);
    self[length] = '\0';
    char *argv[] = {self, "leftover", mark, NULL};
    char *own[] = {mark, NULL};
    pid_t pid = fork();
    if (pid == 0) {
        execve(self, argv, own);
        _exit(127);
    }
    ck_assert_int_eq(status_of(pid), 0);
}
END_TEST

static TCase *add_case(Suite *suite, const char *name, SFun begin)
{
    TCase *tcase = tcase_create(name);
    tcase_add_checked_fixture(tcase, begin, tear_down);
    tcase_set_timeout(tcase, 60);
    suite_add_tcase(suite, tcase);
    return tcase;
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "leftover") == 0) {
        const char *const marks[] = {argv[2], NULL};
        return rdv__plat_end_leftovers(marks, 0);
    }

    Suite *suite = suite_create("plat");

    TCase *time = add_case(suite, "time", set_up);
    tcase_add_test(time, now_is_the_system_s_clock);
    tcase_add_test(time, running_time_and_time_since_boot_go_forward);
    tcase_add_test(time, the_clock_s_state_can_be_asked_for);
    tcase_add_test(time, a_timer_s_descriptor_is_ready_at_its_moment_and_not_before);

    TCase *machine = add_case(suite, "machine", set_up);
    tcase_add_test(machine, random_bytes_differ);
    tcase_add_test(machine, the_boot_id_is_one_line_and_stays);
    tcase_add_test(machine, atomics_lose_nothing);

    TCase *files = add_case(suite, "files", set_up);
    tcase_add_test(files, a_file_is_read_whole);
    tcase_add_test(files, a_file_whose_size_is_not_told_is_read_whole);
    tcase_add_test(files, a_file_past_the_limit_is_refused);
    tcase_add_test(files, errors_of_the_system_have_one_meaning_each);
    tcase_add_test(files, what_is_no_regular_file_is_refused_without_waiting);
    tcase_add_test(files, a_file_that_is_not_there_is_said_to_be_so);
    tcase_add_test(files, a_file_that_may_not_be_read_is_said_to_be_so);

    TCase *lock = add_case(suite, "lock", set_up);
    tcase_add_test(lock, a_second_writer_is_refused_with_the_first_one_s_name);
    tcase_add_test(lock, a_lock_is_free_after_unlock_though_a_forked_process_has_its_descriptor);
    tcase_add_test(lock, a_lock_of_a_process_that_was_killed_is_free);
    tcase_add_test(lock, a_lock_s_holder_that_is_not_told_is_another_process);
    tcase_add_test(lock, a_lock_s_file_is_for_its_owner_only_and_not_inherited);
    tcase_add_test(lock, a_lock_that_can_t_be_made_says_why);

    TCase *logs = add_case(suite, "logs", set_up);
    tcase_add_test(logs, a_log_is_made_with_its_folders_appended_to_and_begun_afresh);
    tcase_add_test(logs, a_log_that_can_t_be_made_or_written_says_why);
    tcase_add_test(logs, trimming_takes_the_oldest_logs_first_and_nothing_else);

    TCase *leftovers = add_case(suite, "leftovers", set_mark);
    /* Valgrind has none. */
    bool pidfds = syscall(SYS_pidfd_open, 1, ~0u) >= 0 || errno != ENOSYS;
    const char *reason = pidfds ? NULL : "needs pidfds";
    rdv_test_add_unless(leftovers, leftovers_with_all_marks_are_asked_to_end, reason);
    rdv_test_add_unless(
        leftovers, leftovers_that_refuse_are_killed_after_the_grace_and_stopped_ones_woken, reason);
    rdv_test_add_unless(leftovers,
                        leftovers_without_grace_are_killed_with_what_they_start_meanwhile, reason);
    tcase_add_test(leftovers, no_mark_means_nobody);
    tcase_add_test(leftovers, the_caller_itself_is_no_leftover);

    return rdv_test_main(suite);
}
