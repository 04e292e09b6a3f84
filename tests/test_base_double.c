/* SPDX-License-Identifier: MIT */
/* test_base_double.c - doubles: the digits are the shortest and the nearest,
 * and both styles are written as Go writes them. What Go itself says to many
 * more values is asked by test_stats_json_go.sh.
 */
#include "unit.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/format.h"

/* The largest plain form is JSON's 0.0000012345678901234567 with its sign. */
enum { DOUBLE_TEXT_SIZE = 40, DIGITS_MAX = 17 };

static const char *json(char text[DOUBLE_TEXT_SIZE], double value)
{
    struct ml_text builder;
    ml_text_init(&builder, text, DOUBLE_TEXT_SIZE);
    ml_text_double_json(&builder, value);
    ck_assert_uint_lt(ml_text_finish(&builder), DOUBLE_TEXT_SIZE);
    return text;
}

static const char *go(char text[DOUBLE_TEXT_SIZE], double value)
{
    struct ml_text builder;
    ml_text_init(&builder, text, DOUBLE_TEXT_SIZE);
    ml_text_double_go(&builder, value);
    ck_assert_uint_lt(ml_text_finish(&builder), DOUBLE_TEXT_SIZE);
    return text;
}

static double from_bits(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

static uint64_t to_bits(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    return bits;
}

START_TEST(hard_values_are_written_as_go_writes_them)
{
    static const struct {
        double value;
        const char *json, *go;
    } cases[] = {
        { 0.0, "0", "0" },
        { -0.0, "-0", "-0" },
        { 1.0, "1", "1" },
        { -1.0, "-1", "-1" },
        { 0.5, "0.5", "0.5" },
        { 0.1, "0.1", "0.1" },
        { 0.3, "0.3", "0.3" },
        { 0.1 + 0.2, "0.30000000000000004", "0.30000000000000004" },
        { 1 / 3.0, "0.3333333333333333", "0.3333333333333333" },
        { 2 / 3.0, "0.6666666666666666", "0.6666666666666666" },
        { 100.0, "100", "100" },
        { 123.456, "123.456", "123.456" },
        { 0.00012345, "0.00012345", "0.00012345" },
        { 5e-324, "5e-324", "5e-324" },
        { 2.225073858507201e-308, "2.225073858507201e-308", "2.225073858507201e-308" },
        { DBL_MIN, "2.2250738585072014e-308", "2.2250738585072014e-308" },
        { DBL_MAX, "1.7976931348623157e+308", "1.7976931348623157e+308" },
        { DBL_EPSILON, "2.220446049250313e-16", "2.220446049250313e-16" },
        { 9007199254740993.0, "9007199254740992", "9.007199254740992e+15" },
        { 9007199254740994.0, "9007199254740994", "9.007199254740994e+15" },
        { 123456789012345680000.0, "123456789012345680000", "1.2345678901234568e+20" },
        /* a tie between two candidates of 17 digits: the even one */
        { 0x1p-25, "2.9802322387695312e-8", "2.9802322387695312e-08" },
        /* the gap below is half of the gap above */
        { 0x1p-44, "5.684341886080802e-14", "5.684341886080802e-14" },
        /* an end of the interval is a short decimal, and belongs to it */
        { 9.5367431640625e-07, "9.5367431640625e-7", "9.5367431640625e-07" },
        { 2e23, "2e+23", "2e+23" },
        { 1e23, "1e+23", "1e+23" },
        { 9.5e22, "9.5e+22", "9.5e+22" },
    };
    char text[DOUBLE_TEXT_SIZE];

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        ck_assert_str_eq(json(text, cases[i].value), cases[i].json);
        ck_assert_str_eq(go(text, cases[i].value), cases[i].go);
    }
}
END_TEST

START_TEST(json_leaves_the_plain_form_below_a_millionth_and_from_1e21)
{
    char text[DOUBLE_TEXT_SIZE];

    ck_assert_str_eq(json(text, 0.000015), "0.000015");
    ck_assert_str_eq(json(text, 1e-6), "0.000001");
    ck_assert_str_eq(json(text, nextafter(1e-6, 0)), "9.999999999999997e-7");
    ck_assert_str_eq(json(text, 1e-7), "1e-7");
    ck_assert_str_eq(json(text, 1e-9), "1e-9");
    ck_assert_str_eq(json(text, 1e-10), "1e-10");
    ck_assert_str_eq(json(text, -1.5e-100), "-1.5e-100");
    ck_assert_str_eq(json(text, 1e20), "100000000000000000000");
    ck_assert_str_eq(json(text, nextafter(1e21, 0)), "999999999999999900000");
    ck_assert_str_eq(json(text, 1e21), "1e+21");
    ck_assert_str_eq(json(text, -1e21), "-1e+21");
    ck_assert_str_eq(json(text, 1e100), "1e+100");
}
END_TEST

START_TEST(go_leaves_the_plain_form_below_a_ten_thousandth_and_from_a_million)
{
    char text[DOUBLE_TEXT_SIZE];

    ck_assert_str_eq(go(text, 0.0001), "0.0001");
    ck_assert_str_eq(go(text, nextafter(0.0001, 0)), "9.999999999999999e-05");
    ck_assert_str_eq(go(text, 1.5e-05), "1.5e-05");
    ck_assert_str_eq(go(text, 1e-7), "1e-07");
    ck_assert_str_eq(go(text, -1e-10), "-1e-10");
    ck_assert_str_eq(go(text, 1.5e-100), "1.5e-100");
    ck_assert_str_eq(go(text, 100000), "100000");
    ck_assert_str_eq(go(text, 999999.9), "999999.9");
    ck_assert_str_eq(go(text, 1e6), "1e+06");
    ck_assert_str_eq(go(text, 123456789), "1.23456789e+08");
    ck_assert_str_eq(go(text, 1e21), "1e+21");
    ck_assert_str_eq(go(text, 1e100), "1e+100");
}
END_TEST

START_TEST(what_is_no_number_is_0_in_json_and_named_in_go)
{
    char text[DOUBLE_TEXT_SIZE];

    ck_assert_str_eq(json(text, NAN), "0");
    ck_assert_str_eq(json(text, -NAN), "0");
    ck_assert_str_eq(json(text, INFINITY), "0");
    ck_assert_str_eq(json(text, -INFINITY), "0");
    ck_assert_str_eq(go(text, NAN), "NaN");
    ck_assert_str_eq(go(text, -NAN), "NaN");
    ck_assert_str_eq(go(text, INFINITY), "+Inf");
    ck_assert_str_eq(go(text, -INFINITY), "-Inf");
}
END_TEST

/* The significant digits of a number's text: no sign, point, leading or
 * trailing zeros, exponent. */
static unsigned digits_of(char digits[DOUBLE_TEXT_SIZE], const char *number)
{
    unsigned count = 0, last_nonzero = 0;

    for (; *number != '\0' && *number != 'e'; number++) {
        if (*number < '0' || *number > '9' || (*number == '0' && count == 0))
            continue;
        digits[count++] = *number;
        if (*number != '0')
            last_nonzero = count;
    }
    digits[last_nonzero] = '\0';
    return last_nonzero;
}

/* The C library's decimal of `count` digits, correctly rounded. */
static const char *rounded(char text[DOUBLE_TEXT_SIZE], double value, unsigned count)
{
    snprintf(text, DOUBLE_TEXT_SIZE, "%.*e", (int)count - 1, value);
    return text;
}

/* Whether another decimal with as many digits reads back too, and is nearer.
 * The nearest of all is the C library's rounding; next to a power of two it may
 * lie beyond the short side of the interval, and then it is no rival. */
static bool another_last_digit_is_nearer(double value, unsigned count, const char *digits)
{
    char nearest[DOUBLE_TEXT_SIZE], nearest_digits[DOUBLE_TEXT_SIZE];

    if (strtod(rounded(nearest, value, count), NULL) != value)
        return false;
    digits_of(nearest_digits, nearest);
    return strcmp(nearest_digits, digits) != 0;
}

static void check_shortest(double value)
{
    char text[DOUBLE_TEXT_SIZE], digits[DOUBLE_TEXT_SIZE], shorter[DOUBLE_TEXT_SIZE];

    if (to_bits(strtod(go(text, value), NULL)) != to_bits(value))
        ck_abort_msg("%a: %s does not read back", value, text);
    if (to_bits(strtod(json(text, value), NULL)) != to_bits(value))
        ck_abort_msg("%a: %s does not read back", value, text);

    unsigned count = digits_of(digits, text);
    if (count > DIGITS_MAX)
        ck_abort_msg("%a: %s has too many digits", value, text);
    if (count > 1 && strtod(rounded(shorter, value, count - 1), NULL) == value)
        ck_abort_msg("%a: %s is longer than %s", value, text, shorter);
    if (another_last_digit_is_nearer(value, count, digits))
        ck_abort_msg("%a: %s is not the nearest", value, text);
}

START_TEST(powers_of_two_and_their_neighbours_are_shortest)
{
    for (int power = -1074; power <= 1023; power++) {
        double value = ldexp(1, power);
        check_shortest(value);
        check_shortest(nextafter(value, INFINITY));
        if (power > -1074)
            check_shortest(nextafter(value, 0));
    }
}
END_TEST

START_TEST(powers_of_ten_have_one_digit)
{
    for (int power = -323; power <= 308; power++) {
        char source[DOUBLE_TEXT_SIZE], text[DOUBLE_TEXT_SIZE], digits[DOUBLE_TEXT_SIZE];

        snprintf(source, sizeof(source), "1e%d", power);
        double value = strtod(source, NULL);
        check_shortest(value);
        ck_assert_uint_eq(digits_of(digits, go(text, value)), 1);
        ck_assert_str_eq(digits, "1");
        if (power > -323)
            check_shortest(nextafter(value, 0));
        check_shortest(nextafter(value, INFINITY));
    }
}
END_TEST

START_TEST(whole_numbers_up_to_2_to_the_53_have_no_fraction_in_json)
{
    char text[DOUBLE_TEXT_SIZE], expected[DOUBLE_TEXT_SIZE];

    for (uint64_t n = 1; n <= UINT64_C(1) << 53; n = n * 5 / 3 + 1) {
        snprintf(expected, sizeof(expected), "%llu", (unsigned long long)n);
        ck_assert_str_eq(json(text, (double)n), expected);
    }
}
END_TEST

/* xorshift64*: the same numbers on every machine, so a failure can be had again. */
static uint64_t next_random(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * UINT64_C(0x2545f4914f6cdd1d);
}

/* MEMLOG_FULL=1: five times as many. */
static unsigned many(unsigned numbers)
{
    const char *full = getenv("MEMLOG_FULL");
    return full != NULL && full[0] == '1' ? 5 * numbers : numbers;
}

START_TEST(random_bit_patterns_are_shortest)
{
    uint64_t state = 20110113;
    unsigned count = many(60000);

    for (unsigned i = 0; i < count; i++) {
        double value = from_bits(next_random(&state));
        if (isfinite(value))
            check_shortest(value);
    }
}
END_TEST

START_TEST(random_fractions_and_short_decimals_are_shortest)
{
    uint64_t state = 20261121;
    unsigned count = many(20000);

    for (unsigned i = 0; i < count; i++) {
        check_shortest((double)(next_random(&state) >> 11) * 0x1p-53);
        check_shortest((double)(next_random(&state) % 1000000) / 1000);
        check_shortest(from_bits(next_random(&state) >> 13)); /* subnormal */
    }
}
END_TEST

UNIT_MAIN("base double", hard_values_are_written_as_go_writes_them,
          json_leaves_the_plain_form_below_a_millionth_and_from_1e21,
          go_leaves_the_plain_form_below_a_ten_thousandth_and_from_a_million,
          what_is_no_number_is_0_in_json_and_named_in_go,
          powers_of_two_and_their_neighbours_are_shortest, powers_of_ten_have_one_digit,
          whole_numbers_up_to_2_to_the_53_have_no_fraction_in_json,
          random_bit_patterns_are_shortest, random_fractions_and_short_decimals_are_shortest)
