/* SPDX-License-Identifier: MIT */
#include "histogram.h"

enum { FINE = 1 << HISTOGRAM_FINE_BITS };

/* Below 32 each value has a bucket. From there on the first six bits of a value
 * say which: the highest one's place, and the five after it. */
static unsigned bucket_of(uint64_t value)
{
    if (value < FINE)
        return (unsigned)value;
    unsigned shift = 63 - (unsigned)__builtin_clzll(value) - HISTOGRAM_FINE_BITS;
    return shift * FINE + (unsigned)(value >> shift);
}

/* The greatest value that goes there. */
static uint64_t top_of(unsigned bucket)
{
    if (bucket < 2 * FINE)
        return bucket;
    unsigned shift = bucket / FINE - 1;
    uint64_t first = bucket % FINE + FINE;
    return ((first + 1) << shift) - 1;
}

void histogram_add(struct histogram *histogram, uint64_t value)
{
    histogram->counts[bucket_of(value)]++;
    histogram->values++;
    if (value > histogram->longest)
        histogram->longest = value;
}

uint64_t histogram_quantile(const struct histogram *histogram, double q)
{
    uint64_t below = 0;
    for (unsigned bucket = 0; bucket < HISTOGRAM_BUCKETS && histogram->values != 0; bucket++) {
        below += histogram->counts[bucket];
        if ((double)below >= q * (double)histogram->values && below != 0) {
            uint64_t top = top_of(bucket);
            return top < histogram->longest ? top : histogram->longest;
        }
    }
    return 0;
}
