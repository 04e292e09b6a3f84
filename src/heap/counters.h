/* SPDX-License-Identifier: MIT */
/* counters.h - the readers' side of the counters: one consistent sum, taken
 * while everybody goes on.
 *
 * All frees are read before all mallocs: a free that is seen has its malloc
 * before it, so no difference is ever negative. What happens during the read
 * can make the live objects too many; where that would show more bytes in
 * objects than in spans, the frees that were read again after the mallocs are
 * taken, class by class, as far as there are mallocs for them. Those can't
 * show too much: everything in it was alive, in spans, when the spans' figures
 * were read. Either way no total is ever less than in an earlier reading.
 */
#ifndef ML_HEAP_COUNTERS_H
#define ML_HEAP_COUNTERS_H

#include "heap/pageheap.h"

struct ml_counts {
    uint64_t mallocs[ML_CLASSES];
    uint64_t explicit_frees[ML_CLASSES]; /* by the program */
    uint64_t swept_frees[ML_CLASSES];    /* by the sweep */
    uint64_t lookups;
    uint64_t threads;
    struct ml_pageheap_figures pages;
};

/* No lock, no allocation, any thread. */
void ml_counters_read(struct ml_counts *counts);

static inline uint64_t ml_counts_frees(const struct ml_counts *counts, unsigned class)
{
    return counts->explicit_frees[class] + counts->swept_frees[class];
}

/* Bytes in small objects: the sum over the classes. */
uint64_t ml_counts_small_bytes(const struct ml_counts *counts);

#endif
