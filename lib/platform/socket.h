/* SPDX-License-Identifier: MIT */
/*
 * Local sockets, and who is at the other end of them: the same functions in unix/socket.c and, for named pipes, in win/pipe.c. Descriptors are close-on-exec and never block, but for what rdv__socket_wait() is for. No signal is raised.
 */
#ifndef RDV__PLATFORM_SOCKET_H
#define RDV__PLATFORM_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rdvtask/base.h>

#include "types.h"

/* Look a group of users up. RDV_ENOTFOUND. */
int rdv__socket_group(const char *name, rdv__group *ret_group, struct rdv_error *error);

/* A socket with a name. */
struct rdv__listener;

/*
 * Listen at a path, for our user alone, or for a group as well (NULL = none); on Windows, with the administrators and the system
 * itself, and the path may be a pipe's name or name a file, from which the pipe's name is made. Beside it a lock, PATH.lock, says that we do, and
 * stays when we are gone. A socket that nobody listens at is replaced; what is no socket is left alone.
 * RDV_ELOCKED if someone listens there; RDV_EINVAL for a name that is too long; RDV_ENOTFOUND for a directory that is not there;
 * RDV_EEXISTS if something else has the name; RDV_EACCES, RDV_EIO, RDV_ENOMEM. error's text names the path.
 */
int rdv__listener_new(const char *path, const rdv__group *group,
                      struct rdv__listener **ret_listener, struct rdv_error *error);
rdv__descriptor rdv__listener_fd(const struct rdv__listener *listener);

/* Whether it still has its name, so that clients find it: one look. Always, where nobody can take a name away. */
bool rdv__listener_is_there(const struct rdv__listener *listener);

/* Take the next connection: RDV_ENOTFOUND if none waits, RDV_ELIMIT if there are no descriptors or no memory for it. */
int rdv__listener_accept(struct rdv__listener *listener, rdv__descriptor *ret_fd);

/* Stop, and remove the name if it is still ours. NULL is fine. */
void rdv__listener_free(struct rdv__listener *listener);

/* Who has made the connection, as the kernel says: may it do all (our user, and root), read (the group), or nothing? */
enum rdv__peer { RDV__PEER_STRANGER, RDV__PEER_READER, RDV__PEER_OWNER };
struct rdv__peer_words {
    char text[128]; /* "uid 1000, pid 4711" */
};
enum rdv__peer rdv__socket_peer(rdv__descriptor fd, const rdv__group *group,
                                struct rdv__peer_words *ret_words);

/* Connect to a path; waits at most so long. RDV_ENOTFOUND if nobody listens there; RDV_EBUSY if it took too long; RDV_EACCES, also
 * for who is neither our user, root (on Windows, an administrator or the system) nor, on Unix, the one who alone may write to the
 * folder; RDV_EINVAL, RDV_EIO, RDV_ENOMEM. */
int rdv__socket_connect(const char *path, rdv_duration wait, rdv__descriptor *ret_fd,
                        struct rdv_error *error);

/* Send what there is room for: *ret_size may be 0. What was not taken is given again, from its first byte on, before anything
 * else: it may be on its way. What was taken arrives, also when it is closed. RDV_ESHUTDOWN if the other end has gone, or RDV_EIO. */
int rdv__socket_send(rdv__descriptor fd, const void *data, size_t size, size_t *ret_size);

/* Receive what is there: *ret_size may be 0. RDV_ESHUTDOWN at the end of it, or RDV_EIO. */
int rdv__socket_receive(rdv__descriptor fd, void *buffer, size_t room, size_t *ret_size);

/* Wait until something can be received (or, with `send`, sent), at most so long; negative = for ever. 0, RDV_ETIMEDOUT, RDV_EIO. */
int rdv__socket_wait(rdv__descriptor fd, bool send, rdv_duration wait);

void rdv__socket_close(rdv__descriptor fd); /* RDV__NO_DESCRIPTOR is fine */

/* The number to poll it by; -1 where there is none. */
int rdv__socket_number(rdv__descriptor fd);

/* The number of this process. */
int64_t rdv__socket_own_pid(void);

#endif
