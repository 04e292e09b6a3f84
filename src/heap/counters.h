/* SPDX-License-Identifier: MIT */
/* counters.h - the readers' side of the counters: one consistent sum, taken
 * while everybody goes on.
 *
 * Bin by bin: an object is freed to the bin that it came from, so the order
 * in which bins are read means nothing. Of each bin the frees of all threads
 * are read before the mallocs of all threads: a free that is seen has its
 * malloc before it, whoever did the two, since somebody had to hand the object
 * over. So no difference is ever negative, and every object that lives through
 * the reading is counted. The second look at a bin finds its lines in the CPU's
 * first cache; this is why all threads' magazines of one bin are read, and not
 * all magazines of one thread.
 *
 * What happens during the read can make the live objects too many: some that
 * were counted are freed, and their spans go before the spans' figures are
 * read. Where that would show more bytes in objects than in spans, the frees
 * are read again, after the figures, and taken class by class, as far as there
 * are mallocs for them. Those can't show too much: everything in it was alive,
 * in spans, when the figures were read. Either way no total is ever less than
 * in an earlier reading: no counter is, and the lesser of two is not either.
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
