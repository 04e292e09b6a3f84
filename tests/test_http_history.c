/* SPDX-License-Identifier: MIT */
/* test_http_history.c - rows of a source of known numbers: a page that comes late, one that
 * comes again, and days.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "http/history.h"
#include "unit.h"

/* The n-th reading gives Alloc n, but for a peak. */
static uint64_t reading, peak_at;
static int refusal;

static int read_numbers(void *unused, struct memlog_memstats *stats, struct memlog_extra *extra)
{
    (void)unused;
    if (refusal != 0)
        return refusal;
    memset(stats, 0, sizeof(*stats));
    memset(extra, 0, sizeof(*extra));
    stats->alloc = ++reading == peak_at ? 1000000 : reading;
    stats->next_gc = INT64_MAX;
    stats->num_gc = 7;
    extra->rss = 4096;
    return 0;
}

static const struct ml_source source = { .read = read_numbers };

static struct ml_history *with_rows(unsigned count)
{
    struct ml_history *history = ml_history_new();
    ck_assert_ptr_nonnull(history);
    for (unsigned i = 0; i < count; i++)
        ml_history_take(history, &source);
    return history;
}

static json_t *rows(const struct ml_history *history, uint64_t since)
{
    struct ml_buffer buffer = { 0 };
    ml_history_rows(history, since, &buffer);
    json_t *json = json_loadb(buffer.bytes, buffer.length, 0, NULL);
    ck_assert_msg(json != NULL, "no JSON: %s", buffer.bytes);
    ml_buffer_free(&buffer);
    return json;
}

static uint64_t number(json_t *json, size_t row, size_t column)
{
    return (uint64_t)json_integer_value(json_array_get(json_array_get(json, row), column));
}

static size_t column(const char *name)
{
    struct ml_buffer buffer = { 0 };
    ml_history_columns(&buffer);
    json_t *json = json_loadb(buffer.bytes, buffer.length, 0, NULL);
    for (size_t i = 0; i < json_array_size(json); i++)
        if (strcmp(json_string_value(json_array_get(json, i)), name) == 0)
            return i;
    ck_abort_msg("no column %s in %s", name, buffer.bytes);
    return 0;
}

START_TEST(a_row_has_the_numbers_by_their_columns)
{
    struct ml_history *history = with_rows(3);
    json_t *json = rows(history, 0);
    ck_assert_uint_eq(json_array_size(json), 3);
    ck_assert_uint_eq(column("time"), 0);
    ck_assert_uint_eq(number(json, 2, column("Alloc")), 3);
    ck_assert_uint_eq(number(json, 2, column("RSS")), 4096);
    ck_assert_uint_eq(number(json, 2, column("NumGC")), 7);
    ck_assert(json_is_null(json_array_get(json_array_get(json, 0), column("NextGC"))));
    ck_assert(json_is_real(json_array_get(json_array_get(json, 0), 0)));
    ck_assert_uint_eq(ml_history_last(history), 3);
    ml_history_free(history);
}
END_TEST

START_TEST(who_comes_again_gets_what_is_new)
{
    struct ml_history *history = with_rows(10);
    json_t *json = rows(history, 8);
    ck_assert_uint_eq(json_array_size(json), 2);
    ck_assert_uint_eq(number(json, 0, column("Alloc")), 9);
    ck_assert_uint_eq(json_array_size(rows(history, 10)), 0);
    ck_assert_uint_eq(json_array_size(rows(history, UINT64_MAX)), 0);
    ml_history_free(history);
}
END_TEST

START_TEST(the_collections_of_a_row_are_known_while_it_is_there)
{
    struct ml_history *history = with_rows(10);
    ck_assert_uint_eq(ml_history_cycles(history, 0), 0);
    ck_assert_uint_eq(ml_history_cycles(history, 1), 7);
    ck_assert_uint_eq(ml_history_cycles(history, 10), 7);
    ck_assert_uint_eq(ml_history_cycles(history, 11), 0);
    ml_history_free(history);
}
END_TEST

START_TEST(before_the_first_row_there_is_none)
{
    struct ml_history *history = with_rows(0);
    ck_assert_uint_eq(json_array_size(rows(history, 0)), 0);
    ck_assert_uint_eq(ml_history_last(history), 0);
    ml_history_free(history);
}
END_TEST

/* 3600 rows of a second; what is older in rows of a minute, with the largest of each. */
START_TEST(after_hours_the_old_rows_are_minutes_and_no_peak_is_lost)
{
    peak_at = 125;
    struct ml_history *history = with_rows(2 * 3600);
    json_t *json = rows(history, 0);
    ck_assert_uint_eq(json_array_size(json), 60 + 3600);
    ck_assert_uint_eq(number(json, 0, column("Alloc")), 60);
    ck_assert_uint_eq(number(json, 2, column("Alloc")), 1000000);
    ck_assert_uint_eq(number(json, 59, column("Alloc")), 3600);
    ck_assert_uint_eq(number(json, 60, column("Alloc")), 3601);
    for (size_t i = 1; i < json_array_size(json); i++)
        ck_assert_double_ge(json_real_value(json_array_get(json_array_get(json, i), 0)),
                            json_real_value(json_array_get(json_array_get(json, i - 1), 0)));
    ml_history_free(history);
}
END_TEST

START_TEST(after_days_the_oldest_rows_go)
{
    struct ml_history *history = with_rows(60 * (2880 + 100));
    json_t *json = rows(history, 0);
    ck_assert_uint_eq(json_array_size(json), 2880 - 60 + 3600);
    ck_assert_uint_eq(number(json, 0, column("Alloc")), 60 * 101);
    ml_history_free(history);
}
END_TEST

START_TEST(what_can_not_be_read_leaves_no_row)
{
    struct ml_history *history = with_rows(2);
    refusal = -ESRCH;
    ml_history_take(history, &source);
    ck_assert_int_eq(ml_history_error(history), -ESRCH);
    ck_assert_uint_eq(ml_history_last(history), 2);
    refusal = 0;
    ml_history_take(history, &source);
    ck_assert_int_eq(ml_history_error(history), 0);
    ck_assert_uint_eq(ml_history_last(history), 3);
    ml_history_free(history);
}
END_TEST

UNIT_MAIN("http history", a_row_has_the_numbers_by_their_columns, who_comes_again_gets_what_is_new,
          the_collections_of_a_row_are_known_while_it_is_there, before_the_first_row_there_is_none,
          after_hours_the_old_rows_are_minutes_and_no_peak_is_lost,
          after_days_the_oldest_rows_go, what_can_not_be_read_leaves_no_row)
