/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* nftw, mallinfo2 */
#include "../system.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <check.h>

extern char **environ;

/* Check's own assertions want a test to be running, which main() and second processes don't have. */
#define require(right) require_or_tell(right, "%s is not so", #right)
#define require_or_tell(right, ...)    \
    do {                               \
        if (!(right))                  \
            ck_abort_msg(__VA_ARGS__); \
    } while (0)

/* What ran us may have had signals ignored (nohup, a background job), and children start with that. */
void rdv_test_prepare(void)
{
    static const int signals[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        signal(signals[i], SIG_DFL);
    umask(022); /* documents that others may write to are refused */
}

void rdv_test_make_folder(char path[RDV_TEST_PATH], const char *word)
{
    snprintf(path, RDV_TEST_PATH, "/tmp/rdvtask-%s-XXXXXX", word);
    require(mkdtemp(path) != NULL);
}

void rdv_test_make_directory(const char *path)
{
    require_or_tell(mkdir(path, 0700) == 0, "%s: %s", path, strerror(errno));
}

static int remove_one(const char *path, const struct stat *about, int kind, struct FTW *where)
{
    (void)about;
    (void)kind;
    (void)where;
    return remove(path);
}

void rdv_test_remove(const char *path)
{
    require_or_tell(nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS) == 0 || errno == ENOENT,
                    "%s: %s", path, strerror(errno));
}

bool rdv_test_exists(const char *path)
{
    struct stat about;
    return lstat(path, &about) == 0;
}

int64_t rdv_test_size(const char *path)
{
    struct stat about;
    return stat(path, &about) == 0 ? (int64_t)about.st_size : -1;
}

int rdv_test_count(const char *path)
{
    DIR *list = opendir(path);
    if (!list)
        return -1;
    int count = 0;
    for (const struct dirent *entry; (entry = readdir(list)) != NULL;)
        count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    closedir(list);
    return count;
}

void rdv_test_write(const char *path, const void *data, size_t size)
{
    FILE *file = fopen(path, "we");
    require_or_tell(file != NULL, "%s: %s", path, strerror(errno));
    require(fwrite(data, 1, size, file) == size);
    require(fclose(file) == 0);
}

void rdv_test_write_text(const char *path, const char *text)
{
    rdv_test_write(path, text, strlen(text));
}

char *rdv_test_read(const char *path, size_t *ret_size)
{
    FILE *file = fopen(path, "re");
    require_or_tell(file != NULL, "%s: %s", path, strerror(errno));
    char *data = NULL;
    size_t size = 0, room = 0;
    do {
        if (room - size < 2) {
            room = room ? 2 * room : 4096;
            data = realloc(data, room);
            require(data != NULL);
        }
        size += fread(data + size, 1, room - size - 1, file);
    } while (!feof(file) && !ferror(file));
    require(!ferror(file));
    fclose(file);
    data[size] = '\0';
    if (ret_size)
        *ret_size = size;
    return data;
}

bool rdv_test_is_private(const char *path)
{
    struct stat about;
    require_or_tell(stat(path, &about) == 0, "%s: %s", path, strerror(errno));
    return about.st_uid == geteuid() && (about.st_mode & 077) == 0;
}

void rdv_test_share(const char *path)
{
    require_or_tell(chmod(path, 0777) == 0, "%s: %s", path, strerror(errno));
}

void rdv_test_let_read(const char *path)
{
    require_or_tell(chmod(path, 0755) == 0, "%s: %s", path, strerror(errno));
}

void rdv_test_be_generous(const char *path)
{
    (void)path;
    umask(0);
}

bool rdv_test_link(const char *target, const char *link)
{
    return symlink(target, link) == 0;
}

const char *rdv_test_no_links(void)
{
    return NULL;
}

void rdv_test_path(const char *path, char ret_path[RDV_TEST_PATH])
{
    require(snprintf(ret_path, RDV_TEST_PATH, "%s", path) < RDV_TEST_PATH);
}

void rdv_test_go_to(const char *path)
{
    require_or_tell(chdir(path) == 0, "%s: %s", path, strerror(errno));
}

void rdv_test_set_variable(const char *name, const char *value)
{
    require((value ? setenv(name, value, 1) : unsetenv(name)) == 0);
}

int64_t rdv_test_process_id(void)
{
    return getpid();
}

int rdv_test_descriptors(void)
{
    return rdv_test_count("/proc/self/fd") - 1; /* one was for looking */
}

int rdv_test_threads(void)
{
    return rdv_test_count("/proc/self/task");
}

int64_t rdv_test_cpu_time(void)
{
    struct rusage usage;
    require(getrusage(RUSAGE_SELF, &usage) == 0);
    return (int64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 +
           usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
}

void rdv_test_limit_memory(size_t room)
{
    struct rlimit limit;
    unsigned long pages = 0;
    require(getrlimit(RLIMIT_AS, &limit) == 0);
    if (room > 0) {
        FILE *file = fopen("/proc/self/statm", "re");
        require(file != NULL);
        require(fscanf(file, "%lu", &pages) == 1);
        fclose(file);
    }
    limit.rlim_cur = room > 0 ? pages * (rlim_t)sysconf(_SC_PAGESIZE) + room : limit.rlim_max;
    require(setrlimit(RLIMIT_AS, &limit) == 0);
}

size_t rdv_test_allocated(void)
{
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

void rdv_test_date(int64_t seconds, char text[RDV_TEST_DATE])
{
    time_t time = (time_t)seconds;
    struct tm parts;
    require(gmtime_r(&time, &parts) != NULL);
    require(strftime(text, RDV_TEST_DATE, "%Y-%m-%dT%H:%M:%S", &parts) > 0);
}

int64_t rdv_test_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void rdv_test_sleep(int milliseconds)
{
    struct timespec rest = {milliseconds / 1000, milliseconds % 1000 * 1000000L};
    while (nanosleep(&rest, &rest) != 0)
        ;
}

bool rdv_test_wait(const rdv_loop *loop, int milliseconds)
{
    struct pollfd ready = {rdv_loop_fd(loop), POLLIN, 0};
    int result = poll(&ready, 1, milliseconds);
    require(result >= 0 || errno == EINTR);
    return result == 1;
}

void rdv_test_arguments(int argc, char **argv)
{
    (void)argc;
    (void)argv;
}

void rdv_test_program(char path[RDV_TEST_PATH])
{
    ssize_t length = readlink("/proc/self/exe", path, RDV_TEST_PATH - 1);
    require(length > 0);
    path[length] = '\0';
}

struct rdv_test_child {
    pid_t pid;
    int output;
};

#define ARGUMENTS 15

struct rdv_test_child *rdv_test_child_start(const char *const *arguments)
{
    char program[RDV_TEST_PATH];
    const char *argv[ARGUMENTS + 2] = {program};
    rdv_test_program(program);
    for (size_t i = 0; arguments[i]; i++) {
        require(i < ARGUMENTS);
        argv[i + 1] = arguments[i];
    }

    int ends[2];
    require(pipe2(ends, O_CLOEXEC) == 0);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    struct rdv_test_child *child = malloc(sizeof *child);
    require(child != NULL);
    child->output = ends[0];
    require(posix_spawn(&child->pid, program, &actions, NULL, (char **)argv, environ) == 0);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    return child;
}

int64_t rdv_test_child_id(const struct rdv_test_child *child)
{
    return child->pid;
}

size_t rdv_test_child_read(struct rdv_test_child *child, void *buffer, size_t room)
{
    ssize_t size;
    do
        size = read(child->output, buffer, room);
    while (size < 0 && errno == EINTR);
    require(size >= 0);
    return (size_t)size;
}

void rdv_test_child_kill(struct rdv_test_child *child)
{
    kill(child->pid, SIGKILL); /* not reaped yet, so the number is its own */
}

int rdv_test_child_wait(struct rdv_test_child *child)
{
    int status;
    pid_t ended;
    do
        ended = waitpid(child->pid, &status, 0);
    while (ended < 0 && errno == EINTR);
    require(ended == child->pid);
    close(child->output);
    free(child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

const char *rdv_test_deaf_start(void)
{
    /* What stands between us and the system may make a fork() of it. */
    volatile bool shared = false;
    const pid_t pid = vfork();
    if (pid == 0) {
        shared = true;
        _exit(0);
    }
    require(pid > 0);
    waitpid(pid, NULL, 0); /* who ignores SIGCHLD has none to wait for */
    return shared ? NULL : "needs a vfork() that shares memory";
}
