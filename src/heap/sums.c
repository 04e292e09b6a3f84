/* SPDX-License-Identifier: MIT */
#include "heap/sums.h"

#include <string.h>


static uint64_t load(const uint64_t *counter)
{
    return __atomic_load_n(counter, __ATOMIC_ACQUIRE);
}

/* Looked up anew for each sum: groups come at the head. */
static const struct ml_thread_group *first(ml_thread_group_list groups)
{
    return __atomic_load_n(groups, __ATOMIC_ACQUIRE);
}

/* ---- one bin of all threads ------------------------------------------------- */

struct frees {
    uint64_t explicit, swept;
};

enum counter { MALLOCS, FREES };

static inline __attribute__((always_inline)) uint64_t
counter_of(struct ml_thread *const *thread, unsigned bin, enum counter which)
{
    const struct ml_magazine *magazine = &__atomic_load_n(thread, __ATOMIC_RELAXED)->magazines[bin];
    return load(which == MALLOCS ? &magazine->mallocs : &magazine->frees);
}

/* Eight blocks at a time where all have used the magazine, as the workers of a
 * pool have: no bit to look for (`make bench BENCH=memstats`, the row threads). */
static inline __attribute__((always_inline)) uint64_t
sum_users(const struct ml_thread_group *group, unsigned bin, enum counter which)
{
    enum { ROW = 8, FULL_ROW = (1 << ROW) - 1 };
    uint64_t sum = 0, users = load(&group->users[bin]);
    for (struct ml_thread *const *row = group->threads; users != 0; users >>= ROW, row += ROW) {
        uint64_t few = users & FULL_ROW;
        if (few == FULL_ROW) {
#pragma GCC unroll 8
            for (unsigned i = 0; i < ROW; i++)
                sum += counter_of(&row[i], bin, which);
        } else {
            for (; few != 0; few &= few - 1)
                sum += counter_of(&row[ml_ctz64(few)], bin, which);
        }
    }
    return sum;
}

static struct frees sum_frees(ml_thread_group_list groups, unsigned bin)
{
    struct frees sums = { 0, 0 };
    for (const struct ml_thread_group *group = first(groups); group != NULL;
         group = group->next) {
        sums.explicit += sum_users(group, bin, FREES);
        sums.swept += load(&group->swept[bin]);
    }
    return sums;
}

/* Who has used the magazine is looked up anew: a thread may have begun to
 * since the frees were summed, and what it allocated may be among them. */
static uint64_t sum_mallocs(ml_thread_group_list groups, unsigned bin)
{
    uint64_t sum = 0;
    for (const struct ml_thread_group *group = first(groups); group != NULL;
         group = group->next)
        sum += sum_users(group, bin, MALLOCS);
    return sum;
}

/* ---- all bins --------------------------------------------------------------- */

/* The bins that anybody has used. One that is used for the first time while
 * the reading goes on is left out, its mallocs and its frees. */
static void find_bins(struct ml_counts *counts, ml_thread_group_list groups)
{
    memset(counts->bins, 0, sizeof(counts->bins));
    for (const struct ml_thread_group *group = first(groups); group != NULL;
         group = group->next)
        for (unsigned word = 0; word < ML_BIN_WORDS; word++)
            counts->bins[word] |= load(&group->used[word]);
}

static void sum_objects(struct ml_counts *counts, ml_thread_group_list frees_from,
                        ml_thread_group_list mallocs_from)
{
    memset(counts->mallocs, 0, sizeof(counts->mallocs));
    memset(counts->explicit_frees, 0, sizeof(counts->explicit_frees));
    memset(counts->swept_frees, 0, sizeof(counts->swept_frees));
    for (unsigned word = 0; word < ML_BIN_WORDS; word++)
        for (uint64_t left = counts->bins[word]; left != 0; left &= left - 1) {
            unsigned bin = word * 64 + ml_ctz64(left), class = ml_bin_class(bin);
            struct frees frees = sum_frees(frees_from, bin); /* before the mallocs */
            counts->explicit_frees[class] += frees.explicit;
            counts->swept_frees[class] += frees.swept;
            counts->mallocs[class] += sum_mallocs(mallocs_from, bin);
        }
}

static void sum_threads(struct ml_counts *counts, ml_thread_group_list groups)
{
    counts->lookups = counts->threads = 0;
    for (const struct ml_thread_group *group = first(groups); group != NULL;
         group = group->next)
        for (unsigned place = 0; place < ML_THREADS_IN_GROUP; place++) {
            const struct ml_thread *thread =
                __atomic_load_n(&group->threads[place], __ATOMIC_ACQUIRE);
            if (thread == NULL)
                break;
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

bool ml_counts_are_skewed(const struct ml_counts *counts)
{
    const struct ml_pageheap_figures *pages = &counts->pages;
    uint64_t large = pages->large_malloc_bytes - pages->large_free_bytes;
    return ml_counts_small_bytes(counts) + large > pages->inuse_bytes;
}

/* The later frees of a class, but no more than there are mallocs, and of
 * neither kind fewer than were seen before. */
static void take_later(struct ml_counts *counts, unsigned class, struct frees later)
{
    uint64_t all = ml_min(later.explicit + later.swept, counts->mallocs[class]);
    uint64_t explicit = all > later.swept ? all - later.swept : 0;
    explicit = ml_max(explicit, counts->explicit_frees[class]);
    counts->explicit_frees[class] = explicit;
    counts->swept_frees[class] = all - explicit;
}

void ml_counts_sum(struct ml_counts *counts, ml_thread_group_list frees_from,
                   ml_thread_group_list mallocs_from)
{
    sum_threads(counts, frees_from);
    find_bins(counts, frees_from);
    sum_objects(counts, frees_from, mallocs_from);
}

/* All that were frees when the spans' figures were read, and some that came
 * since: the difference to the mallocs, which were read before the figures, is
 * nowhere more than what lived at that moment. How long ago it was makes it
 * less, and never wrong. */
void ml_counts_sum_frees_again(struct ml_counts *counts, ml_thread_group_list groups)
{
    struct frees later[ML_CLASSES] = { { 0, 0 } };
    for (unsigned word = 0; word < ML_BIN_WORDS; word++)
        for (uint64_t left = counts->bins[word]; left != 0; left &= left - 1) {
            unsigned bin = word * 64 + ml_ctz64(left), class = ml_bin_class(bin);
            struct frees frees = sum_frees(groups, bin);
            later[class].explicit += frees.explicit;
            later[class].swept += frees.swept;
        }
    for (unsigned class = 0; class < ML_CLASSES; class++)
        take_later(counts, class, later[class]);
}
