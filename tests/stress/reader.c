/* SPDX-License-Identifier: MIT */
/* reader.c - snapshots of the statistics, one after the other, while everything
 * runs: the identities hold in each, totals only grow, and at the end the
 * numbers are those that the program has counted itself. */
#include "stress.h"

#define IDENTITY_BROKEN(...) failed(__VA_ARGS__)
#define LARGE_LEAST PAGE_BYTES /* of the aligned ones */
#include "identities.h"

enum { EXTRA_EVERY = 16 };

static void read_extra(struct memlog_extra *extra)
{
    extra->size = sizeof(*extra);
    if (memlog_read_extra(extra) != 0)
        failed("memlog_read_extra refuses");
}

static void check_extra(const struct memlog_extra *before, const struct memlog_extra *extra)
{
    HOLDS(extra->large_frees, <=, extra->large_mallocs);
    HOLDS(extra->large_free_bytes, <=, extra->large_malloc_bytes);
    HOLDS(extra->large_malloc_bytes % PAGE_BYTES, ==, 0);
    GROWS(before, extra, large_mallocs);
    GROWS(before, extra, large_frees);
    GROWS(before, extra, large_malloc_bytes);
    GROWS(before, extra, large_free_bytes);
    GROWS(before, extra, frees_explicit);
    GROWS(before, extra, frees_swept);
    GROWS(before, extra, bytes_freed_explicit);
    GROWS(before, extra, bytes_freed_swept);
    GROWS(before, extra, gc_cpu_ns);
}

/* Read between two snapshots. */
static void check_between(const struct memlog_memstats *before, const struct memlog_extra *extra,
                          const struct memlog_memstats *after)
{
    uint64_t frees = extra->frees_explicit + extra->frees_swept;
    uint64_t bytes = extra->bytes_freed_explicit + extra->bytes_freed_swept;
    HOLDS(frees, >=, before->frees);
    HOLDS(frees, <=, after->frees);
    HOLDS(bytes, >=, before->total_alloc - before->alloc);
    HOLDS(bytes, <=, after->total_alloc - after->alloc);
    struct large_objects first = large_objects_of(before), last = large_objects_of(after);
    HOLDS(extra->large_mallocs, >=, first.mallocs);
    HOLDS(extra->large_mallocs, <=, last.mallocs);
    HOLDS(extra->large_free_bytes, >=, first.free_bytes);
    HOLDS(extra->large_free_bytes, <=, last.free_bytes);
}

void *reader(void *unused)
{
    static struct memlog_memstats snapshots[2];
    static struct memlog_extra extras[2];
    doing = "reading the statistics";
    memlog_read_memstats(&snapshots[1]);
    read_extra(&extras[1]);
    for (unsigned i = 0; !is_over(); i++) {
        struct memlog_memstats *now = &snapshots[i % 2], *before = &snapshots[1 - i % 2];
        bool extra = i % EXTRA_EVERY == 0;
        unsigned which = i / EXTRA_EVERY % 2;
        if (extra)
            read_extra(&extras[which]);
        if (memlog_read_memstats(now) != 0)
            failed("memlog_read_memstats refuses");
        check_identities(now);
        check_totals_grow(before, now);
        if (extra) {
            check_extra(&extras[1 - which], &extras[which]);
            check_between(before, &extras[which], now);
        }
        add(&sums.snapshots, 1);
    }
    return unused;
}

void check_sums(void)
{
    struct memlog_memstats stats;
    struct memlog_extra extra;
    memlog_read_memstats(&stats);
    read_extra(&extra);
    check_identities(&stats);
    check_extra_agrees(&stats, &extra);
    HOLDS(stats.mallocs, ==, now_of(&sums.mallocs));
    HOLDS(extra.frees_explicit, ==, now_of(&sums.frees));
    HOLDS(stats.total_alloc, ==, now_of(&sums.malloc_bytes));
    HOLDS(extra.bytes_freed_explicit, ==, now_of(&sums.free_bytes));
}
