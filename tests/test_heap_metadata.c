/* SPDX-License-Identifier: MIT */
/* test_heap_metadata.c - memlog's own memory: blocks, books, refusals. */
#include "heap/metadata.h"

#include <pthread.h>
#include <string.h>

#include "heap_os.h"
#include "heap_unit.h"

static bool is_zero(const char *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (bytes[i] != 0)
            return false;
    return true;
}

START_TEST(a_block_is_zero_and_begins_a_cache_line)
{
    static const size_t sizes[] = { 0, 1, 63, 64, 65, 127, 128, 129, 1000, 4096, 10000, 16384,
                                    16385, 30000, 32767, 32768, 32769, 100000 };
    for (int round = 0; round < 2; round++) {
        void *blocks[sizeof(sizes) / sizeof(sizes[0])];
        for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
            blocks[i] = ml_metadata_alloc(ML_POOL_GC, sizes[i]);
            ck_assert_ptr_nonnull(blocks[i]);
            ck_assert_uint_eq((uintptr_t)blocks[i] % 64, 0);
            ck_assert(is_zero(blocks[i], sizes[i]));
            memset(blocks[i], 0xff, sizes[i]);
        }
        for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
            ml_metadata_free(ML_POOL_GC, blocks[i], sizes[i]);
        ck_assert_uint_eq(ml_metadata_inuse(ML_POOL_GC), 0);
    }
}
END_TEST

START_TEST(blocks_do_not_overlap)
{
    enum { BLOCKS = 200 };
    static unsigned char *blocks[BLOCKS];
    static size_t sizes[BLOCKS];
    uint64_t seed = 5;
    for (int step = 0; step < 5000; step++) {
        size_t i = random_below(&seed, BLOCKS);
        for (size_t at = 0; at < sizes[i]; at++)
            ck_assert_uint_eq(blocks[i][at], (unsigned char)(i + 1));
        ml_metadata_free(ML_POOL_OTHER, blocks[i], sizes[i]);
        sizes[i] = random_below(&seed, 1) + random_below(&seed, (size_t)16 << (step % 12));
        blocks[i] = ml_metadata_alloc(ML_POOL_OTHER, sizes[i]);
        ck_assert_ptr_nonnull(blocks[i]);
        memset(blocks[i], (int)(i + 1), sizes[i]);
        ck_assert_uint_le(ml_metadata_inuse(ML_POOL_OTHER), ml_metadata_sys(ML_POOL_OTHER));
    }
}
END_TEST

START_TEST(a_block_given_back_is_the_next_of_its_size)
{
    void *first = ml_metadata_alloc(ML_POOL_GC, 300);
    void *second = ml_metadata_alloc(ML_POOL_GC, 300);
    ck_assert_ptr_ne(first, second);
    ml_metadata_free(ML_POOL_GC, first, 300);
    uint64_t sys = ml_metadata_sys(ML_POOL_GC);
    ck_assert_ptr_ne(ml_metadata_alloc(ML_POOL_GC, 1000), first);
    ck_assert_ptr_eq(ml_metadata_alloc(ML_POOL_GC, 512), first); /* rounded alike */
    ck_assert_uint_eq(ml_metadata_sys(ML_POOL_GC), sys);
}
END_TEST

START_TEST(each_pool_keeps_its_own_books)
{
    void *block = ml_metadata_alloc(ML_POOL_GC, 100);
    ck_assert_uint_eq(ml_metadata_inuse(ML_POOL_GC), 128);
    ck_assert_uint_gt(ml_metadata_sys(ML_POOL_GC), 128);
    ck_assert_uint_eq(ml_metadata_inuse(ML_POOL_OTHER), 0);
    ck_assert_uint_eq(ml_metadata_sys(ML_POOL_OTHER), 0);
    ck_assert_uint_eq(ml_metadata_sys(ML_POOL_THREADS), 0);
    ml_metadata_free(ML_POOL_GC, block, 100);
    ml_metadata_free(ML_POOL_GC, NULL, 100);
    ck_assert_uint_eq(ml_metadata_inuse(ML_POOL_GC), 0);
}
END_TEST

START_TEST(a_long_block_goes_back_to_the_system)
{
    uint64_t sys = ml_metadata_sys(ML_POOL_GC);
    void *block = ml_metadata_alloc(ML_POOL_GC, 1 << 20);
    ck_assert_uint_eq(ml_metadata_sys(ML_POOL_GC), sys + (1 << 20));
    ml_metadata_free(ML_POOL_GC, block, 1 << 20);
    ck_assert_uint_eq(ml_metadata_sys(ML_POOL_GC), sys);
    ck_assert_uint_eq(ml_metadata_inuse(ML_POOL_GC), 0);
}
END_TEST

START_TEST(what_the_system_refuses_is_null_and_is_not_booked)
{
    os_maps_granted = 0;
    ck_assert_ptr_null(ml_metadata_alloc(ML_POOL_GC, 100));
    ck_assert_ptr_null(ml_metadata_alloc(ML_POOL_GC, 100000));
    ck_assert_uint_eq(ml_metadata_sys(ML_POOL_GC), 0);
    ck_assert_uint_eq(ml_metadata_inuse(ML_POOL_GC), 0);
    os_maps_granted = UINT64_MAX;
    ck_assert_ptr_nonnull(ml_metadata_alloc(ML_POOL_GC, 100));
    ck_assert_ptr_nonnull(ml_metadata_alloc(ML_POOL_GC, 100000));
}
END_TEST

START_TEST(an_absurd_size_is_null)
{
    ck_assert_ptr_null(ml_metadata_alloc(ML_POOL_GC, SIZE_MAX));
    ck_assert_ptr_null(ml_metadata_alloc(ML_POOL_GC, SIZE_MAX - 100));
    ck_assert_ptr_null(ml_metadata_alloc(ML_POOL_GC, (size_t)1 << 62));
    ck_assert_uint_eq(ml_metadata_inuse(ML_POOL_GC), 0);
}
END_TEST

static void *take_and_give(void *argument)
{
    uint64_t seed = (uintptr_t)argument;
    unsigned char *blocks[16] = { NULL };
    size_t sizes[16] = { 0 };
    for (int step = 0; step < 4000; step++) {
        size_t i = random_below(&seed, 16);
        for (size_t at = 0; at < sizes[i]; at++)
            ck_assert_uint_eq(blocks[i][at], (unsigned char)(uintptr_t)argument);
        ml_metadata_free(ML_POOL_GC, blocks[i], sizes[i]);
        sizes[i] = random_below(&seed, 600);
        blocks[i] = ml_metadata_alloc(ML_POOL_GC, sizes[i]);
        memset(blocks[i], (int)(uintptr_t)argument, sizes[i]);
    }
    for (size_t i = 0; i < 16; i++)
        ml_metadata_free(ML_POOL_GC, blocks[i], sizes[i]);
    return NULL;
}

START_TEST(threads_share_a_pool)
{
    pthread_t threads[4];
    for (uintptr_t i = 0; i < 4; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, take_and_give, (void *)(i + 1)), 0);
    for (unsigned i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    ck_assert_uint_eq(ml_metadata_inuse(ML_POOL_GC), 0);
}
END_TEST

UNIT_MAIN("heap metadata", a_block_is_zero_and_begins_a_cache_line, blocks_do_not_overlap,
          a_block_given_back_is_the_next_of_its_size, each_pool_keeps_its_own_books,
          a_long_block_goes_back_to_the_system, what_the_system_refuses_is_null_and_is_not_booked,
          an_absurd_size_is_null, threads_share_a_pool)
