/* SPDX-License-Identifier: MIT */
#include "heap/counters.h"

void ml_counters_read(struct ml_counts *counts)
{
    ml_counts_sum(counts, &ml_thread_groups, &ml_thread_groups);
    ml_pageheap_read(&counts->pages);
    if (ml_unlikely(ml_counts_are_skewed(counts)))
        ml_counts_sum_frees_again(counts, &ml_thread_groups);
}
