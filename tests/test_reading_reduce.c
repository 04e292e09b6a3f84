/* SPDX-License-Identifier: MIT */
/* test_reading_reduce.c - what is left of curves that are reduced. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "reading/reduce.h"
#include "unit.h"

static const int64_t SECOND = 1000000000, START = INT64_C(1294926363) * 1000000000;

struct left {
    unsigned count, begins;
    int64_t first_ns, last_ns;
    double low[2], high[2], last[2];
    bool is_in_order;
};

static void see(void *context, const struct ml_reduced *sample)
{
    struct left *left = context;
    if (left->count == 0)
        left->first_ns = sample->time_ns;
    else if (sample->time_ns < left->last_ns)
        left->is_in_order = false;
    for (int i = 0; i < 2; i++) {
        left->low[i] = fmin(left->low[i], sample->values[i]);
        left->high[i] = fmax(left->high[i], sample->values[i]);
        left->last[i] = sample->values[i];
    }
    left->begins += sample->begins;
    left->last_ns = sample->time_ns;
    left->count++;
}

static struct left left_of(struct ml_reduce *reduce)
{
    struct left left = { .is_in_order = true, .low = { INFINITY, INFINITY }, .high = { -INFINITY, -INFINITY } };
    ml_reduce_visit(reduce, see, &left);
    return left;
}

static struct ml_reduce *make(unsigned slices)
{
    struct ml_reduce *reduce = ml_reduce_new(2, slices);
    ck_assert_ptr_nonnull(reduce);
    return reduce;
}

START_TEST(few_samples_all_stay)
{
    struct ml_reduce *reduce = make(100);
    ck_assert_uint_eq(left_of(reduce).count, 0);
    for (int i = 0; i < 50; i++)
        ml_reduce_add(reduce, START + i * SECOND, (double[]){ i, 100 - i });
    struct left left = left_of(reduce);
    ck_assert_uint_eq(left.count, 50);
    ck_assert_uint_eq(left.begins, 1);
    ck_assert_uint_eq(ml_reduce_count(reduce), 50);
    ml_reduce_free(reduce);
}
END_TEST

START_TEST(no_spike_is_lost_wherever_it_is)
{
    enum { SAMPLES = 20000, SLICES = 64 };
    for (int spike = 0; spike < SAMPLES; spike += 397) {
        struct ml_reduce *reduce = make(SLICES);
        for (int i = 0; i < SAMPLES; i++)
            ml_reduce_add(reduce, START + i * SECOND,
                          (double[]){ i == spike ? 1e12 : i % 977, i == spike ? -5 : 2000 + i % 1009 });
        struct left left = left_of(reduce);
        ck_assert(left.high[0] == 1e12 && left.low[1] == -5);
        ck_assert(left.low[0] == 0 && left.high[1] == 3008);
        ck_assert_int_eq(left.first_ns, START);
        ck_assert_int_eq(left.last_ns, START + (SAMPLES - 1) * SECOND);
        ck_assert(left.last[0] == (spike == SAMPLES - 1 ? 1e12 : (SAMPLES - 1) % 977));
        ck_assert(left.is_in_order);
        ck_assert_uint_le(left.count, 2 * SLICES * 6);
        ck_assert_uint_ge(left.count, SLICES);
        ml_reduce_free(reduce);
    }
}
END_TEST

START_TEST(more_may_come_after_a_look)
{
    struct ml_reduce *reduce = make(16);
    for (int i = 0; i < 5000; i++) {
        ml_reduce_add(reduce, START + i * SECOND / 10, (double[]){ i, -i });
        struct left left = left_of(reduce);
        ck_assert(left.high[0] == i && left.low[1] == -i && left.low[0] == 0);
        ck_assert_uint_le(left.count, 32 * 6);
    }
    ml_reduce_free(reduce);
}
END_TEST

START_TEST(curves_break_between_runs_and_memory_stays_bounded)
{
    struct ml_reduce *reduce = make(1000);
    for (int run = 0; run < 5; run++) {
        ml_reduce_break(reduce);
        for (int i = 0; i < 10; i++)
            ml_reduce_add(reduce, START + (run * 100 + i) * SECOND, (double[]){ i, i });
    }
    struct left left = left_of(reduce);
    ck_assert_uint_eq(left.begins, 5);
    ck_assert_uint_eq(left.count, 50);
    for (int run = 0; run < 100000; run++) { /* nothing but restarts */
        ml_reduce_break(reduce);
        ml_reduce_add(reduce, START + (1000 + run) * SECOND, (double[]){ run, run });
    }
    left = left_of(reduce);
    ck_assert_uint_le(left.count, 2000 * 6);
    ck_assert(left.high[0] == 99999 && left.last[0] == 99999);
    ml_reduce_free(reduce);
}
END_TEST

START_TEST(a_clock_that_leaps_is_borne)
{
    struct ml_reduce *reduce = make(32);
    for (int i = 0; i < 3000; i++)
        ml_reduce_add(reduce, i % 2 == 0 ? 0 : INT64_C(4400000000) * SECOND, (double[]){ i, -i });
    struct left left = left_of(reduce);
    ck_assert_uint_le(left.count, 64 * 6);
    ck_assert(left.high[0] == 2999 && left.low[0] == 0 && left.last[0] == 2999);
    ml_reduce_free(reduce);
}
END_TEST

START_TEST(what_is_not_known_is_no_extreme)
{
    struct ml_reduce *reduce = make(2);
    for (int i = 0; i < 1000; i++)
        ml_reduce_add(reduce, START + i * SECOND, (double[]){ i % 10 == 5 ? i : NAN, NAN });
    struct left left = left_of(reduce);
    ck_assert(left.high[0] == 995 && left.low[0] == 5);
    ck_assert(isinf(left.high[1]));
    ml_reduce_free(reduce);
}
END_TEST

UNIT_MAIN("reading reduce", few_samples_all_stay, no_spike_is_lost_wherever_it_is, more_may_come_after_a_look,
          curves_break_between_runs_and_memory_stays_bounded, a_clock_that_leaps_is_borne,
          what_is_not_known_is_no_extreme)
