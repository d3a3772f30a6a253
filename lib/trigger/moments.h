/* SPDX-License-Identifier: MIT */
/*
 * Orders runs by the moment, in running time, at which they are to be looked at. It is a pairing heap whose links lie in its elements, so
 * nothing here can fail. Most runs have only one moment, their limit, and come in the order of it: putting one in then takes no time.
 */
#ifndef RDV__TRIGGER_MOMENTS_H
#define RDV__TRIGGER_MOMENTS_H

#include <stdbool.h>
#include <stdint.h>

#include <rdvtask/base.h>

/* An element, embedded in its owner; all zero = in no heap. */
struct rdv__moment {
    rdv_duration at;
    int64_t number; /* of equal moments, the smallest number is first */
    bool is_in;
    struct rdv__moment *child, *next, *previous; /* previous of a first child is the parent */
};

struct rdv__moments {
    struct rdv__moment *first; /* the earliest; NULL = none */
};

/* Put a moment into the heap, or move it if it is there. */
void rdv__moments_put(struct rdv__moments *moments, struct rdv__moment *moment, rdv_duration at);

/* Take a moment out of the heap. Does nothing if it is in none. */
void rdv__moments_remove(struct rdv__moments *moments, struct rdv__moment *moment);

#endif
