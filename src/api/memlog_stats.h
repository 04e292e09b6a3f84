/* SPDX-License-Identifier: MIT */
/* memlog_stats.h - the numbers: what the heap and the collector count.
 *
 * struct memlog_memstats is Go's runtime.MemStats, field for field: the same
 * order, the same types, the same layout (5776 bytes on 64-bit machines), the
 * same meaning where C has the thing that Go has. struct memlog_extra holds
 * what MemStats leaves out.
 *
 * Reading stops nobody, allocates nothing, takes no lock that the allocation
 * path takes, and works while a collection is running. The identities between
 * the fields (sys is the sum of the *_sys, heap_sys = heap_inuse + heap_idle,
 * heap_objects = mallocs - frees, heap_alloc <= heap_inuse ...) hold in every
 * snapshot.
 *
 * Units: bytes, nanoseconds, counts. Times are nanoseconds since 1970 UTC.
 */
#ifndef MEMLOG_STATS_H
#define MEMLOG_STATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    MEMLOG_PAUSES = 256,      /* length of the pause rings */
    MEMLOG_BY_SIZE = 61,      /* length of by_size, fixed by Go's promise */
    MEMLOG_SIZE_CLASSES = 60, /* classes memlog has; by_size[1..60] */
    MEMLOG_LARGEST_CLASS = 65536,
    MEMLOG_HISTOGRAM = 48     /* buckets of a memlog_histogram */
};

/* One size class: objects of `size` bytes, handed out and given back. */
struct memlog_by_size {
    uint32_t size;    /* bytes a block of this class occupies; 0: no class */
    uint64_t mallocs; /* total: blocks handed out */
    uint64_t frees;   /* total: blocks freed, by the program or the sweep */
};

/* Gauges say how it is now, totals only grow. */
struct memlog_memstats {
    /* Bytes in allocated heap objects, rounded up to their size class; objects
     * that are unreachable but not swept yet are still in it. Gauge. */
    uint64_t alloc;
    /* Bytes ever allocated for heap objects. Total. */
    uint64_t total_alloc;
    /* Bytes of memory obtained from the operating system by memlog: the sum
     * of the seven *_sys fields below. Address space that is only reserved is
     * not in it. Gauge, in practice a high-water mark. */
    uint64_t sys;
    /* Addresses resolved to heap objects: candidate words that the collector
     * found to lie in the heap, explicit frees, and calls of
     * memlog_realloc and memlog_usable_size. Total. */
    uint64_t lookups;
    /* Objects ever allocated, and ever freed. Totals. */
    uint64_t mallocs;
    uint64_t frees;

    /* The same number as alloc. */
    uint64_t heap_alloc;
    /* Heap memory mapped readable and writable: heap_inuse + heap_idle. */
    uint64_t heap_sys;
    /* Bytes in page runs that hold no object. */
    uint64_t heap_idle;
    /* Bytes in page runs that hold, or are set aside for, objects. */
    uint64_t heap_inuse;
    /* Bytes of heap_idle with no physical memory behind them: never touched
     * yet, or given back. */
    uint64_t heap_released;
    /* mallocs - frees. */
    uint64_t heap_objects;

    /* Stacks of memlog's own threads, mapped by memlog. Stacks of the
     * program's threads are not memlog's and not counted. */
    uint64_t stack_inuse;
    uint64_t stack_sys;
    /* Span descriptors in use, and the memory obtained for them. */
    uint64_t mspan_inuse;
    uint64_t mspan_sys;
    /* Thread caches and their counters. */
    uint64_t mcache_inuse;
    uint64_t mcache_sys;
    /* Profile buckets; 0 while no profile is taken. */
    uint64_t buck_hash_sys;
    /* The collector's own memory: object state map, page maps, mark stacks. */
    uint64_t gc_sys;
    /* Everything else memlog obtained. */
    uint64_t other_sys;

    /* Heap size at which the next collection begins; 2^63-1 while automatic
     * collection is off. */
    uint64_t next_gc;
    /* When the last collection finished; 0 before the first. */
    uint64_t last_gc;
    /* Sum of all pauses, nanoseconds. Total. */
    uint64_t pause_total_ns;
    /* The pauses of the last 256 collections, one sum a collection, and when
     * each ended. Rings: the newest is at [(num_gc + 255) % 256]. */
    uint64_t pause_ns[MEMLOG_PAUSES];
    uint64_t pause_end[MEMLOG_PAUSES];
    /* Collections completed, and those of them that the program asked for. */
    uint32_t num_gc;
    uint32_t num_forced_gc;
    /* CPU time the collector took, as a fraction of the CPU time available to
     * the program since memlog started (online CPUs times wall time). Brought
     * up to date by every collection. 0..1 */
    double gc_cpu_fraction;
    /* Whether memory is collected automatically. */
    bool enable_gc;
    /* Whether the collector checks itself (MEMLOG_GC_VERIFY). */
    bool debug_gc;

    /* by_size[0] is a dummy of zeros, as in Go. by_size[1..60] are all of
     * memlog's size classes, so that they and the large objects of
     * memlog_extra add up to mallocs and total_alloc; the rest is zero. */
    struct memlog_by_size by_size[MEMLOG_BY_SIZE];
};

/* Spans of time, counted by length. counts[i] has those of at most
 * memlog_histogram_ns(i) that are too long for counts[i - 1]; the last one has
 * all longer ones, too. Totals. */
struct memlog_histogram {
    uint64_t counts[MEMLOG_HISTOGRAM];
    uint64_t sum_ns;
};

/* The longest span of a bucket, nanoseconds: 1 us, 1.5, 2, 3, 4, 6, 8 ... up to
 * 12.6 seconds. */
static inline uint64_t memlog_histogram_ns(unsigned bucket)
{
    return (uint64_t)(2 + bucket % 2) * 500 << bucket / 2;
}

/* What MemStats leaves out. Set size to sizeof before the call: a library
 * that is older or newer than the header fills what both know. */
struct memlog_extra {
    size_t size;                 /* in: sizeof(struct memlog_extra) */
    /* Large objects (above 65536 bytes, or aligned to more than 8192; whole
     * pages each). Totals. */
    uint64_t large_mallocs;
    uint64_t large_frees;
    uint64_t large_malloc_bytes;
    uint64_t large_free_bytes;
    /* How the frees came about. explicit + swept = all. Totals. */
    uint64_t frees_explicit;
    uint64_t frees_swept;
    uint64_t bytes_freed_explicit;
    uint64_t bytes_freed_swept;
    /* Live after the last collection's mark: bytes and objects reached. */
    uint64_t live_bytes;
    uint64_t live_objects;
    /* Root bytes scanned by the last collection. */
    uint64_t root_stack_bytes;
    uint64_t root_data_bytes;
    uint64_t root_added_bytes;
    /* The last collection, in nanoseconds: from the first stop signal to the
     * last thread's answer; all of the mark. */
    uint64_t last_stop_ns;
    uint64_t last_mark_ns;
    /* CPU time the collector took so far, nanoseconds. Total. */
    uint64_t gc_cpu_ns;
    /* The collection's percentage (100: collect when the heap has doubled);
     * -1 when automatic collection is off. */
    int64_t gc_percent;
    /* Threads that hold a cache now. */
    uint64_t threads;
    /* Physical memory of the process, and the limit its cgroup sets
     * (0: none, or not known). Bytes. Read from /proc and /sys at the call. */
    uint64_t rss;
    uint64_t cgroup_limit;
    /* The log: lines written, and samples lost because they could not be. */
    uint64_t log_samples;
    uint64_t log_lost;
    /* Address space reserved for the heap. Bytes. */
    uint64_t heap_reserved;
    /* Collections that marked while the program ran; whether the last one did
     * (1), or stopped it for all of the mark (0): because of MEMLOG_GC=stop, or
     * nothing here tells which pages are written, or the heap is small. */
    uint64_t gc_along;
    uint64_t gc_concurrent;
    /* Times the program was stopped, and the longest, in nanoseconds: from the
     * first stop signal until all were let go. A collection that marks while
     * the program runs stops it twice, up to three times more where the program writes
     * to some hundred pages meanwhile, and more often where they are very many; pause_ns
     * has the sum. */
    uint64_t pauses;
    uint64_t pause_longest_ns;
    /* The memory limit, bytes; 2^63-1: none. */
    int64_t memory_limit;
    /* The heap size at which the limit alone has the next collection begin,
     * 2^63-1 without one. When next_gc is this, the limit has lowered it. */
    uint64_t limit_goal;
    /* Number of the last collection (see num_gc) after which the limit was not
     * heeded for a while, since collections took half of the time; 0: none. */
    uint64_t limit_held_gc;
    /* Finalizers that wait for their object to become unreachable; that are due
     * or running; and that have run (a total). */
    uint64_t finalizers_registered;
    uint64_t finalizers_queued;
    uint64_t finalizers_run;
    /* Objects with a weak reference. */
    uint64_t weak_references;
    /* The stops of the program, each single one; and how long of each it took
     * until the last thread stood. */
    struct memlog_histogram pause_histogram;
    struct memlog_histogram stop_histogram;
};

/* Fill *stats. Returns 0, or -EINVAL when stats is NULL. Any thread may call
 * it, at any time but from a signal handler. */
int memlog_read_memstats(struct memlog_memstats *stats);

/* Fill *extra, as far as extra->size says there is room. Returns 0, or
 * -EINVAL when extra is NULL or its size is 0. */
int memlog_read_extra(struct memlog_extra *extra);

/* Write stats as JSON into buffer: the keys, their order and the number style
 * of Go's encoding/json, no line break. At most n bytes are written, the last
 * of them a NUL (buffer may be NULL when n is 0). Returns the length the whole
 * text has without the NUL, as snprintf does: it was cut when the return value
 * is n or more. -EINVAL when stats is NULL. 20480 bytes always suffice. */
int memlog_memstats_json(const struct memlog_memstats *stats, char *buffer, size_t n);

#ifdef __cplusplus
}
#endif
#endif
