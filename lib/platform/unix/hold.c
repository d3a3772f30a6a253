/* SPDX-License-Identifier: MIT */
/*
 * The lock on a database file, which store/ takes when it opens one. It is on the file and not on a
 * name, so a second writer can't get in by another link, by a mount of the file somewhere else, or
 * by the loss of a file beside it.
 *
 * A process that closes any descriptor of a file loses all of its POSIX locks on it, those of
 * SQLite included, and another process could then take away the log that is in use. So the
 * descriptor that is locked here stays open until the last store of the process on the file has
 * been closed, and nothing else here opens the file; O_PATH does not count as opening. This is why
 * there is a table for the whole process, the one exception to the rule that there are no globals.
 * It does not know of descriptors that an embedder opens by itself.
 *
 * The lock belongs to the open file, which a forked child shares: a child never unlocks it, and has
 * no part in its parent's table.
 */
#define _GNU_SOURCE

#include "platform/platform.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "platform/unix/unix.h"

/*
 * This is far from SQLite's own bytes (0x40000000 to 0x400001FF), and from any byte that the file
 * will ever have.
 */
#define LOCKED_BYTE ((off_t)1 << 62)

/* A database file that stores of this process have open. */
struct rdv__plat_hold {
    struct rdv__plat_hold *next;
    dev_t device;
    ino_t inode;
    /* The process that made the entry. After a fork, the entry still belongs to the parent. */
    pid_t process;
    /* -1 = nobody has written to the file yet. */
    int fd;
    int users;
    /* One of the users has the lock. */
    bool written;
};

static pthread_mutex_t table_lock = PTHREAD_MUTEX_INITIALIZER;
static struct rdv__plat_hold *table;

/* Find the file's entry in the table, or make one. Returns NULL if there is no memory. */
static struct rdv__plat_hold *find_or_add(const struct stat *file)
{
    const pid_t self = getpid();
    struct rdv__plat_hold *hold = table;
    while (hold &&
           (hold->device != file->st_dev || hold->inode != file->st_ino || hold->process != self))
        hold = hold->next;
    if (hold)
        return hold;
    hold = malloc(sizeof *hold);
    if (!hold)
        return NULL;
    *hold = (struct rdv__plat_hold){
        .next = table, .device = file->st_dev, .inode = file->st_ino, .process = self, .fd = -1};
    table = hold;
    return hold;
}

static void set_lock(const struct rdv__plat_hold *hold, short type, int *ret_status)
{
    struct flock lock = {.l_type = type, .l_whence = SEEK_SET, .l_start = LOCKED_BYTE, .l_len = 1};
    do
        *ret_status = fcntl(hold->fd, F_OFD_SETLK, &lock);
    while (*ret_status < 0 && errno == EINTR);
}

/* Remove the entry of a file that nobody uses any more. */
static void remove_entry(struct rdv__plat_hold *hold)
{
    struct rdv__plat_hold **place = &table;
    while (*place != hold)
        place = &(*place)->next;
    *place = hold->next;
    if (hold->fd >= 0)
        close(hold->fd);
    free(hold);
}

static int fail_with_errno(int number, const char *path, struct rdv_error *error)
{
    return rdv__fail(error, rdv__unix_error(number), "cannot lock '%s': %s", path,
                     rdv__unix_words(number));
}

/*
 * Lock the file for a writer. `look` is a descriptor of it, so that no other file can be opened in
 * its place.
 */
static int lock_to_write(struct rdv__plat_hold *hold, int look, const char *path,
                         struct rdv_error *error)
{
    char name[64];
    int status = -1;
    if (hold->written)
        return rdv__fail(error, RDV_ELOCKED, "'%s' is locked by this process", path);
    if (hold->fd < 0) {
        snprintf(name, sizeof name, "/proc/self/fd/%d", look);
        hold->fd = rdv__unix_high(open(name, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC));
        if (hold->fd < 0)
            return fail_with_errno(errno, path, error);
    }
    set_lock(hold, F_WRLCK, &status);
    if (status < 0 && (errno == EAGAIN || errno == EACCES))
        return rdv__fail(error, RDV_ELOCKED, "'%s' is locked by another process", path);
    if (status < 0)
        return fail_with_errno(errno, path, error);
    hold->written = true;
    return 0;
}

int rdv__plat_hold_new(const char *path, bool write, struct rdv__plat_hold **ret_hold,
                       struct rdv_error *error)
{
    int result;
    struct stat file;
    struct rdv__plat_hold *hold;
    int look = rdv__unix_high(open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC));
    if (look < 0 || fstat(look, &file) < 0) {
        result = fail_with_errno(errno, path, error);
        if (look >= 0)
            close(look);
        return result;
    }
    pthread_mutex_lock(&table_lock);
    hold = find_or_add(&file);
    if (!hold)
        result = fail_with_errno(ENOMEM, path, error);
    else
        result = write ? lock_to_write(hold, look, path, error) : 0;
    if (result == 0)
        hold->users++;
    else if (hold && hold->users == 0)
        remove_entry(hold);
    pthread_mutex_unlock(&table_lock);
    close(look);
    if (result == 0)
        *ret_hold = hold;
    return result;
}

void rdv__plat_hold_free(struct rdv__plat_hold *hold, bool write)
{
    int status;
    if (!hold || hold->process != getpid())
        return;
    pthread_mutex_lock(&table_lock);
    /*
     * Closing the descriptor is not enough, as a forked process that has not called exec yet may
     * have a copy of it.
     */
    if (write) {
        set_lock(hold, F_UNLCK, &status);
        hold->written = false;
    }
    if (--hold->users == 0)
        remove_entry(hold);
    pthread_mutex_unlock(&table_lock);
}
