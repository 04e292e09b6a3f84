/* SPDX-License-Identifier: MIT */
/* identities.h - what holds between the numbers of any one snapshot, whatever
 * the program is doing: the sums, the orders, and that totals only grow.
 */
#ifndef MEMLOG_TESTS_IDENTITIES_H
#define MEMLOG_TESTS_IDENTITIES_H

#include <inttypes.h>

#include "memlog_stats.h"

/* What a number that does not fit leads to; a program that has no frame of
 * tests around it brings its own. */
#ifndef IDENTITY_BROKEN
#include "unit.h"
#define IDENTITY_BROKEN ck_abort_msg
#endif

/* A large object's bytes are whole pages, and more than the largest class; but
 * not where the program asks for alignments above a page, whose objects are
 * large whatever their size. */
#define PAGE_BYTES UINT64_C(8192)
#ifndef LARGE_LEAST
#define LARGE_LEAST UINT64_C(40960)
#endif

#define HOLDS(left, relation, right)                                                          \
    do {                                                                                      \
        uint64_t left_ = (left), right_ = (right);                                            \
        if (!(left_ relation right_))                                                         \
            IDENTITY_BROKEN("%s %s %s does not hold: %" PRIu64 " and %" PRIu64, #left, #relation, \
                         #right, left_, right_);                                              \
    } while (0)

#define GROWS(before, after, field) HOLDS((after)->field, >=, (before)->field)

/* What MemStats does not say, but follows from it: all less the classes'. */
struct large_objects {
    uint64_t mallocs, frees, malloc_bytes, free_bytes;
};

static inline struct large_objects large_objects_of(const struct memlog_memstats *s)
{
    struct large_objects large = { s->mallocs, s->frees, s->total_alloc,
                                   s->total_alloc - s->alloc };
    for (int i = 0; i < MEMLOG_BY_SIZE; i++) {
        const struct memlog_by_size *row = &s->by_size[i];
        HOLDS(row->frees, <=, row->mallocs);
        HOLDS(row->mallocs, <=, large.mallocs);
        HOLDS(row->frees, <=, large.frees);
        HOLDS(row->mallocs * row->size, <=, large.malloc_bytes);
        HOLDS(row->frees * row->size, <=, large.free_bytes);
        large.mallocs -= row->mallocs;
        large.frees -= row->frees;
        large.malloc_bytes -= row->mallocs * row->size;
        large.free_bytes -= row->frees * row->size;
    }
    return large;
}

static inline void check_objects(const struct memlog_memstats *s)
{
    HOLDS(s->heap_alloc, ==, s->alloc);
    HOLDS(s->alloc, <=, s->total_alloc);
    HOLDS(s->frees, <=, s->mallocs);
    HOLDS(s->heap_objects, ==, s->mallocs - s->frees);
    HOLDS(s->by_size[0].size + s->by_size[0].mallocs + s->by_size[0].frees, ==, 0);
    for (int i = 1; i <= MEMLOG_SIZE_CLASSES; i++)
        HOLDS(s->by_size[i].size, >, s->by_size[i - 1].size);
    HOLDS(s->by_size[MEMLOG_SIZE_CLASSES].size, ==, MEMLOG_LARGEST_CLASS);
    for (int i = MEMLOG_SIZE_CLASSES + 1; i < MEMLOG_BY_SIZE; i++)
        HOLDS(s->by_size[i].size + s->by_size[i].mallocs + s->by_size[i].frees, ==, 0);

    struct large_objects large = large_objects_of(s);
    HOLDS(large.frees, <=, large.mallocs);
    HOLDS(large.free_bytes, <=, large.malloc_bytes);
    HOLDS(large.malloc_bytes % PAGE_BYTES, ==, 0);
    HOLDS(large.free_bytes % PAGE_BYTES, ==, 0);
    HOLDS(large.malloc_bytes, >=, large.mallocs * LARGE_LEAST);
    HOLDS(large.malloc_bytes - large.free_bytes, >=, (large.mallocs - large.frees) * LARGE_LEAST);
}

static inline void check_memory(const struct memlog_memstats *s)
{
    HOLDS(s->sys, ==,
          s->heap_sys + s->stack_sys + s->mspan_sys + s->mcache_sys + s->buck_hash_sys +
              s->gc_sys + s->other_sys);
    HOLDS(s->heap_sys, ==, s->heap_inuse + s->heap_idle);
    HOLDS(s->heap_released, <=, s->heap_idle);
    HOLDS(s->heap_alloc, <=, s->heap_inuse);
    HOLDS(s->heap_inuse, <=, s->heap_sys);
    HOLDS(s->heap_sys, <=, s->sys);
    HOLDS(s->stack_inuse, <=, s->stack_sys);
    HOLDS(s->mspan_inuse, <=, s->mspan_sys);
    HOLDS(s->mcache_inuse, <=, s->mcache_sys);
}

static inline void check_collections(const struct memlog_memstats *s)
{
    uint64_t pauses = 0;
    for (int i = 0; i < MEMLOG_PAUSES; i++)
        pauses += s->pause_ns[i];
    HOLDS(s->pause_total_ns, >=, pauses);
    HOLDS(s->num_forced_gc, <=, s->num_gc);
    if (!(s->gc_cpu_fraction >= 0 && s->gc_cpu_fraction <= 1))
        IDENTITY_BROKEN("gc_cpu_fraction is %g", s->gc_cpu_fraction);
    if (s->num_gc <= MEMLOG_PAUSES)
        HOLDS(s->pause_total_ns, ==, pauses);
    for (uint32_t i = s->num_gc; i < MEMLOG_PAUSES; i++)
        HOLDS(s->pause_ns[i] + s->pause_end[i], ==, 0);
    if (s->num_gc > 0)
        HOLDS(s->pause_end[(s->num_gc + 255) % MEMLOG_PAUSES], ==, s->last_gc);
    else
        HOLDS(s->last_gc, ==, 0);
}

static inline void check_identities(const struct memlog_memstats *s)
{
    check_objects(s);
    check_memory(s);
    check_collections(s);
}

/* Of two snapshots that one thread took one after the other. */
static inline void check_totals_grow(const struct memlog_memstats *before,
                                     const struct memlog_memstats *after)
{
    GROWS(before, after, total_alloc);
    GROWS(before, after, mallocs);
    GROWS(before, after, frees);
    GROWS(before, after, lookups);
    GROWS(before, after, pause_total_ns);
    GROWS(before, after, num_gc);
    GROWS(before, after, num_forced_gc);
    for (int i = 0; i < MEMLOG_BY_SIZE; i++) {
        GROWS(before, after, by_size[i].mallocs);
        GROWS(before, after, by_size[i].frees);
    }
}

/* Of both kinds of numbers, when nothing has happened in between. */
static inline void check_extra_agrees(const struct memlog_memstats *s,
                                      const struct memlog_extra *extra)
{
    struct large_objects large = large_objects_of(s);
    HOLDS(large.mallocs, ==, extra->large_mallocs);
    HOLDS(large.frees, ==, extra->large_frees);
    HOLDS(large.malloc_bytes, ==, extra->large_malloc_bytes);
    HOLDS(large.free_bytes, ==, extra->large_free_bytes);
    HOLDS(s->frees, ==, extra->frees_explicit + extra->frees_swept);
    HOLDS(s->total_alloc - s->alloc, ==, extra->bytes_freed_explicit + extra->bytes_freed_swept);
}

#endif
