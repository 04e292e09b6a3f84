/* SPDX-License-Identifier: MIT */
#include "heap/counters.h"

#include <string.h>

#include "heap/threadcache.h"

/* Frees of both kinds, as they are read in one pass. */
struct frees {
    uint64_t explicit[ML_CLASSES], swept[ML_CLASSES];
};

static uint64_t load(const uint64_t *counter)
{
    return __atomic_load_n(counter, __ATOMIC_ACQUIRE);
}

static const struct ml_thread *first_thread(void)
{
    return __atomic_load_n(&ml_thread_list, __ATOMIC_ACQUIRE);
}

enum { USED_WORDS = sizeof(ml_thread_none.used) / sizeof(ml_thread_none.used[0]) };

static void sum_frees(struct frees *sums)
{
    memset(sums, 0, sizeof(*sums));
    for (const struct ml_thread *thread = first_thread(); thread != NULL; thread = thread->next)
        for (unsigned word = 0; word < USED_WORDS; word++)
            for (uint64_t used = load(&thread->used[word]); used != 0; used &= used - 1) {
                unsigned bin = word * 64 + ml_ctz64(used);
                sums->explicit[ml_bin_class(bin)] += load(&thread->magazines[bin].frees);
                sums->swept[ml_bin_class(bin)] += load(&thread->magazines[bin].swept);
            }
}

static void sum_mallocs(uint64_t *sums)
{
    memset(sums, 0, ML_CLASSES * sizeof(*sums));
    for (const struct ml_thread *thread = first_thread(); thread != NULL; thread = thread->next)
        for (unsigned word = 0; word < USED_WORDS; word++)
            for (uint64_t used = load(&thread->used[word]); used != 0; used &= used - 1) {
                unsigned bin = word * 64 + ml_ctz64(used);
                sums[ml_bin_class(bin)] += load(&thread->magazines[bin].mallocs);
            }
}

static void sum_threads(struct ml_counts *counts)
{
    counts->lookups = counts->threads = 0;
    for (const struct ml_thread *thread = first_thread(); thread != NULL; thread = thread->next) {
        counts->lookups += load(&thread->lookups);
        counts->threads += __atomic_load_n(&thread->active, __ATOMIC_RELAXED);
    }
}

uint64_t ml_counts_small_bytes(const struct ml_counts *counts)
{
    uint64_t bytes = 0;
    for (unsigned class = 0; class < ML_CLASSES; class++)
        bytes += (counts->mallocs[class] - ml_counts_frees(counts, class)) *
                 ml_sizeclasses[class].bytes;
    return bytes;
}

/* Whether objects fill more than the spans: what happened between the
 * readings shows. */
static bool is_skewed(const struct ml_counts *counts)
{
    const struct ml_pageheap_figures *pages = &counts->pages;
    uint64_t large = pages->large_malloc_bytes - pages->large_free_bytes;
    return ml_counts_small_bytes(counts) + large > pages->inuse_bytes;
}

/* The later frees, but no more than there are mallocs, and of neither kind
 * fewer than were seen before. */
static void take_later(struct ml_counts *counts, const struct frees *later)
{
    for (unsigned class = 0; class < ML_CLASSES; class++) {
        uint64_t swept = later->swept[class];
        uint64_t all = ml_min(later->explicit[class] + swept, counts->mallocs[class]);
        uint64_t explicit = all > swept ? all - swept : 0;
        explicit = ml_max(explicit, counts->explicit_frees[class]);
        counts->explicit_frees[class] = explicit;
        counts->swept_frees[class] = all - explicit;
    }
}

void ml_counters_read(struct ml_counts *counts)
{
    struct frees before, after;
    sum_threads(counts);
    sum_frees(&before);
    memcpy(counts->explicit_frees, before.explicit, sizeof(before.explicit));
    memcpy(counts->swept_frees, before.swept, sizeof(before.swept));
    sum_mallocs(counts->mallocs);
    ml_pageheap_read(&counts->pages);
    /* They have to be read now, in case they are needed: later ones prove nothing. */
    sum_frees(&after);
    if (ml_unlikely(is_skewed(counts)))
        take_later(counts, &after);
}
