/* SPDX-License-Identifier: MIT */
/* The scan of all unfinished entries with which a trigger agent starts. */
#ifndef RDV__STARTUP_SCAN_H
#define RDV__STARTUP_SCAN_H

#include <stdbool.h>
#include <stddef.h>

#include <rdvtask/store.h>

#include "window.h"

/* All unfinished entries, in order of their numbers: one sequential scan. To be done before entries are changed. RDV_ECORRUPT for
 * one that was never written like this; an error of fn ends the scan, and is returned. */
struct rdv__record_key {
    struct rdv__keys keys;
    const char *identifier; /* borrowed during the callback, and without a NUL at its end */
    size_t identifier_size;
    bool running;
};
int rdv__startup_scan_run(rdv_store *store,
                          int (*fn)(void *user, const struct rdv__record_key *key), void *user);

#endif
