/* SPDX-License-Identifier: MIT */
/* test_http_unpack.c - profiles that are none: cut, overwritten, made to be large. */
#include "http/unpack.h"

#include <errno.h>
#include <string.h>

#include "http/profile.h"
#include "http/wire.h"
#include "http_snapshots.h"
#include "unit.h"

static struct ml_snapshot_bucket buckets[] = {
    { 0x5000, { 3, 300, 1, 100 }, 4, snapshot_parse },
    { 0x6000, { 5, 5000, 5, 5000 }, 2, snapshot_serve },
    { 0x7000, { 2, 80, 0, 0 }, 2, snapshot_else },
};

static struct ml_buffer make_file(void)
{
    struct ml_snapshot snapshot = make_snapshot(buckets, 3, 1);
    struct ml_profile profile;
    struct ml_buffer file = { 0 };
    ck_assert_int_eq(ml_profile_of(&profile, &snapshot), 0);
    ck_assert_int_eq(ml_profile_encode(&profile, ML_INUSE_SPACE, "x", &file), 0);
    ml_profile_free(&profile);
    return file;
}

/* Whatever it is: what it refers to is there. Without more room than it has, so that a
 * sanitizer sees who reads beyond. */
static int unpack(const char *bytes, size_t length)
{
    struct ml_unpacked unpacked;
    char *copy = malloc(length + (length == 0));
    memcpy(copy, bytes, length);
    int error = ml_unpack(&unpacked, copy, length);
    free(copy);
    if (error != 0)
        return error;
    size_t sum = 0;
    for (size_t i = 0; i < unpacked.samples_count; i++) {
        const struct ml_unpacked_sample *sample = &unpacked.samples[i];
        ck_assert_uint_le(sample->values + unpacked.types_count, unpacked.values_count);
        for (size_t k = 0; k < sample->depth; k++) {
            uint64_t number = unpacked.stacks[sample->first + k];
            const struct ml_unpacked_location *location = &unpacked.locations[number];
            ck_assert_uint_le(location->mapping, unpacked.mappings_count);
            ck_assert_uint_le(location->first + location->lines, unpacked.lines_count);
        }
    }
    for (size_t i = 0; i < unpacked.strings_count; i++)
        for (size_t k = 0; k < unpacked.strings[i].length; k++)
            sum += (unsigned char)unpacked.strings[i].bytes[k];
    ck_assert_uint_lt(sum, SIZE_MAX);
    ml_unpacked_free(&unpacked);
    return 0;
}

START_TEST(a_file_that_is_cut_is_none)
{
    struct ml_buffer file = make_file();
    unsigned wrong = 0;
    ck_assert_int_eq(unpack(file.bytes, file.length), 0);
    for (size_t length = 0; length < file.length; length++)
        wrong += unpack(file.bytes, length) == -EBADMSG;
    ck_assert_uint_gt(wrong, file.length * 9 / 10); /* between two fields nobody can tell */
    ck_assert(ml_buffer_gzip(&file));
    ck_assert_int_eq(unpack(file.bytes, file.length), 0);
    for (size_t length = 0; length < file.length - 8; length++)
        ck_assert_int_eq(unpack(file.bytes, length), -EBADMSG);
    ml_buffer_free(&file);
}
END_TEST

START_TEST(bytes_that_were_overwritten_do_no_harm)
{
    struct ml_buffer file = make_file();
    uint64_t random = 42;
    int rounds = getenv("MEMLOG_FULL") != NULL ? 2000000 : 100000;
    for (int i = 0; i < rounds; i++) {
        char spoilt[4096];
        ck_assert_uint_le(file.length, sizeof(spoilt));
        memcpy(spoilt, file.bytes, file.length);
        for (int k = 0; k <= i % 3; k++) {
            random = random * UINT64_C(6364136223846793005) + 1442695040888963407u;
            spoilt[(random >> 33) % file.length] = (char)(random >> 56);
        }
        int error = unpack(spoilt, file.length);
        ck_assert(error == 0 || error == -EBADMSG);
    }
    ml_buffer_free(&file);
}
END_TEST

START_TEST(what_refers_to_nothing_is_refused)
{
    static const struct {
        const char *bytes;
        size_t length;
    } bad[] = {
        { "", 0 },
        { "\x32\x00", 2 }, /* no types */
        { "\x0a\x00\x32\x01x", 5 }, /* the first string is not empty */
        { "\x0a\x02\x08\x05\x32\x00", 6 }, /* a type's name that there is not */
        { "\x0a\x00\x12\x03\x0a\x01\x07\x32\x00", 9 }, /* a sample at no location, without values */
        { "\x0a\x00\x12\x05\x0a\x01\x07\x10\x01\x32\x00", 11 }, /* no location 7 */
        { "\x0a\x00\x1a\x00\x32\x00", 6 }, /* a mapping with the number 0 */
        { "\x0a\x00\x22\x02\x08\x01\x22\x02\x08\x01\x32\x00", 12 }, /* a location twice */
        { "\x0a\x00\x22\x04\x08\x01\x10\x09\x32\x00", 10 }, /* in no mapping 9 */
        { "\x0a\x00\x22\x06\x08\x01\x22\x02\x08\x03\x32\x00", 12 }, /* no function 3 */
        { "\x0a\x00\x32\x00\x70\x07", 6 }, /* no string 7 */
        { "\x08\x01\x32\x00", 4 }, /* a type that is a number */
        { "\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x32\x00", 13 }, /* longer than all */
        { "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 12 }, /* a number of 77 bits */
        { "\x0a\x00\x32\x00\x80", 5 }, /* a field's number is cut */
        { "\x0a\x00\x12\x03\x12\x01\x80\x32\x00", 9 }, /* and a value */
        { "\x0b\x32\x00", 3 }, /* a group */
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        ck_assert_msg(unpack(bad[i].bytes, bad[i].length) == -EBADMSG, "number %zu", i);
    ck_assert_int_eq(unpack("\x0a\x00\x32\x00", 4), 0);
    static const char good[] = "\x0a\x00\x12\x06\x08\x01\x10\xff\xff\x01\x22\x02\x08\x01\x32";
    ck_assert_int_eq(unpack(good, sizeof(good)), 0);
}
END_TEST

/* 300 MB of nothing in 300 KB. */
START_TEST(what_unpacks_to_more_than_a_profile_is_refused)
{
    struct ml_buffer file = { 0 };
    static char nothing[1 << 20];
    for (int i = 0; i < 300; i++)
        ml_buffer_put(&file, nothing, sizeof(nothing));
    ck_assert(ml_buffer_gzip(&file));
    ck_assert_uint_lt(file.length, 4 << 20);
    ck_assert_int_eq(unpack(file.bytes, file.length), -EFBIG);
    ml_buffer_free(&file);
}
END_TEST

START_TEST(fixed_numbers_and_unknown_fields_are_passed_over)
{
    static const char bytes[] = "\x09" "\1\2\3\4\5\6\7\x08" "\x15" "\1\0\0\0" "\xf8\x07\x2a";
    struct ml_wire wire = ml_wire_of(bytes, sizeof(bytes) - 1);
    struct ml_wire_field field;
    ck_assert(ml_wire_next(&wire, &field));
    ck_assert_uint_eq(field.number, 1);
    ck_assert_uint_eq(field.value, UINT64_C(0x0807060504030201));
    ck_assert(ml_wire_next(&wire, &field));
    ck_assert_uint_eq(field.number, 2);
    ck_assert_uint_eq(field.value, 1);
    ck_assert(ml_wire_next(&wire, &field));
    ck_assert_uint_eq(field.number, 127);
    ck_assert_uint_eq(field.value, 42);
    ck_assert(!ml_wire_next(&wire, &field));
    ck_assert(!wire.is_bad);
}
END_TEST

UNIT_MAIN("http unpack", a_file_that_is_cut_is_none, bytes_that_were_overwritten_do_no_harm,
          what_refers_to_nothing_is_refused, what_unpacks_to_more_than_a_profile_is_refused,
          fixed_numbers_and_unknown_fields_are_passed_over)
