/* SPDX-License-Identifier: MIT */
/* test_gc_idle.c - a collection after a time without, and a background that
 * sleeps for good where there is nothing to expect of one. */
#include "gc/idle.h"

#include <stdlib.h>
#include <unistd.h>

#include "gc_objects.h"
#include "os/clock.h"
#include "os/thread.h"
#include "unit.h"

enum { PATIENCE_MS = 30000, PERIOD_MS = 60 };

/* How the background sleeps: the number of times, and its last deadline. The
 * other threads of memlog's own wait on other words. */
static uint32_t sleeps;
static uint64_t last_deadline;

void __real_ml_os_futex_wait(const uint32_t *word, uint32_t value, uint64_t deadline_ns);
void __wrap_ml_os_futex_wait(const uint32_t *word, uint32_t value, uint64_t deadline_ns);
void __wrap_ml_os_futex_wait(const uint32_t *word, uint32_t value, uint64_t deadline_ns)
{
    if (ml_thread_attached() && ml_thread_self->own) {
        __atomic_store_n(&last_deadline, deadline_ns, __ATOMIC_RELAXED);
        __atomic_fetch_add(&sleeps, 1, __ATOMIC_RELEASE);
    }
    __real_ml_os_futex_wait(word, value, deadline_ns);
}

static struct memlog_memstats read_stats(void)
{
    struct memlog_memstats stats;
    memlog_read_memstats(&stats);
    return stats;
}

static uint64_t collections(void) { return read_stats().num_gc; }

static uint64_t deadline(void) { return __atomic_load_n(&last_deadline, __ATOMIC_RELAXED); }

/* It has gone to sleep, and for good. */
static uint64_t sleeps_for_good(void)
{
    return __atomic_load_n(&sleeps, __ATOMIC_ACQUIRE) != 0 && deadline() == 0;
}

static bool comes_to(uint64_t (*number)(void), uint64_t at_least)
{
    for (int ms = 0; ms < PATIENCE_MS; ms += 5) {
        if (number() >= at_least)
            return true;
        usleep(5 * 1000);
    }
    return false;
}

/* Enough for some magazines. */
static __attribute__((noinline)) void allocate(void)
{
    for (int i = 0; i < 1000; i++)
        memlog_keep_alive(memlog_malloc_noscan(10000));
    clear_stack();
}

static void begin(void)
{
    ml_idle_period_ns = PERIOD_MS * (uint64_t)ML_NS_PER_MS;
    memlog_set_gc_percent(1000); /* 40 MiB: never reached */
}

START_TEST(one_collection_comes_and_no_other_until_something_is_allocated)
{
    begin();
    memlog_gc();
    for (int round = 0; round < 3; round++) {
        allocate();
        uint64_t before = collections(), frees = read_stats().frees;
        ck_assert(comes_to(collections, before + 1));
        ck_assert(comes_to(sleeps_for_good, true));
        ck_assert_uint_eq(collections(), before + 1);
        ck_assert_uint_ge(read_stats().frees, frees + 900);
    }
    struct memlog_memstats stats = read_stats();
    ck_assert_uint_eq(stats.num_forced_gc, 1);
    assert_whole();
}
END_TEST

START_TEST(none_comes_when_nothing_was_allocated)
{
    begin();
    memlog_gc();
    ck_assert(comes_to(sleeps_for_good, true));
    ck_assert_uint_eq(collections(), 1);
}
END_TEST

START_TEST(none_comes_while_the_percentage_is_off)
{
    begin();
    memlog_set_gc_percent(-1);
    memlog_gc();
    allocate();
    ck_assert(comes_to(sleeps_for_good, true));
    allocate();
    usleep(3 * PERIOD_MS * 1000);
    ck_assert_uint_eq(collections(), 1);
    /* On again, the next allocation has the clock started. */
    memlog_set_gc_percent(1000);
    allocate();
    ck_assert(comes_to(collections, 2));
}
END_TEST

/* What the program collects itself puts it off, and two minutes is what it is
 * when nobody says otherwise. */
START_TEST(the_clock_starts_with_each_collection)
{
    ck_assert_uint_eq(ml_idle_period_ns, 120 * (uint64_t)ML_NS_PER_SECOND);
    memlog_set_gc_percent(1000);
    memlog_gc();
    allocate();
    ck_assert(comes_to(deadline, 1));
    uint64_t now = ml_os_monotonic_ns();
    ck_assert_uint_gt(deadline(), now + 60 * (uint64_t)ML_NS_PER_SECOND);
    ck_assert_uint_le(deadline(), now + ml_idle_period_ns);
    memlog_gc();
    ck_assert(comes_to(deadline, now + ml_idle_period_ns));
    ck_assert_uint_eq(collections(), 2);
}
END_TEST

UNIT_MAIN("gc idle", one_collection_comes_and_no_other_until_something_is_allocated,
          none_comes_when_nothing_was_allocated, none_comes_while_the_percentage_is_off,
          the_clock_starts_with_each_collection)
