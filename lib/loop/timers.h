/* SPDX-License-Identifier: MIT */
/*
 * The timers of a loop, as one descriptor that it watches. rdvtask/loop.h says what is done with
 * each timer. Owner thread only.
 */
#ifndef RDV__LOOP_TIMERS_H
#define RDV__LOOP_TIMERS_H

#include <stddef.h>
#include <stdint.h>

#include <rdvtask/loop.h>

#include "platform/platform.h"

struct rdv__poll;
struct rdv__io;

/* Embedded in the loop. */
struct rdv__timers {
    struct rdv__poll *poll;
    /* The system's timer for all of them, set to the earliest, and its place in the poll. */
    struct rdv__plat_timer clockwork;
    struct rdv__io *ticking;
    /* The moment that the clockwork is set to. */
    int64_t armed;
    rdv_timer *all;
    size_t count;
    /* The timers that are started, with room for all that exist. */
    rdv_timer **heap;
    size_t heap_count, heap_room;
    /* How many times a timer was started. This orders timers that are due at the same moment. */
    uint64_t started;
};

/* Open the timers. Returns 0, RDV_ENOMEM, RDV_ERESOURCES or RDV_EIO. */
int rdv__timers_open(struct rdv__timers *timers, struct rdv__poll *poll);

/*
 * Close the timers with their loop. Those that are still there never fire, and their owners free
 * them.
 */
void rdv__timers_close(struct rdv__timers *timers);

/*
 * Have the earliest timer wake the loop. To be called before the loop polls, and before the host's
 * own loop does.
 */
void rdv__timers_arm(struct rdv__timers *timers);

/* Do what rdv_timer_new() does, for these timers. */
int rdv__timers_add(struct rdv__timers *timers, void (*fn)(void *user), void *user,
                    rdv_timer **ret_timer);

#endif
