/* SPDX-License-Identifier: MIT */
/* The scan of all unfinished entries with which a trigger agent starts. */
#ifndef RDV__STORE_STARTUP_SCAN_H
#define RDV__STORE_STARTUP_SCAN_H

#include <stdbool.h>
#include <stddef.h>

#include <rdvtask/store.h>

#include "model/window.h"

/* What is told of an unfinished entry. */
struct rdv__record_key {
    struct rdv__keys keys;
    /* Borrowed during the callback, and without a NUL at its end. */
    const char *identifier;
    size_t identifier_size;
    bool running;
};

/* Call fn for each unfinished entry, in the order of their numbers: one sequential scan, which has
 * to come before any change of an entry. RDV_ECORRUPT for an entry that was never written like
 * this; an error of fn ends the scan, and is returned. */
int rdv__startup_scan_run(rdv_store *store,
                          int (*fn)(void *user, const struct rdv__record_key *key), void *user);

#endif
