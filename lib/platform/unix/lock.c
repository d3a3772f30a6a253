/* SPDX-License-Identifier: MIT */
/*
 * Lock files. The holder of a lock writes its name into the file, for those who are refused. The
 * store's own lock, on the database file, is in hold.c; the lock here keeps out other versions of
 * rdvtask, and a second agent on the same socket.
 *
 * Invariant: the file stays when the lock is given back, since removing it could let two holders
 * in.
 */
#define _GNU_SOURCE

#include "platform/platform.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "platform/unix/unix.h"

/* The longest description of the holder that is read from the file, in bytes. */
#define HOLDER_MAX 256

struct rdv__plat_lock {
    int fd;
};

/* Refuse the lock, with the name of its holder as the file has it. */
static int refuse_lock(int fd, const char *path, struct rdv_error *error)
{
    char words[HOLDER_MAX];
    ssize_t size = pread(fd, words, sizeof words - 1, 0);
    words[size > 0 ? size : 0] = '\0';
    words[strcspn(words, "\n")] = '\0';
    if (words[0] == '\0')
        return rdv__fail(error, RDV_ELOCKED, "'%s' is locked by another process", path);
    return rdv__fail(error, RDV_ELOCKED, "'%s' is locked by %s", path, words);
}

int rdv__plat_lock(const char *path, const char *holder, struct rdv__plat_lock **ret_lock,
                   struct rdv_error *error)
{
    int result = 0;
    struct stat status;
    char words[HOLDER_MAX];

    /* Without O_NONBLOCK, a FIFO that somebody has put there would make this hang. */
    int fd = rdv__unix_high(
        open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0600));
    struct rdv__plat_lock *lock = malloc(sizeof *lock);
    if (!lock)
        errno = ENOMEM;
    if (fd < 0 || !lock || fstat(fd, &status) < 0)
        goto failed;
    if (!S_ISREG(status.st_mode)) {
        result = rdv__fail(error, RDV_EIO, "cannot lock '%s': not a regular file", path);
        goto out;
    }
    result = rdv__plat_check_own(fd, path, error);
    if (result != 0)
        goto out;

    /*
     * flock() locks this open file, not the process, so a second store in the same process is
     * refused as well.
     */
    int locking;
    do
        locking = flock(fd, LOCK_EX | LOCK_NB);
    while (locking < 0 && errno == EINTR);
    if (locking < 0 && errno == EWOULDBLOCK) {
        result = refuse_lock(fd, path, error);
        goto out;
    }
    if (locking < 0)
        goto failed;

    /* The words only help people, but a disk that is full here is full for the store as well. */
    int length =
        snprintf(words, sizeof words, "%.*s (pid %ld)\n", HOLDER_MAX - 64, holder, (long)getpid());
    if (ftruncate(fd, 0) < 0 || pwrite(fd, words, (size_t)length, 0) != length)
        goto failed;

    lock->fd = fd;
    *ret_lock = lock;
    return 0;

failed:
    result = rdv__fail(error, rdv__unix_error(errno), "cannot lock '%s': %s", path,
                       rdv__unix_words(errno));
out:
    free(lock);
    if (fd >= 0)
        close(fd);
    return result;
}

void rdv__plat_unlock(struct rdv__plat_lock *lock)
{
    if (!lock)
        return;
    /*
     * Closing this descriptor is not enough, as a process that was forked and has not called exec
     * yet may hold a copy of it. The file is emptied so that the next holder doesn't read who held
     * it last.
     */
    (void)!ftruncate(lock->fd, 0);
    flock(lock->fd, LOCK_UN);
    close(lock->fd);
    free(lock);
}
