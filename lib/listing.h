/* SPDX-License-Identifier: MIT */
/* Listings that only the control needs; rdv_store_entries() is the one for everybody. */
#ifndef RDV__LISTING_H
#define RDV__LISTING_H

#include <stdint.h>

#include <rdvtask/store.h>

/*
 * Entries whose latest change has a number above `after`, in the order of these numbers, each as it is now: at most `limit`. What
 * is staged is committed first. *ret_last: the number of the last change of all, which is durable.
 */
int rdv__listing_changed(rdv_store *store, int64_t after, int64_t limit, rdv_entry_fn fn,
                         void *user, int64_t *ret_last);

/*
 * What a call has just staged, seen from inside the open batch: entries that have ended by changes above `after`, then
 * unfinished ones with the numbers first to last.
 */
int rdv__listing_staged(rdv_store *store, int64_t after, int64_t first, int64_t last,
                        rdv_entry_fn fn, void *user);

#endif
