/* SPDX-License-Identifier: MIT */
/* test_profile_proto.c - bytes as the encoding's specification has them. */
#include "profile/proto.h"

#include <string.h>

#include "unit.h"

static uint8_t buffer[64];
static struct ml_proto proto;

static void begin(size_t capacity) { ml_proto_init(&proto, buffer, capacity); }

static void expect(const char *bytes, size_t count)
{
    ck_assert(!proto.is_cut);
    ck_assert_uint_eq(proto.length, count);
    ck_assert_mem_eq(buffer, bytes, count);
}

START_TEST(numbers)
{
    begin(sizeof(buffer));
    ml_proto_number(&proto, 1, 150); /* the specification's example */
    expect("\x08\x96\x01", 3);
    begin(sizeof(buffer));
    ml_proto_number(&proto, 16, UINT64_MAX);
    expect("\x80\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 12);
    begin(sizeof(buffer));
    ml_proto_number(&proto, 3, 0); /* what is not written is 0 */
    expect("", 0);
    ml_proto_number(&proto, 3, 127);
    ml_proto_number(&proto, 3, 128);
    expect("\x18\x7f\x18\x80\x01", 5);
}
END_TEST

START_TEST(bytes_and_packed_numbers)
{
    static const uint64_t values[] = { 3, 0, 86942 };
    begin(sizeof(buffer));
    ml_proto_bytes(&proto, 2, "testing", 7);
    expect("\x12\x07testing", 9);
    begin(sizeof(buffer));
    ml_proto_packed(&proto, 6, values, 3);
    expect("\x32\x05\x03\x00\x9e\xa7\x05", 7);
}
END_TEST

START_TEST(what_does_not_fit_is_said)
{
    begin(4);
    ml_proto_bytes(&proto, 2, "testing", 7);
    ck_assert(proto.is_cut);
    ck_assert_uint_le(proto.length, 4);
}
END_TEST

UNIT_MAIN("profile proto", numbers, bytes_and_packed_numbers, what_does_not_fit_is_said)
