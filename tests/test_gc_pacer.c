/* SPDX-License-Identifier: MIT */
/* test_gc_pacer.c - when the next collection comes: Go's formulas for the
 * percentage and the memory limit, their floors, off, and as many collections
 * as they say over a known volume. */
#include "gc/pacer.h"

#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>

#include "gc/collect.h"
#include "gc_objects.h"
#include "heap/central.h"
#include "unit.h"

enum { MIB = 1 << 20 };

START_TEST(goal_is_live_and_a_percentage_of_live_and_roots)
{
    ck_assert_int_eq(ml_pacer_set_percent(100), 100);
    ml_pacer_marked(100 * MIB, 10 * MIB);
    ck_assert_uint_eq(ml_pacer_goal(), 210 * (uint64_t)MIB);
    ck_assert_int_eq(ml_pacer_set_percent(50), 100);
    ck_assert_uint_eq(ml_pacer_goal(), 155 * (uint64_t)MIB);
    ck_assert_int_eq(ml_pacer_set_percent(300), 50);
    ck_assert_uint_eq(ml_pacer_goal(), 430 * (uint64_t)MIB);
    ml_pacer_marked(200 * MIB, 0);
    ck_assert_uint_eq(ml_pacer_goal(), 800 * (uint64_t)MIB);
}
END_TEST

START_TEST(goal_is_at_least_four_mebibytes_at_a_hundred_percent)
{
    ml_pacer_marked(0, 0);
    ck_assert_uint_eq(ml_pacer_goal(), 4 * MIB);
    ml_pacer_marked(1 * MIB, 100);
    ck_assert_uint_eq(ml_pacer_goal(), 4 * MIB);
    ml_pacer_set_percent(200);
    ck_assert_uint_eq(ml_pacer_goal(), 8 * MIB);
    ml_pacer_set_percent(50);
    ck_assert_uint_eq(ml_pacer_goal(), 2 * MIB);
}
END_TEST

START_TEST(however_small_the_percentage_there_is_a_step)
{
    ml_pacer_set_percent(0);
    ml_pacer_marked(100 * MIB, 0);
    ck_assert_uint_gt(ml_pacer_goal(), 100 * MIB);
    ck_assert_uint_le(ml_pacer_goal(), 101 * MIB);
}
END_TEST

START_TEST(absurd_percentages_do_not_overflow)
{
    ml_pacer_set_percent(INT_MAX);
    ml_pacer_marked((uint64_t)1 << 46, 0);
    ck_assert_uint_eq(ml_pacer_goal(), INT64_MAX);
    ck_assert(!ml_pacer_is_due());
}
END_TEST

START_TEST(off_is_negative_and_says_so)
{
    ck_assert_int_eq(memlog_set_gc_percent(-17), 100);
    ck_assert_uint_eq(ml_pacer_goal(), INT64_MAX);
    ck_assert_int_eq(ml_pacer_percent(), -1);
    ml_pacer_marked(100 * MIB, 0);
    ml_pacer_postpone();
    ck_assert_uint_eq(ml_pacer_goal(), INT64_MAX);
    ck_assert_int_eq(memlog_set_gc_percent(100), -1);
    ck_assert_uint_eq(ml_pacer_goal(), 200 * (uint64_t)MIB);
}
END_TEST

/* Worked out by hand from the formula: the limit less what is neither object
 * nor free, less what is over it, less 3 % of that or 1 MiB, at least live. */
START_TEST(limit_leaves_what_nothing_else_takes_less_headroom)
{
    enum { KIB = 1 << 10 };
    const uint64_t NONE = INT64_MAX;
    static const struct {
        uint64_t live, limit, mapped, other, goal;
    } cases[] = {
        { 60 * MIB, INT64_MAX, 500 * MIB, 100 * MIB, INT64_MAX },
        /* 3 % are 3000000 of 100 MB, and less than 1 MiB of 20 MiB. */
        { 1000000, 100000000, 0, 0, 97000000 },
        { 1000000, 110000000, 90000000, 10000000, 97000000 },
        { 1 * MIB, 20 * MIB, 20 * MIB, 0, 19 * MIB },
        { 1 * MIB, 20 * MIB, 15 * MIB, 5 * MIB, 14 * MIB },
        /* What is over the limit is taken off once more. */
        { 1 * MIB, 20 * MIB, 22 * MIB, 5 * MIB, 12 * MIB },
        { 1000000, 110000000, 120000000, 0, 97000000 },
        /* Never below what is live and a step. */
        { 30 * MIB, 20 * MIB, 40 * MIB, 5 * MIB, 30 * MIB + 256 * KIB },
        { 19 * MIB, 20 * MIB, 20 * MIB, 0, 19 * MIB + 256 * KIB },
        { 18 * MIB, 20 * MIB, 20 * MIB, 0, 19 * MIB },
        { 0, 0, 0, 0, 256 * KIB },
        { 3 * MIB, 10 * MIB, 10 * MIB, 10 * MIB, 3 * MIB + 256 * KIB },
        { 3 * MIB, 10 * MIB, 40 * MIB, 1 * MIB, 3 * MIB + 256 * KIB },
        { 3 * MIB, 512 * KIB, 10 * MIB, 0, 3 * MIB + 256 * KIB },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ml_pace pace = { 100, cases[i].live, 7 * MIB, cases[i].limit, cases[i].mapped,
                                cases[i].other };
        uint64_t goal = ml_pace_by_limit(&pace);
        ck_assert_msg(goal == cases[i].goal, "case %zu: %" PRIu64 ", not %" PRIu64, i, goal,
                      cases[i].goal);
        pace.percent = -1;
        ck_assert_uint_eq(ml_pace_by_limit(&pace), cases[i].goal);
        ck_assert_uint_eq(ml_pace_by_percent(&pace), NONE);
    }
}
END_TEST

START_TEST(goal_is_the_smaller_of_the_two)
{
    ml_pacer_set_percent(100);
    ml_pacer_marked(10 * MIB, 0);
    ml_pacer_set_memory(16 * MIB, 0, 0);
    ck_assert_uint_eq(ml_pacer_goal(), 15 * MIB);
    ck_assert_uint_eq(ml_pacer_limit_goal(), 15 * MIB);
    ml_pacer_set_memory(31 * MIB, 0, 0);
    ck_assert_uint_eq(ml_pacer_goal(), 20 * MIB);
    ck_assert_uint_eq(ml_pacer_limit_goal(), 30 * MIB);
    ml_pacer_set_percent(-1);
    ck_assert_uint_eq(ml_pacer_goal(), 30 * MIB);
    ml_pacer_marked(40 * MIB, 0); /* the limit's is worked out anew, too */
    ck_assert_uint_eq(ml_pacer_goal(), 40 * MIB + (256 << 10));
    ml_pacer_set_memory(INT64_MAX, 0, 0);
    ck_assert_uint_eq(ml_pacer_goal(), INT64_MAX);
}
END_TEST

START_TEST(a_limit_that_is_held_is_not_heeded_but_the_percentage_is)
{
    ml_pacer_set_percent(100);
    ml_pacer_marked(10 * MIB, 0);
    ml_pacer_set_memory(16 * MIB, 0, 0);
    uint64_t to_limit = 15 * MIB - ml_heap_taken_bytes(), to_percent = to_limit + 5 * MIB;
    ck_assert(!ml_pacer_is_due_for(to_limit - 1));
    ck_assert(ml_pacer_is_due_for(to_limit));
    ml_pacer_hold_limit(UINT64_MAX);
    ck_assert(!ml_pacer_is_due_for(to_limit));
    ck_assert(!ml_pacer_is_due_for(to_percent - 1));
    ck_assert(ml_pacer_is_due_for(to_percent));
    ml_pacer_hold_limit(1); /* that is long ago */
    ck_assert(ml_pacer_is_due_for(to_limit));
}
END_TEST

START_TEST(a_collection_for_the_limit_that_could_not_be_is_put_off)
{
    ml_pacer_set_percent(-1);
    ml_pacer_set_memory(2 * MIB, 0, 0);
    ml_pacer_postpone();
    ck_assert_uint_ge(ml_pacer_goal(), ml_heap_taken_bytes() + 4 * MIB);
    ck_assert_uint_lt(ml_pacer_goal(), INT64_MAX);
}
END_TEST

START_TEST(a_collection_that_could_not_be_is_put_off)
{
    ml_pacer_marked(0, 0);
    ml_pacer_postpone();
    ck_assert_uint_ge(ml_pacer_goal(), ml_heap_taken_bytes() + 4 * MIB);
}
END_TEST

static uint32_t collections(void)
{
    struct memlog_memstats stats;
    memlog_read_memstats(&stats);
    return stats.num_gc;
}

static __attribute__((noinline)) void allocate_volume(size_t bytes, size_t each)
{
    for (size_t done = 0; done < bytes; done += each)
        memlog_keep_alive(memlog_malloc_noscan(each));
    clear_stack();
}

START_TEST(nothing_is_collected_while_off)
{
    memlog_set_gc_percent(-1);
    ml_gc_stops = true; /* not sometime, but at once */
    uint32_t before = collections();
    allocate_volume(64 * MIB, 1024);
    allocate_volume(64 * MIB, 100000);
    ck_assert_uint_eq(collections(), before);
    memlog_set_gc_percent(100);
    allocate_volume(1 * MIB, 1024);
    ck_assert_uint_ge(collections(), before + 1);
}
END_TEST

/* With next to nothing alive every cycle takes the same volume: 4 MiB, or as
 * much as there is in data that is scanned. What happens to be alive at the end
 * of a mark lets the next come a little earlier or later. */
static void collects_as_often_as_the_goal_says(size_t each)
{
    enum { VOLUME = 200 * MIB };
    ml_gc_stops = true; /* at the goal, not before it */
    memlog_gc();
    uint32_t before = collections();
    uint32_t expected = (uint32_t)(VOLUME / (ml_pacer_goal() - ml_heap_taken_bytes()));
    ck_assert_uint_ge(expected, 5);
    allocate_volume(VOLUME, each);
    uint32_t cycles = collections() - before;
    ck_assert_uint_ge(cycles, expected * 3 / 4);
    ck_assert_uint_le(cycles, expected * 5 / 4 + 1);
}

START_TEST(as_many_collections_as_the_volume_of_small_objects_calls_for)
{
    collects_as_often_as_the_goal_says(1024);
    collects_as_often_as_the_goal_says(64);
}
END_TEST

START_TEST(as_many_collections_as_the_volume_of_large_objects_calls_for)
{
    collects_as_often_as_the_goal_says(8 * 8192 - 1);
}
END_TEST

START_TEST(with_much_alive_collections_are_rarer)
{
    ml_gc_stops = true; /* at the goal, not before it */
    void *volatile alive = memlog_malloc_noscan(50 * MIB);
    memlog_gc();
    uint32_t before = collections();
    allocate_volume(500 * MIB, 1024);
    uint32_t cycles = collections() - before;
    ck_assert_uint_ge(cycles, 6);
    ck_assert_uint_le(cycles, 13);
    memlog_keep_alive(alive);
}
END_TEST

START_TEST(frees_by_the_program_save_collections)
{
    memlog_gc();
    uint32_t before = collections();
    for (int i = 0; i < 1000000; i++)
        memlog_free(memlog_malloc(1024));
    ck_assert_uint_eq(collections(), before);
}
END_TEST

UNIT_MAIN("gc pacer", goal_is_live_and_a_percentage_of_live_and_roots,
          goal_is_at_least_four_mebibytes_at_a_hundred_percent,
          however_small_the_percentage_there_is_a_step, absurd_percentages_do_not_overflow,
          off_is_negative_and_says_so, limit_leaves_what_nothing_else_takes_less_headroom,
          goal_is_the_smaller_of_the_two,
          a_limit_that_is_held_is_not_heeded_but_the_percentage_is,
          a_collection_for_the_limit_that_could_not_be_is_put_off, a_collection_that_could_not_be_is_put_off,
          nothing_is_collected_while_off,
          as_many_collections_as_the_volume_of_small_objects_calls_for,
          as_many_collections_as_the_volume_of_large_objects_calls_for,
          with_much_alive_collections_are_rarer, frees_by_the_program_save_collections)
