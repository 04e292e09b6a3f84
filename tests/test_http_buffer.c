/* SPDX-License-Identifier: MIT */
/* test_http_buffer.c - bytes that grow, JSON strings that are always UTF-8, gzip. */
#include <stdio.h>
#include <string.h>
#include <zlib.h>

#include "http/buffer.h"
#include "unit.h"

START_TEST(it_grows_as_it_is_written)
{
    struct ml_buffer buffer = { 0 };
    for (int i = 0; i < 10000; i++)
        ml_buffer_printf(&buffer, "%d,", i % 10);
    ck_assert_uint_eq(buffer.length, 20000);
    ck_assert(!buffer.failed);
    ck_assert_int_eq(memcmp(buffer.bytes + 19990, "5,6,7,8,9,", 10), 0);
    ck_assert_int_eq(buffer.bytes[buffer.length], '\0');
    ml_buffer_free(&buffer);
    ck_assert_ptr_null(buffer.bytes);
}
END_TEST

static void write_many(struct ml_text *text, void *count)
{
    for (int i = 0; i < *(int *)count; i++)
        ml_text_string(text, "ab");
}

START_TEST(a_text_of_any_length_is_taken_whole)
{
    static const int counts[] = { 0, 1, 511, 512, 2047, 2048, 100000 };
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        struct ml_buffer buffer = { 0 };
        int count = counts[i];
        ml_buffer_string(&buffer, "<");
        ml_buffer_text(&buffer, write_many, &count);
        ml_buffer_string(&buffer, ">");
        ck_assert_uint_eq(buffer.length, 2 * (size_t)count + 2);
        ck_assert_int_eq(buffer.bytes[0], '<');
        ck_assert_int_eq(buffer.bytes[buffer.length - 1], '>');
        ck_assert(count == 0 || buffer.bytes[buffer.length - 2] == 'b');
        ml_buffer_free(&buffer);
    }
}
END_TEST

static const struct {
    const char *string, *json;
} strings[] = {
    { "", "\"\"" },
    { "plain", "\"plain\"" },
    { "a\"b\\c", "\"a\\\"b\\\\c\"" },
    { "\n\r\t\x01", "\"\\n\\r\\t\\u0001\"" },
    { "<&>", "\"\\u003c\\u0026\\u003e\"" },
    { "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\"" },
    { "\xe2\x80\xa8\xe2\x80\xa9", "\"\\u2028\\u2029\"" },
    { "\xff\xc3", "\"\\ufffd\\ufffd\"" },               /* no beginning; no end */
    { "\xc0\xaf", "\"\\ufffd\\ufffd\"" },               /* longer than it need be */
    { "\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\"" },    /* half of a pair */
    { "\xf4\x90\x80\x80", "\"\\ufffd\\ufffd\\ufffd\\ufffd\"" }, /* beyond the last */
};

START_TEST(strings_are_json_whatever_is_in_them)
{
    for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++) {
        struct ml_buffer buffer = { 0 };
        ml_buffer_json(&buffer, strings[i].string, strlen(strings[i].string));
        ck_assert_str_eq(buffer.bytes, strings[i].json);
        ml_buffer_free(&buffer);
    }
}
END_TEST

START_TEST(gzip_gives_back_what_it_got)
{
    static char plain[300000];
    struct ml_buffer buffer = { 0 };
    for (int i = 0; i < 50000; i++)
        ml_buffer_printf(&buffer, "%05d\n", i);
    ck_assert(ml_buffer_gzip(&buffer));
    ck_assert_uint_lt(buffer.length, 200000);
    ck_assert_int_eq(memcmp(buffer.bytes, "\x1f\x8b\x08", 3), 0);
    z_stream stream = { .next_in = (Bytef *)buffer.bytes, .avail_in = (uInt)buffer.length,
                        .next_out = (Bytef *)plain, .avail_out = sizeof(plain) };
    ck_assert_int_eq(inflateInit2(&stream, MAX_WBITS + 16), Z_OK);
    ck_assert_int_eq(inflate(&stream, Z_FINISH), Z_STREAM_END);
    inflateEnd(&stream);
    ck_assert_uint_eq(stream.total_out, 300000);
    ck_assert_int_eq(memcmp(plain + 299994, "49999\n", 6), 0);
    ml_buffer_free(&buffer);
}
END_TEST

UNIT_MAIN("http buffer", it_grows_as_it_is_written, a_text_of_any_length_is_taken_whole,
          strings_are_json_whatever_is_in_them, gzip_gives_back_what_it_got)
