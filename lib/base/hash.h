/* SPDX-License-Identifier: MIT */
/*
 * Hashes of texts that come from outside: whoever chooses them must not be able to choose the bucket too, so there is a key, drawn
 * at random. Simpler mixes have collisions that hold for every key.
 */
#ifndef RDV__BASE_HASH_H
#define RDV__BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

/* The caller fills it with random bytes. */
struct rdv__hash_key {
    uint64_t words[2];
};

uint32_t rdv__hash(const struct rdv__hash_key *key, const char *text, size_t size);

#endif
