/* SPDX-License-Identifier: MIT */
/* test_cli_jsontext.c - pieces of JSON: strings of any bytes, and what is a number. */
#include "unit.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli/jsontext.h"

static char *said;
static size_t said_length;

static const char *string(const char *text, size_t length)
{
    free(said);
    FILE *to = open_memstream(&said, &said_length);
    ml_json_string(to, text, length);
    fclose(to);
    return said;
}

static const char *number(double value)
{
    free(said);
    FILE *to = open_memstream(&said, &said_length);
    ml_json_double(to, value);
    fclose(to);
    return said;
}

START_TEST(what_means_something_in_a_string_is_escaped)
{
    ck_assert_str_eq(string("", 0), "\"\"");
    ck_assert_str_eq(string("a\"b\\c/d", 7), "\"a\\\"b\\\\c/d\"");
    ck_assert_str_eq(string("\n\r\t\0\x1f\x7f", 6), "\"\\n\\r\\t\\u0000\\u001f\\u007f\"");
    ck_assert_str_eq(string("\xc2\x80 \xc2\x9b \xc2\xa0", 8), "\"\\u0080 \\u009b \xc2\xa0\""); /* terminals obey them */
}
END_TEST

START_TEST(characters_stay_and_other_bytes_are_replaced_one_by_one)
{
    ck_assert_str_eq(string("\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80", 11),
                     "\"\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80\"");
    ck_assert_str_eq(string("\xff" "a\xc3", 3), "\"\\ufffda\\ufffd\"");
    ck_assert_str_eq(string("\xed\xa0\x80", 3), "\"\\ufffd\\ufffd\\ufffd\""); /* half a pair */
    ck_assert_str_eq(string("\xc0\xaf", 2), "\"\\ufffd\\ufffd\"");           /* longer than it need be */
    ck_assert_str_eq(string("\xf4\x90\x80\x80", 4), "\"\\ufffd\\ufffd\\ufffd\\ufffd\"");
    ck_assert_str_eq(string("\xe2\x82\xac", 2), "\"\\ufffd\\ufffd\""); /* does not read beyond the end */
}
END_TEST

START_TEST(numbers_are_what_json_says)
{
    static const char *const good[] = { "0", "-0", "7", "18446744073709551615", "1.5", "0.5", "1e5",
                                        "1.5e-05", "1E+21", "-1.25" };
    static const char *const bad[] = { "", "-", "+1", "01", "-01", ".5", "1.", "1e", "1e+", "nan", "inf",
                                       "0x1", "1 ", " 1", "1-", "--1", "1.2.3", "1e5.5" };
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        ck_assert_msg(ml_json_is_number(good[i], strlen(good[i])), "%s", good[i]);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        ck_assert_msg(!ml_json_is_number(bad[i], strlen(bad[i])), "%s", bad[i]);
    ck_assert(ml_json_is_number("12x", 2));
    ck_assert(!ml_json_is_number("1.5", 2));
}
END_TEST

START_TEST(what_is_no_number_is_null)
{
    ck_assert_str_eq(number(1.5), "1.5");
    ck_assert_str_eq(number(9007199254740991), "9007199254740991");
    ck_assert_str_eq(number(-0.25), "-0.25");
    ck_assert_str_eq(number((double)NAN), "null");
    ck_assert_str_eq(number((double)INFINITY), "null");
    ck_assert_str_eq(number(-(double)INFINITY), "null");
}
END_TEST

UNIT_MAIN("cli jsontext", what_means_something_in_a_string_is_escaped,
          characters_stay_and_other_bytes_are_replaced_one_by_one, numbers_are_what_json_says,
          what_is_no_number_is_null)
