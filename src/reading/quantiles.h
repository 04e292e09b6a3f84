/* SPDX-License-Identifier: MIT */
/* quantiles.h - any quantile of any number of values, in bounded memory.
 *
 * Values are counted by their sign, exponent and first nine bits, so that what is said is a value
 * that occurred, and at most 0.2 % of it above the true quantile; where only one value was
 * counted in its place, exact. 8 KiB for each power of two in which values lie, and 64 of them at
 * most: a value in yet another, which no log that memlog wrote has, is counted in the next.
 */
#ifndef ML_READING_QUANTILES_H
#define ML_READING_QUANTILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ml_octave;

/* All zero: no values yet. */
struct ml_quantiles {
    uint64_t count;
    struct ml_octave **octaves; /* ascending */
    size_t used, capacity, latest;
};

/* No NAN. False: there is no memory for it; it is not counted. */
bool ml_quantiles_add(struct ml_quantiles *quantiles, double value);
/* 0.5 is the median: the value at which so large a part of all is not above it. 0 of none. */
double ml_quantiles_at(const struct ml_quantiles *quantiles, double part);
void ml_quantiles_free(struct ml_quantiles *quantiles);

#endif
