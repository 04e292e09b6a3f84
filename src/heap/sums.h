/* SPDX-License-Identifier: MIT */
/* sums.h - what all threads have counted, summed so that it fits together while
 * they go on counting. Pure: the threads' blocks may be this process's own, or
 * copies of another's.
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
 *
 * Of copies there is one for each step, made in this order: the frees, the
 * mallocs, the figures, and where they are skewed the frees again.
 */
#ifndef ML_HEAP_SUMS_H
#define ML_HEAP_SUMS_H

#include "heap/pageheap.h"
#include "heap/threadgroup.h"

struct ml_counts {
    uint64_t mallocs[ML_CLASSES];
    uint64_t explicit_frees[ML_CLASSES]; /* by the program */
    uint64_t swept_frees[ML_CLASSES];    /* by the sweep */
    uint64_t lookups;
    uint64_t threads;
    uint64_t bins[ML_BIN_WORDS]; /* those that are summed */
    struct ml_pageheap_figures pages;
};

/* Where the first of the groups is found. */
typedef struct ml_thread_group *const *ml_thread_group_list;

/* All but the pages. */
void ml_counts_sum(struct ml_counts *counts, ml_thread_group_list frees_from,
                   ml_thread_group_list mallocs_from);
/* Whether objects fill more than the spans: what happened between the readings
 * shows. */
bool ml_counts_are_skewed(const struct ml_counts *counts);
void ml_counts_sum_frees_again(struct ml_counts *counts, ml_thread_group_list groups);

static inline uint64_t ml_counts_frees(const struct ml_counts *counts, unsigned class)
{
    return counts->explicit_frees[class] + counts->swept_frees[class];
}

/* Bytes in small objects: the sum over the classes. */
uint64_t ml_counts_small_bytes(const struct ml_counts *counts);

#endif
