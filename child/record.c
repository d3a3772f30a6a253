/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE

#include "record.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/wait.h>

/* Field 22 of our stat: when we were started, in clock ticks since boot. */
static unsigned long long started(void)
{
    char text[1024];
    const int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
    const ssize_t size = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (fd >= 0)
        close(fd);
    if (size <= 0)
        return 0;
    text[size] = '\0';
    const char *at = strrchr(text, ')');
    for (int field = 2; at && field < 22; field++)
        at = strchr(at + 1, ' ');
    return at ? strtoull(at + 1, NULL, 10) : 0;
}

static void boot_id(char *buffer, size_t size)
{
    const int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    const ssize_t got = fd < 0 ? -1 : read(fd, buffer, size - 1);
    if (fd >= 0)
        close(fd);
    buffer[got > 0 ? got : 0] = '\0';
    buffer[strcspn(buffer, "\n")] = '\0';
}

static int write_all(int fd, const char *bytes, size_t size)
{
    while (size > 0) {
        const ssize_t written = write(fd, bytes, size);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return -1;
        bytes += written;
        size -= (size_t)written;
    }
    return 0;
}

/* Whoever reads sees the old file or the new one. */
static int write_file(const char *path, const char *head, size_t head_size, const char *tail,
                      size_t tail_size)
{
    char fresh[4096];
    if (snprintf(fresh, sizeof fresh, "%s.new", path) >= (int)sizeof fresh) {
        errno = ENAMETOOLONG;
        return -1;
    }
    const int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return -1;
    int result = write_all(fd, head, head_size);
    if (result == 0)
        result = write_all(fd, tail, tail_size);
    if (result == 0)
        result = fsync(fd);
    const int number = errno;
    close(fd);
    if (result == 0)
        return rename(fresh, path);
    unlink(fresh);
    errno = number;
    return -1;
}

static int write_record(const char *path, const char *end, const char *tail, size_t size)
{
    char head[256], boot[64];
    boot_id(boot, sizeof boot);
    const int length = snprintf(head, sizeof head, "rdvtask-child 1\npid %d %llu %s\n%s",
                                (int)getpid(), started(), boot, end);
    return write_file(path, head, (size_t)length, tail, size);
}

int record_begin(const char *path)
{
    return write_record(path, "", NULL, 0);
}

int record_end(const char *path, int status, const char *tail, size_t size)
{
    char end[64];
    if (WIFSIGNALED(status))
        snprintf(end, sizeof end, "signal %d\noutput %zu\n", WTERMSIG(status), size);
    else
        snprintf(end, sizeof end, "exit %d\noutput %zu\n", WEXITSTATUS(status), size);
    return write_record(path, end, tail, size);
}
