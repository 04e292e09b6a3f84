/* SPDX-License-Identifier: MIT */
/* zero.h - setting a block to zero, in line for the sizes that are common,
 * where the call would cost more than the stores. Pure. */
#ifndef ML_GC_ZERO_H
#define ML_GC_ZERO_H

#include <string.h>

#include "base/bits.h"

/* Sixteen bytes at once; a block is made of them. */
typedef long long ml_zero_pair __attribute__((vector_size(16), may_alias));

/* `pairs` from the beginning of the block and as many up to its end, which may
 * overlap: one run of stores serves a range of sizes. */
static inline ML_ALWAYS_INLINE void ml_zero_ends(void *block, size_t bytes, unsigned pairs)
{
    ml_zero_pair *begin = block, *end = (ml_zero_pair *)((char *)block + bytes);
#pragma GCC unroll 8
    for (unsigned i = 0; i < pairs; i++) {
        begin[i] = (ml_zero_pair){ 0, 0 };
        end[-1 - (int)i] = (ml_zero_pair){ 0, 0 };
    }
}

/* bytes: a multiple of 16, not 0. */
static inline void ml_zero(void *block, size_t bytes)
{
    if (bytes <= 32)
        ml_zero_ends(block, bytes, 1);
    else if (bytes <= 64)
        ml_zero_ends(block, bytes, 2);
    else if (bytes <= 128)
        ml_zero_ends(block, bytes, 4);
    else if (bytes <= 256)
        ml_zero_ends(block, bytes, 8);
    else
        memset(block, 0, bytes);
}

#endif
