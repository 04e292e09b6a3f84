/* SPDX-License-Identifier: MIT */
/* chance.h - the arithmetic of exponential sampling, without the C library's
 * mathematics, which is a library of its own. Pure.
 */
#ifndef ML_BASE_CHANCE_H
#define ML_BASE_CHANCE_H

#include <stdint.h>

/* The next of a sequence that looks random, and goes through all numbers but 0; *state is
 * not 0. */
static inline uint64_t ml_random_next(uint64_t *state)
{
    uint64_t x = *state; /* Marsaglia's xorshift, with Vigna's multiplier on its result */
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    *state = x;
    return x * UINT64_C(0x2545f4914f6cdd1d);
}

/* Exponentially distributed with mean 1, of a number all of whose bits are random. */
double ml_exponential_of(uint64_t random);
/* 1 - exp(-x) for x >= 0, to 14 digits also where x is small: the chance that a distance of
 * ml_exponential_of is shorter than x. */
double ml_chance_within(double x);

#endif
