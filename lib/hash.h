/* SPDX-License-Identifier: MIT */
/*
 * Hashes of texts that come from outside: whoever chooses them must not be able to choose the bucket too, so there is a key, drawn
 * at random. Simpler mixes have collisions that hold for every key.
 */
#ifndef RDV__HASH_H
#define RDV__HASH_H

#include <stddef.h>
#include <stdint.h>

struct rdv__hash_key {
    uint64_t words[2];
};

int rdv__hash_key_new(struct rdv__hash_key *ret_key); /* 0, or RDV_EIO without a random number */

uint32_t rdv__hash(const struct rdv__hash_key *key, const char *text, size_t size);

#endif
