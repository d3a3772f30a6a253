/* SPDX-License-Identifier: MIT */
/*
 * Orders live entries by the moment, in running time, at which they are to be looked at. It is a
 * pairing heap whose links lie in its elements, so nothing here can fail. Most entries have only
 * one moment, their limit, and come in the order of it: putting one in then takes no time.
 */
#ifndef RDV__TRIGGER_MOMENTS_H
#define RDV__TRIGGER_MOMENTS_H

#include <stdbool.h>
#include <stdint.h>

#include <rdvtask/base.h>

/* An element, embedded in its owner. If it is all zero, it is in no heap. */
struct rdv__moment {
    rdv_duration at;
    /* Of equal moments, the one with the smallest number is first. */
    int64_t number;
    bool is_in;
    /* `previous` of a first child is the parent. */
    struct rdv__moment *child, *next, *previous;
};

struct rdv__moments {
    /* The earliest; NULL if there is none. */
    struct rdv__moment *first;
};

/* Put a moment into the heap, or move it if it is there. */
void rdv__moments_put(struct rdv__moments *moments, struct rdv__moment *moment, rdv_duration at);

/* Take a moment out of the heap. Does nothing if it is in none. */
void rdv__moments_remove(struct rdv__moments *moments, struct rdv__moment *moment);

#endif
