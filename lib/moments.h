/* SPDX-License-Identifier: MIT */
/*
 * Runs by the moment, in running time, at which they are to be looked at. A pairing heap whose links lie in what it orders, so that
 * nothing here can fail: with one moment for most (their limit, in the order in which they started) putting one in takes no time.
 */
#ifndef RDV__MOMENTS_H
#define RDV__MOMENTS_H

#include <stdbool.h>
#include <stdint.h>

#include <rdvtask/base.h>

/* Embedded in its owner; all zero = in no heap. */
struct rdv__moment {
    rdv_duration at;
    int64_t number; /* of equal moments, the smallest number is first */
    bool is_in;
    struct rdv__moment *child, *next, *previous; /* previous: the parent, of a first child */
};

struct rdv__moments {
    struct rdv__moment *first; /* the earliest; NULL = none */
};

/* Put it in, or move it. */
void rdv__moments_put(struct rdv__moments *moments, struct rdv__moment *moment, rdv_duration at);

/* Take it out. Idempotent. */
void rdv__moments_remove(struct rdv__moments *moments, struct rdv__moment *moment);

#endif
