/* SPDX-License-Identifier: MIT */
/*
 * Hashes of texts that come from outside. Anyone who can choose the texts must not be able to
 * choose their buckets as well, so the hash has a key, which is drawn at random. Simpler hashes
 * have collisions that hold for every key.
 */
#ifndef RDV__BASE_HASH_H
#define RDV__BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

/* A key, which the caller fills with random bytes. */
struct rdv__hash_key {
    uint64_t words[2];
};

/* Hash `size` bytes of text. */
uint32_t rdv__hash(const struct rdv__hash_key *key, const char *text, size_t size);

#endif
