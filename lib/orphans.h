/* SPDX-License-Identifier: MIT */
/* Ends the processes that a killed predecessor of ours, or a killed supervisor, has left behind,
 * without holding up the loop. Owner thread only. */
#ifndef RDV__ORPHANS_H
#define RDV__ORPHANS_H

#include <stdint.h>

#include <rdvtask/loop.h>

struct rdv__orphans;

/*
 * End every process of a run, politely at first, and by a kill after `grace`. They are recognised
 * by the nonce that the run's journal has. A run that has none ("" or NULL), because an older
 * version has begun it, is recognised by the path of its store and its number. Anybody can copy
 * these, so only processes of the effective user and of root are ended then. store_path may be NULL
 * for a run that has a nonce.
 *
 * It is done on a thread; ended(user, how many there were) follows on the loop, and the handle is
 * gone then. All texts are copied.
 */
int rdv__orphans_end(rdv_loop *loop, const char *store_path, int64_t run, const char *nonce,
                     rdv_duration grace, void (*ended)(void *user, int found), void *user,
                     struct rdv__orphans **ret_orphans);

/* Kill them at once instead, and tell nobody. NULL is fine. */
void rdv__orphans_free(struct rdv__orphans *orphans);

#endif
