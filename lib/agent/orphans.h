/* SPDX-License-Identifier: MIT */
/* Ends the processes that a killed process of rdvtask, or a killed supervisor, has left behind,
 * without holding up the loop. Owner thread only. */
#ifndef RDV__AGENT_ORPHANS_H
#define RDV__AGENT_ORPHANS_H

#include <stdint.h>

#include <rdvtask/loop.h>

struct rdv__orphans;

/*
 * End every process of a run: politely at first, and by a kill after `grace`. The processes are
 * recognised by the nonce that the journal has for the run. If it has none ("" or NULL), as an
 * older version has begun the run, they are recognised by the path of the store and the number of
 * the run. Anybody can use these two, so only processes of the effective user and of root are ended
 * then. store_path may be NULL for a run that has a nonce.
 *
 * A thread does it. ended(user, how many there were) follows on the loop, and the handle is gone
 * then. All texts are copied.
 */
int rdv__orphans_end(rdv_loop *loop, const char *store_path, int64_t run, const char *nonce,
                     rdv_duration grace, void (*ended)(void *user, int found), void *user,
                     struct rdv__orphans **ret_orphans);

/* Kill the processes at once instead, and do not call `ended`. NULL is fine. */
void rdv__orphans_free(struct rdv__orphans *orphans);

#endif
