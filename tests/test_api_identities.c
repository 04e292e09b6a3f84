/* SPDX-License-Identifier: MIT */
/* test_api_identities.c - snapshots while four threads allocate, resize, hand
 * over and free, and collections run: the identities of identities.h hold in
 * each, and when all is quiet the numbers are exact again.
 *
 * MEMLOG_FULL=1 makes it longer.
 */
#include "identities.h"

#include <pthread.h>
#include <string.h>
#include <time.h>

#include "memlog.h"

enum { WORKERS = 4, SHELVES = 512, READERS = 2 };

/* Objects lie on shelves; who puts one there takes away what was there, and
 * owns it then: mostly another thread's. Uncollectable ones have shelves of
 * their own, since they must be freed. */
static void *shelves[SHELVES], *uncollectable_shelves[SHELVES];
static bool stop;

/* Without check's macros, which write a file each time. */
static void *need(void *pointer)
{
    if (pointer == NULL)
        ck_abort_msg("no memory");
    return pointer;
}

static uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* Mostly small, now and then large. */
static size_t random_size(uint64_t *state)
{
    uint64_t random = next_random(state);
    unsigned bits = random % 64 == 0 ? 20 : random % 8 == 0 ? 14 : 8;
    return (random >> 8) % (UINT64_C(1) << bits);
}

static void *new_object(uint64_t *state, bool collected)
{
    size_t size = random_size(state);
    if (!collected)
        return memlog_malloc_uncollectable(size);
    switch (next_random(state) % 3) {
    case 0: return memlog_malloc(size);
    case 1: return memlog_aligned_alloc_noscan(64, size);
    default: return memlog_malloc_noscan(size);
    }
}

static void *work(void *argument)
{
    uint64_t state = (uint64_t)(uintptr_t)argument;
    while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
        bool collected = next_random(&state) % 4 != 0;
        void **shelf = &(collected ? shelves : uncollectable_shelves)[next_random(&state) % SHELVES];
        void *object = need(new_object(&state, collected));
        if (next_random(&state) % 4 == 0)
            object = need(memlog_realloc(object, 1 + random_size(&state)));
        object = __atomic_exchange_n(shelf, object, __ATOMIC_ACQ_REL);
        if (!collected || next_random(&state) % 2 == 0)
            memlog_free(object);
    }
    return NULL;
}

static void *collect(void *unused)
{
    struct timespec pause = { 0, 20 * 1000 * 1000 };
    for (unsigned i = 0; !__atomic_load_n(&stop, __ATOMIC_RELAXED); i++) {
        nanosleep(&pause, NULL);
        if (i % 8 == 7)
            memlog_free_os_memory();
        else
            memlog_gc();
    }
    return unused;
}

static void *read_on(void *unused)
{
    static __thread struct memlog_memstats snapshots[2];
    memlog_read_memstats(&snapshots[1]);
    for (unsigned i = 0; !__atomic_load_n(&stop, __ATOMIC_RELAXED); i ^= 1) {
        memlog_read_memstats(&snapshots[i]);
        check_identities(&snapshots[i]);
        check_totals_grow(&snapshots[i ^ 1], &snapshots[i]);
    }
    return unused;
}

static time_t seconds_to_run(void)
{
    const char *full = getenv("MEMLOG_FULL");
    return full != NULL && full[0] == '1' ? 10 : 2;
}

static void run_for(time_t seconds)
{
    pthread_t threads[WORKERS + READERS + 1];
    size_t count = 0;
    struct timespec pause = { seconds, 0 };
    for (uintptr_t i = 1; i <= WORKERS; i++)
        ck_assert_int_eq(pthread_create(&threads[count++], NULL, work, (void *)i), 0);
    for (int i = 0; i < READERS; i++)
        ck_assert_int_eq(pthread_create(&threads[count++], NULL, read_on, NULL), 0);
    ck_assert_int_eq(pthread_create(&threads[count++], NULL, collect, NULL), 0);
    while (nanosleep(&pause, &pause) != 0)
        ;
    __atomic_store_n(&stop, true, __ATOMIC_RELAXED);
    while (count > 0)
        ck_assert_int_eq(pthread_join(threads[--count], NULL), 0);
}

static void check_quiet_numbers(void)
{
    struct memlog_memstats stats;
    struct memlog_extra extra = { .size = sizeof(extra) };
    memlog_read_memstats(&stats);
    memlog_read_extra(&extra);
    check_identities(&stats);
    struct large_objects large = large_objects_of(&stats);
    HOLDS(large.mallocs, ==, extra.large_mallocs);
    HOLDS(large.frees, ==, extra.large_frees);
    HOLDS(large.malloc_bytes, ==, extra.large_malloc_bytes);
    HOLDS(large.free_bytes, ==, extra.large_free_bytes);
    HOLDS(stats.frees, ==, extra.frees_explicit + extra.frees_swept);
    HOLDS(stats.total_alloc - stats.alloc, ==,
          extra.bytes_freed_explicit + extra.bytes_freed_swept);
}

START_TEST(snapshots_add_up_while_everything_runs)
{
    run_for(seconds_to_run());
    check_quiet_numbers();
    struct memlog_memstats stats;
    memlog_read_memstats(&stats);
    ck_assert_uint_gt(stats.num_forced_gc, 10);
    ck_assert_uint_gt(stats.mallocs, 100000);
    ck_assert_uint_gt(stats.by_size[1].mallocs, 0);
}
END_TEST

START_TEST(snapshots_add_up_after_many_collections)
{
    static struct memlog_memstats before, after;
    memlog_read_memstats(&before);
    for (int i = 0; i < 2 * MEMLOG_PAUSES + 3; i++) {
        ck_assert_ptr_nonnull(memlog_malloc(i));
        memlog_gc();
        memlog_read_memstats(&after);
        check_identities(&after);
        check_totals_grow(&before, &after);
        ck_assert_uint_eq(after.num_gc, before.num_gc + 1);
        before = after;
    }
}
END_TEST

START_TEST(fresh_process_adds_up)
{
    struct memlog_memstats stats;
    ck_assert_int_eq(memlog_read_memstats(&stats), 0);
    check_identities(&stats);
    ck_assert_uint_eq(stats.mallocs, 0);
    check_quiet_numbers();
}
END_TEST

UNIT_MAIN("api identities", fresh_process_adds_up, snapshots_add_up_after_many_collections,
          snapshots_add_up_while_everything_runs)
