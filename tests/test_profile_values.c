/* SPDX-License-Identifier: MIT */
/* test_profile_values.c - what samples stand for. */
#include "profile/values.h"

#include "unit.h"

static int64_t values[ML_VALUES];

START_TEST(every_allocation_stands_for_itself)
{
    const struct ml_bucket_counts counts = { 10, 1000, 4, 400 };
    for (uint64_t rate = 0; rate <= 1; rate++) {
        ml_values_of(&counts, rate, values);
        ck_assert_int_eq(values[ML_ALLOC_OBJECTS], 10);
        ck_assert_int_eq(values[ML_ALLOC_SPACE], 1000);
        ck_assert_int_eq(values[ML_INUSE_OBJECTS], 6);
        ck_assert_int_eq(values[ML_INUSE_SPACE], 600);
    }
    ck_assert_uint_eq(ml_values_average(&counts), 100);
}
END_TEST

/* 11 samples of 3072 bytes at 512 KiB, which Go scales to 1882 objects (cut, not rounded). */
START_TEST(a_sample_stands_for_as_many_as_its_chance_says)
{
    const struct ml_bucket_counts counts = { 11, 33792, 0, 0 };
    ml_values_of(&counts, 512 << 10, values);
    ck_assert_int_eq(values[ML_ALLOC_OBJECTS], 1883);
    ck_assert_int_ge(values[ML_ALLOC_SPACE], 5784080);
    ck_assert_int_le(values[ML_ALLOC_SPACE], 5784081);
    ck_assert_int_eq(values[ML_INUSE_OBJECTS], values[ML_ALLOC_OBJECTS]);
    const struct ml_bucket_counts large = { 3, UINT64_C(3) << 30, 1, 1 << 30 };
    ml_values_of(&large, 512 << 10, values);
    ck_assert_int_eq(values[ML_ALLOC_OBJECTS], 3);
    ck_assert_int_eq(values[ML_INUSE_SPACE], INT64_C(2) << 30);
}
END_TEST

/* What is read between two words of one update, and what an overwritten memory holds. */
START_TEST(counts_that_do_not_fit_together_make_no_harm)
{
    const struct ml_bucket_counts halves[] = { { 1, 0, 0, 0 }, { 0, 64, 0, 0 } };
    for (int i = 0; i < 2; i++) {
        ml_values_of(&halves[i], 512, values);
        for (int k = 0; k < ML_VALUES; k++)
            ck_assert_int_eq(values[k], 0);
    }
    const struct ml_bucket_counts huge = { UINT64_MAX, UINT64_MAX, 0, 0 };
    ml_values_of(&huge, UINT64_MAX, values);
    ck_assert_int_eq(values[ML_ALLOC_SPACE], INT64_MAX);
    const struct ml_bucket_counts none = { 0, 0, 0, 0 };
    ck_assert_uint_eq(ml_values_average(&none), 0);
}
END_TEST

UNIT_MAIN("profile values", every_allocation_stands_for_itself,
          a_sample_stands_for_as_many_as_its_chance_says,
          counts_that_do_not_fit_together_make_no_harm)
