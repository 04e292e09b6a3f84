/* SPDX-License-Identifier: MIT */
/* test_api_identities.c - snapshots while eight threads allocate, resize, hand
 * over and free each other's objects, small and large, and collections run: the
 * identities of identities.h hold in each, and when all is quiet the numbers
 * are those that the threads have counted.
 *
 * MEMLOG_FULL=1 makes it longer.
 */
#include "identities.h"

#include <pthread.h>
#include <string.h>
#include <time.h>

#include "memlog.h"

enum { WORKERS = 8, SHELVES = 512, READERS = 2 };

/* Objects lie on shelves; who puts one there takes away what was there, and
 * owns it then: mostly another thread's. Uncollectable ones have shelves of
 * their own, since they must be freed. */
static void *shelves[SHELVES], *uncollectable_shelves[SHELVES];
static bool stop;

/* What the workers have done. Bytes are those of blocks. */
static struct done {
    uint64_t mallocs, frees, malloc_bytes, free_bytes, moved, resized;
} all_done;

/* A block is a multiple of 16, and at most its last byte is not for use. */
static uint64_t block_bytes(const void *object)
{
    return (memlog_usable_size(object) + 15) & ~(uint64_t)15;
}

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

/* Any, or one that a large object may reach where it is. */
static size_t new_size(const void *object, uint64_t *state)
{
    size_t usable = memlog_usable_size(object);
    if (next_random(state) % 2 == 0)
        return 1 + random_size(state);
    return 1 + usable / 2 + next_random(state) % (usable + 1);
}

static void *resize(void *object, size_t size, struct done *done)
{
    uintptr_t before = (uintptr_t)object;
    uint64_t old_bytes = block_bytes(object);
    object = need(memlog_realloc(object, size));
    uint64_t bytes = block_bytes(object);
    if ((uintptr_t)object != before) {
        done->moved++;
        done->mallocs++;
        done->malloc_bytes += bytes;
        done->frees++;
        done->free_bytes += old_bytes;
    } else if (bytes != old_bytes) { /* a large one: what it gains or loses */
        done->resized++;
        *(bytes > old_bytes ? &done->malloc_bytes : &done->free_bytes) +=
            bytes > old_bytes ? bytes - old_bytes : old_bytes - bytes;
    }
    return object;
}

static void add_up(const struct done *done)
{
    uint64_t *sums = (uint64_t *)&all_done;
    for (size_t i = 0; i < sizeof(*done) / sizeof(*sums); i++)
        __atomic_fetch_add(&sums[i], ((const uint64_t *)done)[i], __ATOMIC_RELAXED);
}

static void *work(void *argument)
{
    uint64_t state = (uint64_t)(uintptr_t)argument;
    struct done done = { 0 };
    while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
        bool collected = next_random(&state) % 4 != 0;
        void **shelf = &(collected ? shelves : uncollectable_shelves)[next_random(&state) % SHELVES];
        void *object = need(new_object(&state, collected));
        done.mallocs++;
        done.malloc_bytes += block_bytes(object);
        if (next_random(&state) % 4 == 0)
            object = resize(object, new_size(object, &state), &done);
        object = __atomic_exchange_n(shelf, object, __ATOMIC_ACQ_REL);
        if (object != NULL && (!collected || next_random(&state) % 2 == 0)) {
            done.frees++;
            done.free_bytes += block_bytes(object);
            memlog_free(object);
        }
    }
    add_up(&done);
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

/* On a busy machine it takes longer until enough has happened. */
static bool is_enough(void)
{
    struct memlog_memstats stats;
    struct memlog_extra extra = { .size = sizeof(extra) };
    memlog_read_memstats(&stats);
    memlog_read_extra(&extra);
    return stats.num_forced_gc > 10 && stats.mallocs > 100000 && extra.large_mallocs > 1000;
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
    while (nanosleep(&pause, &pause) != 0 || !is_enough())
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
    check_extra_agrees(&stats, &extra);
}

START_TEST(snapshots_add_up_while_everything_runs)
{
    run_for(seconds_to_run());
    check_quiet_numbers();
    struct memlog_memstats stats;
    memlog_read_memstats(&stats);
    ck_assert_uint_gt(stats.by_size[1].mallocs, 0);
    struct memlog_extra extra = { .size = sizeof(extra) };
    memlog_read_extra(&extra);
    HOLDS(stats.mallocs, ==, all_done.mallocs);
    HOLDS(extra.frees_explicit, ==, all_done.frees);
    HOLDS(stats.total_alloc, ==, all_done.malloc_bytes);
    HOLDS(extra.bytes_freed_explicit, ==, all_done.free_bytes);
    ck_assert_uint_gt(extra.frees_swept, 0);
    ck_assert_uint_gt(all_done.moved, 1000);
    ck_assert_uint_gt(all_done.resized, 10);
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
