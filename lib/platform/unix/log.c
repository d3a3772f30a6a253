/* SPDX-License-Identifier: MIT */
/*
 * Files in a folder that only the effective user may change: the logs of runs, for
 * agent/run_logs.c. The way to the folder is checked first, so that nobody else can put another one
 * in its place; from there on everything is done through its descriptor. What already lies there
 * may be anything, and is checked before it is opened: a FIFO would make this hang, opening a
 * device may have an effect, and a link leads to somebody else's file.
 */
#define _GNU_SOURCE

#include "platform/platform.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "platform/unix/unix.h"

/* st_blocks counts in these units, whatever the blocks of the file system are. */
#define BLOCK_SIZE 512

#define APPEND (O_WRONLY | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)
#define LIST   (O_RDONLY | O_DIRECTORY | O_CLOEXEC)

struct rdv__plat_logs {
    int fd;
    /* NULL unless names are being read. */
    DIR *reader;
};

/* -------------------------------------------------------------- the folder */

/* Make a folder and those above it, for the effective user alone. Returns 0 or an errno. */
static int make_directories(const char *directory)
{
    if (mkdir(directory, 0700) == 0 || errno == EEXIST)
        return 0;
    if (errno != ENOENT)
        return errno;

    char *path = strdup(directory);
    if (!path)
        return ENOMEM;
    int number = 0;
    for (char *slash = path; number == 0 && (slash = strchr(slash + 1, '/')) != NULL;) {
        *slash = '\0';
        if (mkdir(path, 0700) < 0 && errno != EEXIST)
            number = errno;
        *slash = '/';
    }
    if (number == 0 && mkdir(path, 0700) < 0 && errno != EEXIST)
        number = errno;
    free(path);
    return number;
}

int rdv__plat_logs_open(const char *directory, bool make, struct rdv__plat_logs **ret_logs,
                        struct rdv_error *error)
{
    int number = make ? make_directories(directory) : 0;
    if (number != 0)
        return rdv__fail(error, rdv__unix_error(number), "cannot make the folder '%s': %s",
                         directory, rdv__unix_words(number));
    int result = rdv__plat_check_trusted(directory, error);
    if (result != 0)
        return result;
    struct rdv__plat_logs *logs = calloc(1, sizeof *logs);
    int fd = logs ? rdv__unix_high(open(directory, LIST)) : -1;
    if (fd < 0) {
        number = logs ? errno : ENOMEM;
        free(logs);
        return rdv__fail(error, rdv__unix_error(number), "cannot open the folder '%s': %s",
                         directory, rdv__unix_words(number));
    }
    logs->fd = fd;
    *ret_logs = logs;
    return 0;
}

static void end_reading(struct rdv__plat_logs *logs)
{
    if (logs->reader)
        closedir(logs->reader);
    logs->reader = NULL;
}

void rdv__plat_logs_close(struct rdv__plat_logs *logs)
{
    if (!logs)
        return;
    end_reading(logs);
    close(logs->fd);
    free(logs);
}

int rdv__plat_logs_begin(struct rdv__plat_logs *logs)
{
    end_reading(logs);
    int fd = rdv__unix_high(openat(logs->fd, ".", LIST));
    logs->reader = fd >= 0 ? fdopendir(fd) : NULL;
    if (logs->reader)
        return 0;
    int number = errno;
    if (fd >= 0)
        close(fd);
    return rdv__unix_error(number);
}

int rdv__plat_logs_next(struct rdv__plat_logs *logs, char name[RDV__LOG_NAME_SIZE])
{
    assert(logs->reader);
    errno = 0;
    const struct dirent *entry = readdir(logs->reader);
    if (!entry)
        return rdv__unix_error(errno);
    size_t size = strlen(entry->d_name);
    if (size >= RDV__LOG_NAME_SIZE)
        size = 0;
    memcpy(name, entry->d_name, size);
    name[size] = '\0';
    return 1;
}

/* --------------------------------------------------------------- its files */

int rdv__plat_log_look(struct rdv__plat_logs *logs, const char *name, int64_t *ret_taken)
{
    struct stat status;
    if (fstatat(logs->fd, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
        return rdv__unix_error(errno);
    if (!rdv__unix_is_own(&status))
        return RDV_EACCES;
    *ret_taken = (int64_t)status.st_blocks * BLOCK_SIZE;
    return 0;
}

int rdv__plat_log_delete(struct rdv__plat_logs *logs, const char *name)
{
    int64_t taken;
    int result = rdv__plat_log_look(logs, name, &taken);
    if (result == 0 && unlinkat(logs->fd, name, 0) < 0)
        result = rdv__unix_error(errno);
    return result;
}

static int fail_to_open(int number, const char *name, struct rdv_error *error)
{
    return rdv__fail(error, rdv__unix_error(number), "cannot open '%s': %s", name,
                     rdv__unix_words(number));
}

static int refuse(const char *name, struct rdv_error *error)
{
    return rdv__fail(error, RDV_EACCES,
                     "'%s' is there already, and is not a regular file that is ours alone", name);
}

int rdv__plat_log_open(struct rdv__plat_logs *logs, const char *name, bool fresh, int *ret_fd,
                       struct rdv_error *error)
{
    assert(!strchr(name, '/'));
    int64_t taken;
    int result = rdv__plat_log_look(logs, name, &taken), fd;
    if (result == RDV_EACCES)
        return refuse(name, error);
    if (result == 0 && fresh && unlinkat(logs->fd, name, 0) < 0)
        return fail_to_open(errno, name, error);
    if (result == 0 && !fresh)
        fd = openat(logs->fd, name, APPEND);
    else
        fd = openat(logs->fd, name, APPEND | O_CREAT | O_EXCL, 0600);
    fd = rdv__unix_high(fd);

    struct stat status;
    if (fd < 0 || fstat(fd, &status) < 0)
        result = fail_to_open(errno, name, error);
    else if (!rdv__unix_is_own(&status))
        result = refuse(name, error);
    else
        result = 0;
    if (result == 0)
        *ret_fd = fd;
    else if (fd >= 0)
        close(fd);
    return result;
}

int rdv__plat_log_write(int fd, const void *data, size_t size)
{
    const char *next = data;
    while (size > 0) {
        ssize_t written = write(fd, next, size);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return rdv__unix_error(errno) == RDV_ENOSPC ? RDV_ENOSPC : RDV_EIO;
        next += written;
        size -= (size_t)written;
    }
    return 0;
}

int64_t rdv__plat_log_size(int fd)
{
    struct stat status;
    return fstat(fd, &status) < 0 ? -1 : (int64_t)status.st_size;
}

int64_t rdv__plat_log_taken(int fd)
{
    struct stat status;
    return fstat(fd, &status) < 0 ? -1 : (int64_t)status.st_blocks * BLOCK_SIZE;
}

void rdv__plat_log_close(int fd)
{
    if (fd >= 0)
        close(fd);
}
