/* SPDX-License-Identifier: MIT */
/* The system's side on Linux: time, timers, files, locks. Children are spawn.c's. */
#define _GNU_SOURCE

#include "plat.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#include "error.h"
#include "unix.h"

#define TICKS_PER_SEC   RDV_SECOND
#define NANOS_PER_TICK  100
#define FIRST_OWN_FD    RDV__GIVEN_FDS_MAX
#define PREFERRED_FD    10
#define READ_FILE_FIRST 4096
/* The longest word about the holder of a lock that is read from its file, in bytes. */
#define HOLDER_MAX 256

/* -------------------------------------------------------------- unix.h */

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
    /* EINVAL: the limit is below that number, so there is none left either. */
    int number = errno == EINVAL ? EMFILE : errno;
    close(fd);
    errno = number;
    return high;
}

/* ---------------------------------------------------------------- time */

static rdv_duration ticks(clockid_t clock)
{
    struct timespec now;
    int result = clock_gettime(clock, &now);
    assert(result == 0);
    (void)result;
    return (rdv_duration)now.tv_sec * TICKS_PER_SEC + now.tv_nsec / NANOS_PER_TICK;
}

rdv_time rdv_time_now(void)
{
    return ticks(CLOCK_REALTIME) + rdv_time_from_unix(0, 0);
}

rdv_duration rdv__plat_running(void)
{
    return ticks(CLOCK_MONOTONIC);
}

rdv_duration rdv__plat_since_boot(void)
{
    return ticks(CLOCK_BOOTTIME);
}

bool rdv__plat_clock_synchronised(void)
{
    struct timex state = {0};
    /* A sandbox may forbid the question (-1): nobody should have to wait for an answer that can't come. */
    return adjtimex(&state) != TIME_ERROR;
}

/* -------------------------------------------------------------- timers */

int rdv__plat_timer_open(bool clock, struct rdv__plat_timer *ret_timer)
{
    int fd = rdv__unix_high(
        timerfd_create(clock ? CLOCK_REALTIME : CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC));
    if (fd < 0)
        return rdv__unix_shortage(errno);
    *ret_timer = (struct rdv__plat_timer){fd, clock};
    return 0;
}

void rdv__plat_timer_close(struct rdv__plat_timer *timer)
{
    if (timer->fd >= 0)
        close(timer->fd);
    timer->fd = -1;
}

bool rdv__plat_timer_set(struct rdv__plat_timer *timer, int64_t when)
{
    struct itimerspec spec = {{0, 0}, {0, 0}};
    if (when != 0) {
        int64_t since = timer->clock ? when - rdv_time_from_unix(0, 0) : when;
        /* Zero would mean off, and the kernel takes nothing below. */
        if (since < 1)
            since = 1;
        spec.it_value.tv_sec = (time_t)(since / TICKS_PER_SEC);
        spec.it_value.tv_nsec = (long)(since % TICKS_PER_SEC) * NANOS_PER_TICK;
    }

    int flags = TFD_TIMER_ABSTIME | (timer->clock ? TFD_TIMER_CANCEL_ON_SET : 0);
    if (timerfd_settime(timer->fd, flags, &spec, NULL) == 0)
        return false;
    /* "Cancelled" only means that the clock was set: the timer is armed all the same. */
    assert(errno == ECANCELED);
    return when != 0;
}

enum rdv__plat_timer_event rdv__plat_timer_read(struct rdv__plat_timer *timer)
{
    uint64_t times;
    if (read(timer->fd, &times, sizeof times) == (ssize_t)sizeof times)
        return RDV__TIMER_DUE;
    return errno == ECANCELED ? RDV__TIMER_CLOCK_SET : RDV__TIMER_NOTHING;
}

/* -------------------------------------------------------- this machine */

int rdv__plat_random(void *buffer, size_t size)
{
    unsigned char *next = buffer;
    while (size > 0) {
        ssize_t got = getrandom(next, size, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return RDV_EIO;
        next += got;
        size -= (size_t)got;
    }
    return 0;
}

int rdv__plat_boot_id(char buffer[RDV__BOOT_ID_SIZE])
{
    char *text;
    size_t size;
    if (rdv__plat_read_file("/proc/sys/kernel/random/boot_id", RDV__BOOT_ID_SIZE - 1, &text, &size,
                            NULL) != 0)
        return RDV_EIO;

    size = strcspn(text, "\n");
    if (size > 0)
        memcpy(buffer, text, size + 1);
    buffer[size] = '\0';
    free(text);
    return size > 0 ? 0 : RDV_EIO;
}

/* ------------------------------------------------------------- atomics */

int rdv__atomic_add(int *value, int add)
{
    return __atomic_add_fetch(value, add, __ATOMIC_ACQ_REL);
}

int rdv__atomic_load(const int *value)
{
    return __atomic_load_n(value, __ATOMIC_ACQUIRE);
}

void rdv__atomic_store(int *value, int set)
{
    __atomic_store_n(value, set, __ATOMIC_RELEASE);
}

/* --------------------------------------------------------------- files */

int rdv__plat_read_file(const char *path, size_t limit, char **ret_data, size_t *ret_size,
                        struct rdv_error *error)
{
    assert(limit < SIZE_MAX / 2);
    int result = 0;
    char *data = NULL;
    size_t size = 0, room = 0;
    struct stat status;

    /* Not to hang at a FIFO that nobody writes to, nor to wake up a device. */
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &status) < 0)
        goto failed;
    if (!S_ISREG(status.st_mode)) {
        result = rdv__fail(error, RDV_EINVAL, "'%s' is not a regular file", path);
        goto out;
    }

    /* The size is a hint only: files grow, and those of /proc say 0. */
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

        ssize_t got = 0;
        while (size < room) {
            got = read(fd, data + size, room - size);
            if (got < 0 && errno == EINTR)
                continue;
            if (got <= 0)
                break;
            size += (size_t)got;
        }
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
    return 0; /* here SQLite itself gives them */
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

/* ---------------------------------------------------------------- lock */

struct rdv__plat_lock {
    int fd;
};

/* Who has the lock, in the file's own words. */
static int locked(int fd, const char *path, struct rdv_error *error)
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

    /* Without O_NONBLOCK a FIFO put there would hang us. */
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

    /* flock() belongs to this open file, not to the process: a second store in the same process is refused as well. */
    int locking;
    do
        locking = flock(fd, LOCK_EX | LOCK_NB);
    while (locking < 0 && errno == EINTR);
    if (locking < 0 && errno == EWOULDBLOCK) {
        result = locked(fd, path, error);
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
    /* A process that was forked and has not yet called exec may hold a copy of the descriptor, so closing ours is not enough.
     * Who comes next must not read who held it last. */
    (void)!ftruncate(lock->fd, 0);
    flock(lock->fd, LOCK_UN);
    close(lock->fd);
    free(lock);
}
