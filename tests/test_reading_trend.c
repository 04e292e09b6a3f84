/* SPDX-License-Identifier: MIT */
/* test_reading_trend.c - a column's numbers, the curve in bounded memory, the robust slope, the
 * trend of single curves, runs together, and when a limit is reached.
 */
#include "unit.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "reading/forecast.h"
#include "reading/pool.h"
#include "reading/study.h"

static const int64_t SECOND = 1000000000;

/* ---- numbers ------------------------------------------------------------------------ */

START_TEST(the_mean_is_over_time)
{
    struct ml_numbers numbers;
    ml_numbers_init(&numbers);
    ml_numbers_add(&numbers, 0, 0, 10);
    ml_numbers_add(&numbers, SECOND, 1, 10);
    ml_numbers_add(&numbers, 2 * SECOND, 1, 10);
    ml_numbers_add(&numbers, 10 * SECOND, 8, 30); /* half of the way up in the mean of eight seconds */
    ck_assert_double_eq_tol(ml_numbers_mean(&numbers), (2 * 10 + 8 * 20) / 10.0, 1e-9);
    ck_assert_double_eq(numbers.peak, 30);
    ck_assert_int_eq(numbers.peak_ns, 10 * SECOND);
    ck_assert_double_eq(numbers.least, 10);
    ml_numbers_free(&numbers);
}
END_TEST

START_TEST(the_percentile_is_wrong_by_less_than_two_thousandths)
{
    for (double scale = 1e-3; scale < 1e15; scale *= 10) {
        struct ml_numbers numbers;
        ml_numbers_init(&numbers);
        for (int i = 1; i <= 1000; i++)
            ml_numbers_add(&numbers, i, 1, i * scale);
        ck_assert_double_eq_tol(ml_numbers_quantile(&numbers, 0.95), 950 * scale, 0.002 * 950 * scale);
        ml_numbers_free(&numbers);
    }
}
END_TEST

START_TEST(what_is_not_known_is_left_out)
{
    struct ml_numbers numbers;
    ml_numbers_init(&numbers);
    ck_assert(isnan(ml_numbers_mean(&numbers)));
    ck_assert(isnan(ml_numbers_quantile(&numbers, 0.95)));
    ml_numbers_add(&numbers, 0, 0, NAN);
    ml_numbers_add(&numbers, 0, 1, 7);
    ck_assert_uint_eq(numbers.count, 1);
    ck_assert_double_eq(ml_numbers_mean(&numbers), 7);
    ml_numbers_free(&numbers);
}
END_TEST

/* ---- the slope ------------------------------------------------------------------------- */

START_TEST(a_few_points_far_off_do_not_turn_the_slope)
{
    struct ml_point points[100];
    struct ml_slope slope;
    for (int i = 0; i < 100; i++)
        points[i] = (struct ml_point){ i, 3.0 * i + 2 * sin(i * 1.7) };
    points[90].value = 1e6;
    points[95].value = 1e6;
    ck_assert(ml_slope_fit(points, 100, 1, &slope));
    ck_assert_double_eq_tol(slope.per_hour, 3, 0.05);
    ck_assert(slope.low < slope.per_hour && slope.per_hour < slope.high);
    ck_assert_double_gt(slope.confidence, 0.999);
}
END_TEST

START_TEST(points_that_lean_on_each_other_say_less)
{
    struct ml_point points[60];
    struct ml_slope alone, leaning;
    for (int i = 0; i < 60; i++)
        points[i] = (struct ml_point){ i, i + 40 * sin(i * 1.3) };
    ck_assert(ml_slope_fit(points, 60, 1, &alone));
    ck_assert(ml_slope_fit(points, 60, 9, &leaning));
    ck_assert_double_gt(leaning.high - leaning.low, 1.5 * (alone.high - alone.low));
    ck_assert_double_lt(leaning.confidence, alone.confidence);
}
END_TEST

START_TEST(a_rank_is_found_in_any_order)
{
    for (unsigned seed = 1; seed < 50; seed++) {
        double numbers[101];
        for (unsigned i = 0; i < 101; i++)
            numbers[i] = (i * (2 * seed + 1)) % 101 / 2; /* twice each, nearly */
        ck_assert_double_eq(ml_select(numbers, 101, seed), seed / 2);
    }
}
END_TEST

/* ---- one curve ------------------------------------------------------------------------------ */

static struct ml_trend trend_until(double (*value)(double share), unsigned samples, double hours, bool has_ended)
{
    struct ml_series series;
    struct ml_trend trend;
    ck_assert(ml_series_init(&series, 1));
    for (unsigned i = 0; i < samples; i++) {
        double share = i / (samples - 1.0), now = value(share);
        ml_series_add(&series, (int64_t)(share * hours * 3600 * 1e9), &now);
    }
    ck_assert(ml_trend_find(&series, 0, 1024, has_ended, &trend));
    ml_series_free(&series);
    return trend;
}

static struct ml_trend trend_of(double (*value)(double share), unsigned samples, double hours)
{
    return trend_until(value, samples, hours, false);
}

/* Teeth of 40 MB over what lives. */
static double teeth(double share, double lives)
{
    return lives + 4e7 * fmod(share * 90, 1);
}

static double leaking(double share)
{
    return teeth(share, 1e8 + 1.2e7 * share);
}

static double level(double share)
{
    return teeth(share, 1e8);
}

static double cache(double share)
{
    return teeth(share, 1e8 + 1e8 * fmin(1, share * 4));
}

static double burst(double share)
{
    return teeth(share, share > 0.4 && share < 0.45 ? 5e8 : 1e8);
}

START_TEST(a_sawtooth_is_judged_by_its_low_points)
{
    struct ml_trend trend = trend_of(leaking, 20000, 24);
    ck_assert_int_eq(trend.verdict, ML_VERDICT_GROWING);
    ck_assert_double_eq_tol(trend.slope.per_hour, 0.5e6, 0.02e6);
    ck_assert_int_eq(trend_of(level, 20000, 24).verdict, ML_VERDICT_STEADY);
    ck_assert_int_eq(trend_of(cache, 20000, 24).verdict, ML_VERDICT_PLATEAU);
    ck_assert_int_eq(trend_of(burst, 20000, 24).verdict, ML_VERDICT_SPIKE);
}
END_TEST

/* Up for most of each wave's time, and down for the rest of it. */
static double waves(double share, double down)
{
    double at = fmod(share * 40, 1);
    return 1e8 + 4e7 * fmin(at / (1 - down), (1 - at) / down);
}

static double slow_falls(double share)
{
    return waves(share, 0.28);
}

static double quick_falls(double share)
{
    return waves(share, 0.12);
}

START_TEST(a_slow_fall_is_no_collection)
{
    ck_assert_uint_eq(trend_of(slow_falls, 2000, 24).falls, 0);
    ck_assert_uint_ge(trend_of(quick_falls, 2000, 24).falls, 38);
}
END_TEST

/* Objects come and go by the hundred until the leak begins, and a thousand at a time since then. */
static double objects(double share)
{
    return 1e5 + 500 * fmod(share * 50, 1) + 9e5 * fmax(0, share - 0.2);
}

START_TEST(teeth_at_one_place_do_not_stand_for_all)
{
    struct ml_trend trend = trend_of(objects, 300, 0.01);
    ck_assert_int_eq(trend.verdict, ML_VERDICT_GROWING);
    ck_assert_double_eq_tol(trend.slope.per_hour, 9e5 / 0.01, 1e6);
}
END_TEST

/* Half a minute; what is in use at a collection goes up by less than a tooth in all. */
static double brief(double share)
{
    return 1e7 + 6e6 * share + 9e6 * fmod(share * 24, 1);
}

static double brief_and_scattered(double share)
{
    int tooth = (int)(share * 24);
    return 1e7 + 2.5e5 * (tooth + tooth % 2 * 8) + 9e6 * fmod(share * 24, 1);
}

START_TEST(in_half_a_minute_low_points_must_be_in_order)
{
    ck_assert_int_eq(trend_of(brief, 300, 0.0083).verdict, ML_VERDICT_GROWING);
    ck_assert_int_ne(trend_of(brief_and_scattered, 300, 0.0083).verdict, ML_VERDICT_GROWING);
}
END_TEST

/* A rise of the low points, by 8 deviations, that is over at the end. */
static double over_at_the_end(double share)
{
    return teeth(share, 1e8 + (share < 0.9 ? 8e6 * share : 0)) + 1e6 * sin(share * 12345.6);
}

START_TEST(what_is_over_at_the_end_is_no_growth)
{
    ck_assert_int_ne(trend_of(over_at_the_end, 20000, 24).verdict, ML_VERDICT_GROWING);
}
END_TEST

/* A program that frees all in its last moments. */
static double leaving(double lives, double share)
{
    return share < 0.98 ? lives : lives * (1 - share) / 0.02;
}

static double leaking_and_leaving(double share)
{
    return leaving(leaking(share), share);
}

static double level_and_leaving(double share)
{
    return leaving(level(share), share);
}

static double leaking_and_freeing_some(double share)
{
    return leaking(share) - 1.5e7 * (share > 0.99);
}

START_TEST(what_is_freed_at_the_end_is_no_collection)
{
    struct ml_trend trend = trend_until(leaking_and_leaving, 20000, 24, true);
    ck_assert_int_eq(trend.verdict, ML_VERDICT_GROWING);
    ck_assert_double_eq_tol(trend.slope.per_hour, 0.5e6, 0.02e6);
    ck_assert_double_eq_tol(trend.level, 1.12e8, 2e6);
    ck_assert_int_eq(trend_until(leaking_and_freeing_some, 20000, 24, true).verdict, ML_VERDICT_GROWING);
    ck_assert_int_eq(trend_until(leaking, 20000, 24, true).verdict, ML_VERDICT_GROWING);
    trend = trend_until(level_and_leaving, 20000, 24, true);
    ck_assert_int_eq(trend.verdict, ML_VERDICT_STEADY);
    ck_assert_double_eq_tol(trend.level, 1e8, 1e6);
    /* What goes on is not at its end. */
    ck_assert_double_eq_tol(trend_until(level_and_leaving, 20000, 24, false).level, 0, 1e6);
}
END_TEST

static double noise(double share)
{
    return 2e5 * sin(share * 12345.6) * cos(share * 777.7);
}

static double by_day(double share)
{
    return 1e8 + 3e7 * sin(2 * M_PI * 4.3 * share) + 1.5e7 * share + noise(share);
}

static double by_day_only(double share)
{
    return 1e8 + 3e7 * sin(2 * M_PI * 4.3 * share) + noise(share);
}

static double starting(double share)
{
    return 1e8 * fmin(1, share / 0.04) + noise(share);
}

static double leaking_from_start(double share)
{
    return starting(share) + 2e6 * share;
}

START_TEST(a_leak_is_seen_under_the_day)
{
    double hours = 4.3 * 24; /* a leak of half of what the day makes up and down */
    struct ml_trend trend = trend_of(by_day, 3000, hours);
    ck_assert_int_eq(trend.verdict, ML_VERDICT_GROWING);
    ck_assert_double_eq_tol(trend.slope.per_hour, 1.5e7 / hours, 0.1 * 1.5e7 / hours);
    ck_assert_int_eq(trend_of(by_day_only, 3000, hours).verdict, ML_VERDICT_STEADY);
}
END_TEST

static double by_hour(double share)
{
    return 1e8 + 3e7 * sin(2 * M_PI * 24.2 * share) + noise(share);
}

static double by_hour_leaking(double share)
{
    return by_hour(share) + 5e6 * share;
}

START_TEST(a_leak_is_seen_under_waves_of_any_length)
{
    struct ml_trend trend = trend_of(by_hour_leaking, 8640, 24);
    ck_assert_int_eq(trend.verdict, ML_VERDICT_GROWING);
    ck_assert_double_eq_tol(trend.slope.per_hour, 5e6 / 24, 0.02e6);
    ck_assert_int_eq(trend_of(by_hour, 8640, 24).verdict, ML_VERDICT_STEADY);
}
END_TEST

START_TEST(the_start_of_a_program_is_no_growth)
{
    struct ml_trend trend = trend_of(leaking_from_start, 3000, 10);
    ck_assert_int_eq(trend_of(starting, 3000, 10).verdict, ML_VERDICT_STEADY);
    ck_assert_int_eq(trend.verdict, ML_VERDICT_GROWING);
    ck_assert_double_eq_tol(trend.slope.per_hour, 2e5, 0.1e5);
}
END_TEST

START_TEST(millions_of_samples_are_judged_as_thousands_are)
{
    struct ml_trend few = trend_of(leaking, 5000, 24), many = trend_of(leaking, 3000000, 24);
    ck_assert_int_eq(many.verdict, ML_VERDICT_GROWING);
    ck_assert_double_eq_tol(many.slope.per_hour, few.slope.per_hour, 0.03 * few.slope.per_hour);
}
END_TEST

START_TEST(two_samples_are_too_few)
{
    ck_assert_int_eq(trend_of(leaking, 2, 24).verdict, ML_VERDICT_SHORT);
}
END_TEST

/* ---- runs ------------------------------------------------------------------------------------ */

START_TEST(runs_that_are_too_short_each_grow_together)
{
    struct ml_brief briefs[8] = { { .number = 1 } };
    struct ml_pool pool;
    for (int i = 0; i < 8; i++)
        briefs[i] = (struct ml_brief){ .number = i + 1, .hours = 1, .lows = 6, .verdict = ML_VERDICT_SHORT,
                                       .slope = { .per_hour = 1e6 + i, .confidence = 0.97 } };
    ml_pool_runs(briefs, 8, &pool);
    ck_assert(pool.is_growing);
    ck_assert_double_eq_tol(pool.per_hour, 1e6, 10);
    ml_pool_runs(briefs, 2, &pool);
    ck_assert(!pool.is_growing); /* two are an accident */
    for (int i = 0; i < 8; i++)
        briefs[i].slope.confidence = 0.5;
    ml_pool_runs(briefs, 8, &pool);
    ck_assert(!pool.is_growing);
}
END_TEST

/* ---- the forecast ------------------------------------------------------------------------------ */

static struct ml_study *study_of(double per_hour, uint64_t limit)
{
    struct ml_log_run run = { .number = 1, .count = 2, .sys = 1, .interval_ns = 60000000000,
                              .names = { "Alloc", "Sys" } };
    struct ml_study *study = ml_study_new(&run);
    ck_assert_ptr_nonnull(study);
    for (int i = 0; i < 600; i++) {
        double used = 1e8 + per_hour * i / 60.0 + 1000 * (i % 7);
        const double values[] = { used, used + 5e6 };
        const struct ml_log_sample sample = { .time_ns = i * 60 * SECOND, .steady_ns = i * 60 * SECOND,
                                              .count = 2, .values = values };
        ml_study_add(study, &sample);
    }
    study->has_limit = limit != 0;
    study->limit = limit;
    ck_assert(ml_study_judge(study));
    return study;
}

START_TEST(the_limit_is_reached_at_the_rate_of_growth)
{
    struct ml_study *study = study_of(1e6, 200000000);
    struct ml_limit limit;
    struct ml_forecast forecast;
    ml_limit_find(study, 0, &limit);
    ck_assert_int_eq(limit.source, ML_LIMIT_LOG);
    ml_forecast_find(study, &limit, NULL, &forecast);
    ck_assert(forecast.is_there);
    ck_assert_double_eq_tol(forecast.seconds / 3600, 95 - 599 / 60.0, 0.5);
    ck_assert(forecast.earliest <= forecast.seconds && forecast.seconds <= forecast.latest);
    ml_limit_find(study, 3e8, &limit); /* what is said comes before the log */
    ck_assert_double_eq(limit.bytes, 3e8);
    ml_study_free(study);
}
END_TEST

START_TEST(what_does_not_grow_reaches_no_limit)
{
    struct ml_study *study = study_of(0, 200000000);
    struct ml_limit limit;
    struct ml_forecast forecast;
    ml_limit_find(study, 0, &limit);
    ml_forecast_find(study, &limit, NULL, &forecast);
    ck_assert(!forecast.is_there);
    ml_study_free(study);
}
END_TEST

UNIT_MAIN("reading trend", the_mean_is_over_time, the_percentile_is_wrong_by_less_than_two_thousandths,
          what_is_not_known_is_left_out, a_few_points_far_off_do_not_turn_the_slope,
          points_that_lean_on_each_other_say_less, a_rank_is_found_in_any_order,
          a_sawtooth_is_judged_by_its_low_points, what_is_freed_at_the_end_is_no_collection,
          what_is_over_at_the_end_is_no_growth, a_slow_fall_is_no_collection, teeth_at_one_place_do_not_stand_for_all,
          in_half_a_minute_low_points_must_be_in_order, a_leak_is_seen_under_the_day,
          a_leak_is_seen_under_waves_of_any_length,
          the_start_of_a_program_is_no_growth, millions_of_samples_are_judged_as_thousands_are,
          two_samples_are_too_few, runs_that_are_too_short_each_grow_together,
          the_limit_is_reached_at_the_rate_of_growth, what_does_not_grow_reaches_no_limit)
