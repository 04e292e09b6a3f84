/* SPDX-License-Identifier: MIT */
/* siphash.h - SipHash-2-4 (Aumasson and Bernstein, 2012) of one word: a number that only who
 * has the key and the word can make, and from which neither can be told.
 */
#ifndef ML_BASE_SIPHASH_H
#define ML_BASE_SIPHASH_H

#include <stdint.h>

static inline uint64_t ml_siphash_rotate(uint64_t word, int bits)
{
    return word << bits | word >> (64 - bits);
}

static inline void ml_siphash_round(uint64_t v[4])
{
    v[0] += v[1];
    v[2] += v[3];
    v[1] = ml_siphash_rotate(v[1], 13) ^ v[0];
    v[3] = ml_siphash_rotate(v[3], 16) ^ v[2];
    v[0] = ml_siphash_rotate(v[0], 32);
    v[2] += v[1];
    v[0] += v[3];
    v[1] = ml_siphash_rotate(v[1], 17) ^ v[2];
    v[3] = ml_siphash_rotate(v[3], 21) ^ v[0];
    v[2] = ml_siphash_rotate(v[2], 32);
}

static inline void ml_siphash_take(uint64_t v[4], uint64_t block)
{
    v[3] ^= block;
    ml_siphash_round(v);
    ml_siphash_round(v);
    v[0] ^= block;
}

static inline uint64_t ml_siphash_word(const uint64_t key[2], uint64_t word)
{
    const uint64_t length_block = (uint64_t)sizeof(word) << 56;
    uint64_t v[4] = { key[0] ^ 0x736f6d6570736575, key[1] ^ 0x646f72616e646f6d,
                      key[0] ^ 0x6c7967656e657261, key[1] ^ 0x7465646279746573 };
    ml_siphash_take(v, word);
    ml_siphash_take(v, length_block);
    v[2] ^= 0xff;
    for (int i = 0; i < 4; i++)
        ml_siphash_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

#endif
