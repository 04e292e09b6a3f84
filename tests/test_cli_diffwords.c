/* SPDX-License-Identifier: MIT */
/* test_cli_diffwords.c - numbers, changes and sentences of memlog diff as people read them. */
#include "unit.h"

#include <math.h>
#include <string.h>

#include "cli/diffwords.h"

static char text[ML_WORDS_SENTENCE];

static const char *value(double number, const char *name, enum ml_statistic statistic)
{
    return ml_words_value(number, ml_field_find(name, strlen(name)), statistic, text);
}

START_TEST(values_have_the_units_of_their_columns)
{
    ck_assert_str_eq(value(12897485, "Alloc", ML_STATISTIC_MEAN), "12.3 MiB");
    ck_assert_str_eq(value(0.4, "Alloc", ML_STATISTIC_MEAN), "0 B");
    ck_assert_str_eq(value(1024, "TotalAlloc", ML_STATISTIC_RATE), "1.0 KiB/s");
    ck_assert_str_eq(value(1024, "TotalAlloc", ML_STATISTIC_INCREASE), "1.0 KiB");
    ck_assert_str_eq(value(1.5, "HeapObjects", ML_STATISTIC_MEAN), "1.5");
    ck_assert_str_eq(value(123456.7, "HeapObjects", ML_STATISTIC_MEAN), "123457");
    ck_assert_str_eq(value(1500000, "PauseTotalNs", ML_STATISTIC_RATE), "1.5 ms/s");
    ck_assert_str_eq(value(2500000000, "LastMarkNs", ML_STATISTIC_PEAK), "2.5 s");
    ck_assert_str_eq(value(-1, "GCPercent", ML_STATISTIC_MEAN), "-1");
    ck_assert_str_eq(value(1e300, "Alloc", ML_STATISTIC_MEAN), "1e+300");
    ck_assert_str_eq(value((double)NAN, "Alloc", ML_STATISTIC_MEAN), "-");
    ck_assert_str_eq(value(3, "no column of memlog's", ML_STATISTIC_MEAN), "3");
}
END_TEST

START_TEST(changes_have_signs_and_parts_where_they_say_something)
{
    const struct ml_field *alloc = ml_field_find("Alloc", 5);
    ck_assert_str_eq(ml_words_change(2048, alloc, ML_STATISTIC_MEAN, text), "+2.0 KiB");
    ck_assert_str_eq(ml_words_change(-2048, alloc, ML_STATISTIC_MEAN, text), "-2.0 KiB");
    ck_assert_str_eq(ml_words_change(0, alloc, ML_STATISTIC_MEAN, text), "0 B");
    ck_assert_str_eq(ml_words_percent(ml_growth_percent(100, 134.12), text), "+34.1 %");
    ck_assert_str_eq(ml_words_percent(ml_growth_percent(-4, -2), text), "+50.0 %");
    ck_assert_str_eq(ml_words_percent(ml_growth_percent(100, 99.96), text), "0.0 %");
    ck_assert_str_eq(ml_words_percent(ml_growth_percent(0, 0), text), "0.0 %");
    ck_assert_str_eq(ml_words_percent(ml_growth_percent(0, 5), text), "");
    ck_assert_str_eq(ml_words_percent(ml_growth_percent((double)NAN, 5), text), "");
    ck_assert_str_eq(ml_words_percent(ml_growth_percent(1, 1e9), text), "+1e+11 %");
}
END_TEST

START_TEST(durations_have_two_units)
{
    const int64_t second = 1000000000;
    ck_assert_str_eq(ml_words_duration(0, text), "0 s");
    ck_assert_str_eq(ml_words_duration(2 * second + second / 4, text), "2.25 s");
    ck_assert_str_eq(ml_words_duration(630 * second, text), "10 min 30 s");
    ck_assert_str_eq(ml_words_duration(3 * 3600 * second + 61 * second, text), "3 h 1 min");
    ck_assert_str_eq(ml_words_duration(50 * 3600 * second, text), "2 d 2 h");
}
END_TEST

static const char *headline(double a, double b, const char *threshold, bool is_exceeded)
{
    const struct ml_compared alloc = { .name = "Alloc", .field = ml_field_find("Alloc", 5) };
    const struct ml_verdict verdict = { .column = &alloc, .statistic = ML_STATISTIC_MEAN, .a = a, .b = b,
                                        .threshold = threshold, .is_exceeded = is_exceeded };
    return ml_words_headline(&verdict, text);
}

START_TEST(a_sentence_says_what_became_of_it)
{
    ck_assert_str_eq(headline(2048, 3072, NULL, false), "B's mean Alloc is 1.0 KiB (50.0 %) above A's.");
    ck_assert_str_eq(headline(2048, 1024, NULL, false), "B's mean Alloc is 1.0 KiB (50.0 %) below A's.");
    ck_assert_str_eq(headline(2048, 2048, NULL, false), "B's mean Alloc is the same as A's: 2.0 KiB.");
    ck_assert_str_eq(headline(0, 2048, NULL, false), "B's mean Alloc is 2.0 KiB above A's.");
    ck_assert_str_eq(headline(0, (double)NAN, NULL, false), "B's mean Alloc is not known of both.");
    ck_assert_str_eq(headline(2048, 3072, "5%", true),
                     "B's mean Alloc is 1.0 KiB (50.0 %) above A's. That is above the threshold of 5%.");
    ck_assert_str_eq(headline(2048, 3072, "80%", false),
                     "B's mean Alloc is 1.0 KiB (50.0 %) above A's. The threshold is 80%.");
}
END_TEST

static struct ml_part part = { .source = { .name = "a.log" }, .runs = 1, .all_runs = 1, .samples = 1 };

START_TEST(a_command_is_cut_between_characters_and_stays_in_its_line)
{
    setenv("TZ", "UTC", 1);
    strcpy(part.run.command, "./a\nb");
    ck_assert_str_eq(ml_words_part(&part, text), "a.log, 1970-01-01 00:00:00, 0 s, 1 sample, ./a b");
    strcpy(part.run.command, "./a \033[1m \302\23331m \303\244 \377");
    ck_assert_str_eq(strrchr(ml_words_part(&part, text), ',') + 2, "./a  [1m   31m \303\244 ?");
    for (size_t i = 0; i < 100; i++)
        memcpy(part.run.command + 2 * i, "\xc3\xa4", 3);
    const char *cut = strrchr(ml_words_part(&part, text), ',') + 2;
    ck_assert_int_eq(strlen(cut), 2 * 18 + 3);
    ck_assert_str_eq(cut + 2 * 18, "...");
    part.runs = 2, part.all_runs = 3;
    ck_assert_ptr_nonnull(strstr(ml_words_part(&part, text), "a.log, 2 of 3 runs, "));
}
END_TEST

UNIT_MAIN("cli diffwords", values_have_the_units_of_their_columns,
          changes_have_signs_and_parts_where_they_say_something, durations_have_two_units,
          a_sentence_says_what_became_of_it, a_command_is_cut_between_characters_and_stays_in_its_line)
