/* SPDX-License-Identifier: MIT */
/* test_base_format.c - numbers, dates and text into a buffer. Doubles have a
 * file of their own. */
#include "unit.h"

#include <string.h>
#include <time.h>

#include "base/format.h"

/* A text over a buffer that is large enough, with the finished text at hand. */
struct page {
    char buffer[256];
    struct ml_text text;
};

static struct ml_text *blank(struct page *page)
{
    memset(page->buffer, '#', sizeof(page->buffer));
    ml_text_init(&page->text, page->buffer, sizeof(page->buffer));
    return &page->text;
}

static const char *finished(struct page *page)
{
    ck_assert_uint_eq(ml_text_finish(&page->text), strlen(page->buffer));
    return page->buffer;
}

START_TEST(an_unwritten_text_is_empty)
{
    struct page page;
    blank(&page);
    ck_assert_str_eq(finished(&page), "");
}
END_TEST

START_TEST(pieces_follow_each_other)
{
    struct page page;
    struct ml_text *text = blank(&page);

    ml_text_string(text, "Alloc ");
    ml_text_u64(text, 4433792);
    ml_text_char(text, ' ');
    ml_text_bytes(text, "Sysxxx", 3);
    ml_text_string(text, "");
    ml_text_bytes(text, NULL, 0);
    ml_text_i64(text, -1);
    ck_assert_str_eq(finished(&page), "Alloc 4433792 Sys-1");
}
END_TEST

START_TEST(a_byte_of_zero_is_text_like_any_other)
{
    struct page page;
    struct ml_text *text = blank(&page);

    ml_text_bytes(text, "a\0b", 3);
    ck_assert_uint_eq(ml_text_finish(text), 3);
    ck_assert_mem_eq(page.buffer, "a\0b", 4);
}
END_TEST

/* A sample as wide as the numbers get. */
static size_t write_sample(char *buffer, size_t capacity)
{
    struct ml_text text;

    ml_text_init(&text, buffer, capacity);
    ml_text_u64(&text, 1294926363);
    ml_text_char(&text, ' ');
    ml_text_i64(&text, INT64_MIN);
    ml_text_string(&text, " at ");
    ml_text_hex(&text, UINT64_MAX);
    ml_text_char(&text, ' ');
    ml_text_double_go(&text, -0.1);
    ml_text_char(&text, '\n');
    return ml_text_finish(&text);
}

static const char sample[] = "1294926363 -9223372036854775808 at 0xffffffffffffffff -0.1\n";

START_TEST(a_cut_text_is_counted_in_full_and_ends_with_nul)
{
    for (size_t capacity = 1; capacity <= sizeof(sample) + 2; capacity++) {
        char buffer[sizeof(sample) + 8];
        size_t kept = capacity - 1 < sizeof(sample) - 1 ? capacity - 1 : sizeof(sample) - 1;

        memset(buffer, '#', sizeof(buffer));
        ck_assert_uint_eq(write_sample(buffer, capacity), sizeof(sample) - 1);
        ck_assert_mem_eq(buffer, sample, kept);
        ck_assert_int_eq(buffer[kept], '\0');
        for (size_t i = capacity; i < sizeof(buffer); i++)
            ck_assert_msg(buffer[i] == '#', "capacity %zu: byte %zu was written", capacity, i);
    }
}
END_TEST

START_TEST(without_a_buffer_text_is_only_measured)
{
    ck_assert_uint_eq(write_sample(NULL, 0), sizeof(sample) - 1);
}
END_TEST

START_TEST(whole_numbers_are_decimal_up_to_both_ends_of_the_type)
{
    static const struct {
        uint64_t value;
        const char *text;
    } cases[] = {
        { 0, "0" },
        { 9, "9" },
        { 10, "10" },
        { 4294967296, "4294967296" },
        { 10000000000000000000u, "10000000000000000000" },
        { UINT64_MAX, "18446744073709551615" },
    };
    struct page page;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        ml_text_u64(blank(&page), cases[i].value);
        ck_assert_str_eq(finished(&page), cases[i].text);
    }
}
END_TEST

START_TEST(signed_numbers_show_their_sign_only_below_zero)
{
    static const struct {
        int64_t value;
        const char *text;
    } cases[] = {
        { 0, "0" },
        { -1, "-1" },
        { 1, "1" },
        { -100, "-100" },
        { INT64_MAX, "9223372036854775807" },
        { INT64_MIN, "-9223372036854775808" },
    };
    struct page page;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        ml_text_i64(blank(&page), cases[i].value);
        ck_assert_str_eq(finished(&page), cases[i].text);
    }
}
END_TEST

START_TEST(padding_adds_zeros_and_cuts_nothing)
{
    static const struct {
        uint64_t value;
        unsigned width;
        const char *text;
    } cases[] = {
        { 0, 0, "0" },
        { 0, 3, "000" },
        { 7, 2, "07" },
        { 42, 2, "42" },
        { 1234, 2, "1234" },
        { UINT64_MAX, 20, "18446744073709551615" },
        { UINT64_MAX, 25, "0000018446744073709551615" },
    };
    struct page page;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        ml_text_u64_padded(blank(&page), cases[i].value, cases[i].width);
        ck_assert_str_eq(finished(&page), cases[i].text);
    }
}
END_TEST

START_TEST(hexadecimal_is_lower_case_behind_0x)
{
    static const struct {
        uint64_t value;
        const char *text;
    } cases[] = {
        { 0, "0x0" },
        { 15, "0xf" },
        { 16, "0x10" },
        { 0x7f12, "0x7f12" },
        { 0x0123456789abcdef, "0x123456789abcdef" },
        { UINT64_MAX, "0xffffffffffffffff" },
    };
    struct page page;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        ml_text_hex(blank(&page), cases[i].value);
        ck_assert_str_eq(finished(&page), cases[i].text);
    }
}
END_TEST

START_TEST(moments_are_written_in_utc)
{
    static const struct {
        int64_t seconds;
        const char *text;
    } cases[] = {
        { 0, "1970-01-01T00:00:00Z" },
        { 1, "1970-01-01T00:00:01Z" },
        { 86399, "1970-01-01T23:59:59Z" },
        { 86400, "1970-01-02T00:00:00Z" },
        { -1, "1969-12-31T23:59:59Z" },
        { -86400, "1969-12-31T00:00:00Z" },
        { 951782400, "2000-02-29T00:00:00Z" },
        { 1294926363, "2011-01-13T13:46:03Z" },
        { 1795248000, "2026-11-21T08:00:00Z" },
        { 2147483648, "2038-01-19T03:14:08Z" },
        { 4107542400, "2100-03-01T00:00:00Z" },
        { 253402300799, "9999-12-31T23:59:59Z" },
        { 253402300800, "10000-01-01T00:00:00Z" },
        { -62135596800, "0001-01-01T00:00:00Z" },
        { -62167219200, "0000-01-01T00:00:00Z" },
        { -62167219201, "-0001-12-31T23:59:59Z" },
        { INT64_MAX, "292277026596-12-04T15:30:07Z" },
        { INT64_MIN, "-292277022657-01-27T08:29:52Z" },
    };
    struct page page;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        ml_text_utc(blank(&page), cases[i].seconds);
        ck_assert_str_eq(finished(&page), cases[i].text);
    }
}
END_TEST

START_TEST(dates_agree_with_the_c_library_for_eight_centuries)
{
    enum { DAYS = 800 * 366, SECONDS_PER_DAY = 86400, FIRST_DAY = -400 * 365 };
    struct page page;

    for (int64_t day = FIRST_DAY; day < FIRST_DAY + DAYS; day++) {
        time_t moment = day * SECONDS_PER_DAY + (day & 0xffff);
        struct tm broken_down;
        char expected[64];

        ck_assert_ptr_nonnull(gmtime_r(&moment, &broken_down));
        ck_assert_uint_gt(
            strftime(expected, sizeof(expected), "%Y-%m-%dT%H:%M:%SZ", &broken_down), 0);
        ml_text_utc(blank(&page), moment);
        /* Plain strcmp first: an assertion is far dearer than a date. */
        if (strcmp(finished(&page), expected) != 0)
            ck_assert_str_eq(page.buffer, expected);
    }
}
END_TEST

UNIT_MAIN("base format", an_unwritten_text_is_empty, pieces_follow_each_other,
          a_byte_of_zero_is_text_like_any_other,
          a_cut_text_is_counted_in_full_and_ends_with_nul,
          without_a_buffer_text_is_only_measured,
          whole_numbers_are_decimal_up_to_both_ends_of_the_type,
          signed_numbers_show_their_sign_only_below_zero, padding_adds_zeros_and_cuts_nothing,
          hexadecimal_is_lower_case_behind_0x, moments_are_written_in_utc,
          dates_agree_with_the_c_library_for_eight_centuries)
