/* SPDX-License-Identifier: MIT */
/* test_http_profile.c - snapshots as pprof's form, which is read back, as text and as collapsed
 * stacks; and differences.
 */
#include "http/profile.h"

#include <string.h>

#include "http/heaptext.h"
#include "http/unpack.h"
#include "http_snapshots.h"
#include "unit.h"

static struct ml_snapshot_bucket buckets[] = {
    { 0x5000, { 3, 300, 1, 100 }, 4, snapshot_parse },
    { 0x6000, { 5, 5000, 5, 5000 }, 2, snapshot_serve },
    { 0x7000, { 2, 80, 0, 0 }, 2, snapshot_else },
};
enum { BUCKETS = sizeof(buckets) / sizeof(buckets[0]) };

static struct ml_unpacked encode(const struct ml_profile *profile, enum ml_value type)
{
    struct ml_buffer buffer = { 0 };
    struct ml_unpacked unpacked;
    ck_assert_int_eq(ml_profile_encode(profile, type, "memlog test", &buffer), 0);
    ck_assert_int_eq(ml_unpack(&unpacked, buffer.bytes, buffer.length), 0);
    size_t plain = buffer.length;
    ml_unpacked_free(&unpacked);
    ck_assert(ml_buffer_gzip(&buffer));
    ck_assert_mem_eq(buffer.bytes, "\x1f\x8b\x08", 3);
    ck_assert_int_eq(ml_unpack(&unpacked, buffer.bytes, buffer.length), 0);
    ck_assert_uint_eq(unpacked.length, plain);
    ml_buffer_free(&buffer);
    return unpacked;
}

static void check_string(const struct ml_unpacked *unpacked, uint64_t number, const char *expected)
{
    ck_assert_uint_eq(unpacked->strings[number].length, strlen(expected));
    ck_assert_mem_eq(unpacked->strings[number].bytes, expected, strlen(expected));
}

static void check_values(const struct ml_unpacked *unpacked, size_t sample, int64_t a, int64_t b,
                         int64_t c, int64_t d)
{
    const int64_t *values = &unpacked->values[unpacked->samples[sample].values];
    const int64_t expected[] = { a, b, c, d };
    ck_assert_uint_lt(sample, unpacked->samples_count);
    for (int i = 0; i < ML_VALUES; i++)
        ck_assert_int_eq(values[i], expected[i]);
}

static uint64_t address_of(const struct ml_unpacked *unpacked, size_t sample, size_t depth)
{
    ck_assert_uint_lt(depth, unpacked->samples[sample].depth);
    return unpacked->locations[unpacked->stacks[unpacked->samples[sample].first + depth]].address;
}

START_TEST(what_is_written_is_read_back)
{
    struct ml_snapshot snapshot = make_snapshot(buckets, BUCKETS, 1);
    struct ml_profile profile;
    ck_assert_int_eq(ml_profile_of(&profile, &snapshot), 0);
    struct ml_unpacked unpacked = encode(&profile, ML_ALLOC_SPACE);
    ck_assert_uint_eq(unpacked.types_count, ML_VALUES);
    for (int i = 0; i < ML_VALUES; i++)
        check_string(&unpacked, unpacked.types[i].type, ml_value_names[i]);
    check_string(&unpacked, unpacked.types[ML_ALLOC_SPACE].unit, "bytes");
    check_string(&unpacked, unpacked.types[ML_INUSE_OBJECTS].unit, "count");
    check_string(&unpacked, unpacked.default_type, "alloc_space");
    ck_assert_uint_eq(unpacked.samples_count, BUCKETS);
    check_values(&unpacked, 0, 3, 300, 2, 200);
    check_values(&unpacked, 1, 5, 5000, 0, 0);
    check_values(&unpacked, 2, 2, 80, 2, 80);
    ck_assert_uint_eq(unpacked.samples[0].depth, 4);
    for (size_t i = 0; i < 4; i++)
        ck_assert_uint_eq(address_of(&unpacked, 0, i), snapshot_parse[i] - 1);
    ml_unpacked_free(&unpacked);
    ml_profile_free(&profile);
}
END_TEST

START_TEST(every_address_has_a_mapping)
{
    struct ml_snapshot snapshot = make_snapshot(buckets, BUCKETS, 1);
    struct ml_profile profile;
    ck_assert_int_eq(ml_profile_of(&profile, &snapshot), 0);
    struct ml_unpacked unpacked = encode(&profile, ML_INUSE_SPACE);
    ck_assert_uint_eq(unpacked.mappings_count, 3);
    ck_assert_uint_eq(unpacked.mappings[0].begin, 0x10000);
    ck_assert_uint_eq(unpacked.mappings[0].end, 0x20000);
    ck_assert_uint_eq(unpacked.mappings[0].offset, 0x1000);
    check_string(&unpacked, unpacked.mappings[0].file, "/usr/bin/demo");
    check_string(&unpacked, unpacked.mappings[0].build_id, "0123456789abcdef");
    check_string(&unpacked, unpacked.mappings[2].file, "[unknown]");
    for (size_t i = 0; i < unpacked.locations_count; i++) {
        bool in_demo = unpacked.locations[i].address < 0x20000;
        ck_assert_uint_eq(unpacked.locations[i].mapping, in_demo ? 1 : 3);
    }
    ml_unpacked_free(&unpacked);
    ml_profile_free(&profile);
}
END_TEST

/* ---- differences ---------------------------------------------------------------------------- */

/* Buckets as they were, one that lost objects, one that is new. */
START_TEST(a_difference_has_what_changed)
{
    struct ml_snapshot_bucket after[] = {
        { 0x8000, { 1, 64, 0, 0 }, 2, snapshot_else }, /* new */
        { 0x5000, { 4, 400, 4, 400 }, 4, snapshot_parse },
        { 0x6000, { 5, 5000, 5, 5000 }, 2, snapshot_serve },
        { 0x7000, { 2, 80, 0, 0 }, 2, snapshot_else },
    };
    struct ml_snapshot first = make_snapshot(buckets, BUCKETS, 1);
    struct ml_snapshot second = make_snapshot(after, 4, 1);
    struct ml_profile profile;
    second.time_ns += 30;
    ck_assert_int_eq(ml_profile_between(&profile, &first, &second), 0);
    ck_assert_uint_eq(profile.duration_ns, 30);
    struct ml_unpacked unpacked = encode(&profile, ML_INUSE_SPACE);
    ck_assert_uint_eq(unpacked.samples_count, 2);
    check_values(&unpacked, 0, 1, 64, 1, 64);
    check_values(&unpacked, 1, 1, 100, -2, -200);
    ml_unpacked_free(&unpacked);
    ml_profile_free(&profile);
    ck_assert_int_eq(ml_profile_between(&profile, &second, &second), 0);
    ck_assert_uint_eq(profile.count, 0);
    ml_profile_free(&profile);
}
END_TEST

/* Each side is scaled, as if two files were subtracted. */
START_TEST(a_difference_is_that_of_scaled_values)
{
    struct ml_snapshot_bucket before = { 0x5000, { 1, 512, 0, 0 }, 2, snapshot_serve };
    struct ml_snapshot_bucket after = { 0x5000, { 3, 1536, 2, 1024 }, 2, snapshot_serve };
    struct ml_snapshot first = make_snapshot(&before, 1, 512);
    struct ml_snapshot second = make_snapshot(&after, 1, 512);
    struct ml_profile profile;
    ck_assert_int_eq(ml_profile_between(&profile, &first, &second), 0);
    /* 1 / (1 - 1/e) = 1.58: 810 and 2430 bytes, 2 and 5 objects */
    ck_assert_uint_eq(profile.count, 1);
    ck_assert_int_eq(profile.samples[0].values[ML_ALLOC_SPACE], 2430 - 810);
    ck_assert_int_eq(profile.samples[0].values[ML_ALLOC_OBJECTS], 5 - 2);
    ck_assert_int_eq(profile.samples[0].values[ML_INUSE_SPACE], 0);
    ml_profile_free(&profile);
}
END_TEST

/* The process has become another program, whose buckets are where the old one's were. */
START_TEST(another_bucket_at_the_same_address_is_new)
{
    struct ml_snapshot_bucket others[] = { { 0x5000, { 9, 900, 0, 0 }, 2, snapshot_serve },
                                           { 0x6000, { 1, 1000, 0, 0 }, 2, snapshot_serve } };
    struct ml_snapshot first = make_snapshot(buckets, BUCKETS, 1);
    struct ml_snapshot second = make_snapshot(others, 2, 1);
    struct ml_profile profile;
    ck_assert_int_eq(ml_profile_between(&profile, &first, &second), 0);
    ck_assert_uint_eq(profile.count, 2);
    ck_assert_int_eq(profile.samples[0].values[ML_INUSE_SPACE], 900);
    ck_assert_int_eq(profile.samples[1].values[ML_INUSE_SPACE], 1000);
    ml_profile_free(&profile);
}
END_TEST

/* ---- collapsed stacks ----------------------------------------------------------------------- */

static struct ml_buffer collapse(struct ml_snapshot_bucket *some, size_t count, enum ml_value type,
                                 const struct ml_namer *namer)
{
    struct ml_snapshot snapshot = make_snapshot(some, count, 1);
    struct ml_profile profile;
    struct ml_buffer buffer = { 0 };
    ck_assert_int_eq(ml_profile_of(&profile, &snapshot), 0);
    ck_assert_int_eq(ml_profile_collapse(&profile, type, namer, &buffer), 0);
    ml_profile_free(&profile);
    return buffer;
}

START_TEST(stacks_begin_with_main_and_end_before_malloc)
{
    struct ml_buffer lines = collapse(buckets, BUCKETS, ML_ALLOC_SPACE, &namer_by_hand);
    ck_assert_str_eq(lines.bytes, "main;[unknown] 80\n"
                                  "main;serve;check:all 5000\n"
                                  "main;serve;check:all;parse 300\n");
    ml_buffer_free(&lines);
    lines = collapse(buckets, BUCKETS, ML_INUSE_OBJECTS, &namer_by_hand);
    ck_assert_str_eq(lines.bytes, "main;[unknown] 2\nmain;serve;check:all;parse 2\n");
    ml_buffer_free(&lines);
    lines = collapse(buckets, BUCKETS, ML_INUSE_SPACE, NULL);
    ck_assert_str_eq(lines.bytes, "[demo];[demo];[demo];[demo] 200\n[demo];[unknown] 80\n");
    ml_buffer_free(&lines);
}
END_TEST

START_TEST(equal_stacks_are_one_line)
{
    static const uintptr_t twice[][2] = { { IN_SERVE, IN_MAIN }, { IN_SERVE + 8, IN_MAIN + 16 } };
    static const uintptr_t only_malloc[] = { IN_MALLOC, IN_MALLOC };
    struct ml_snapshot_bucket some[] = { { 1, { 1, 10, 0, 0 }, 2, twice[0] },
                                         { 2, { 1, 7, 0, 0 }, 2, twice[1] },
                                         { 3, { 1, 5, 0, 0 }, 2, only_malloc } };
    struct ml_buffer lines = collapse(some, 3, ML_INUSE_SPACE, &namer_by_hand);
    ck_assert_str_eq(lines.bytes, "main;serve;check:all 17\nmalloc;malloc 5\n");
    ml_buffer_free(&lines);
}
END_TEST

START_TEST(of_a_difference_what_became_more_is_shown)
{
    struct ml_snapshot_bucket after[] = { { 0x5000, { 4, 400, 4, 400 }, 4, snapshot_parse },
                                          { 0x7000, { 3, 120, 0, 0 }, 2, snapshot_serve } };
    struct ml_snapshot first = make_snapshot(buckets, BUCKETS, 1);
    struct ml_snapshot second = make_snapshot(after, 2, 1);
    struct ml_profile profile;
    struct ml_buffer lines = { 0 };
    ck_assert_int_eq(ml_profile_between(&profile, &first, &second), 0);
    ck_assert_int_eq(ml_profile_collapse(&profile, ML_INUSE_SPACE, &namer_by_hand, &lines), 0);
    ck_assert_str_eq(lines.bytes, "main;serve;check:all 120\n");
    ml_buffer_free(&lines);
    ml_profile_free(&profile);
}
END_TEST

/* ---- text ----------------------------------------------------------------------------------- */

static const char *const expected =
    "heap profile: 4: 280 [10: 5380] @ heap/2\n"
    "2: 200 [3: 300] @ 0x10010 0x10110 0x10210 0x10310\n"
    "#\t0x1000f\tmalloc+0xf\tdemo.c:1\n"
    "#\t0x1010f\tparse+0xf\tdemo.c:11\n"
    "#\t0x1020f\tcheck;all+0xf\tdemo.h:7\n"
    "#\t0x1020f\tserve+0xf\tdemo.c:21\n"
    "#\t0x1030f\tmain+0xf\tdemo.c:31\n"
    "\n"
    "2: 80 [2: 80] @ 0x90010 0x10310\n"
    "#\t0x9000f\n"
    "#\t0x1030f\tmain+0xf\tdemo.c:31\n"
    "\n"
    "0: 0 [5: 5000] @ 0x10210 0x10310\n"
    "#\t0x1020f\tcheck;all+0xf\tdemo.h:7\n"
    "#\t0x1020f\tserve+0xf\tdemo.c:21\n"
    "#\t0x1030f\tmain+0xf\tdemo.c:31\n"
    "\n"
    "\n"
    "MAPPED_LIBRARIES:\n"
    "00010000-00020000 r-xp 00001000 00:00 0 /usr/bin/demo\n"
    "00030000-00040000 r-xp 00000000 00:00 0 [vdso]\n"
    "\n"
    "# runtime.MemStats\n"
    "# Alloc = 4242\n";

START_TEST(text_has_the_largest_first_and_names)
{
    struct ml_snapshot snapshot = make_snapshot(buckets, BUCKETS, 1);
    struct memlog_memstats stats = { .alloc = 4242 };
    struct ml_buffer text = { 0 };
    ck_assert_int_eq(ml_heaptext_write(&snapshot, &stats, 7 << 20, &namer_by_hand, &text), 0);
    ck_assert_uint_gt(text.length, strlen(expected));
    text.bytes[strlen(expected)] = '\0';
    ck_assert_str_eq(text.bytes, expected);
    ck_assert_str_eq(text.bytes + text.length - 18, "# MaxRSS = 7340032\n" + 1);
    ml_buffer_free(&text);
}
END_TEST

/* Readers would take two equal pairs for one. */
START_TEST(the_head_tells_both_pairs_apart)
{
    struct ml_snapshot snapshot = make_snapshot(&buckets[2], 1, 512 << 10);
    struct memlog_memstats stats = { 0 };
    struct ml_buffer text = { 0 };
    ck_assert_int_eq(ml_heaptext_write(&snapshot, &stats, 0, NULL, &text), 0);
    ck_assert_ptr_eq(strstr(text.bytes, "heap profile: 2: 80 [2: 81] @ heap/1048576\n"
                                        "2: 80 [2: 80] @ 0x"), text.bytes);
    ck_assert_ptr_null(strstr(text.bytes, "#\t"));
    ml_buffer_free(&text);
}
END_TEST

UNIT_MAIN("http profile", what_is_written_is_read_back, every_address_has_a_mapping,
          a_difference_has_what_changed, a_difference_is_that_of_scaled_values,
          another_bucket_at_the_same_address_is_new, stacks_begin_with_main_and_end_before_malloc,
          equal_stacks_are_one_line, of_a_difference_what_became_more_is_shown,
          text_has_the_largest_first_and_names, the_head_tells_both_pairs_apart)
