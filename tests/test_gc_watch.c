/* SPDX-License-Identifier: MIT */
/* test_gc_watch.c - the table of watched objects against a plain array, at
 * random. */
#include "gc/watch.h"

#include "gc_objects.h"
#include "heap/metadata.h"
#include "unit.h"

enum { COUNT = 3000, STEPS = 100000 };

static void *objects[COUNT];
static uintptr_t expected[COUNT]; /* the data of the object's entry, 0: it has none */
static unsigned expected_count;

static void finalizer(void *object, void *data) { (void)object, (void)data; }

static unsigned state_of(unsigned i) { return ml_state_kind(ml_granule_of(objects[i])); }

static void add(unsigned i, uintptr_t data)
{
    struct ml_watch *watch = ml_watch_need((uintptr_t)objects[i]);
    ck_assert_ptr_nonnull(watch);
    ck_assert_ptr_eq(watch, ml_watch_need((uintptr_t)objects[i]));
    watch->finalizer = finalizer;
    watch->data = (void *)data;
    expected_count += expected[i] == 0;
    expected[i] = data;
}

static void drop(unsigned i)
{
    struct ml_watch *watch = ml_watch_find((uintptr_t)objects[i]);
    ml_watch_drop_if_empty(watch);
    ck_assert_ptr_eq(ml_watch_find((uintptr_t)objects[i]), watch); /* it has a finalizer */
    watch->finalizer = NULL;
    ml_watch_drop_if_empty(watch);
    expected[i] = 0;
    expected_count--;
}

static void move(unsigned from, unsigned to)
{
    ml_watch_move(ml_watch_find((uintptr_t)objects[from]), (uintptr_t)objects[to]);
    expected[to] = expected[from];
    expected[from] = 0;
}

static void check_one(unsigned i)
{
    struct ml_watch *watch = ml_watch_find((uintptr_t)objects[i]);
    ck_assert_int_eq(watch != NULL, expected[i] != 0);
    ck_assert_uint_eq(state_of(i), watch != NULL ? ML_STATE_WATCHED : ML_STATE_PLAIN);
    if (watch == NULL)
        return;
    ck_assert_uint_eq(watch->object, (uintptr_t)objects[i]);
    ck_assert_uint_eq((uintptr_t)watch->data, expected[i]);
}

static void check_all(void)
{
    ck_assert_uint_eq(ml_watches_count, expected_count);
    for (unsigned i = 0; i < COUNT; i++)
        check_one(i);
}

START_TEST(the_table_is_what_a_plain_array_says)
{
    uint32_t random = 7;
    for (unsigned i = 0; i < COUNT; i++)
        objects[i] = ml_gc_alloc(i % 3 == 0 ? 16 : 200, ML_NOSCAN);
    ml_watch_lock();
    ck_assert_ptr_null(ml_watch_find((uintptr_t)objects[0]));
    for (unsigned step = 1; step <= STEPS; step++) {
        random = random * 1664525 + 1013904223;
        unsigned i = (random >> 8) % COUNT, other = (random >> 16) % COUNT;
        /* Now more come than go, now more go. */
        bool grows = step / 10000 % 2 == 0;
        if (expected[i] == 0 && (grows || step % 4 == 0))
            add(i, step);
        else if (expected[i] != 0 && expected[other] == 0 && step % 3 == 0)
            move(i, other);
        else if (expected[i] != 0 && (!grows || step % 4 == 0))
            drop(i);
        check_one(i);
        check_one(other);
        if (step % 10000 == 0)
            check_all();
    }
    for (unsigned i = 0; i < COUNT; i++)
        if (expected[i] != 0)
            drop(i);
    check_all();
    ml_watch_unlock();
}
END_TEST

START_TEST(its_memory_is_booked_as_the_collectors)
{
    struct memlog_memstats before, after;
    for (unsigned i = 0; i < COUNT; i++)
        objects[i] = ml_gc_alloc(16, ML_NOSCAN);
    memlog_read_memstats(&before);
    ml_watch_lock();
    for (unsigned i = 0; i < COUNT; i++)
        add(i, 1);
    ml_watch_unlock();
    memlog_read_memstats(&after);
    ck_assert_uint_ge(after.gc_sys, before.gc_sys + COUNT * sizeof(struct ml_watch));
    ck_assert_uint_ge(after.sys, before.sys + COUNT * sizeof(struct ml_watch));
}
END_TEST

START_TEST(its_memory_goes_with_the_entries)
{
    enum { MANY = 200000, STAY = 10 };
    static void *volatile many[MANY];
    struct memlog_memstats before, most, after;
    memlog_set_gc_percent(-1);
    memlog_gc();
    memlog_read_memstats(&before);
    for (unsigned i = 0; i < MANY; i++) {
        many[i] = memlog_malloc_noscan(16);
        ck_assert_int_eq(memlog_set_finalizer((void *)many[i], finalizer, NULL), 0);
    }
    memlog_read_memstats(&most);
    ck_assert_uint_ge(most.gc_sys, before.gc_sys + MANY * sizeof(struct ml_watch));
    for (unsigned i = STAY; i < MANY; i++)
        ck_assert_int_eq(memlog_set_finalizer((void *)many[i], NULL, NULL), 0);
    memlog_gc();
    memlog_read_memstats(&after);
    ck_assert_uint_le(after.gc_sys, before.gc_sys + (most.gc_sys - before.gc_sys) / 16);
    ml_watch_lock();
    for (unsigned i = 0; i < MANY; i++)
        ck_assert_int_eq(ml_watch_find((uintptr_t)many[i]) != NULL, i < STAY);
    ml_watch_unlock();
    for (unsigned i = 0; i < STAY; i++)
        many[i] = NULL;
}
END_TEST

START_TEST(only_collected_objects_can_be_watched)
{
    static long variable;
    char *object = memlog_malloc(100), *large = memlog_malloc(100000);
    ck_assert(ml_watch_is_possible(object));
    ck_assert(ml_watch_is_possible(large));
    ck_assert(ml_watch_is_possible(memlog_malloc_noscan(10)));
    ck_assert(!ml_watch_is_possible(object + 16));
    ck_assert(!ml_watch_is_possible(object + 1));
    ck_assert(!ml_watch_is_possible(large + 8192));
    ck_assert(!ml_watch_is_possible(&variable));
    ck_assert(!ml_watch_is_possible(NULL));
    ck_assert(!ml_watch_is_possible(memlog_malloc_uncollectable(10)));
    ck_assert(!ml_watch_is_possible(memlog_malloc_uncollectable(100000)));
    ck_assert(!ml_watch_is_possible(memlog_weak_create(object)));
    memlog_free(large);
    ck_assert(!ml_watch_is_possible(large));
}
END_TEST

UNIT_MAIN("gc watch", the_table_is_what_a_plain_array_says, its_memory_is_booked_as_the_collectors,
          its_memory_goes_with_the_entries,
          only_collected_objects_can_be_watched)
