/* SPDX-License-Identifier: MIT */
/*
 * The record of a program that outlives its agent; record.h has the format. main.c begins it before
 * the program is started, and ends it after the program has ended.
 *
 * Invariants: FILE is complete at every moment, as it is replaced by renaming FILE.new; the room
 * for the end is reserved from the beginning.
 */
#define _GNU_SOURCE

#include "record.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/random.h>

#include "../lib/platform/unix/started.h"

#define PATH_SIZE 4096
#define HEAD_SIZE (256 + ENDING_HEAD)

static void boot_id(char *buffer, size_t size)
{
    const int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    const ssize_t got = fd < 0 ? -1 : read(fd, buffer, size - 1);
    if (fd >= 0)
        close(fd);
    buffer[got > 0 ? got : 0] = '\0';
    buffer[strcspn(buffer, "\n")] = '\0';
}

static int fresh_path(const struct record *record, char path[PATH_SIZE])
{
    if (snprintf(path, PATH_SIZE, "%s.new", record->path) < PATH_SIZE)
        return 0;
    errno = ENAMETOOLONG;
    return -1;
}

/* Open FILE.new with this much room. Returns its descriptor, or -1 with errno. */
static int open_fresh(const struct record *record, size_t room)
{
    char path[PATH_SIZE];
    if (fresh_path(record, path) != 0)
        return -1;
    const int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return -1;
    const int number = posix_fallocate(fd, 0, (off_t)room);
    if (number == 0)
        return fd;
    close(fd);
    unlink(path);
    errno = number;
    return -1;
}

static int write_at(int fd, const char *bytes, size_t size, off_t at)
{
    while (size > 0) {
        const ssize_t written = pwrite(fd, bytes, size, at);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return -1;
        bytes += written;
        size -= (size_t)written;
        at += written;
    }
    return 0;
}

/*
 * Fill FILE.new, close it, and make it FILE. A reader sees the old file or the new one, never a
 * part.
 */
static int replace(struct record *record, const char *end, const char *tail, size_t size)
{
    char path[PATH_SIZE], head[HEAD_SIZE], boot[64];
    boot_id(boot, sizeof boot);
    const int length =
        snprintf(head, sizeof head, "rdvtask-child 1\npid %d %llu %s %lx\n%s", (int)getpid(),
                 rdv__unix_started("/proc/self/stat"), boot, record->secret, end);
    const int fd = record->fresh;
    int result = write_at(fd, head, (size_t)length, 0);
    if (result == 0)
        result = write_at(fd, tail, size, length);
    if (result == 0)
        result = ftruncate(fd, length + (off_t)size);
    if (result == 0)
        result = fsync(fd);
    const int number = errno;
    close(fd);
    record->fresh = -1;
    errno = number;
    return result == 0 && fresh_path(record, path) == 0 ? rename(path, record->path) : -1;
}

int record_begin(struct record *record, const char *path, size_t tail_size)
{
    record->path = path;
    if (getrandom(&record->secret, sizeof record->secret, 0) != (ssize_t)sizeof record->secret)
        return -1;
    record->fresh = open_fresh(record, HEAD_SIZE);
    if (record->fresh < 0 || replace(record, "", NULL, 0) != 0)
        return -1;
    record->fresh = open_fresh(record, HEAD_SIZE + tail_size);
    if (record->fresh >= 0)
        return 0;
    const int number = errno;
    unlink(path);
    errno = number;
    return -1;
}

int record_end(struct record *record, const struct ending *ending)
{
    char head[ENDING_HEAD];
    ending_head(ending, head);
    return replace(record, head, ending->tail, ending->tail_size);
}
