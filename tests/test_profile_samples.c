/* SPDX-License-Identifier: MIT */
/* test_profile_samples.c - the table of samples against a plain array, at random. */
#include "profile/samples.h"

#include "heap/alloc.h"
#include "heap/metadata.h"
#include "unit.h"

enum { OBJECTS = 5000, STEPS = 300000, BUCKETS = 7 };

static struct ml_bucket buckets[BUCKETS];
static struct ml_bucket *expected[OBJECTS];

/* Addresses as objects have them; those of a span stand in a row. */
static void *object(unsigned i) { return (void *)(ml_map.base + (uintptr_t)(i + 1) * 16 * (i % 3 + 1)); }

START_TEST(the_table_is_what_a_plain_array_says)
{
    uint64_t state = 99;
    ck_assert_int_eq(ml_heap_init(), 0);
    ml_profile_bytes_most = 64 << 20;
    for (unsigned step = 0; step < STEPS; step++) {
        state = state * UINT64_C(6364136223846793005) + 1442695040888963407;
        unsigned i = (unsigned)(state >> 33) % (OBJECTS / 3) * 3, bucket = (unsigned)(state >> 60) % BUCKETS;
        struct ml_bucket *was;
        if (state >> 32 & 1) {
            ck_assert(ml_samples_add(object(i), &buckets[bucket], &was));
            ck_assert_ptr_eq(was, expected[i]);
            expected[i] = &buckets[bucket];
        } else {
            ck_assert_ptr_eq(ml_samples_remove(object(i)), expected[i]);
            expected[i] = NULL;
        }
    }
    for (unsigned i = 0; i < OBJECTS; i += 3) {
        ck_assert_ptr_eq(ml_samples_remove(object(i)), expected[i]);
        ck_assert_ptr_null(ml_samples_remove(object(i)));
    }
}
END_TEST

START_TEST(a_full_table_says_so)
{
    struct ml_bucket *was;
    unsigned added = 0;
    ck_assert_int_eq(ml_heap_init(), 0);
    ml_profile_bytes_most = 200 << 10;
    while (added < 100000 && ml_samples_add((void *)(ml_map.base + added * 16u), &buckets[0], &was))
        added++;
    ck_assert_uint_ge(added, 1000);
    ck_assert_uint_lt(added, 100000);
    ck_assert_uint_le(ml_metadata_sys(ML_POOL_PROFILE), ml_profile_bytes_most);
    for (unsigned i = 0; i < added; i++)
        ck_assert_ptr_eq(ml_samples_remove((void *)(ml_map.base + i * 16u)), &buckets[0]);
    ck_assert(ml_samples_add((void *)ml_map.base, &buckets[1], &was));
}
END_TEST

UNIT_MAIN("profile samples", the_table_is_what_a_plain_array_says, a_full_table_says_so)
