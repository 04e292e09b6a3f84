/* SPDX-License-Identifier: MIT */
#include "stats/memstats.h"

#include "gc/collect.h"
#include "gc/limit.h"
#include "gc/pacer.h"
#include "gc/verify.h"
#include "gc/weak.h"
#include "heap/counters.h"
#include "os/cgroup.h"
#include "os/process.h"
#include "os/thread.h"
#include "stats/raw.h"

static void read_raw(struct ml_raw_stats *raw)
{
    ml_counters_read(&raw->counts);
    ml_gc_history_read(&raw->history);
    for (int pool = 0; pool < ML_POOLS; pool++) {
        raw->metadata_sys[pool] = ml_metadata_sys((enum ml_pool)pool);
        raw->metadata_inuse[pool] = ml_metadata_inuse((enum ml_pool)pool);
    }
    raw->table_bytes = ml_spanmap_table_bytes();
    raw->span_bytes = ml_spanmap_span_bytes();
    raw->mark_stack_bytes = ml_gc_stack_bytes();
    raw->own_stack_bytes = ml_os_thread_stack_bytes();
    raw->goal = ml_pacer_goal();
    raw->limit_goal = ml_pacer_limit_goal();
    raw->limit = (uint64_t)ml_limit();
    raw->limit_last_held = ml_limit_last_held();
    raw->gc_percent = ml_pacer_percent();
    raw->verifies = ml_verify_on;
    raw->finalizers = ml_finalize_counts();
    raw->weak_references = ml_weak_count();
    raw->reserved_bytes = ml_map.reserved_bytes;
}

void ml_stats_read(struct memlog_memstats *stats)
{
    struct ml_raw_stats raw;
    read_raw(&raw);
    ml_stats_from_raw(stats, &raw);
}

void ml_stats_read_extra_counted(struct memlog_extra *extra)
{
    struct ml_raw_stats raw;
    read_raw(&raw);
    ml_extra_from_raw(extra, &raw);
}

void ml_stats_read_extra(struct memlog_extra *extra)
{
    ml_stats_read_extra_counted(extra);
    extra->rss = ml_os_rss_bytes();
    extra->cgroup_limit = ml_os_cgroup_limit_bytes();
}
