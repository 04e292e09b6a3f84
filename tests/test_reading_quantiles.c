/* SPDX-License-Identifier: MIT */
/* test_reading_quantiles.c - quantiles of many values: how near to the true ones, whatever comes. */
#include "unit.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "reading/quantiles.h"

enum { COUNT = 20000 };

static struct ml_quantiles quantiles;
static double values[COUNT];

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double random_part(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (double)(*state >> 11) / (double)(UINT64_C(1) << 53);
}

/* The smallest value that so large a part of all does not exceed. */
static double true_at(double part)
{
    size_t needed = (size_t)(part * COUNT);
    needed += (double)needed < part * COUNT || needed == 0;
    return values[needed - 1];
}

static void add_all(void)
{
    memset(&quantiles, 0, sizeof(quantiles));
    for (size_t i = 0; i < COUNT; i++)
        ck_assert(ml_quantiles_add(&quantiles, values[i]));
    qsort(values, COUNT, sizeof(values[0]), compare);
}

START_TEST(they_are_at_most_a_five_hundredth_above_the_true_ones)
{
    static const double parts[] = { 0, 0.001, 0.25, 0.5, 0.95, 0.999, 1 };
    uint64_t state = 42;
    for (int spread = 0; spread < 60; spread += 7) {
        for (size_t i = 0; i < COUNT; i++)
            values[i] = random_part(&state) * (double)(UINT64_C(1) << spread) - (spread % 2 ? 50 : 0);
        add_all();
        for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
            double is = ml_quantiles_at(&quantiles, parts[i]), was = true_at(parts[i]);
            double size = was < 0 ? -was : was;
            ck_assert_msg(is >= was && is - was <= size / 500, "%g of up to 2^%d: %.17g, not %.17g",
                          parts[i], spread, is, was);
        }
        ml_quantiles_free(&quantiles);
    }
}
END_TEST

START_TEST(where_few_values_occur_they_are_exact)
{
    for (size_t i = 0; i < COUNT; i++)
        values[i] = (double)(9000000000000001 + 3000000000000000 * (i % 4));
    add_all();
    for (int i = 1; i <= 4; i++)
        ck_assert_double_eq(ml_quantiles_at(&quantiles, i * 0.25),
                            9000000000000001. + 3000000000000000. * (i - 1));
    ml_quantiles_free(&quantiles);
}
END_TEST

START_TEST(negative_numbers_and_zeros_have_their_order)
{
    static const double few[] = { 5, -1, 0, -0.0, -3, 2.5, -1e300, 1e300, 1e-310 };
    memset(&quantiles, 0, sizeof(quantiles));
    for (size_t i = 0; i < sizeof(few) / sizeof(few[0]); i++)
        ck_assert(ml_quantiles_add(&quantiles, few[i]));
    ck_assert_double_eq(ml_quantiles_at(&quantiles, 0), -1e300);
    ck_assert_double_eq(ml_quantiles_at(&quantiles, 2 / 9.), -3);
    ck_assert_double_eq(ml_quantiles_at(&quantiles, 3 / 9.), -1);
    ck_assert_double_eq(ml_quantiles_at(&quantiles, 5 / 9.), 0);
    ck_assert_double_eq(ml_quantiles_at(&quantiles, 6 / 9.), 1e-310);
    ck_assert_double_eq(ml_quantiles_at(&quantiles, 8 / 9.), 5);
    ck_assert_double_eq(ml_quantiles_at(&quantiles, 1), 1e300);
    ml_quantiles_free(&quantiles);
}
END_TEST

START_TEST(of_nothing_they_are_0)
{
    ck_assert_double_eq(ml_quantiles_at(&quantiles, 0.5), 0);
    ml_quantiles_free(&quantiles);
}
END_TEST

START_TEST(values_of_any_size_take_bounded_memory_and_stay_in_order)
{
    memset(&quantiles, 0, sizeof(quantiles));
    for (int i = -1000; i <= 1000; i++) {
        ck_assert(ml_quantiles_add(&quantiles, ldexp(1.5, i)));
        ck_assert(ml_quantiles_add(&quantiles, -ldexp(1.5, -i)));
    }
    ck_assert_uint_eq(quantiles.count, 4002);
    ck_assert_uint_le(quantiles.used, 64);
    ck_assert(ml_quantiles_at(&quantiles, 1) == ldexp(1.5, 1000));
    double before = -INFINITY;
    for (int percent = 0; percent <= 100; percent++) {
        double value = ml_quantiles_at(&quantiles, percent / 100.0);
        ck_assert(value >= before);
        before = value;
    }
    ml_quantiles_free(&quantiles);
}
END_TEST

UNIT_MAIN("reading quantiles", they_are_at_most_a_five_hundredth_above_the_true_ones,
          where_few_values_occur_they_are_exact, negative_numbers_and_zeros_have_their_order,
          values_of_any_size_take_bounded_memory_and_stay_in_order, of_nothing_they_are_0)
