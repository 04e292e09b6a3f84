/* SPDX-License-Identifier: MIT */
/* test_stats_json.c - MemStats as JSON. Whether Go itself reads and writes the
 * same is asked by test_stats_json_go.sh.
 */
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "stats/fields.h"
#include "stats/json.h"

enum { BUFFER_SIZE = 20480 };

/* What snprintf's callers know: at most n bytes are written, and the length
 * of the whole text comes back. */
static size_t write_json(const struct memlog_memstats *stats, char *buffer, size_t n)
{
    struct ml_text text;

    ml_text_init(&text, buffer, n);
    ml_json_memstats(&text, stats);
    return ml_text_finish(&text);
}

static struct memlog_memstats known_stats(void)
{
    return (struct memlog_memstats){
        .alloc = 1, .total_alloc = 2, .sys = 3, .lookups = 4, .mallocs = 5, .frees = 6,
        .heap_alloc = 7, .heap_sys = 8, .heap_idle = 9, .heap_inuse = 10,
        .heap_released = 11, .heap_objects = 12, .stack_inuse = 13, .stack_sys = 14,
        .mspan_inuse = 15, .mspan_sys = 16, .mcache_inuse = 17, .mcache_sys = 18,
        .buck_hash_sys = 19, .gc_sys = 20, .other_sys = 21,
        .next_gc = 9223372036854775807, .last_gc = 1795248172715588211,
        .pause_total_ns = UINT64_MAX,
        .pause_ns = { [0] = 981785, [255] = 29394 },
        .pause_end = { [1] = 1795248172715588211 },
        .num_gc = UINT32_MAX, .num_forced_gc = 2, .gc_cpu_fraction = 0.00012345,
        .enable_gc = true, .debug_gc = false,
        .by_size = { [1] = { 8, 45, 44 }, [60] = { 32768, UINT64_MAX, 1 } },
    };
}

static void append(char *text, const char *more)
{
    ck_assert_uint_lt(strlen(text) + strlen(more), BUFFER_SIZE);
    strcat(text, more);
}

/* The text of known_stats, put together by hand. */
static void write_expected(char expected[BUFFER_SIZE])
{
    strcpy(expected,
           "{\"Alloc\":1,\"TotalAlloc\":2,\"Sys\":3,\"Lookups\":4,\"Mallocs\":5,\"Frees\":6,"
           "\"HeapAlloc\":7,\"HeapSys\":8,\"HeapIdle\":9,\"HeapInuse\":10,\"HeapReleased\":11,"
           "\"HeapObjects\":12,\"StackInuse\":13,\"StackSys\":14,\"MSpanInuse\":15,"
           "\"MSpanSys\":16,\"MCacheInuse\":17,\"MCacheSys\":18,\"BuckHashSys\":19,"
           "\"GCSys\":20,\"OtherSys\":21,\"NextGC\":9223372036854775807,"
           "\"LastGC\":1795248172715588211,\"PauseTotalNs\":18446744073709551615,"
           "\"PauseNs\":[981785");
    for (unsigned i = 1; i < 255; i++)
        append(expected, ",0");
    append(expected, ",29394],\"PauseEnd\":[0,1795248172715588211");
    for (unsigned i = 2; i < 256; i++)
        append(expected, ",0");
    append(expected, "],\"NumGC\":4294967295,\"NumForcedGC\":2,\"GCCPUFraction\":0.00012345,"
                     "\"EnableGC\":true,\"DebugGC\":false,"
                     "\"BySize\":[{\"Size\":0,\"Mallocs\":0,\"Frees\":0},"
                     "{\"Size\":8,\"Mallocs\":45,\"Frees\":44}");
    for (unsigned i = 2; i < 60; i++)
        append(expected, ",{\"Size\":0,\"Mallocs\":0,\"Frees\":0}");
    append(expected, ",{\"Size\":32768,\"Mallocs\":18446744073709551615,\"Frees\":1}]}");
}

START_TEST(a_known_struct_has_the_text_go_would_write)
{
    struct memlog_memstats stats = known_stats();
    char buffer[BUFFER_SIZE], expected[BUFFER_SIZE];

    write_expected(expected);
    size_t length = write_json(&stats, buffer, sizeof(buffer));
    ck_assert_str_eq(buffer, expected);
    ck_assert_uint_eq(length, strlen(expected));
}
END_TEST

START_TEST(keys_follow_each_other_as_in_go)
{
    struct memlog_memstats stats = known_stats();
    char buffer[BUFFER_SIZE], key[64];
    const char *from = buffer;

    write_json(&stats, buffer, sizeof(buffer));
    for (size_t i = 0; i < ml_fields_count && ml_fields[i].home == ML_HOME_MEMSTATS; i++) {
        snprintf(key, sizeof(key), "%c\"%s\":", i == 0 ? '{' : ',', ml_fields[i].go_name);
        from = strstr(from, key);
        ck_assert_msg(from != NULL, "%s is missing, or too early", key);
    }
    ck_assert_ptr_null(strstr(buffer, "LargeMallocs"));
}
END_TEST

START_TEST(a_cut_text_is_the_beginning_of_the_whole_one)
{
    struct memlog_memstats stats = known_stats();
    char whole[BUFFER_SIZE], cut[BUFFER_SIZE];
    size_t length = write_json(&stats, whole, sizeof(whole));

    for (size_t n = 1; n <= length + 2; n++) {
        size_t kept = n <= length ? n - 1 : length;
        memset(cut, '#', sizeof(cut));
        if (write_json(&stats, cut, n) != length || memcmp(cut, whole, kept) != 0 ||
            cut[kept] != '\0' || (n < sizeof(cut) && cut[n] != '#'))
            ck_abort_msg("wrong when cut to %zu bytes", n);
    }
    ck_assert_uint_eq(write_json(&stats, NULL, 0), length);
}
END_TEST

/* The longest text there can be: all numbers at their widest. */
START_TEST(the_longest_text_fits_the_buffer_users_are_told_to_bring)
{
    struct memlog_memstats stats;
    char buffer[BUFFER_SIZE];

    memset(&stats, 0xff, sizeof(stats));
    stats.gc_cpu_fraction = -2.2250738585072014e-308;
    stats.enable_gc = stats.debug_gc = false;
    size_t length = write_json(&stats, buffer, sizeof(buffer));
    ck_assert_uint_lt(length, sizeof(buffer));
    ck_assert_uint_eq(length, strlen(buffer));
    ck_assert_ptr_nonnull(strstr(buffer, "\"GCCPUFraction\":-2.2250738585072014e-308,"));
}
END_TEST

/* ---- memlog_extra ------------------------------------------------------------------- */

static const char *write_extra(const struct memlog_extra *extra)
{
    static char buffer[BUFFER_SIZE];
    struct ml_text text;
    ml_text_init(&text, buffer, sizeof(buffer));
    ml_json_extra(&text, extra);
    ck_assert_uint_lt(ml_text_finish(&text), sizeof(buffer));
    return buffer;
}

START_TEST(all_fields_of_memlog_extra_follow_each_other_but_its_size)
{
    struct memlog_extra extra = { .size = sizeof(extra), .large_mallocs = 7, .gc_percent = -1,
                                  .rss = 4096, .memory_limit = INT64_MAX, .weak_references = UINT64_MAX };
    const char *from = write_extra(&extra);
    char key[64];
    size_t keys = 0;
    for (size_t i = 0; i < ml_fields_count; i++) {
        if (ml_fields[i].home != ML_HOME_EXTRA)
            continue;
        snprintf(key, sizeof(key), "%c\"%s\":", keys++ == 0 ? '{' : ',', ml_fields[i].go_name);
        from = strstr(from, key);
        ck_assert_msg(from != NULL, "%s is missing, or too early", key);
    }
    ck_assert_uint_gt(keys, 30);
    const char *text = write_extra(&extra);
    ck_assert_ptr_eq(strstr(text, "{\"LargeMallocs\":7,\"LargeFrees\":0,"), text);
    ck_assert_ptr_nonnull(strstr(text, ",\"GCPercent\":-1,"));
    ck_assert_ptr_nonnull(strstr(text, ",\"MemoryLimit\":9223372036854775807,"));
    ck_assert_ptr_nonnull(strstr(text, ",\"WeakReferences\":18446744073709551615,"));
    ck_assert_ptr_null(strstr(text, "\"Alloc\""));
}
END_TEST

START_TEST(what_the_system_did_not_say_is_left_out)
{
    struct memlog_extra extra = { .size = sizeof(extra), .cgroup_limit = 5 };
    const char *text = write_extra(&extra);
    ck_assert_ptr_null(strstr(text, "\"RSS\""));
    ck_assert_ptr_null(strstr(text, "\"CgroupLimit\""));
    ck_assert_ptr_nonnull(strstr(text, ",\"Threads\":0,\"LogSamples\":0,"));
}
END_TEST

START_TEST(histograms_are_their_counts_and_their_sum)
{
    struct memlog_extra extra = { .size = sizeof(extra) };
    char expected[BUFFER_SIZE] = ",\"StopHistogram\":{\"Counts\":[5";
    extra.stop_histogram.counts[0] = 5;
    extra.stop_histogram.counts[MEMLOG_HISTOGRAM - 1] = UINT64_MAX;
    extra.stop_histogram.sum_ns = 123;
    for (unsigned i = 1; i < MEMLOG_HISTOGRAM - 1; i++)
        append(expected, ",0");
    append(expected, ",18446744073709551615],\"SumNs\":123}}");
    const char *text = write_extra(&extra);
    ck_assert_str_eq(text + strlen(text) - strlen(expected), expected);
}
END_TEST

START_TEST(both_are_one_object)
{
    static char both[3 * BUFFER_SIZE], expected[3 * BUFFER_SIZE], memstats[BUFFER_SIZE];
    struct memlog_memstats stats = known_stats();
    struct memlog_extra extra = { .size = sizeof(extra), .rss = 4096 };
    struct ml_text text;
    ml_text_init(&text, both, sizeof(both));
    ml_json_all(&text, &stats, &extra);
    ml_text_finish(&text);
    write_json(&stats, memstats, sizeof(memstats));
    snprintf(expected, sizeof(expected), "{\"memstats\":%s,\"memlog\":%s}", memstats, write_extra(&extra));
    ck_assert_str_eq(both, expected);
    /* What the command has room for. */
    memset(&stats, 0xff, sizeof(stats));
    memset(&extra, 0xff, sizeof(extra));
    stats.enable_gc = stats.debug_gc = false;
    ml_text_init(&text, both, sizeof(both));
    ml_json_all(&text, &stats, &extra);
    ck_assert_uint_lt(ml_text_finish(&text), 32 * 1024);
}
END_TEST

UNIT_MAIN("stats json", a_known_struct_has_the_text_go_would_write,
          keys_follow_each_other_as_in_go, a_cut_text_is_the_beginning_of_the_whole_one,
          the_longest_text_fits_the_buffer_users_are_told_to_bring,
          all_fields_of_memlog_extra_follow_each_other_but_its_size,
          what_the_system_did_not_say_is_left_out,
          histograms_are_their_counts_and_their_sum, both_are_one_object)
