/* SPDX-License-Identifier: MIT */
/* test_base_chance.c - against the C library's mathematics, and against what the
 * distribution has to be. */
#include "base/chance.h"

#include <math.h>

#include "unit.h"

START_TEST(a_distance_is_the_logarithm_of_its_number)
{
    uint64_t state = 42;
    for (int i = 0; i < 200000; i++) {
        uint64_t random = ml_random_next(&state) >> (i % 64);
        double right = random == 0 ? 64 * log(2) : -log((double)random * 0x1p-64);
        ck_assert_double_le(fabs(ml_exponential_of(random) - right), 1e-9 * (1 + right));
    }
    ck_assert_double_eq(ml_exponential_of(UINT64_MAX), 0);
    ck_assert_double_gt(ml_exponential_of(0), 44);
}
END_TEST

START_TEST(distances_are_exponential)
{
    enum { DRAWS = 400000, QUANTILES = 8 };
    uint64_t state = 7, beyond[QUANTILES] = { 0 };
    double sum = 0;
    for (int i = 0; i < DRAWS; i++) {
        double distance = ml_exponential_of(ml_random_next(&state));
        sum += distance;
        for (int q = 0; q < QUANTILES; q++)
            beyond[q] += distance > (q + 1) * 0.5;
    }
    ck_assert_double_le(fabs(sum / DRAWS - 1), 0.01); /* six standard deviations */
    for (int q = 0; q < QUANTILES; q++) {
        double right = DRAWS * exp(-(q + 1) * 0.5);
        ck_assert_double_le(fabs((double)beyond[q] - right), 6 * sqrt(right));
    }
}
END_TEST

START_TEST(a_chance_has_all_its_digits)
{
    ck_assert_double_eq(ml_chance_within(0), 0);
    ck_assert_double_eq(ml_chance_within(1000), 1);
    for (double x = 1e-9; x < 60; x *= 1.07) {
        double right = -expm1(-x);
        ck_assert_double_le(fabs(ml_chance_within(x) - right), 1e-13 * right);
    }
}
END_TEST

UNIT_MAIN("base chance", a_distance_is_the_logarithm_of_its_number, distances_are_exponential,
          a_chance_has_all_its_digits)
