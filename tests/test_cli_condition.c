/* SPDX-License-Identifier: MIT */
/* test_cli_condition.c - conditions of alerts: what is one, and when it is true. */
#include "unit.h"

#include <string.h>

#include "cli/condition.h"

static const uint64_t GIB = (uint64_t)1 << 30;
static char why[ML_CONDITION_WHY_BYTES];

static struct ml_condition condition(const char *text)
{
    struct ml_condition parsed;
    ck_assert_msg(ml_condition_parse(&parsed, text, why), "%s: %s", text, why);
    return parsed;
}

START_TEST(names_are_those_of_columns)
{
    ck_assert_str_eq(condition("sys>1").field->go_name, "Sys");
    ck_assert_str_eq(condition("HeapObjects>1").field->name, "heap_objects");
    ck_assert_str_eq(condition("process_threads>1").field->go_name, "ProcessThreads");
    ck_assert_str_eq(condition("cgroup_current>1").field->go_name, "CgroupCurrent");
}
END_TEST

START_TEST(bounds_have_units)
{
    ck_assert_double_eq(condition("alloc>=512MiB").bound, 512.0 * 1024 * 1024);
    ck_assert_double_eq(condition("alloc<1.5GB").bound, 1.5e9);
    ck_assert_double_eq(condition("fds>1000").bound, 1000);
    ck_assert_double_eq(condition("gc_cpu_fraction>0.25").bound, 0.25);
    ck_assert(condition("rss<=87.5%").is_share);
    ck_assert(!condition("alloc>=512MiB").is_share);
    ck_assert_double_eq(condition("rss<=87.5%").bound, 87.5);
}
END_TEST

START_TEST(blanks_are_left_out)
{
    ck_assert_str_eq(condition("  sys\t>  90% ").text, "sys>90%");
    ck_assert_str_eq(condition("Alloc <= 1GiB").text, "Alloc<=1GiB");
}
END_TEST

START_TEST(what_is_none_is_refused_with_a_reason)
{
    static const struct {
        const char *text, *reason;
    } none[] = {
        { "", "\"\" is no condition (try" },
        { "sys", "\"sys\" is no condition" },
        { "sys>", "is no condition" },
        { ">90%", "is no condition" },
        { "sys=90%", "is no condition" },
        { "sys=>90%", "is no condition" },
        { "sys>>1", "is no condition" },
        { "sys>1>2", "is no condition" },
        { "sys>90 %", "is no condition" },
        { "a_name_that_is_longer_than_any_that_there_could_ever_be>1", "is no condition" },
        { "heap>1", "no field is called heap" },
        { "Rss>1", "no field is called Rss" },
        { "pause_ns>1", "pause_ns is more than one number" },
        { "stop_histogram>1", "more than one number" },
        { "sys>90x", "\"90x\" is neither a size nor a share" },
        { "sys>-1", "neither a size nor a share" },
        { "sys>%", "neither a size nor a share" },
        { "sys>1.2.3%", "neither a size nor a share" },
        { "fds>90%", "Fds is no number of bytes" },
        { "fds>1KiB", "\"1KiB\" is not a number" },
        { "fds>1e3", "\"1e3\" is not a number" },
        { "fds>nan", "\"nan\" is not a number" },
    };
    struct ml_condition parsed;
    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
        ck_assert_msg(!ml_condition_parse(&parsed, none[i].text, why), "\"%s\" is taken", none[i].text);
        ck_assert_msg(strstr(why, none[i].reason) != NULL, "\"%s\": %s", none[i].text, why);
    }
}
END_TEST

/* Of a value, where it did not hold before. */
static bool comes_true(const char *text, double value)
{
    struct ml_condition parsed = condition(text);
    return ml_condition_holds(&parsed, false, value, GIB);
}

START_TEST(comparisons_are_exact)
{
    ck_assert(!comes_true("alloc>1000", 1000) && comes_true("alloc>1000", 1001));
    ck_assert(!comes_true("alloc>=1000", 999) && comes_true("alloc>=1000", 1000));
    ck_assert(!comes_true("alloc<1000", 1000) && comes_true("alloc<1000", 999));
    ck_assert(!comes_true("alloc<=1000", 1001) && comes_true("alloc<=1000", 1000));
}
END_TEST

START_TEST(a_share_is_one_of_the_limit)
{
    struct ml_condition half = condition("sys>50%");
    double middle = (double)GIB / 2;
    ck_assert(!ml_condition_holds(&half, false, middle, GIB));
    ck_assert(ml_condition_holds(&half, false, middle + 1, GIB));
    /* The limit may change. */
    ck_assert(!ml_condition_holds(&half, false, middle + 1, 2 * GIB));
}
END_TEST

/* How often it comes true along these values. */
static int times_true(const char *text, const double *values, size_t count)
{
    struct ml_condition parsed = condition(text);
    bool holds = false;
    int times = 0;
    for (size_t i = 0; i < count; i++) {
        bool held = holds;
        holds = ml_condition_holds(&parsed, held, values[i], GIB);
        times += holds && !held;
    }
    return times;
}
#define TIMES_TRUE(text, ...)                                                                   \
    times_true(text, (const double[]){ __VA_ARGS__ },                                           \
               sizeof((const double[]){ __VA_ARGS__ }) / sizeof(double))

START_TEST(what_swings_about_the_bound_is_told_once)
{
    ck_assert_int_eq(TIMES_TRUE("alloc>1000", 900, 1001, 960, 1001, 951, 1001), 1);
    ck_assert_int_eq(TIMES_TRUE("alloc>1000", 900, 1001, 950, 1001, 949, 1000, 1001), 3);
    ck_assert_int_eq(TIMES_TRUE("alloc<1000", 900, 1040, 900, 1049, 900), 1);
    ck_assert_int_eq(TIMES_TRUE("alloc<=1000", 900, 1050, 1001, 1000), 2);
}
END_TEST

START_TEST(a_bound_of_nothing_is_left_again)
{
    ck_assert_int_eq(TIMES_TRUE("swap>0", 0, 1, 2, 0, 1), 2);
    ck_assert_int_eq(TIMES_TRUE("fds<3", 3, 2, 3, 2, 4, 2), 2);
}
END_TEST

UNIT_MAIN("cli condition", names_are_those_of_columns, bounds_have_units, blanks_are_left_out,
          what_is_none_is_refused_with_a_reason, comparisons_are_exact, a_share_is_one_of_the_limit,
          what_swings_about_the_bound_is_told_once, a_bound_of_nothing_is_left_again)
