/* SPDX-License-Identifier: MIT */
/*
 * Local sockets, and who is at the other end of them: the same functions in unix/socket.c and, with
 * named pipes, in win/socket.c. Descriptors are close-on-exec, and never block; only
 * rdv__socket_wait() waits. No signal is raised.
 */
#ifndef RDV__PLATFORM_SOCKET_H
#define RDV__PLATFORM_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rdvtask/base.h>

#include "types.h"

/* Look up a group of users. RDV_ENOTFOUND if there is none of this name. */
int rdv__socket_group(const char *name, rdv__group *ret_group, struct rdv_error *error);

/* A socket with a name. */
struct rdv__listener;

/*
 * Listen at a path, for the user of this process alone, or for a group as well (NULL = none). On
 * Windows the administrators and the system itself may connect, too; there the path is the name of
 * a pipe, or names a file, from which the pipe's name is made.
 *
 * The lock PATH.lock beside it says that this process listens, and the file stays afterwards. A
 * socket on which nobody listens is replaced; anything that is not a socket is left alone.
 *
 * Fails with RDV_ELOCKED if somebody listens there, RDV_EINVAL for a name that is too long,
 * RDV_ENOTFOUND for a directory that doesn't exist, RDV_EEXISTS if something else has the name,
 * RDV_EACCES, RDV_EIO or RDV_ENOMEM. error's text names the path.
 */
int rdv__listener_new(const char *path, const rdv__group *group,
                      struct rdv__listener **ret_listener, struct rdv_error *error);
rdv__descriptor rdv__listener_fd(const struct rdv__listener *listener);

/*
 * Whether the socket still has its name, so that clients find it. This takes one look at the file
 * system; it is always true where nobody can take a name away.
 */
bool rdv__listener_is_there(const struct rdv__listener *listener);

/*
 * Take the next connection. RDV_ENOTFOUND if none waits, RDV_ELIMIT if there are no descriptors or
 * no memory for it.
 */
int rdv__listener_accept(struct rdv__listener *listener, rdv__descriptor *ret_fd);

/* Stop listening, and remove the name if it still is this socket's. NULL is fine. */
void rdv__listener_free(struct rdv__listener *listener);

/*
 * What the process that connected may do, as the kernel identifies it: everything (the user of this
 * process, and root), read (the group), or nothing.
 */
enum rdv__peer { RDV__PEER_STRANGER, RDV__PEER_READER, RDV__PEER_OWNER };
struct rdv__peer_words {
    /* Such as "uid 1000, pid 4711". */
    char text[128];
};
enum rdv__peer rdv__socket_peer(rdv__descriptor fd, const rdv__group *group,
                                struct rdv__peer_words *ret_words);

/*
 * Connect to a path, waiting at most this long. RDV_ENOTFOUND if nobody listens there; RDV_EBUSY if
 * it took too long; RDV_EACCES, also if the listener belongs neither to this user, nor to root (on
 * Windows, to an administrator or the system), nor, on Unix, to the only user who may write to the
 * folder; RDV_EINVAL, RDV_EIO, RDV_ENOMEM.
 */
int rdv__socket_connect(const char *path, rdv_duration wait, rdv__descriptor *ret_fd,
                        struct rdv_error *error);

/*
 * Send what there is room for; *ret_size may be 0. What was not taken has to be handed in again,
 * from its first byte on, before anything else, as it may be on its way. What was taken arrives,
 * even if the socket is closed. RDV_ESHUTDOWN if the other end has gone, or RDV_EIO.
 */
int rdv__socket_send(rdv__descriptor fd, const void *data, size_t size, size_t *ret_size);

/* Receive what is there; *ret_size may be 0. RDV_ESHUTDOWN at the end of the stream, or RDV_EIO. */
int rdv__socket_receive(rdv__descriptor fd, void *buffer, size_t room, size_t *ret_size);

/*
 * Wait at most this long until something can be received or, with `send`, sent. A negative time
 * waits for ever. Returns 0, RDV_ETIMEDOUT or RDV_EIO.
 */
int rdv__socket_wait(rdv__descriptor fd, bool send, rdv_duration wait);

/* RDV__NO_DESCRIPTOR is fine. */
void rdv__socket_close(rdv__descriptor fd);

/* Return the number to poll it by, or -1 where there is none. */
int rdv__socket_number(rdv__descriptor fd);

/* Return the process id of this process. */
int64_t rdv__socket_own_pid(void);

#endif
