/* SPDX-License-Identifier: MIT */
/* counters.h - the readers' side of the counters: one consistent sum, taken
 * while everybody goes on.
 *
 * All frees are read before all mallocs: a free that is seen has its malloc
 * before it, so no difference is ever negative. What happens during the read
 * can make the live objects too many; where that would show more bytes in
 * objects than in spans, the frees that were read again after the mallocs are
 * taken, class by class. Those can't show too much: everything in it was
 * alive, in spans, when the spans' figures were read.
 */
#ifndef ML_HEAP_COUNTERS_H
#define ML_HEAP_COUNTERS_H

#include "heap/pageheap.h"

struct ml_counts {
    uint64_t mallocs[ML_CLASSES];
    uint64_t frees[ML_CLASSES];
    uint64_t swept_objects, swept_bytes; /* of the frees, large ones included */
    uint64_t lookups;
    uint64_t threads;
    struct ml_pageheap_figures pages;
};

/* No lock, no allocation, any thread. */
void ml_counters_read(struct ml_counts *counts);

/* Bytes in small objects: the sum over the classes. */
uint64_t ml_counts_small_bytes(const struct ml_counts *counts);

#endif
