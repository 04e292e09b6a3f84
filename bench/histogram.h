/* SPDX-License-Identifier: MIT */
/* histogram.h - how often values occurred, in memory that does not grow with
 * them: 32 buckets for each power of two, so that a value is known to 3 %.
 */
#ifndef MEMLOG_BENCH_HISTOGRAM_H
#define MEMLOG_BENCH_HISTOGRAM_H

#include <stdint.h>

enum {
    HISTOGRAM_FINE_BITS = 5,
    HISTOGRAM_BUCKETS = (64 - HISTOGRAM_FINE_BITS + 1) << HISTOGRAM_FINE_BITS
};

struct histogram {
    uint64_t counts[HISTOGRAM_BUCKETS];
    uint64_t values, longest;
};

void histogram_add(struct histogram *histogram, uint64_t value);
/* The value that a fraction q of the values is not above, to 3 %, upwards; the
 * longest exactly. 0 of none. */
uint64_t histogram_quantile(const struct histogram *histogram, double q);

#endif
