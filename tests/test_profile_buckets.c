/* SPDX-License-Identifier: MIT */
/* test_profile_buckets.c - one bucket for each stack and size, and an end to them. */
#include "profile/buckets.h"

#include "heap/metadata.h"
#include "memlog.h"
#include "unit.h"

static struct ml_bucket *need(uintptr_t base, unsigned depth, uint64_t bytes)
{
    uintptr_t pcs[ML_STACK_MOST];
    for (unsigned i = 0; i < depth; i++)
        pcs[i] = base + i;
    struct ml_bucket *bucket = ml_bucket_need(pcs, depth, bytes);
    ml_bucket_count_alloc(bucket, bytes);
    return bucket;
}

START_TEST(the_same_stack_and_size_is_the_same_bucket)
{
    ml_profile_bytes_most = 64 << 20;
    struct ml_bucket *first = need(100, 5, 64);
    ck_assert_ptr_eq(need(100, 5, 64), first);
    ck_assert_ptr_ne(need(100, 5, 80), first);
    ck_assert_ptr_ne(need(100, 4, 64), first);
    ck_assert_ptr_ne(need(101, 5, 64), first);
    ml_bucket_count_free(first, 64);
    struct ml_bucket_counts counts = ml_bucket_read(first);
    ck_assert_uint_eq(counts.allocs, 2);
    ck_assert_uint_eq(counts.alloc_bytes, 128);
    ck_assert_uint_eq(counts.frees, 1);
    ck_assert_uint_eq(counts.free_bytes, 64);
    ck_assert_ptr_eq(need(100, 5, 64), first);
}
END_TEST

START_TEST(large_sizes_share_within_an_eighth)
{
    enum { SIZES = 1000, PAGE = 8192, FEW = 60 };
    ml_profile_bytes_most = 64 << 20;
    for (unsigned i = 9; i < SIZES; i++) {
        struct ml_bucket *bucket = need(1, 3, (uint64_t)i * PAGE);
        ck_assert_uint_ge(bucket->size, (uint64_t)i * PAGE);
        ck_assert_uint_le(bucket->size, (uint64_t)i * PAGE / 8 * 9);
    }
    unsigned buckets = 0;
    uint64_t bytes = 0;
    for (const struct ml_bucket *at = ml_bucket_first(); at != NULL; at = at->next) {
        buckets++;
        bytes += ml_bucket_read(at).alloc_bytes;
    }
    ck_assert_uint_le(buckets, FEW);
    ck_assert_uint_eq(bytes, (uint64_t)PAGE * (SIZES * (SIZES - 1) / 2 - 9 * 8 / 2));
}
END_TEST

START_TEST(many_are_all_found_again)
{
    enum { MANY = 20000 };
    static struct ml_bucket *buckets[MANY];
    ml_profile_bytes_most = 64 << 20;
    for (unsigned i = 0; i < MANY; i++)
        buckets[i] = need(i * 1000, i % ML_STACK_MOST + 1, 16);
    for (unsigned i = 0; i < MANY; i++)
        ck_assert_ptr_eq(need(i * 1000, i % ML_STACK_MOST + 1, 16), buckets[i]);
}
END_TEST

START_TEST(what_has_no_room_is_named_and_counted)
{
    enum { MANY = 10000 };
    uint64_t allocs = 0, overflown = 0;
    ml_profile_bytes_most = 300 << 10;
    for (unsigned i = 0; i < MANY; i++)
        need(i * 1000, 10, 16 + i % 100 * 16);
    ck_assert_uint_le(ml_metadata_sys(ML_POOL_PROFILE), ml_profile_bytes_most);
    for (const struct ml_bucket *at = ml_bucket_first(); at != NULL; at = at->next) {
        allocs += ml_bucket_read(at).allocs;
        if (at->pcs[0] != (uintptr_t)memlog_profile_overflow + 1)
            continue;
        ck_assert_uint_eq(at->depth, 1);
        overflown += ml_bucket_read(at).allocs;
    }
    ck_assert_uint_eq(allocs, MANY);
    ck_assert_uint_gt(overflown, MANY / 2);
    ck_assert_uint_lt(overflown, MANY);
    ck_assert_ptr_eq(need(0, 10, 16), need(0, 10, 16)); /* those that are there go on */
    ck_assert_ptr_ne(need(0, 10, 16), ml_bucket_overflow(16));
}
END_TEST

START_TEST(no_stack_has_a_name_too)
{
    ml_profile_bytes_most = 64 << 20;
    ck_assert_uint_eq(need(0, 0, 16)->pcs[0], (uintptr_t)memlog_profile_no_stack + 1);
}
END_TEST

UNIT_MAIN("profile buckets", the_same_stack_and_size_is_the_same_bucket,
          large_sizes_share_within_an_eighth, many_are_all_found_again,
          what_has_no_room_is_named_and_counted, no_stack_has_a_name_too)
