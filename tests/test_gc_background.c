/* SPDX-License-Identifier: MIT */
/* test_gc_background.c - what a collection leaves is swept and given back to
 * the OS without the program doing anything more. */
#include "gc/background.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gc/collect.h"
#include "gc_objects.h"
#include "heap/central.h"
#include "heap/large.h"
#include "os/process.h"
#include "unit.h"

enum { MIB = 1 << 20, PATIENCE_MS = 30000 };

static struct memlog_memstats read_stats(void)
{
    struct memlog_memstats stats;
    memlog_read_memstats(&stats);
    return stats;
}

static bool is_swept(void)
{
    for (unsigned shard = 0; shard < ML_SHARDS; shard++)
        for (unsigned bin = 0; bin < ML_BINS; bin++)
            if (__atomic_load_n(&ml_bins[shard][bin].unswept.first, __ATOMIC_RELAXED) != 0)
                return false;
    return true;
}

static __attribute__((noinline)) void allocate_volume(size_t bytes, size_t each)
{
    for (size_t done = 0; done < bytes; done += each)
        memset(memlog_malloc_noscan(each), 1, each);
}

static uint64_t frees(void) { return read_stats().frees; }
static uint64_t released(void) { return read_stats().heap_released; }
static uint64_t resident_less(void) { return UINT64_MAX - ml_os_rss_bytes(); }
static uint64_t swept(void) { return is_swept(); }

/* Poll, without allocating, until the number has come up to at_least. */
static bool comes_to(uint64_t (*number)(void), uint64_t at_least)
{
    for (int ms = 0; ms < PATIENCE_MS; ms += 10) {
        if (number() >= at_least)
            return true;
        usleep(10 * 1000);
    }
    return false;
}

START_TEST(garbage_is_swept_and_booked_with_nobody_allocating)
{
    enum { COUNT = 100000 };
    memlog_set_gc_percent(-1);
    allocate_volume((size_t)COUNT * 64, 64);
    clear_stack();
    uint64_t before = frees();
    ml_gc_collect(ML_GC_PACED); /* does not sweep what is small */
    ck_assert(comes_to(frees, before + COUNT * 9 / 10));
    ck_assert(comes_to(swept, true));
    assert_whole();
    struct memlog_memstats stats = read_stats();
    ck_assert_uint_lt(stats.heap_alloc, MIB);
}
END_TEST

START_TEST(free_pages_go_back_to_the_os)
{
    memlog_set_gc_percent(-1);
    allocate_volume(100 * MIB, 64);
    allocate_volume(100 * MIB, 100000);
    clear_stack();
    ck_assert_uint_lt(released(), 50 * MIB);
    uint64_t resident = ml_os_rss_bytes();
    memlog_gc();
    ck_assert(comes_to(released, 180 * (uint64_t)MIB));
    ck_assert(comes_to(resident_less, UINT64_MAX - (resident - 150 * (uint64_t)MIB)));
    assert_whole();
}
END_TEST

START_TEST(on_demand_they_go_at_once)
{
    memlog_set_gc_percent(-1);
    allocate_volume(100 * MIB, 64);
    allocate_volume(100 * MIB, 100000);
    clear_stack();
    uint64_t resident = ml_os_rss_bytes();
    memlog_free_os_memory();
    struct memlog_memstats stats = read_stats();
    ck_assert_uint_ge(stats.heap_released + MIB, stats.heap_idle);
    ck_assert_uint_ge(stats.heap_released, 190 * (uint64_t)MIB);
    ck_assert_uint_le(ml_os_rss_bytes(), resident - 150 * (uint64_t)MIB);
    assert_whole();
}
END_TEST

/* The thread is not there in the child, and is started anew. */
START_TEST(a_forked_child_has_a_background_of_its_own)
{
    memlog_gc();
    pid_t child = fork();
    if (child == 0) {
        memlog_set_gc_percent(-1);
        allocate_volume(100 * MIB, 64);
        clear_stack();
        uint64_t before = frees();
        ml_gc_collect(ML_GC_PACED);
        bool fine = comes_to(frees, before + 1000000) && comes_to(released, 80 * (uint64_t)MIB);
        _exit(fine && ml_heap_audit() == NULL ? 0 : 1);
    }
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
}
END_TEST

/* Its stack is memlog's memory, and counted; it is no thread of the program. */
START_TEST(the_thread_is_memlogs_own)
{
    struct memlog_memstats stats = read_stats();
    ck_assert_uint_eq(stats.stack_sys, 0);
    memlog_gc();
    ck_assert_uint_gt(read_stats().stack_sys, 0);
    uint32_t before = read_stats().num_gc;
    for (int i = 0; i < 50; i++)
        memlog_gc();
    ck_assert_uint_eq(read_stats().num_gc, before + 50);
}
END_TEST

/* The first so many attempts to start a thread are refused. */
static int refusals;

int __real_ml_os_thread_start(struct ml_os_thread *thread, const char *name, void (*run)(void *),
                              void *argument);
int __wrap_ml_os_thread_start(struct ml_os_thread *thread, const char *name, void (*run)(void *),
                              void *argument);
int __wrap_ml_os_thread_start(struct ml_os_thread *thread, const char *name, void (*run)(void *),
                              void *argument)
{
    if (refusals > 0) {
        refusals--;
        return -EAGAIN;
    }
    return __real_ml_os_thread_start(thread, name, run, argument);
}

START_TEST(a_thread_that_was_refused_is_tried_again)
{
    refusals = 1;
    memlog_gc();
    ck_assert_int_eq(refusals, 0);
    for (int ms = 0; ms < PATIENCE_MS && read_stats().stack_sys == 0; ms += 50) {
        usleep(50 * 1000);
        memlog_gc();
    }
    ck_assert_uint_gt(read_stats().stack_sys, 0);
    assert_whole();
}
END_TEST

UNIT_MAIN("gc background", garbage_is_swept_and_booked_with_nobody_allocating,
          free_pages_go_back_to_the_os, on_demand_they_go_at_once,
          a_forked_child_has_a_background_of_its_own, the_thread_is_memlogs_own,
          a_thread_that_was_refused_is_tried_again)
