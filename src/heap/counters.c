/* SPDX-License-Identifier: MIT */
#include "heap/counters.h"

#include <string.h>

#include "heap/threadcache.h"

enum counter { MALLOCS, FREES };

static uint64_t load(const uint64_t *counter)
{
    return __atomic_load_n(counter, __ATOMIC_ACQUIRE);
}

/* Add one thread's counters to the sums by class. */
static void add_thread(const struct ml_thread *thread, enum counter which, uint64_t *sums)
{
    for (unsigned word = 0; word < sizeof(thread->used) / sizeof(thread->used[0]); word++) {
        for (uint64_t used = load(&thread->used[word]); used != 0; used &= used - 1) {
            unsigned bin = word * 64 + ml_ctz64(used);
            const struct ml_magazine *magazine = &thread->magazines[bin];
            sums[ml_bin_class(bin)] +=
                load(which == MALLOCS ? &magazine->mallocs : &magazine->frees);
        }
    }
}

static void sum(enum counter which, uint64_t *sums)
{
    memset(sums, 0, ML_CLASSES * sizeof(*sums));
    const struct ml_thread *thread = __atomic_load_n(&ml_thread_list, __ATOMIC_ACQUIRE);
    for (; thread != NULL; thread = thread->next)
        add_thread(thread, which, sums);
}

static void sum_others(struct ml_counts *counts)
{
    const struct ml_thread *thread = __atomic_load_n(&ml_thread_list, __ATOMIC_ACQUIRE);
    for (; thread != NULL; thread = thread->next) {
        counts->swept_objects += load(&thread->swept_objects);
        counts->swept_bytes += load(&thread->swept_bytes);
        counts->lookups += load(&thread->lookups);
        counts->threads += __atomic_load_n(&thread->active, __ATOMIC_RELAXED);
    }
}

uint64_t ml_counts_small_bytes(const struct ml_counts *counts)
{
    uint64_t bytes = 0;
    for (unsigned class = 0; class < ML_CLASSES; class++)
        bytes += (counts->mallocs[class] - counts->frees[class]) * ml_sizeclasses[class].bytes;
    return bytes;
}

/* Whether objects fill more than the spans: what happened between the
 * readings shows. */
static bool skewed(const struct ml_counts *counts)
{
    const struct ml_pageheap_figures *pages = &counts->pages;
    uint64_t large = pages->large_malloc_bytes - pages->large_free_bytes;
    return ml_counts_small_bytes(counts) + large > pages->inuse_bytes;
}

void ml_counters_read(struct ml_counts *counts)
{
    uint64_t frees_after[ML_CLASSES];
    counts->swept_objects = counts->swept_bytes = counts->lookups = counts->threads = 0;
    sum_others(counts); /* sweeps before frees: they are part of them */
    sum(FREES, counts->frees);
    sum(MALLOCS, counts->mallocs);
    ml_pageheap_read(&counts->pages);
    sum(FREES, frees_after);
    if (skewed(counts))
        for (unsigned class = 0; class < ML_CLASSES; class++)
            counts->frees[class] = ml_min(frees_after[class], counts->mallocs[class]);
    counts->swept_objects += counts->pages.large_swept;
    counts->swept_bytes += counts->pages.large_swept_bytes;
}
