/* SPDX-License-Identifier: MIT */
#include "stats/memstats.h"

#include <string.h>

#include "gc/collect.h"
#include "gc/finalize.h"
#include "gc/history.h"
#include "gc/limit.h"
#include "gc/pacer.h"
#include "gc/verify.h"
#include "gc/weak.h"
#include "heap/counters.h"
#include "heap/metadata.h"
#include "heap/spanmap.h"
#include "os/process.h"
#include "os/thread.h"

_Static_assert((int)ML_CLASSES == (int)MEMLOG_SIZE_CLASSES, "the public header tells the truth");
_Static_assert((int)ML_SMALL_MAX == (int)MEMLOG_LARGEST_CLASS, "the public header tells the truth");
_Static_assert((int)ML_CLASSES < (int)MEMLOG_BY_SIZE, "BySize has room for every class");

static void fill_objects(struct memlog_memstats *stats, const struct ml_counts *counts)
{
    const struct ml_pageheap_figures *pages = &counts->pages;
    uint64_t mallocs = pages->large_mallocs, frees = pages->large_frees;
    uint64_t allocated = pages->large_malloc_bytes, freed = pages->large_free_bytes;
    for (unsigned class = 0; class < ML_CLASSES; class++) {
        struct memlog_by_size *row = &stats->by_size[class + 1];
        row->size = ml_sizeclasses[class].bytes;
        row->mallocs = counts->mallocs[class];
        row->frees = ml_counts_frees(counts, class);
        mallocs += row->mallocs;
        frees += row->frees;
        allocated += row->mallocs * row->size;
        freed += row->frees * row->size;
    }
    stats->mallocs = mallocs;
    stats->frees = frees;
    stats->total_alloc = allocated;
    stats->alloc = stats->heap_alloc = allocated - freed;
    stats->heap_objects = mallocs - frees;
}

static void fill_memory(struct memlog_memstats *stats, const struct ml_pageheap_figures *pages)
{
    stats->heap_sys = pages->heap_bytes;
    stats->heap_inuse = pages->inuse_bytes;
    stats->heap_idle = stats->heap_sys - stats->heap_inuse;
    stats->heap_released = pages->released_bytes;
    stats->stack_inuse = stats->stack_sys = ml_os_thread_stack_bytes();
    stats->mspan_inuse = pages->spans * sizeof(struct ml_span);
    stats->mspan_sys = ml_max(ml_spanmap_span_bytes(), stats->mspan_inuse);
    stats->mcache_inuse = ml_metadata_inuse(ML_POOL_THREADS);
    stats->mcache_sys = ml_max(ml_metadata_sys(ML_POOL_THREADS), stats->mcache_inuse);
    stats->gc_sys =
        ml_spanmap_table_bytes() + ml_metadata_sys(ML_POOL_GC) + ml_gc_stack_bytes();
    stats->other_sys = ml_metadata_sys(ML_POOL_OTHER);
    stats->sys = stats->heap_sys + stats->stack_sys + stats->mspan_sys + stats->mcache_sys +
                 stats->buck_hash_sys + stats->gc_sys + stats->other_sys;
}

static void fill_collector(struct memlog_memstats *stats, const struct ml_gc_history *history)
{
    stats->next_gc = ml_pacer_goal();
    stats->last_gc = history->last_end;
    stats->pause_total_ns = history->pause_total_ns;
    memcpy(stats->pause_ns, history->pause_ns, sizeof(stats->pause_ns));
    memcpy(stats->pause_end, history->pause_end, sizeof(stats->pause_end));
    stats->num_gc = (uint32_t)history->cycles;
    stats->num_forced_gc = (uint32_t)history->forced;
    stats->gc_cpu_fraction = history->cpu_fraction;
    stats->enable_gc = ml_pacer_percent() >= 0;
    stats->debug_gc = ml_verify_on;
}

static uint64_t explicit_frees(const struct ml_counts *counts)
{
    uint64_t frees = counts->pages.large_frees - counts->pages.large_swept;
    for (unsigned class = 0; class < ML_CLASSES; class++)
        frees += counts->explicit_frees[class];
    return frees;
}

static void fill_frees(struct memlog_extra *extra, const struct ml_counts *counts)
{
    const struct ml_pageheap_figures *pages = &counts->pages;
    extra->large_mallocs = pages->large_mallocs;
    extra->large_frees = pages->large_frees;
    extra->large_malloc_bytes = pages->large_malloc_bytes;
    extra->large_free_bytes = pages->large_free_bytes;
    extra->frees_explicit = explicit_frees(counts);
    extra->frees_swept = pages->large_swept;
    extra->bytes_freed_explicit = pages->large_free_bytes - pages->large_swept_bytes;
    extra->bytes_freed_swept = pages->large_swept_bytes;
    for (unsigned class = 0; class < ML_CLASSES; class++) {
        extra->frees_swept += counts->swept_frees[class];
        extra->bytes_freed_explicit += counts->explicit_frees[class] * ml_sizeclasses[class].bytes;
        extra->bytes_freed_swept += counts->swept_frees[class] * ml_sizeclasses[class].bytes;
    }
}

void ml_stats_read(struct memlog_memstats *stats)
{
    struct ml_counts counts;
    struct ml_gc_history history;
    memset(stats, 0, sizeof(*stats));
    ml_counters_read(&counts);
    ml_gc_history_read(&history);
    fill_objects(stats, &counts);
    fill_memory(stats, &counts.pages);
    fill_collector(stats, &history);
    stats->lookups = counts.lookups + history.looked_up + explicit_frees(&counts);
}

void ml_stats_read_extra(struct memlog_extra *extra)
{
    struct ml_counts counts;
    struct ml_gc_history history;
    size_t size = extra->size;
    memset(extra, 0, sizeof(*extra));
    extra->size = size;
    ml_counters_read(&counts);
    ml_gc_history_read(&history);
    fill_frees(extra, &counts);
    extra->live_bytes = history.live_bytes;
    extra->live_objects = history.live_objects;
    extra->root_stack_bytes = history.root_stack_bytes;
    extra->root_data_bytes = history.root_data_bytes;
    extra->root_added_bytes = history.root_added_bytes;
    extra->last_stop_ns = history.last_stop_ns;
    extra->last_mark_ns = history.last_mark_ns;
    extra->gc_cpu_ns = history.cpu_ns;
    extra->gc_percent = ml_pacer_percent();
    extra->threads = counts.threads;
    extra->rss = ml_os_rss_bytes();
    extra->cgroup_limit = ml_os_cgroup_limit_bytes();
    extra->heap_reserved = ml_map.reserved_bytes;
    extra->gc_along = history.along;
    extra->gc_concurrent = history.last_along;
    extra->pauses = history.pauses;
    extra->pause_longest_ns = history.pause_longest_ns;
    extra->pause_histogram = history.pause_times;
    extra->stop_histogram = history.stop_times;
    extra->memory_limit = ml_limit();
    extra->limit_goal = ml_pacer_limit_goal();
    extra->limit_held_gc = ml_limit_last_held();
    struct ml_finalize_counts finalizers = ml_finalize_counts();
    extra->finalizers_registered = finalizers.registered;
    extra->finalizers_queued = finalizers.queued;
    extra->finalizers_run = finalizers.run;
    extra->weak_references = ml_weak_count();
}
