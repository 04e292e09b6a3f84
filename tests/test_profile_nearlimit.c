/* SPDX-License-Identifier: MIT */
/* test_profile_nearlimit.c - the marks below a memory limit: when one is new, when it is left,
 * and when somebody looks. The cgroup is this file's own (-Wl,--wrap=ml_os_cgroup_room). */
#include "profile/nearlimit.h"

#include "gc/asleep.h"
#include "gc/limit.h"
#include "heap/pagefigures.h"
#include "heap_unit.h"
#include "os/cgroup.h"
#include "os/clock.h"

enum { MIB = 1 << 20 };

static struct ml_os_cgroup_room group;
static unsigned asked;

struct ml_os_cgroup_room __wrap_ml_os_cgroup_room(void);
struct ml_os_cgroup_room __wrap_ml_os_cgroup_room(void)
{
    asked++;
    return group;
}

/* ---- marks --------------------------------------------------------------------------- */

START_TEST(each_mark_is_new_once)
{
    static const struct {
        unsigned used, mark;
    } steps[] = { { 10, 0 }, { 79, 0 },  { 80, 80 }, { 81, 0 },  { 94, 0 },  { 95, 95 },
                  { 99, 0 }, { 86, 0 },  { 95, 0 },  { 85, 0 },  { 96, 0 },  { 84, 0 },
                  { 95, 95 }, { 71, 0 }, { 80, 0 },  { 95, 95 }, { 60, 0 },  { 80, 80 },
                  { 70, 0 }, { 90, 0 },  { 69, 0 },  { 90, 80 }, { 0, 0 },   { 200, 95 } };
    struct ml_limit_marks marks = { 0 };
    for (unsigned i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
        ck_assert_msg(ml_limit_marks_note(&marks, steps[i].used, 100) == steps[i].mark,
                      "step %u, at %u %%", i, steps[i].used);
}
END_TEST

START_TEST(without_a_limit_there_is_none)
{
    struct ml_limit_marks marks = { 0 };
    ck_assert_uint_eq(ml_limit_marks_note(&marks, UINT64_MAX, 0), 0);
    ck_assert_uint_eq(ml_limit_marks_left(UINT64_MAX, 0), UINT64_MAX);
    ck_assert_uint_eq(ml_limit_marks_note(&marks, UINT64_MAX / 2, UINT64_MAX), 0);
    ck_assert_uint_eq(ml_limit_marks_note(&marks, UINT64_MAX, UINT64_MAX), 95);
}
END_TEST

START_TEST(what_is_left_is_to_the_next_one)
{
    ck_assert_uint_eq(ml_limit_marks_left(0, 1000), 800);
    ck_assert_uint_eq(ml_limit_marks_left(799, 1000), 1);
    ck_assert_uint_eq(ml_limit_marks_left(800, 1000), 150);
    ck_assert_uint_eq(ml_limit_marks_left(950, 1000), 50);
    ck_assert_uint_eq(ml_limit_marks_left(2000, 1000), 0);
}
END_TEST

/* ---- looking -------------------------------------------------------------------------- */

static void *take(size_t bytes)
{
    void *object = allocate(bytes, ML_NOSCAN);
    ck_assert_ptr_nonnull(object);
    return object;
}

/* As a program that allocates comes by. Where nobody may look yet, it waits. */
static unsigned look_when_due(void)
{
    for (unsigned tries = 0; tries < 1000; tries++) {
        if (ml_nearlimit_is_due(false))
            return ml_nearlimit_look();
        usleep(100);
    }
    return 0;
}

START_TEST(the_heap_comes_to_the_programs_limit)
{
    take(MIB);
    ml_limit_set(100 * MIB);
    ck_assert_uint_eq(look_when_due(), 0);
    take(70 * MIB);
    ck_assert_uint_eq(look_when_due(), 0);
    take(12 * MIB);
    ck_assert_uint_eq(look_when_due(), 80);
    take(14 * MIB);
    ck_assert_uint_eq(look_when_due(), 95);
    take(10 * MIB);
    ck_assert_uint_eq(look_when_due(), 0);
}
END_TEST

/* The collector that would know the limit sleeps. */
START_TEST(the_environments_limit_counts_while_the_collector_sleeps)
{
    ml_gc_sleep = ML_GC_ASLEEP;
    ml_nearlimit_prepare(100 * MIB);
    take(83 * MIB);
    ck_assert_uint_eq(look_when_due(), 80);
    ml_gc_sleep = ML_GC_AWAKE;
    take(83 * MIB);
    ck_assert_uint_eq(look_when_due(), 0);
}
END_TEST

START_TEST(the_heap_comes_to_the_groups_limit)
{
    group = (struct ml_os_cgroup_room){ 100 * MIB, MIB };
    ml_limit_set(1000 * MIB);
    take(97 * MIB); /* nothing of it is touched */
    ck_assert_uint_eq(look_when_due(), 95);
    group.held = 96 * MIB;
    take(MIB);
    take(MIB);
    ck_assert_uint_eq(look_when_due(), 95);
}
END_TEST

START_TEST(others_fill_the_group)
{
    group = (struct ml_os_cgroup_room){ 100 * MIB, 50 * MIB };
    take(MIB);
    ck_assert_uint_eq(look_when_due(), 0);
    group.held = 85 * MIB;
    for (unsigned tries = 0; !ml_nearlimit_is_due(true) && tries < 1000; tries++)
        usleep(10000); /* until it is time for a sample to look */
    ck_assert(!ml_nearlimit_is_due(false));
    ck_assert_uint_eq(ml_nearlimit_look(), 80);
}
END_TEST

/* A sample that comes at once, and growth by little, are no reason to look. */
START_TEST(nobody_looks_without_a_reason)
{
    group = (struct ml_os_cgroup_room){ 1000 * MIB, MIB };
    take(MIB);
    look_when_due();
    unsigned before = asked;
    uint64_t until = ml_os_monotonic_ns() + ML_NS_PER_SECOND / 5;
    for (unsigned times = 0; times < 100 && ml_os_monotonic_ns() < until; times++) {
        ck_assert(!ml_nearlimit_is_due(false));
        ck_assert(!ml_nearlimit_is_due(true) || ml_os_monotonic_ns() >= until);
        take(MIB);
    }
    ml_nearlimit_put_off();
    ck_assert(!ml_nearlimit_is_due(false));
    ck_assert_uint_eq(asked, before);
    group.limit = 0;
    ml_nearlimit_look();
    take(500 * MIB);
    ck_assert(!ml_nearlimit_is_due(false));
}
END_TEST

UNIT_MAIN("profile nearlimit", each_mark_is_new_once, without_a_limit_there_is_none,
          what_is_left_is_to_the_next_one, the_heap_comes_to_the_programs_limit,
          the_environments_limit_counts_while_the_collector_sleeps,
          the_heap_comes_to_the_groups_limit, others_fill_the_group, nobody_looks_without_a_reason)
