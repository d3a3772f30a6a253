/* SPDX-License-Identifier: MIT */
/*
 * Who may use a pipe of ours, and who is at its other end.
 *
 * The pipe's own list lets in our user, the administrators, the system itself, and the reader group if there is one. So without
 * a group whoever is in may do all. With one the two have to be told apart: the process that has connected is looked at when it
 * is taken, and where it is an owner's, Windows is asked once more when the first bytes have come, since only then it names the
 * user that has sent them. A process may have ended by the time it is looked at, and another may have its number.
 */
#ifndef RDV__WIN_PEER_H
#define RDV__WIN_PEER_H

#include <stdbool.h>

#include "platform/socket.h"
#include "platform/win/win.h"

/* The security of a pipe of ours. 0, or what GetLastError() would say. rdv__win_private_free(). */
DWORD rdv__peer_security(const rdv__group *group, SECURITY_ATTRIBUTES *ret_attributes);

/* Whether a pipe has this security, and nobody but one of those named above has made it. */
bool rdv__peer_is_secured(HANDLE pipe, const SECURITY_ATTRIBUTES *attributes);

/* For a client: whether the pipe is our user's, the administrators' or the system's: RDV_EACCES if not, or RDV_EIO. */
int rdv__peer_check_server(HANDLE pipe, const char *path, struct rdv_error *error);

/* For a server: who has connected, as far as it can be seen. */
enum rdv__peer rdv__peer_look(HANDLE pipe, const rdv__group *group,
                              struct rdv__peer_words *ret_words);

/* For a server that has read something: whether who has sent it is no mere reader. */
bool rdv__peer_is_owner(HANDLE pipe);

#endif
