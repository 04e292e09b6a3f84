/* SPDX-License-Identifier: MIT */
/* raw.h - all that one reading of the statistics consists of, as the floors
 * below count it; and what the public structs make of it.
 *
 * A reading comes from this process (memstats.c) or from another's memory
 * (image/image.h). Making structs of it is pure.
 */
#ifndef ML_STATS_RAW_H
#define ML_STATS_RAW_H

#include "gc/finalize.h"
#include "gc/history.h"
#include "heap/metadata.h"
#include "heap/sums.h"
#include "memlog_stats.h"

struct ml_raw_stats {
    struct ml_counts counts;
    struct ml_gc_history history;
    uint64_t metadata_sys[ML_POOLS], metadata_inuse[ML_POOLS];
    uint64_t table_bytes, span_bytes, mark_stack_bytes; /* memory that is mapped for them */
    uint64_t own_stack_bytes;
    uint64_t goal, limit_goal, limit; /* bytes; INT64_MAX: none */
    uint64_t limit_last_held;         /* number of a collection */
    int gc_percent;                   /* -1: off */
    bool verifies;
    struct ml_finalize_counts finalizers;
    uint64_t weak_references;
    uint64_t reserved_bytes; /* of address space, for the heap */
};

void ml_stats_from_raw(struct memlog_memstats *stats, const struct ml_raw_stats *raw);
/* Numbers of the system's (rss, cgroup_limit) and of the log's stay 0. */
void ml_extra_from_raw(struct memlog_extra *extra, const struct ml_raw_stats *raw);

#endif
