/* SPDX-License-Identifier: MIT */
/*
 * Who may use a pipe, and who is at its other end.
 *
 * The pipe's own access list lets in the user of this process, the administrators, the system
 * itself, and the reader group if there is one. So without a group, every client that gets in may
 * do everything. With a group the two kinds have to be told apart. The process that has connected
 * is examined when its connection is accepted. If it is an owner's, Windows is asked once more when
 * the first bytes have come, since only then does it name the user that has sent them: a process
 * may have ended by the time it is examined, and another may have its number.
 */
#ifndef RDV__WIN_PEER_H
#define RDV__WIN_PEER_H

#include <stdbool.h>

#include "platform/socket.h"
#include "platform/win/win.h"

/*
 * Make the security of a pipe. Returns 0, or what GetLastError() says. Free it with
 * rdv__win_private_free().
 */
DWORD rdv__peer_security(const rdv__group *group, SECURITY_ATTRIBUTES *ret_attributes);

/* Whether a pipe has this security, and was made by one of those named above. */
bool rdv__peer_is_secured(HANDLE pipe, const SECURITY_ATTRIBUTES *attributes);

/*
 * For a client: check that the pipe is this user's, the administrators' or the system's. RDV_EACCES
 * if not, or RDV_EIO.
 */
int rdv__peer_check_server(HANDLE pipe, const char *path, struct rdv_error *error);

/* For a server: find out who has connected, as far as that can be seen. */
enum rdv__peer rdv__peer_look(HANDLE pipe, const rdv__group *group,
                              struct rdv__peer_words *ret_words);

/* For a server that has read something: whether the sender has more rights than a reader. */
bool rdv__peer_is_owner(HANDLE pipe);

#endif
