/* SPDX-License-Identifier: MIT */
/* test_stats_text.c - the statistics for a person: units, order, and what is left out. */
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "stats/fields.h"
#include "stats/text.h"

enum { BUFFER_SIZE = 16384 };

static char buffer[BUFFER_SIZE];
static struct memlog_memstats stats;
static struct memlog_extra extra;

static const char *text_in(enum ml_text_unit unit)
{
    struct ml_text text;
    ml_text_init(&text, buffer, sizeof(buffer));
    ml_text_stats(&text, &stats, &extra, unit);
    ck_assert_uint_lt(ml_text_finish(&text), sizeof(buffer));
    return buffer;
}

/* The line of that name, to its end. */
static const char *line_in(enum ml_text_unit unit, const char *name)
{
    static char line[512], lines[BUFFER_SIZE + 1];
    char begin[64];
    snprintf(begin, sizeof(begin), "\n%s: ", name);
    snprintf(lines, sizeof(lines), "\n%s", text_in(unit));
    const char *found = strstr(lines, begin);
    ck_assert_msg(found != NULL, "there is no line of %s", name);
    snprintf(line, sizeof(line), "%.*s", (int)strcspn(found + 1, "\n"), found + 1);
    return line;
}

#define LINE_IS(unit, name, expected) ck_assert_str_eq(line_in(unit, name), name ": " expected)

START_TEST(the_first_lines_are_what_is_looked_for_most)
{
    stats.alloc = 12 << 20;
    stats.total_alloc = 40 << 20;
    stats.sys = (20 << 20) + (1 << 19);
    stats.num_gc = 3;
    stats.heap_objects = 1234;
    stats.lookups = 9;
    ck_assert_msg(strncmp(text_in(ML_TEXT_MIB),
                          "Alloc: 12 MiB\nTotalAlloc: 40 MiB\nSys: 20.5 MiB\nNumGC: 3\n"
                          "HeapObjects: 1234\nLookups: 9\nMallocs: 0\n", 90) == 0,
                  "%s", buffer);
}
END_TEST

static size_t lines_of(const char *text)
{
    size_t lines = 0;
    for (; *text != '\0'; text++)
        lines += *text == '\n';
    return lines;
}

START_TEST(every_field_has_one_line_but_the_systems)
{
    size_t lines = 0;
    extra.rss = 1 << 20;
    for (size_t i = 0; i < ml_fields_count; i++) {
        const struct ml_field *field = &ml_fields[i];
        char name[64];
        snprintf(name, sizeof(name), "%s", field->go_name);
        if (field->unit == ML_UNIT_NANOSECONDS && strstr(name, "Ns") != NULL)
            *strstr(name, "Ns") = '\0';
        if (field->home == ML_HOME_USAGE) {
            ck_assert_ptr_null(strstr(text_in(ML_TEXT_MIB), name));
            continue;
        }
        ck_assert_msg(strlen(line_in(ML_TEXT_MIB, name)) > strlen(name) + 2, "%s has no value",
                      name);
        lines++;
    }
    ck_assert_uint_eq(lines, lines_of(text_in(ML_TEXT_MIB)));
}
END_TEST

START_TEST(memstats_alone_is_a_part_of_it_without_size_classes)
{
    static char part[BUFFER_SIZE];
    struct ml_text text;
    size_t lines = 0;
    stats.alloc = 5000;
    stats.by_size[2] = (struct memlog_by_size){ 32, 3, 2 };
    ml_text_init(&text, part, sizeof(part));
    ml_text_memstats(&text, &stats, ML_TEXT_KIB);
    ck_assert_uint_lt(ml_text_finish(&text), sizeof(part));
    for (size_t i = 0; i < ml_fields_count; i++)
        lines += ml_fields[i].home == ML_HOME_MEMSTATS;
    ck_assert_uint_eq(lines_of(part), lines - 1);
    ck_assert_ptr_null(strstr(part, "BySize"));
    /* Of all of it, the beginning. */
    ck_assert_msg(strncmp(text_in(ML_TEXT_KIB), part, strlen(part)) == 0, "%s", part);
    ck_assert_int_eq(strncmp(text_in(ML_TEXT_KIB) + strlen(part), "BySize: ", 8), 0);
}
END_TEST

START_TEST(bytes_have_two_decimals_at_most_and_no_zeros_at_the_end)
{
    stats.alloc = 12 << 20;
    LINE_IS(ML_TEXT_MIB, "Alloc", "12 MiB");
    LINE_IS(ML_TEXT_KIB, "Alloc", "12288 KiB");
    LINE_IS(ML_TEXT_BYTES, "Alloc", "12582912 bytes");
    LINE_IS(ML_TEXT_MB, "Alloc", "12.58 MB");
    LINE_IS(ML_TEXT_GIB, "Alloc", "0.01 GiB");
    stats.alloc = (12 << 20) + (1 << 20) / 10;
    LINE_IS(ML_TEXT_MIB, "Alloc", "12.1 MiB");
    stats.alloc = (12 << 20) + (1 << 20) / 20;
    LINE_IS(ML_TEXT_MIB, "Alloc", "12.05 MiB");
    /* What is rounded up to a whole one. */
    stats.alloc = (13 << 20) - 1;
    LINE_IS(ML_TEXT_MIB, "Alloc", "13 MiB");
    stats.alloc = UINT64_C(1) << 62;
    LINE_IS(ML_TEXT_MIB, "Alloc", "4398046511104 MiB");
}
END_TEST

START_TEST(what_is_there_never_reads_as_0)
{
    stats.alloc = 0;
    LINE_IS(ML_TEXT_MIB, "Alloc", "0 MiB");
    stats.alloc = 41943; /* 0.04 MiB */
    LINE_IS(ML_TEXT_MIB, "Alloc", "0.04 MiB");
    LINE_IS(ML_TEXT_GIB, "Alloc", "40.96 KiB");
    stats.alloc = 5000;
    LINE_IS(ML_TEXT_MIB, "Alloc", "4.88 KiB");
    LINE_IS(ML_TEXT_MB, "Alloc", "0.01 MB");
    stats.alloc = 4999;
    LINE_IS(ML_TEXT_MB, "Alloc", "5 kB");
    stats.alloc = 999;
    LINE_IS(ML_TEXT_MB, "Alloc", "999 bytes");
    stats.alloc = 5;
    LINE_IS(ML_TEXT_GIB, "Alloc", "5 bytes");
    stats.alloc = 1;
    LINE_IS(ML_TEXT_KIB, "Alloc", "1 byte");
}
END_TEST

START_TEST(times_are_told_in_a_unit_that_fits)
{
    static const struct {
        uint64_t ns;
        const char *line;
    } cases[] = { { 0, "PauseTotal: 0 ms" },          { 1, "PauseTotal: 1 ns" },
                  { 999, "PauseTotal: 999 ns" },      { 1500, "PauseTotal: 1.5 us" },
                  { 999999, "PauseTotal: 1000 us" },  { 2345678, "PauseTotal: 2.35 ms" },
                  { 9999000000, "PauseTotal: 9999 ms" }, { 10000000000, "PauseTotal: 10 s" },
                  { UINT64_MAX, "PauseTotal: 18446744073.71 s" } };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        stats.pause_total_ns = cases[i].ns;
        ck_assert_str_eq(line_in(ML_TEXT_MIB, "PauseTotal"), cases[i].line);
    }
    LINE_IS(ML_TEXT_MIB, "LastGC", "never");
    stats.last_gc = UINT64_C(1795248172715588211);
    LINE_IS(ML_TEXT_MIB, "LastGC", "2026-11-21T08:02:52Z");
}
END_TEST

START_TEST(limits_that_are_not_there_and_settings_are_words)
{
    stats.next_gc = INT64_MAX;
    extra.memory_limit = INT64_MAX;
    extra.gc_percent = -1;
    stats.gc_cpu_fraction = 0.0123;
    LINE_IS(ML_TEXT_MIB, "NextGC", "none");
    LINE_IS(ML_TEXT_MIB, "MemoryLimit", "none");
    extra.rss = 1 << 20; /* else it is not known */
    LINE_IS(ML_TEXT_MIB, "CgroupLimit", "none");
    LINE_IS(ML_TEXT_MIB, "GCPercent", "off");
    LINE_IS(ML_TEXT_MIB, "EnableGC", "false");
    LINE_IS(ML_TEXT_MIB, "GCCPUFraction", "1.23 %");
    stats.next_gc = 4 << 20;
    extra.memory_limit = 512 << 20;
    extra.cgroup_limit = 1 << 30;
    extra.gc_percent = 100;
    stats.enable_gc = true;
    stats.gc_cpu_fraction = 0.00001;
    LINE_IS(ML_TEXT_MIB, "NextGC", "4 MiB");
    LINE_IS(ML_TEXT_MIB, "MemoryLimit", "512 MiB");
    LINE_IS(ML_TEXT_MIB, "CgroupLimit", "1024 MiB");
    LINE_IS(ML_TEXT_MIB, "GCPercent", "100 %");
    LINE_IS(ML_TEXT_MIB, "EnableGC", "true");
    LINE_IS(ML_TEXT_MIB, "GCCPUFraction", "under 0.01 %");
}
END_TEST

START_TEST(of_the_rings_only_the_newest_are_told)
{
    LINE_IS(ML_TEXT_MIB, "Pause", "none");
    stats.num_gc = 1;
    stats.pause_ns[0] = 1000000;
    stats.pause_end[0] = UINT64_C(1795248172715588211);
    LINE_IS(ML_TEXT_MIB, "Pause", "1 ms");
    LINE_IS(ML_TEXT_MIB, "PauseEnd", "2026-11-21T08:02:52Z");
    stats.num_gc = 258; /* the newest is at [1] */
    for (unsigned i = 0; i < MEMLOG_PAUSES; i++)
        stats.pause_ns[i] = 1000 * (i + 1);
    LINE_IS(ML_TEXT_MIB, "Pause", "2 us, 1 us, 256 us, 255 us, 254 us (newest first)");
}
END_TEST

START_TEST(size_classes_that_were_never_used_are_left_out)
{
    LINE_IS(ML_TEXT_MIB, "BySize", "0 size classes in use");
    stats.by_size[1] = (struct memlog_by_size){ 16, 0, 0 };
    stats.by_size[2] = (struct memlog_by_size){ 32, 3, 2 };
    LINE_IS(ML_TEXT_MIB, "BySize", "1 size class in use");
    stats.by_size[60] = (struct memlog_by_size){ 65536, 40, 0 };
    text_in(ML_TEXT_MIB);
    ck_assert_msg(strstr(buffer, "\nBySize: 2 size classes in use\n"
                                 "  32 bytes: 1 object, 32 bytes (mallocs 3, frees 2)\n"
                                 "  65536 bytes: 40 objects, 2.5 MiB (mallocs 40, frees 0)\n"
                                 "LargeMallocs: 0\n") != NULL, "%s", buffer);
}
END_TEST

START_TEST(histograms_are_told_as_times_that_are_not_exceeded)
{
    LINE_IS(ML_TEXT_MIB, "PauseHistogram", "none");
    extra.pause_histogram.counts[0] = 1;
    LINE_IS(ML_TEXT_MIB, "PauseHistogram",
            "half up to 1 us, 90 % up to 1 us, 99 % up to 1 us, all up to 1 us");
    extra.pause_histogram.counts[0] = 50;
    extra.pause_histogram.counts[2] = 40;
    extra.pause_histogram.counts[20] = 9;
    extra.pause_histogram.counts[21] = 1;
    LINE_IS(ML_TEXT_MIB, "PauseHistogram",
            "half up to 1 us, 90 % up to 2 us, 99 % up to 1.02 ms, all up to 1.54 ms");
    /* One more than half is in the next. */
    extra.pause_histogram.counts[0] = 49;
    extra.pause_histogram.counts[2] = 41;
    extra.pause_histogram.counts[MEMLOG_HISTOGRAM - 1] = 1;
    LINE_IS(ML_TEXT_MIB, "PauseHistogram",
            "half up to 2 us, 90 % up to 1.02 ms, 99 % up to 1.54 ms, all over 8388.61 ms");
}
END_TEST

START_TEST(units_are_found_by_name)
{
    static const struct {
        const char *name;
        enum ml_text_unit unit;
    } names[] = { { "MiB", ML_TEXT_MIB }, { "mib", ML_TEXT_MIB }, { "bytes", ML_TEXT_BYTES },
                  { "KiB", ML_TEXT_KIB }, { "GIB", ML_TEXT_GIB }, { "MB", ML_TEXT_MB } };
    enum ml_text_unit unit;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        unit = (enum ml_text_unit)-1;
        ck_assert_msg(ml_text_unit_parse(names[i].name, &unit), "%s", names[i].name);
        ck_assert_int_eq(unit, names[i].unit);
    }
    unit = ML_TEXT_GIB;
    ck_assert(!ml_text_unit_parse("", &unit));
    ck_assert(!ml_text_unit_parse("M", &unit));
    ck_assert(!ml_text_unit_parse("MiBs", &unit));
    ck_assert(!ml_text_unit_parse("TiB", &unit));
    ck_assert_int_eq(unit, ML_TEXT_GIB);
}
END_TEST

START_TEST(a_short_buffer_gets_the_beginning_and_the_whole_length)
{
    struct ml_text text;
    char part[8];
    stats.alloc = 12 << 20;
    size_t whole = strlen(text_in(ML_TEXT_MIB));
    ml_text_init(&text, part, sizeof(part));
    ml_text_stats(&text, &stats, &extra, ML_TEXT_MIB);
    ck_assert_uint_eq(ml_text_finish(&text), whole);
    ck_assert_str_eq(part, "Alloc: ");
}
END_TEST

UNIT_MAIN("stats text", the_first_lines_are_what_is_looked_for_most,
          every_field_has_one_line_but_the_systems,
          memstats_alone_is_a_part_of_it_without_size_classes,
          bytes_have_two_decimals_at_most_and_no_zeros_at_the_end, what_is_there_never_reads_as_0,
          times_are_told_in_a_unit_that_fits, limits_that_are_not_there_and_settings_are_words,
          of_the_rings_only_the_newest_are_told, size_classes_that_were_never_used_are_left_out,
          histograms_are_told_as_times_that_are_not_exceeded, units_are_found_by_name,
          a_short_buffer_gets_the_beginning_and_the_whole_length)
