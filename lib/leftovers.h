/* SPDX-License-Identifier: MIT */
/* Ends the processes that a killed predecessor of ours, or a killed supervisor, has left behind, without holding up the loop. Owner
 * thread only. */
#ifndef RDV__LEFTOVERS_H
#define RDV__LEFTOVERS_H

#include <stdint.h>

#include <rdvtask/loop.h>

struct rdv__leftovers;

/*
 * End every process that a run of this number was given by an agent on this store: politely, and killed after `grace`. It is
 * done on a thread; ended(user, how many there were) follows on the loop, and the handle is gone then.
 */
int rdv__leftovers_end(rdv_loop *loop, const char *store_path, int64_t run, rdv_duration grace,
                       void (*ended)(void *user, int found), void *user,
                       struct rdv__leftovers **ret_leftovers);

/* Kill them at once instead, and tell nobody. NULL is fine. */
void rdv__leftovers_free(struct rdv__leftovers *leftovers);

#endif
