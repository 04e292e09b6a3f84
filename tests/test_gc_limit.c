/* SPDX-License-Identifier: MIT */
/* test_gc_limit.c - the memory limit: what memory it is about, that it is kept
 * whatever is allocated, and what happens when it can't be. */
#include "gc/limit.h"

#include <inttypes.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gc/limiter.h"
#include "gc/pacer.h"
#include "gc/collect.h"
#include "gc_objects.h"
#include "heap/central.h"
#include "os/clock.h"
#include "unit.h"

enum { MIB = 1 << 20 };

static struct memlog_memstats read_stats(void)
{
    struct memlog_memstats stats;
    memlog_read_memstats(&stats);
    return stats;
}

static uint64_t held(void)
{
    struct memlog_memstats stats = read_stats();
    return stats.sys - stats.heap_released;
}

static uint32_t collections(void) { return read_stats().num_gc; }

/* However slow the machine, nobody relaxes the limit. */
static void begin_without_limiter(int64_t limit)
{
    ml_limiter_capacity_ns = UINT64_MAX / 2;
    ml_gc_stops = true; /* to the byte: along with a mark the program goes on allocating */
    memlog_set_gc_percent(-1);
    ck_assert_int_eq(memlog_set_memory_limit(limit), INT64_MAX);
}

/* ---- the limiter --------------------------------------------------------- */

START_TEST(limiter_gives_the_program_as_much_as_collections_take)
{
    /* With a bucket of 100: when a collection ended, how long it took, and how
     * long there is none after it. */
    static const struct {
        uint64_t end, taken, wait;
    } cycles[] = {
        { 1000, 30, 0 },   /* 30 in it */
        { 1030, 30, 0 },   /* 60, right behind it: 30 more would just fit */
        { 1060, 30, 20 },  /* 90: 20 too many */
        { 1110, 30, 30 },  /* the program had 20: 70, and 30 */
        { 1140, 30, 30 },  /* full is full */
        { 1200, 30, 30 },  /* it had 30: as much to each */
        { 1260, 30, 30 },
        { 1400, 10, 0 },   /* it had 130: empty, and 10 */
        { 1410, 300, 300 }, /* longer than the bucket: as long again */
        { 2010, 300, 300 },
        { 3000, 50, 0 },
    };
    struct ml_limiter limiter = { 0, 0 };
    ml_limiter_capacity_ns = 100;
    for (size_t i = 0; i < sizeof(cycles) / sizeof(cycles[0]); i++) {
        uint64_t wait = ml_limiter_note(&limiter, cycles[i].end, cycles[i].taken);
        ck_assert_msg(wait == cycles[i].wait, "cycle %zu: %" PRIu64 ", not %" PRIu64, i, wait,
                      cycles[i].wait);
    }
}
END_TEST

/* ---- what it is about ---------------------------------------------------- */

START_TEST(memory_beside_the_heap_is_what_the_statistics_say)
{
    for (int round = 0; round < 3; round++) {
        struct memlog_memstats stats = read_stats();
        ck_assert_uint_eq(ml_limit_overhead_bytes(), stats.sys - stats.heap_sys);
        memlog_keep_alive(memlog_malloc(30 * MIB));
        memlog_gc();
    }
}
END_TEST

/* ---- it is kept ------------------------------------------------------------ */

static void *volatile *kept;

/* Objects that stay, in a table that stays. */
static void keep(size_t bytes, size_t each)
{
    kept = memlog_calloc(bytes / each, sizeof(void *));
    for (size_t i = 0; i < bytes / each; i++)
        kept[i] = memset(memlog_malloc_noscan(each), 1, each);
}

static _Thread_local uint64_t random_state = 1;
static size_t random_below(size_t n)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (size_t)(random_state >> 33) % n;
}

/* Garbage of `least` bytes and up to `more` more; the most that was held. */
static __attribute__((noinline)) uint64_t waste(size_t volume, size_t least, size_t more)
{
    uint64_t most = 0;
    for (size_t done = 0, i = 0; done < volume; i++) {
        size_t bytes = least + random_below(more + 1);
        memset(memlog_malloc_noscan(bytes), 1, bytes);
        done += bytes;
        if (i % 16 == 0)
            most = ml_max(most, held());
    }
    clear_stack();
    return most;
}

/* Each sort of garbage leaves the heap cut up for the next. */
START_TEST(limit_is_kept_whatever_is_allocated)
{
    enum { LIMIT = 64 * MIB, VOLUME = 150 * MIB };
    begin_without_limiter(LIMIT);
    keep(24 * MIB, 1000);
    ck_assert_uint_le(waste(VOLUME, 64, 0), LIMIT);
    ck_assert_uint_le(waste(VOLUME, 1, 3000), LIMIT);
    ck_assert_uint_le(waste(VOLUME, 30000, 3 * MIB), LIMIT);
    ck_assert_uint_le(waste(VOLUME, 9000, 0), LIMIT);
    ck_assert_uint_le(waste(VOLUME, 8 * MIB, 0), LIMIT);
    ck_assert_uint_le(waste(VOLUME, 1, 100000), LIMIT);
    /* And not by collecting all the time: there are some 25 MiB for garbage. */
    ck_assert_uint_ge(collections(), 20);
    ck_assert_uint_le(collections(), 150);
    struct memlog_memstats stats = read_stats();
    ck_assert_uint_eq(stats.num_forced_gc, 0);
    assert_whole();
}
END_TEST

START_TEST(a_generous_limit_changes_nothing)
{
    begin_without_limiter(2000 * (int64_t)MIB);
    uint64_t most = waste(200 * MIB, 64, 3000);
    ck_assert_uint_eq(collections(), 0);
    ck_assert_uint_ge(most, 200 * MIB);
}
END_TEST

/* Free pages are kept for a while where there is no limit; see
 * test_heap_release.c. */
START_TEST(free_pages_are_given_back_for_others_at_once)
{
    void *blocks[20];
    begin_without_limiter(64 * MIB);
    for (int i = 0; i < 20; i++) /* none of them is large enough for the next */
        blocks[i] = memset(memlog_malloc_noscan(2 * MIB), 1, 2 * MIB);
    for (int i = 0; i < 20; i += 2)
        memlog_free(blocks[i]);
    uint64_t before = held();
    blocks[0] = memset(memlog_malloc_noscan(33 * MIB), 1, 33 * MIB);
    ck_assert_uint_ge(before + 33 * MIB, 70 * MIB);
    ck_assert_uint_le(held(), 64 * MIB);
    ck_assert_uint_eq(collections(), 0);
    memlog_keep_alive(blocks);
}
END_TEST

START_TEST(a_limit_that_is_lowered_is_kept_from_then_on)
{
    begin_without_limiter(200 * MIB);
    keep(16 * MIB, 1000);
    waste(300 * MIB, 1, 3000);
    ck_assert_uint_ge(held(), 100 * MIB);
    ck_assert_int_eq(memlog_set_memory_limit(48 * MIB), 200 * MIB);
    waste(2 * MIB, 1, 3000);
    ck_assert_uint_le(held(), 48 * MIB);
    ck_assert_uint_le(waste(100 * MIB, 1, 3000), 48 * MIB);
    assert_whole();
}
END_TEST

START_TEST(the_smaller_goal_counts)
{
    ml_limiter_capacity_ns = UINT64_MAX / 2;
    memlog_set_memory_limit(200 * MIB);
    keep(8 * MIB, 1000);
    memlog_gc();
    uint64_t goal = ml_pacer_goal();
    ck_assert_uint_lt(goal, 40 * MIB); /* the percentage's */
    ck_assert_uint_gt(ml_pacer_limit_goal(), 100 * MIB);
    memlog_set_gc_percent(10000);
    ck_assert_uint_eq(ml_pacer_goal(), ml_pacer_limit_goal());
    ck_assert_uint_le(waste(600 * MIB, 1, 3000), 200 * MIB);
    ck_assert_uint_le(collections(), 20);
}
END_TEST

/* What was loose when the limit was reached counts less with each cycle that it
 * is not. */
START_TEST(the_goal_comes_back_when_the_limit_is_not_reached)
{
    begin_without_limiter(48 * MIB);
    keep(16 * MIB, 1000);
    waste(100 * MIB, 1, 3000);
    memlog_gc();
    memlog_gc();
    uint64_t before = ml_pacer_limit_goal();
    for (int i = 0; i < 5; i++)
        memlog_gc();
    ck_assert_uint_gt(ml_pacer_limit_goal(), before);
    ck_assert_uint_lt(ml_pacer_limit_goal(), 48 * MIB);
}
END_TEST

static void *waste_in_a_thread(void *unused)
{
    waste(60 * MIB, 1, 20000);
    return unused;
}

/* What the threads have in their hands at the same moment may come on top. */
START_TEST(limit_is_kept_by_threads_together)
{
    enum { THREADS = 4, LIMIT = 64 * MIB };
    pthread_t threads[THREADS];
    begin_without_limiter(LIMIT);
    keep(16 * MIB, 1000);
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, waste_in_a_thread, NULL), 0);
    uint64_t most = waste(60 * MIB, 1, 20000);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    ck_assert_uint_le(most, LIMIT + THREADS * MIB);
    ck_assert_uint_ge(collections(), 5);
    assert_whole();
}
END_TEST

START_TEST(a_forked_child_keeps_it)
{
    begin_without_limiter(48 * MIB);
    keep(16 * MIB, 1000);
    waste(100 * MIB, 1, 3000);
    pid_t child = fork();
    if (child == 0)
        _exit(waste(200 * MIB, 1, 3000) <= 48 * MIB ? 0 : 1);
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
}
END_TEST

/* ---- it can't be kept -------------------------------------------------------- */

/* 16 MiB to mark, and a limit of half as much. */
static uint32_t collections_for_a_hopeless_limit(size_t volume)
{
    kept = memlog_malloc(16 * MIB);
    memlog_set_gc_percent(-1);
    memlog_gc();
    memlog_set_memory_limit(8 * MIB);
    uint32_t before = collections();
    waste(volume, 1000, 0);
    return collections() - before;
}

enum { HOPELESS_VOLUME = 32 * MIB, STEP = 256 << 10 };

START_TEST(a_hopeless_limit_asks_for_collections_all_the_time)
{
    ml_limiter_capacity_ns = UINT64_MAX / 2;
    ck_assert_uint_ge(collections_for_a_hopeless_limit(HOPELESS_VOLUME),
                      HOPELESS_VOLUME / STEP / 4);
    struct memlog_extra extra = { .size = sizeof(extra) };
    memlog_read_extra(&extra);
    ck_assert_uint_eq(extra.limit_held_gc, 0);
}
END_TEST

/* Each is followed by as long a time for the program, in which it goes through
 * many steps. */
START_TEST(a_hopeless_limit_gets_half_of_the_time)
{
    ml_limiter_capacity_ns = 0;
    uint32_t cycles = collections_for_a_hopeless_limit(2 * HOPELESS_VOLUME);
    ck_assert_uint_le(cycles, 2 * HOPELESS_VOLUME / STEP / 2);
    struct memlog_extra extra = { .size = sizeof(extra) };
    memlog_read_extra(&extra);
    ck_assert_uint_eq(extra.limit_held_gc, collections());
    ck_assert_uint_gt(held(), 16 * MIB);
}
END_TEST

/* The percentage is kept when the limit can't be. */
START_TEST(the_percentage_stays_in_force_where_the_limit_is_not)
{
    kept = memlog_malloc(16 * MIB);
    memlog_gc();
    memlog_set_memory_limit(8 * MIB);
    ml_gc_stops = true;
    ml_pacer_hold_limit(UINT64_MAX);
    uint32_t before = collections();
    uint64_t volume = ml_pacer_goal_in_force() - ml_heap_taken_bytes() + MIB;
    for (size_t done = 0; done < volume && collections() == before; done += 10000)
        memlog_keep_alive(memlog_malloc_noscan(10000));
    for (int ms = 0; ms < 30000 && collections() == before; ms += 5)
        usleep(5 * 1000); /* it may run beside the program */
    ck_assert_uint_eq(collections(), before + 1);
}
END_TEST

UNIT_MAIN("gc limit", limiter_gives_the_program_as_much_as_collections_take,
          memory_beside_the_heap_is_what_the_statistics_say, limit_is_kept_whatever_is_allocated,
          a_generous_limit_changes_nothing, free_pages_are_given_back_for_others_at_once,
          a_limit_that_is_lowered_is_kept_from_then_on, the_smaller_goal_counts,
          the_goal_comes_back_when_the_limit_is_not_reached,
          limit_is_kept_by_threads_together, a_forked_child_keeps_it,
          a_hopeless_limit_asks_for_collections_all_the_time,
          a_hopeless_limit_gets_half_of_the_time,
          the_percentage_stays_in_force_where_the_limit_is_not)
