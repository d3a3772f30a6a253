/* SPDX-License-Identifier: MIT */
/*
 * What Linux has of errors, descriptors and files: errno as RDV_E… codes, whole files read, and how
 * a file is identified by its name. All other files in this folder use the functions of unix.h that
 * are here.
 */
#define _GNU_SOURCE

#include "platform/platform.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "platform/unix/unix.h"

#define FIRST_OWN_FD RDV__GIVEN_FDS_MAX
#define PREFERRED_FD 10

/* How much memory is taken at first for a file whose size is not known, in bytes. */
#define READ_FILE_FIRST 4096

int rdv__unix_error(int number)
{
    switch (number) {
    case 0:
        return 0;
    case ENOMEM:
        return RDV_ENOMEM;
    case ENOENT:
    case ENOTDIR:
        return RDV_ENOTFOUND;
    case EACCES:
    case EPERM:
        return RDV_EACCES;
    case EROFS:
        return RDV_EREADONLY;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return RDV_ENOSPC;
    case EMFILE:
    case ENFILE:
    case EAGAIN:
        return RDV_ERESOURCES;
    default:
        return RDV_EIO;
    }
}

int rdv__unix_shortage(int number)
{
    const int result = rdv__unix_error(number);
    return result == RDV_ENOMEM || result == RDV_ERESOURCES ? result : RDV_EIO;
}

const char *rdv__unix_words(int number)
{
    const char *words = strerrordesc_np(number);
    return words ? words : "unknown error";
}

int rdv__unix_high(int fd)
{
    if (fd < 0 || fd >= FIRST_OWN_FD)
        return fd;

    int high = fcntl(fd, F_DUPFD_CLOEXEC, PREFERRED_FD);
    /*
     * EINVAL means that the limit is below that number, so no descriptor is left in that case
     * either.
     */
    int number = errno == EINVAL ? EMFILE : errno;
    close(fd);
    errno = number;
    return high;
}

/*
 * Read until the room is full, the file ends, or reading fails. Returns what read() returned last.
 */
static ssize_t fill_room(int fd, char *data, size_t room, size_t *size)
{
    ssize_t got = 0;
    while (*size < room) {
        got = read(fd, data + *size, room - *size);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        *size += (size_t)got;
    }
    return got;
}

int rdv__plat_read_file(const char *path, size_t limit, char **ret_data, size_t *ret_size,
                        struct rdv_error *error)
{
    assert(limit < SIZE_MAX / 2);
    int result = 0;
    char *data = NULL;
    size_t size = 0, room = 0;
    struct stat status;

    /*
     * The flags keep this from hanging at a FIFO that nobody writes to, and from waking up a
     * device.
     */
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &status) < 0)
        goto failed;
    if (!S_ISREG(status.st_mode)) {
        result = rdv__fail(error, RDV_EINVAL, "'%s' is not a regular file", path);
        goto out;
    }

    /* The size is only a hint: files grow, and those of /proc say 0. */
    room = status.st_size > 0 ? (size_t)status.st_size + 1 : READ_FILE_FIRST;
    for (;;) {
        if (room > limit + 1)
            room = limit + 1;
        char *larger = realloc(data, room + 1);
        if (!larger) {
            errno = ENOMEM;
            goto failed;
        }
        data = larger;

        ssize_t got = fill_room(fd, data, room, &size);
        if (size > limit) {
            result = rdv__fail(error, RDV_ELIMIT, "'%s' is larger than %zu bytes", path, limit);
            goto out;
        }
        if (got < 0)
            goto failed;
        if (got == 0 && size < room)
            break;
        room *= 2;
    }

    data[size] = '\0';
    *ret_data = data;
    *ret_size = size;
    data = NULL;
    goto out;

failed:
    result = rdv__fail(error, rdv__unix_error(errno), "cannot read '%s': %s", path,
                       rdv__unix_words(errno));
out:
    free(data);
    if (fd >= 0)
        close(fd);
    return result;
}

int rdv__plat_same_rights(const char *from, const char *to)
{
    (void)from;
    (void)to;
    /* Here SQLite itself gives the file the permissions of the database. */
    return 0;
}

bool rdv__plat_file_id(const char *path, struct rdv__plat_file_id *ret_id)
{
    struct stat status;
    if (lstat(path, &status) < 0)
        return false;
    *ret_id = (struct rdv__plat_file_id){.device = (uint64_t)status.st_dev,
                                         .file = (uint64_t)status.st_ino,
                                         .empty = status.st_size == 0};
    return true;
}

bool rdv__plat_file_begins(const char *path, const void *bytes, size_t size)
{
    char found[16];
    int fd = size <= sizeof found ? open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC) : -1;
    if (fd < 0)
        return false;
    const bool begins =
        pread(fd, found, size, 0) == (ssize_t)size && memcmp(found, bytes, size) == 0;
    close(fd);
    return begins;
}

bool rdv__plat_is_absolute(const char *path)
{
    return path[0] == '/';
}

const char *rdv__plat_last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash && slash[1] ? slash + 1 : path;
}

int rdv__plat_error(int number)
{
    return rdv__unix_error(number);
}
