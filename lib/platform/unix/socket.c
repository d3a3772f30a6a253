/* SPDX-License-Identifier: MIT */
/*
 * Local sockets on Unix, for control/: their names, listening, who is at the other end, and reading
 * and writing. platform/socket.h has the contracts.
 *
 * Invariants: descriptors are close-on-exec and never block; a socket's name is made, and removed,
 * only while the lock beside it is held; a listener removes the name only if it still belongs to
 * the file that it has made.
 */
#define _GNU_SOURCE

#include "platform/socket.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/error.h"
#include "platform/lock.h"
#include "platform/platform.h"
#include "platform/unix/unix.h"

/* How many connections may wait to be accepted; the kernel allows fewer. */
#define BACKLOG 4096

/* The largest record of a group that is read, in bytes. */
#define GROUP_MAX (1024 * 1024)

/* How many groups of a peer are checked. */
#define PEER_GROUPS_MAX 65536

struct rdv__listener {
    int fd;
    char *path;
    struct rdv__plat_lock *lock;
    /* Device and inode identify the name that this listener has made. */
    dev_t device;
    ino_t inode;
};

int rdv__socket_group(const char *name, rdv__group *ret_group, struct rdv_error *error)
{
    struct group group, *found = NULL;
    int number = ERANGE;
    for (size_t room = 1024; number == ERANGE && room <= GROUP_MAX; room *= 4) {
        char *text = malloc(room);
        if (!text)
            return rdv__fail(error, RDV_ENOMEM, "out of memory");
        number = getgrnam_r(name, &group, text, room, &found);
        if (found)
            *ret_group = found->gr_gid;
        free(text);
    }
    if (found)
        return 0;
    return rdv__fail(error, RDV_ENOTFOUND, "there is no group '%s'%s%s", name, number ? ": " : "",
                     number ? rdv__unix_words(number) : "");
}

/* --------------------------------------------------------------- addresses */

/* Where a socket is. A name that is too long for an address is reached through its directory. */
struct place {
    /* -1 = the address has the path itself. */
    int directory;
    struct sockaddr_un address;
    socklen_t size;
};

static void place_finish(struct place *place)
{
    if (place->directory >= 0)
        close(place->directory);
}

/* Open the folder that a path's last name is in. Returns -1 with errno. */
static int open_folder(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
    if (!folder)
        return -1;
    int fd = rdv__unix_high(open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC)), number = errno;
    free(folder);
    errno = number;
    return fd;
}

static int place_init(const char *path, struct place *ret_place, struct rdv_error *error)
{
    struct place place = {.directory = -1, .address = {.sun_family = AF_UNIX}};
    const size_t room = sizeof place.address.sun_path;
    if (!*path)
        return rdv__fail(error, RDV_EINVAL, "the path of the socket is empty");
    if (strlen(path) < room) {
        memcpy(place.address.sun_path, path, strlen(path) + 1);
    } else {
        const char *slash = strrchr(path, '/');
        const char *name = slash ? slash + 1 : path;
        place.directory = open_folder(path);
        if (place.directory < 0)
            return rdv__fail(error, rdv__unix_error(errno), "the directory of '%s': %s", path,
                             rdv__unix_words(errno));
        int size =
            snprintf(place.address.sun_path, room, "/proc/self/fd/%d/%s", place.directory, name);
        if (size < 0 || (size_t)size >= room) {
            place_finish(&place);
            return rdv__fail(
                error, RDV_EINVAL,
                "the name of the socket '%s' is too long: give one of at most 64 bytes", name);
        }
    }
    place.size = sizeof place.address;
    *ret_place = place;
    return 0;
}

static int socket_new(int *ret_fd)
{
    int fd = rdv__unix_high(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (fd < 0)
        return rdv__unix_error(errno);
    *ret_fd = fd;
    return 0;
}

static int place_connect(const struct place *place, int fd)
{
    int status;
    do
        status = connect(fd, (const struct sockaddr *)&place->address, place->size);
    while (status < 0 && errno == EINTR);
    return status == 0 ? 0 : errno;
}

/* --------------------------------------------------------------- listening */

/* Remove a socket on which nobody listens, to make way for a new one. The lock is held. */
static int remove_stale(const struct place *place, const char *path, struct rdv_error *error)
{
    struct stat status;
    if (lstat(path, &status) < 0)
        return errno == ENOENT ? 0
                               : rdv__fail(error, rdv__unix_error(errno), "'%s': %s", path,
                                           rdv__unix_words(errno));
    if (!S_ISSOCK(status.st_mode))
        return rdv__fail(error, RDV_EEXISTS, "'%s' is there already, and is not a socket", path);
    int fd = -1;
    int result = socket_new(&fd);
    if (result != 0)
        return rdv__fail(error, result, "'%s': %s", path, rdv_strerror(result));
    int number = place_connect(place, fd);
    close(fd);
    /* A listener that is full, or slow to answer, is alive, too. */
    if (number == 0 || number == EAGAIN || number == EINPROGRESS)
        return rdv__fail(error, RDV_ELOCKED, "another process listens at '%s'", path);
    if (number != ECONNREFUSED && number != ENOENT)
        return rdv__fail(error, rdv__unix_error(number), "'%s': %s", path, rdv__unix_words(number));
    if (unlink(path) < 0 && errno != ENOENT)
        return rdv__fail(error, rdv__unix_error(errno), "the socket '%s' of an ended process: %s",
                         path, rdv__unix_words(errno));
    return 0;
}

/*
 * Give the socket its name and start listening. Nobody can connect before listen(), so nobody gets
 * in before the permissions are right.
 */
static int bind_and_listen(struct rdv__listener *listener, const struct place *place,
                           const rdv__group *group)
{
    const char *path = listener->path;
    struct stat status;
    if (bind(listener->fd, (const struct sockaddr *)&place->address, place->size) < 0 ||
        lstat(path, &status) < 0)
        return errno;
    listener->device = status.st_dev;
    listener->inode = status.st_ino;
    if (group && lchown(path, (uid_t)-1, *group) < 0)
        return errno;
    if (chmod(path, group ? 0660 : 0600) < 0 || listen(listener->fd, BACKLOG) < 0)
        return errno;
    return 0;
}

int rdv__listener_new(const char *path, const rdv__group *group,
                      struct rdv__listener **ret_listener, struct rdv_error *error)
{
    struct place place = {.directory = -1};
    struct rdv__listener *listener = calloc(1, sizeof *listener);
    if (!listener)
        return rdv__fail(error, RDV_ENOMEM, "out of memory");
    listener->fd = -1;
    listener->path = strdup(path);
    int number, result = listener->path ? place_init(path, &place, error)
                                        : rdv__fail(error, RDV_ENOMEM, "out of memory");
    if (result == 0)
        result = rdv__lock_beside(path, &listener->lock, error);
    if (result == 0)
        result = remove_stale(&place, path, error);
    if (result == 0) {
        result = socket_new(&listener->fd);
        number = result == 0 ? bind_and_listen(listener, &place, group) : errno;
        if (number != 0)
            result = rdv__fail(error, rdv__unix_error(number), "cannot listen at '%s': %s", path,
                               rdv__unix_words(number));
    }
    place_finish(&place);
    if (result != 0)
        rdv__listener_free(listener);
    else
        *ret_listener = listener;
    return result;
}

int rdv__listener_fd(const struct rdv__listener *listener)
{
    return listener->fd;
}

bool rdv__listener_is_there(const struct rdv__listener *listener)
{
    struct stat status;
    return lstat(listener->path, &status) == 0 && status.st_dev == listener->device &&
           status.st_ino == listener->inode;
}

int rdv__listener_accept(struct rdv__listener *listener, int *ret_fd)
{
    int fd = rdv__unix_high(accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (fd >= 0) {
        *ret_fd = fd;
        return 0;
    }
    if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
        return RDV_ELIMIT;
    /* Whatever is wrong with this connection, the next one is taken when it is there. */
    return RDV_ENOTFOUND;
}

void rdv__listener_free(struct rdv__listener *listener)
{
    if (!listener)
        return;
    if (listener->inode != 0 && rdv__listener_is_there(listener))
        unlink(listener->path);
    if (listener->fd >= 0)
        close(listener->fd);
    rdv__plat_unlock(listener->lock);
    free(listener->path);
    free(listener);
}

/* ------------------------------------------------------------------- peers */

static bool in_group(int fd, rdv__group group)
{
    /* The kernel returns the size when there is no room. */
    gid_t *groups = NULL;
    socklen_t size = 0;
    bool found = false;
    while (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size) < 0) {
        if (errno != ERANGE || size > PEER_GROUPS_MAX * sizeof *groups)
            goto out;
        gid_t *grown = realloc(groups, size);
        if (!grown)
            goto out;
        groups = grown;
    }
    for (size_t i = 0; groups && i < size / sizeof *groups; i++)
        found |= groups[i] == group;
out:
    free(groups);
    return found;
}

static bool is_trusted(uid_t user)
{
    return user == 0 || user == geteuid();
}

/* Whether nobody but this user and root can give a socket a name in the folder of this path. */
static bool has_folder(uid_t user, const char *path)
{
    struct stat status;
    int folder = open_folder(path);
    bool result = folder >= 0 && fstat(folder, &status) == 0 && status.st_uid == user &&
                  !(status.st_mode & (S_IWGRP | S_IWOTH));
    if (folder >= 0)
        close(folder);
    return result;
}

/*
 * For a client: check whether the listener, which is the user that has called listen(), may be told
 * anything. An agent may belong to another user; but then the folder has to be that user's alone,
 * so that the socket in it is no stranger's.
 */
static int check_listener(int fd, const char *path, struct rdv_error *error)
{
    struct ucred listener;
    socklen_t size = sizeof listener;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &listener, &size) < 0)
        return rdv__fail(error, rdv__unix_error(errno),
                         "the listener at '%s' can't be identified: %s", path,
                         rdv__unix_words(errno));
    if (is_trusted(listener.uid) || has_folder(listener.uid, path))
        return 0;
    return rdv__fail(error, RDV_EACCES,
                     "'%s' can't be trusted: its listener is user %lu, who is neither root "
                     "nor the user of this process, nor the only one who may write to its folder",
                     path, (unsigned long)listener.uid);
}

enum rdv__peer rdv__socket_peer(int fd, const rdv__group *group, struct rdv__peer_words *ret_words)
{
    struct ucred peer;
    socklen_t size = sizeof peer;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0) {
        snprintf(ret_words->text, sizeof ret_words->text, "an unknown user");
        return RDV__PEER_STRANGER;
    }
    snprintf(ret_words->text, sizeof ret_words->text, "uid %lu, pid %ld", (unsigned long)peer.uid,
             (long)peer.pid);
    if (is_trusted(peer.uid))
        return RDV__PEER_OWNER;
    if (group && (peer.gid == *group || in_group(fd, *group)))
        return RDV__PEER_READER;
    return RDV__PEER_STRANGER;
}

/* ------------------------------------------------------------------ talking */

int rdv__socket_connect(const char *path, rdv_duration wait, int *ret_fd, struct rdv_error *error)
{
    struct place place;
    int fd = -1, result = place_init(path, &place, error);
    if (result != 0)
        return result;
    result = socket_new(&fd);
    if (result != 0) {
        place_finish(&place);
        return rdv__fail(error, result, "cannot make a socket: %s", rdv_strerror(result));
    }
    /*
     * Only a blocking socket waits for its place in the queue of connections that are not accepted
     * yet.
     */
    struct timeval patience = {.tv_sec = (time_t)(wait / RDV_SECOND),
                               .tv_usec = (suseconds_t)(wait % RDV_SECOND / 10)};
    int flags = fcntl(fd, F_GETFL), number = 0;
    if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) < 0 || flags < 0 ||
        fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) < 0)
        number = errno;
    if (number == 0)
        number = place_connect(&place, fd);
    if (number == 0 && fcntl(fd, F_SETFL, flags) < 0)
        number = errno;
    place_finish(&place);
    if (number == 0) {
        result = check_listener(fd, path, error);
        if (result == 0)
            *ret_fd = fd;
        else
            close(fd);
        return result;
    }
    close(fd);
    switch (number) {
    case ENOENT:
    case ENOTDIR:
    case ECONNREFUSED:
    case ENOTSOCK:
        return rdv__fail(error, RDV_ENOTFOUND, "nobody listens at '%s'", path);
    case EAGAIN:
        return rdv__fail(error, RDV_EBUSY, "the process that listens at '%s' does not answer",
                         path);
    default:
        return rdv__fail(error, rdv__unix_error(number), "cannot connect to '%s': %s", path,
                         rdv__unix_words(number));
    }
}

static int gone_or_failed(void)
{
    return errno == EPIPE || errno == ECONNRESET ? RDV_ESHUTDOWN : RDV_EIO;
}

int rdv__socket_send(int fd, const void *data, size_t size, size_t *ret_size)
{
    ssize_t sent;
    do
        sent = send(fd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (sent < 0 && errno == EINTR);
    if (sent < 0 && errno != EAGAIN && errno != ENOBUFS && errno != ENOMEM)
        return gone_or_failed();
    *ret_size = sent > 0 ? (size_t)sent : 0;
    return 0;
}

int rdv__socket_receive(int fd, void *buffer, size_t room, size_t *ret_size)
{
    ssize_t received;
    assert(room > 0);
    do
        received = recv(fd, buffer, room, MSG_DONTWAIT);
    while (received < 0 && errno == EINTR);
    if (received == 0)
        return RDV_ESHUTDOWN;
    if (received < 0 && errno != EAGAIN)
        return gone_or_failed();
    *ret_size = received > 0 ? (size_t)received : 0;
    return 0;
}

int rdv__socket_wait(int fd, bool send, rdv_duration wait)
{
    struct pollfd event = {fd, (short)(POLLIN | (send ? POLLOUT : 0)), 0};
    rdv_duration begun = rdv__plat_running();
    for (;;) {
        rdv_duration left = wait < 0 ? -1 : wait - (rdv__plat_running() - begun);
        int64_t milliseconds = left / RDV_MILLISECOND + (left % RDV_MILLISECOND != 0);
        int status = poll(&event, 1,
                          wait < 0                 ? -1
                          : left <= 0              ? 0
                          : milliseconds > INT_MAX ? INT_MAX
                                                   : (int)milliseconds);
        if (status > 0)
            return 0;
        if (status < 0 && errno != EINTR)
            return RDV_EIO;
        if (status == 0 && wait >= 0 && (left <= 0 || milliseconds <= INT_MAX))
            return RDV_ETIMEDOUT;
    }
}

int rdv__socket_number(int fd)
{
    return fd;
}

void rdv__socket_close(int fd)
{
    if (fd >= 0)
        close(fd);
}

int64_t rdv__socket_own_pid(void)
{
    return getpid();
}
