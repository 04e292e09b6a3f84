/* SPDX-License-Identifier: MIT */
#include "stats/raw.h"

#include <string.h>

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

static void fill_memory(struct memlog_memstats *stats, const struct ml_raw_stats *raw)
{
    const struct ml_pageheap_figures *pages = &raw->counts.pages;
    stats->heap_sys = pages->heap_bytes;
    stats->heap_inuse = pages->inuse_bytes;
    stats->heap_idle = stats->heap_sys - stats->heap_inuse;
    stats->heap_released = pages->released_bytes;
    stats->stack_inuse = stats->stack_sys = raw->own_stack_bytes;
    stats->mspan_inuse = pages->spans * sizeof(struct ml_span);
    stats->mspan_sys = ml_max(raw->span_bytes, stats->mspan_inuse);
    stats->mcache_inuse = raw->metadata_inuse[ML_POOL_THREADS];
    stats->mcache_sys = ml_max(raw->metadata_sys[ML_POOL_THREADS], stats->mcache_inuse);
    stats->buck_hash_sys = raw->metadata_sys[ML_POOL_PROFILE];
    stats->gc_sys = raw->table_bytes + raw->metadata_sys[ML_POOL_GC] + raw->mark_stack_bytes;
    stats->other_sys = raw->metadata_sys[ML_POOL_OTHER];
    stats->sys = stats->heap_sys + stats->stack_sys + stats->mspan_sys + stats->mcache_sys +
                 stats->buck_hash_sys + stats->gc_sys + stats->other_sys;
}

static void fill_collector(struct memlog_memstats *stats, const struct ml_raw_stats *raw)
{
    const struct ml_gc_history *history = &raw->history;
    stats->next_gc = raw->goal;
    stats->last_gc = history->last_end;
    stats->pause_total_ns = history->pause_total_ns;
    memcpy(stats->pause_ns, history->pause_ns, sizeof(stats->pause_ns));
    memcpy(stats->pause_end, history->pause_end, sizeof(stats->pause_end));
    stats->num_gc = (uint32_t)history->cycles;
    stats->num_forced_gc = (uint32_t)history->forced;
    stats->gc_cpu_fraction = history->cpu_fraction;
    stats->enable_gc = raw->gc_percent >= 0;
    stats->debug_gc = raw->verifies;
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

void ml_stats_from_raw(struct memlog_memstats *stats, const struct ml_raw_stats *raw)
{
    memset(stats, 0, sizeof(*stats));
    fill_objects(stats, &raw->counts);
    fill_memory(stats, raw);
    fill_collector(stats, raw);
    stats->lookups = raw->counts.lookups + raw->history.looked_up + explicit_frees(&raw->counts);
}

void ml_extra_from_raw(struct memlog_extra *extra, const struct ml_raw_stats *raw)
{
    const struct ml_gc_history *history = &raw->history;
    size_t size = extra->size;
    memset(extra, 0, sizeof(*extra));
    extra->size = size;
    fill_frees(extra, &raw->counts);
    extra->live_bytes = history->live_bytes;
    extra->live_objects = history->live_objects;
    extra->root_stack_bytes = history->root_stack_bytes;
    extra->root_data_bytes = history->root_data_bytes;
    extra->root_added_bytes = history->root_added_bytes;
    extra->last_stop_ns = history->last_stop_ns;
    extra->last_mark_ns = history->last_mark_ns;
    extra->gc_cpu_ns = history->cpu_ns;
    extra->gc_percent = raw->gc_percent;
    extra->threads = raw->counts.threads;
    extra->heap_reserved = raw->reserved_bytes;
    extra->gc_along = history->along;
    extra->gc_concurrent = history->last_along;
    extra->pauses = history->pauses;
    extra->pause_longest_ns = history->pause_longest_ns;
    extra->pause_histogram = history->pause_times;
    extra->stop_histogram = history->stop_times;
    extra->memory_limit = (int64_t)raw->limit;
    extra->limit_goal = raw->limit_goal;
    extra->limit_held_gc = raw->limit_last_held;
    extra->finalizers_registered = raw->finalizers.registered;
    extra->finalizers_queued = raw->finalizers.queued;
    extra->finalizers_run = raw->finalizers.run;
    extra->weak_references = raw->weak_references;
}
