/* SPDX-License-Identifier: MIT */
/* test_gc_along_stops.c - what is left for the last stop of a mark that runs along
 * is little, whatever the program does meanwhile. */
#include "gc_along_objects.h"
#include "unit.h"

enum { PAGES = 6000, PAGE = 4096 };

/* ---- static data ---------------------------------------------------------------- */

static void *volatile hung;
static bool was_marked;

static void hang_on_static_data(void) { hung = bear_known(64); }
static void look_whether_marked(void) { was_marked = ml_is_marked((uintptr_t)hung); }

/* A structure that grows from a static variable. */
START_TEST(what_static_data_refers_to_is_marked_before_everybody_stands)
{
    make_old();
    along_do[MARKING] = hang_on_static_data;
    along_do[STOPPED] = look_whether_marked;
    collect_along();
    ck_assert_uint_eq(along_count[STOPPED], 1);
    ck_assert(was_marked);
    assert_born_whole();
}
END_TEST

/* ---- many writes ------------------------------------------------------------------ */

static __attribute__((noinline)) void make_pages(void)
{
    old = memlog_malloc(PAGES * sizeof(*old));
    for (unsigned i = 0; i < PAGES; i++)
        old[i] = memlog_malloc(PAGE);
}

/* Every other object is written to, and some get what nothing else refers to: the
 * half that the round before has not found, and is not about to look at. */
static void write_to_half(void)
{
    static unsigned turn;
    turn++;
    for (unsigned i = turn % 2; i < PAGES; i += 2)
        ((uint64_t *)old[i])[1]++;
    for (unsigned i = 0; i < 3 && born_count < SLOTS; i++) {
        unsigned which = (born_count * 74 + turn % 2) % PAGES;
        ((void **)old[which])[2 + born_count % 500] = bear_known(64);
    }
}

static struct memlog_extra extra(void)
{
    struct memlog_extra now = { .size = sizeof(now) };
    memlog_read_extra(&now);
    return now;
}

START_TEST(a_program_that_writes_to_everything_stands_in_slices)
{
    make_pages();
    collect_along();
    uint64_t before = extra().pauses;
    for (int cycle = 0; cycle < 3; cycle++) {
        along_do[MARKING] = along_do[STOPPING] = write_to_half;
        collect_along();
        along_do[MARKING] = along_do[STOPPING] = NULL;
        assert_born_whole();
    }
    ck_assert_uint_ge(extra().pauses - before, 3 * (2 + 2));
    ml_gc_stops = true;
    collect();
    assert_born_whole();
}
END_TEST

static void write_to_some_hundred(void)
{
    static unsigned turn;
    turn++;
    for (unsigned i = 0; i < 300; i++)
        ((uint64_t *)old[(i * 20 + turn) % PAGES])[1]++;
    if (born_count < SLOTS)
        ((void **)old[turn % PAGES])[2] = bear_known(64);
}

/* It stands while they are armed, three times at most, and runs while they are looked at. */
START_TEST(the_last_hundreds_of_pages_are_armed_standing)
{
    enum { CYCLES = 3, STOPS_MOST = 2 + 3 };
    make_pages();
    collect_along();
    uint64_t before = extra().pauses;
    for (int cycle = 0; cycle < CYCLES; cycle++) {
        along_do[MARKING] = along_do[STOPPING] = write_to_some_hundred;
        collect_along();
        along_do[MARKING] = along_do[STOPPING] = NULL;
        assert_born_whole();
    }
    ck_assert_uint_gt(extra().pauses - before, CYCLES * 2);
    ck_assert_uint_le(extra().pauses - before, CYCLES * STOPS_MOST);
}
END_TEST

START_TEST(a_program_that_writes_little_stands_twice)
{
    make_pages();
    collect_along();
    uint64_t before = extra().pauses;
    for (int cycle = 0; cycle < 3; cycle++)
        collect_along();
    ck_assert_uint_eq(extra().pauses - before, 3 * 2);
}
END_TEST

UNIT_MAIN("gc along stops", what_static_data_refers_to_is_marked_before_everybody_stands,
          a_program_that_writes_to_everything_stands_in_slices,
          the_last_hundreds_of_pages_are_armed_standing,
          a_program_that_writes_little_stands_twice)
