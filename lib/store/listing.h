/* SPDX-License-Identifier: MIT */
/* Listings for the control and the trigger agent. Everybody else has rdv_store_entries(). */
#ifndef RDV__STORE_LISTING_H
#define RDV__STORE_LISTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rdvtask/store.h>

/*
 * The parts that listings in slices are made of (query.c): each costs the same, however much the
 * store has. They are called inside a view, take RDV_FILTER_CHANGES and RDV_FILTER_OUTPUT, and
 * return 1 if there is such an entry and 0 if there is none.
 */

/* Show an unfinished entry, if it has this label or none is given. Also without a view, but then
 * with no flags. */
int rdv__listing_unfinished(rdv_store *store, int64_t number, const char *label, unsigned flags,
                            rdv_entry_fn fn, void *user);

/* Show the entry that ended with this change. */
int rdv__listing_ended(rdv_store *store, int64_t change, unsigned flags, rdv_entry_fn fn,
                       void *user);

/*
 * Find the next entry that has ended, after the change *change or, with `back`, before it, of this
 * identifier if one is given. At most *rows rows are looked at. Afterwards *change is that of the
 * last one, and *rows says how many more may be looked at. If nothing was found and *rows is not 0,
 * there is no such entry.
 */
int rdv__listing_seek(rdv_store *store, bool back, const char *identifier, int64_t *change,
                      int *rows);

/* Get the keys of unfinished entries with numbers above `after`, in order of their numbers. Returns
 * 0 or an error. */
struct rdv__listing_key {
    int64_t number, change;
    bool waits; /* the entry has not started */
};
int rdv__listing_keys(rdv_store *store, int64_t after, struct rdv__listing_key *keys, size_t room,
                      size_t *ret_count);

/*
 * Show what a call has just staged, from inside the open batch: entries that have ended by changes
 * above `after`, then unfinished ones with the numbers first to last.
 */
int rdv__listing_staged(rdv_store *store, int64_t after, int64_t first, int64_t last,
                        rdv_entry_fn fn, void *user);

#endif
