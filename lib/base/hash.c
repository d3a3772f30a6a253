/* SPDX-License-Identifier: MIT */
/*
 * The hash of a text, for the tables of this library. It is a pure function: the key is the
 * caller's, and no result is ever stored, so the hash may differ between machines.
 */
#include "base/hash.h"

#include <string.h>

static uint64_t rotate(uint64_t word, int bits)
{
    return word << bits | word >> (64 - bits);
}

/*
 * Read the next word of a text that has `left` bytes left. The last word is padded, and has the
 * text's size in its top byte.
 */
static uint64_t word_of(const char *text, size_t left, size_t size)
{
    uint64_t word = (uint64_t)size << 56;

    if (left >= sizeof word) {
        /* The byte order doesn't matter, as the hash never leaves this process. */
        memcpy(&word, text, sizeof word);
        return word;
    }
    for (size_t i = 0; i < left; i++)
        word |= (uint64_t)(unsigned char)text[i] << 8 * i;
    return word;
}

/*
 * This is SipHash-1-3. The rounds are written once, so that the state stays in registers even when
 * the compiler optimises for size: opening a store with a million entries takes a million hashes.
 */
uint32_t rdv__hash(const struct rdv__hash_key *key, const char *text, size_t size)
{
    uint64_t v0 = key->words[0] ^ UINT64_C(0x736f6d6570736575);
    uint64_t v1 = key->words[1] ^ UINT64_C(0x646f72616e646f6d);
    uint64_t v2 = key->words[0] ^ UINT64_C(0x6c7967656e657261);
    uint64_t v3 = key->words[1] ^ UINT64_C(0x7465646279746573);
    /* One more word, for the end of the text, comes after these. */
    size_t words = size / sizeof(uint64_t) + 1;

    for (size_t i = 0; i <= words; i++) {
        uint64_t word = 0;
        int rounds = 3;
        if (i < words) {
            word = word_of(text + i * sizeof word, size - i * sizeof word, size);
            rounds = 1;
        } else {
            v2 ^= 0xff;
        }
        v3 ^= word;
        while (rounds-- > 0) {
            v0 += v1;
            v2 += v3;
            v1 = rotate(v1, 13) ^ v0;
            v3 = rotate(v3, 16) ^ v2;
            v0 = rotate(v0, 32);
            v2 += v1;
            v0 += v3;
            v1 = rotate(v1, 17) ^ v2;
            v3 = rotate(v3, 21) ^ v0;
            v2 = rotate(v2, 32);
        }
        v0 ^= word;
    }
    v0 ^= v1 ^ v2 ^ v3;
    return (uint32_t)(v0 ^ v0 >> 32);
}
