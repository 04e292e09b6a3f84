/* SPDX-License-Identifier: MIT */
/* test_gc_sweep.c - the mark's verdict is carried out once, by whoever comes
 * first, and booked as what it is. */
#include "gc/sweep.h"

#include <stdlib.h>

#include "gc/collect.h"
#include "gc_objects.h"
#include "heap/central.h"
#include "heap/large.h"
#include "unit.h"

enum { BYTES = 64, MANY = 20000 };

static void *volatile kept[OBJECTS];
static hidden_t hidden[OBJECTS], garbage[MANY];

static struct memlog_extra read_extra(void)
{
    struct memlog_extra extra = { .size = sizeof(extra) };
    memlog_read_extra(&extra);
    return extra;
}

START_TEST(explicit_and_swept_frees_are_told_apart)
{
    memlog_gc();
    struct memlog_extra before = read_extra();
    make_garbage(garbage, MANY, BYTES, ML_SCAN);
    for (int i = 0; i < MANY / 4; i++)
        memlog_free(reveal(garbage[i]));
    struct memlog_extra freed = read_extra();
    ck_assert_uint_eq(freed.frees_explicit - before.frees_explicit, MANY / 4);
    ck_assert_uint_eq(freed.bytes_freed_explicit - before.bytes_freed_explicit, MANY / 4 * BYTES);
    ck_assert_uint_eq(freed.frees_swept, before.frees_swept);
    collect();
    struct memlog_extra swept = read_extra();
    ck_assert_uint_eq(swept.frees_explicit, freed.frees_explicit);
    ck_assert_uint_ge(swept.frees_swept - before.frees_swept, MANY * 3 / 4 - SPARED);
    ck_assert_uint_eq(swept.bytes_freed_swept - before.bytes_freed_swept,
                      (swept.frees_swept - before.frees_swept) * BYTES);
    struct memlog_memstats stats;
    memlog_read_memstats(&stats);
    ck_assert_uint_eq(stats.frees, swept.frees_explicit + swept.frees_swept);
    assert_whole();
}
END_TEST

START_TEST(large_garbage_is_swept_by_the_collection_itself)
{
    memlog_set_gc_percent(-1); /* or addresses are used again meanwhile */
    make_garbage(garbage, OBJECTS, 80000, ML_SCAN);
    fill(kept, hidden, OBJECTS, 80000, ML_NOSCAN);
    clear_stack();
    ml_gc_collect(ML_GC_PACED);
    ck_assert_uint_eq(ml_large_unswept.count, 0);
    assert_nearly_all_gone(garbage, OBJECTS);
    assert_all_alive(hidden, OBJECTS);
    struct memlog_extra extra = read_extra();
    ck_assert_uint_ge(extra.large_frees, OBJECTS - SPARED);
    assert_whole();
}
END_TEST

START_TEST(a_forced_collection_leaves_nothing_unswept)
{
    make_garbage(garbage, MANY, BYTES, ML_NOSCAN);
    memlog_gc();
    for (unsigned shard = 0; shard < ML_SHARDS; shard++)
        for (unsigned bin = 0; bin < ML_BINS; bin++)
            ck_assert_uint_eq(ml_bins[shard][bin].unswept.count, 0);
    ck_assert_uint_eq(ml_large_unswept.count, 0);
    ck_assert(!ml_sweep_some());
}
END_TEST

/* Freed by the program between the mark and the sweep: once, and as explicit. */
START_TEST(what_is_freed_before_its_span_is_swept)
{
    for (int round = 0; round < 20; round++) {
        fill(kept, hidden, OBJECTS, BYTES, ML_SCAN);
        make_garbage(garbage, MANY, BYTES, ML_SCAN);
        clear_stack();
        struct memlog_extra before = read_extra();
        ml_gc_collect(ML_GC_PACED);
        for (unsigned i = 0; i < OBJECTS; i++)
            memlog_free(kept[i]);
        ml_sweep_all();
        struct memlog_extra after = read_extra();
        ck_assert_uint_eq(after.frees_explicit - before.frees_explicit, OBJECTS);
        ck_assert_uint_eq(count_alive(hidden, OBJECTS), 0);
        memset((void *)kept, 0, sizeof(kept));
        assert_whole();
    }
}
END_TEST

/* Objects that come after the mark live, though their spans are unswept. */
START_TEST(what_is_allocated_before_the_sweep_stays)
{
    for (int round = 0; round < 20; round++) {
        make_garbage(garbage, MANY, BYTES, ML_SCAN);
        clear_stack();
        ml_gc_collect(ML_GC_PACED);
        fill(kept, hidden, OBJECTS, BYTES, ML_SCAN);
        ml_sweep_all();
        assert_all_alive(hidden, OBJECTS);
        for (unsigned i = 0; i < OBJECTS; i++)
            memset(kept[i], 1, BYTES);
        assert_whole();
    }
}
END_TEST

/* ---- several at once --------------------------------------------------------------- */

static uint32_t stopping;

static void sweep_all_the_time(void *unused)
{
    (void)unused;
    if (ml_thread_attach(true) != 0)
        return;
    while (!__atomic_load_n(&stopping, __ATOMIC_ACQUIRE))
        ml_sweep_some();
    ml_thread_detach(ml_thread_self);
}

/* memlog's own threads sweep on while the world is stopped. */
START_TEST(a_sweeper_that_is_never_stopped)
{
    struct ml_os_thread own;
    ck_assert_int_eq(ml_os_thread_start(&own, "sweeper", sweep_all_the_time, NULL), 0);
    static void *volatile slots[MANY / 4];
    static hidden_t live[MANY / 4];
    for (int round = 0; round < 150; round++) {
        fill(slots, live, MANY / 4, BYTES, ML_SCAN);
        make_garbage(garbage, MANY / 4, BYTES, ML_SCAN);
        ml_gc_collect(round % 2 ? ML_GC_PACED : ML_GC_FORCED);
        assert_all_alive(live, MANY / 4);
    }
    __atomic_store_n(&stopping, 1, __ATOMIC_RELEASE);
    ml_os_thread_join(&own);
    assert_whole();
}
END_TEST

UNIT_MAIN("gc sweep", explicit_and_swept_frees_are_told_apart,
          large_garbage_is_swept_by_the_collection_itself,
          a_forced_collection_leaves_nothing_unswept, what_is_freed_before_its_span_is_swept,
          what_is_allocated_before_the_sweep_stays, a_sweeper_that_is_never_stopped)
