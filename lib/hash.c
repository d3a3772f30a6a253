/* SPDX-License-Identifier: MIT */
#include "hash.h"

#include <string.h>

#include "plat.h"

int rdv__hash_key_new(struct rdv__hash_key *ret_key)
{
    return rdv__plat_random(ret_key->words, sizeof ret_key->words);
}

static uint64_t rotate(uint64_t word, int bits)
{
    return word << bits | word >> (64 - bits);
}

struct sip {
    uint64_t v0, v1, v2, v3;
};

static void sip_rounds(struct sip *sip, int count)
{
    while (count-- > 0) {
        sip->v0 += sip->v1;
        sip->v2 += sip->v3;
        sip->v1 = rotate(sip->v1, 13) ^ sip->v0;
        sip->v3 = rotate(sip->v3, 16) ^ sip->v2;
        sip->v0 = rotate(sip->v0, 32);
        sip->v2 += sip->v1;
        sip->v0 += sip->v3;
        sip->v1 = rotate(sip->v1, 17) ^ sip->v2;
        sip->v3 = rotate(sip->v3, 21) ^ sip->v0;
        sip->v2 = rotate(sip->v2, 32);
    }
}

static void sip_take(struct sip *sip, uint64_t word)
{
    sip->v3 ^= word;
    sip_rounds(sip, 2);
    sip->v0 ^= word;
}

/* SipHash-2-4. */
uint32_t rdv__hash(const struct rdv__hash_key *key, const char *text, size_t size)
{
    const unsigned char *bytes = (const unsigned char *)text;
    struct sip sip = {
        key->words[0] ^ UINT64_C(0x736f6d6570736575),
        key->words[1] ^ UINT64_C(0x646f72616e646f6d),
        key->words[0] ^ UINT64_C(0x6c7967656e657261),
        key->words[1] ^ UINT64_C(0x7465646279746573),
    };
    uint64_t word;
    size_t i;

    for (i = 0; size - i >= sizeof word; i += sizeof word) {
        memcpy(&word, bytes + i,
               sizeof word); /* byte order doesn't matter: the hash stays in here */
        sip_take(&sip, word);
    }
    word = (uint64_t)size << 56;
    for (int shift = 0; i < size; i++, shift += 8)
        word |= (uint64_t)bytes[i] << shift;
    sip_take(&sip, word);

    sip.v2 ^= 0xff;
    sip_rounds(&sip, 4);
    word = sip.v0 ^ sip.v1 ^ sip.v2 ^ sip.v3;
    return (uint32_t)(word ^ word >> 32);
}
