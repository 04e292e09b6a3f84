/* SPDX-License-Identifier: MIT */
/* test_log_record.c - the log's lines as text. */
#include "unit.h"

#include <errno.h>
#include <string.h>

#include "log/record.h"
#include "os/clock.h"

/* 2026-11-21T08:00:00Z and a bit */
#define START_NS (UINT64_C(1795248000) * ML_NS_PER_SECOND + 123456789)

static char buffer[2 * ML_RECORD_HEADER_BYTES];
static struct ml_text text;
static struct ml_record record;
static struct memlog_memstats stats;
static struct memlog_extra extra;
static struct ml_os_usage usage;

static void begin(uint64_t interval_ns)
{
    memset(buffer, '#', sizeof(buffer));
    ml_text_init(&text, buffer, sizeof(buffer));
    ml_record_init(&record, interval_ns);
}

static const char *written(void)
{
    ck_assert_uint_lt(ml_text_finish(&text), sizeof(buffer));
    return buffer;
}

static void add_columns(const char *list)
{
    const char *bad;
    size_t length;
    ck_assert_int_eq(ml_record_add_columns(&record, list, &bad, &length), 0);
}

static const char *header(uint64_t interval_ns, const char *command)
{
    struct ml_record_run run = { .pid = 4242, .start_ns = START_NS, .command = command };
    begin(interval_ns);
    ml_record_header(&text, &record, &run);
    return written();
}

static const char *sample(void)
{
    ml_record_sample(&text, &record, START_NS, &stats, &extra, &usage);
    return written();
}

/* ---- the header ------------------------------------------------------- */

START_TEST(header_says_who_when_and_how_often)
{
    ck_assert_str_eq(header(ML_NS_PER_SECOND, "./leak --fast"),
                     "# memlog 1 pid=4242 start=2026-11-21T08:00:00Z interval=1s "
                     "command=\"./leak --fast\"\n"
                     "# timestamp Alloc Sys\n");
}
END_TEST

START_TEST(header_leaves_out_an_unknown_command)
{
    ck_assert_str_eq(header(ML_NS_PER_SECOND, NULL),
                     "# memlog 1 pid=4242 start=2026-11-21T08:00:00Z interval=1s\n"
                     "# timestamp Alloc Sys\n");
}
END_TEST

START_TEST(interval_is_said_in_the_largest_unit_that_fits)
{
    static const struct {
        uint64_t ns;
        const char *said;
    } cases[] = {
        { UINT64_C(120000000000), " interval=2m\n" },
        { UINT64_C(90000000000), " interval=90s\n" },
        { UINT64_C(3600000000000), " interval=60m\n" }, { 1000000000, " interval=1s\n" },
        { 1500000000, " interval=1500ms\n" },           { 100000000, " interval=100ms\n" },
        { 1500000, " interval=1500us\n" },              { 1000001, " interval=1000001ns\n" },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        ck_assert_msg(strstr(header(cases[i].ns, NULL), cases[i].said) != NULL, "not%sbut %s",
                      cases[i].said, buffer);
}
END_TEST

START_TEST(header_names_the_columns_as_go_does)
{
    struct ml_record_run run = { .pid = 1, .start_ns = START_NS };
    begin(ML_NS_PER_SECOND);
    add_columns("heap_inuse,NumGC rss");
    ml_record_header(&text, &record, &run);
    ck_assert_ptr_nonnull(strstr(written(), "\n# timestamp Alloc Sys HeapInuse NumGC RSS\n"));
}
END_TEST

/* ---- samples ---------------------------------------------------------- */

START_TEST(sample_is_timestamp_alloc_sys_and_nothing_else)
{
    begin(ML_NS_PER_SECOND);
    stats.alloc = 4433792;
    stats.sys = 11118840;
    ck_assert_str_eq(sample(), "1795248000 4433792 11118840\n");
}
END_TEST

START_TEST(timestamp_has_as_many_digits_as_the_interval_needs)
{
    static const struct {
        uint64_t interval_ns;
        const char *line;
    } cases[] = {
        { UINT64_C(2000000000), "1795248000 0 0\n" },  { 100000000, "1795248000.123 0 0\n" },
        { 1500000000, "1795248000.123 0 0\n" },        { 1000, "1795248000.123456 0 0\n" },
        { 1, "1795248000.123456789 0 0\n" },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        begin(cases[i].interval_ns);
        ck_assert_str_eq(sample(), cases[i].line);
    }
}
END_TEST

START_TEST(fraction_of_a_timestamp_keeps_its_leading_zeros)
{
    begin(ML_NS_PER_MS);
    ml_record_sample(&text, &record, UINT64_C(7) * ML_NS_PER_SECOND + 4 * ML_NS_PER_MS + 999999,
                     &stats, NULL, NULL);
    ck_assert_str_eq(written(), "7.004 0 0\n");
}
END_TEST

START_TEST(columns_print_every_type_of_field)
{
    begin(ML_NS_PER_SECOND);
    add_columns("total_alloc gc_percent num_gc gc_cpu_fraction enable_gc debug_gc");
    stats.total_alloc = UINT64_MAX;
    extra.gc_percent = -1;
    stats.num_gc = UINT32_MAX;
    stats.gc_cpu_fraction = 0.000015;
    stats.enable_gc = true;
    ck_assert_str_eq(sample(),
                     "1795248000 0 0 18446744073709551615 -1 4294967295 1.5e-05 1 0\n");
}
END_TEST

START_TEST(the_widest_sample_and_header_fit)
{
    struct ml_record_run run = { .pid = INT32_MAX, .start_ns = UINT64_MAX };
    static char command[ML_RECORD_COMMAND_BYTES];
    const char *bad;
    size_t bad_length;

    begin(ML_NS_PER_SECOND + 1);
    size_t refused = 0;
    for (size_t i = 0; i < ml_fields_count; i++)
        refused += ml_record_add_columns(&record, ml_fields[i].name, &bad, &bad_length) != 0;
    ck_assert_uint_eq(refused, 5); /* arrays and histograms; Alloc and Sys are there already */
    ck_assert_uint_eq(record.column_count, ml_fields_count - 7);
    memset(&stats, 0xFF, sizeof(stats));
    memset(&extra, 0xFF, sizeof(extra));
    memset(&usage, 0xFF, sizeof(usage));
    stats.enable_gc = stats.debug_gc = true;
    stats.gc_cpu_fraction = -2.2250738585072014e-308;
    ml_record_sample(&text, &record, UINT64_MAX, &stats, &extra, &usage);
    ck_assert_uint_lt(text.length, ML_RECORD_SAMPLE_BYTES);

    memset(command, 'x', sizeof(command) - 1);
    run.command = command;
    ml_text_init(&text, buffer, sizeof(buffer));
    ml_record_header(&text, &record, &run);
    ml_record_limit(&text, UINT64_MAX);
    ck_assert_uint_lt(text.length, ML_RECORD_HEADER_BYTES);
}
END_TEST

/* ---- columns ---------------------------------------------------------- */

START_TEST(columns_may_be_separated_by_commas_and_blanks)
{
    begin(ML_NS_PER_SECOND);
    add_columns(" ,HeapInuse,, heap_idle\tNumGC ,");
    ck_assert_uint_eq(record.column_count, 3);
    ck_assert_str_eq(record.columns[1]->name, "heap_idle");
}
END_TEST

START_TEST(columns_may_be_none)
{
    begin(ML_NS_PER_SECOND);
    add_columns("");
    add_columns(" , ");
    ck_assert_uint_eq(record.column_count, 0);
}
END_TEST

START_TEST(columns_that_are_there_already_add_nothing)
{
    begin(ML_NS_PER_SECOND);
    add_columns("Alloc,HeapIdle,sys,heap_idle");
    ck_assert_uint_eq(record.column_count, 1);
}
END_TEST

START_TEST(only_columns_of_memlog_extra_need_it)
{
    begin(ML_NS_PER_SECOND);
    add_columns("HeapIdle");
    ck_assert(!record.needs_extra);
    add_columns("live_bytes");
    ck_assert(record.needs_extra);
}
END_TEST

static void expect_bad_column(const char *list, int error, const char *name)
{
    const char *bad = NULL;
    size_t length = 0;
    begin(ML_NS_PER_SECOND);
    ck_assert_int_eq(ml_record_add_columns(&record, list, &bad, &length), error);
    ck_assert_uint_eq(length, strlen(name));
    ck_assert_int_eq(strncmp(bad, name, length), 0);
}

START_TEST(unknown_column_is_pointed_out)
{
    expect_bad_column("HeapIdle,HeapInUse NumGC", -ENOENT, "HeapInUse");
    expect_bad_column("heap", -ENOENT, "heap");
}
END_TEST

START_TEST(arrays_are_no_columns)
{
    expect_bad_column("PauseNs", -EINVAL, "PauseNs");
    expect_bad_column("HeapIdle pause_end", -EINVAL, "pause_end");
    expect_bad_column("by_size", -EINVAL, "by_size");
    expect_bad_column("PauseHistogram", -EINVAL, "PauseHistogram");
}
END_TEST

/* ---- collections ------------------------------------------------------ */

START_TEST(collection_is_pairs_of_names_and_numbers)
{
    struct ml_gc_record cycle = {
        .number = 7, .along = 1, .reason = ML_GC_PACED, .ended_ns = START_NS, .took_ns = 12,
        .cpu_ns = 13, .taken_bytes = 1, .live_bytes = 2, .goal_bytes = 3, .pauses = 4,
        .first_ns = 5, .last_ns = 6, .longest_ns = 7, .stopped_ns = 8, .stand_ns = 9,
        .rounds = 14, .slices = 17, .root_bytes = 16, .last = { .pages = 15 },
    };
    begin(ML_NS_PER_SECOND);
    ml_record_cycle(&text, &cycle);
    ck_assert_str_eq(written(),
                     "# gc 7 end=1795248000.123456 how=along why=paced before=1 live=2 goal=3 "
                     "pauses=4 first=5 last=6 longest=7 stopped=8 stand=9 took=12 cpu=13 "
                     "rounds=14 pages=15 roots=16 slices=17\n");
}
END_TEST

START_TEST(without_automatic_collection_there_is_no_goal)
{
    struct ml_gc_record cycle = { .number = 1, .reason = ML_GC_FORCED, .goal_bytes = INT64_MAX };
    begin(ML_NS_PER_SECOND);
    ml_record_cycle(&text, &cycle);
    ck_assert_ptr_nonnull(strstr(written(), " how=stopped why=forced before=0 live=0 pauses=0 "));
}
END_TEST

START_TEST(the_widest_collection_fits)
{
    struct ml_gc_record cycle;
    memset(&cycle, 0xFF, sizeof(cycle));
    cycle.reason = ML_GC_NO_MEMORY;
    begin(ML_NS_PER_SECOND);
    ml_record_cycle(&text, &cycle);
    ck_assert_uint_gt(strlen(written()), ML_RECORD_CYCLE_BYTES / 2);
    ck_assert_uint_lt(strlen(written()), ML_RECORD_CYCLE_BYTES);
}
END_TEST

/* ---- comments --------------------------------------------------------- */

START_TEST(limit_and_lost_lines)
{
    begin(ML_NS_PER_SECOND);
    ml_record_limit(&text, 536870912);
    ml_record_lost(&text, 17, "No space left on device");
    ck_assert_str_eq(written(), "# limit 536870912\n# lost 17 samples (No space left on device)\n");
}
END_TEST

START_TEST(comment_is_one_line_whatever_is_in_it)
{
    begin(ML_NS_PER_SECOND);
    ml_record_comment(&text, "mark ", "re\nload\r\n\tnow\x7f");
    ck_assert_str_eq(written(), "# mark re load   now \n");
}
END_TEST

START_TEST(long_comment_is_cut_between_characters)
{
    char words[ML_RECORD_COMMENT_BYTES + 10];
    memset(words, 'a', sizeof(words));
    /* A character of two bytes across the limit. */
    words[ML_RECORD_COMMENT_BYTES - 1] = '\xC3';
    words[ML_RECORD_COMMENT_BYTES] = '\xBC';
    words[sizeof(words) - 1] = '\0';
    begin(ML_NS_PER_SECOND);
    ml_record_comment(&text, "", words);
    ck_assert_uint_eq(strlen(written()), 2 + ML_RECORD_COMMENT_BYTES - 1 + 1);
    ck_assert_str_eq(buffer + strlen(buffer) - 2, "a\n");
}
END_TEST

/* ---- of a process without memlog ------------------------------------------ */

START_TEST(without_a_heap_lines_have_what_the_system_knows)
{
    struct ml_record_run run = { .pid = 4242, .start_ns = START_NS };
    begin(ML_NS_PER_SECOND);
    ml_record_init_without_heap(&record, ML_NS_PER_SECOND);
    add_columns("majflt,rss,cgroup_limit");
    ml_record_header(&text, &record, &run);
    ck_assert_ptr_nonnull(strstr(written(), "\n# timestamp rss pss swap majflt cgroup_limit\n"));
    ck_assert(record.needs_extra);
    begin(ML_NS_PER_SECOND);
    ml_record_init_without_heap(&record, ML_NS_PER_SECOND);
    extra.rss = 4096;
    usage.pss = 1000;
    usage.swap = 0;
    ck_assert_str_eq(sample(), "1795248000 4096 1000 0\n");
}
END_TEST

START_TEST(what_the_system_does_not_say_is_a_dash)
{
    begin(ML_NS_PER_SECOND);
    ml_record_init_without_heap(&record, ML_NS_PER_SECOND);
    extra.rss = 4096;
    usage.pss = usage.swap = ML_OS_USAGE_UNKNOWN;
    ck_assert_str_eq(sample(), "1795248000 4096 - -\n");
}
END_TEST

START_TEST(without_a_heap_its_numbers_are_no_columns)
{
    static const char *const names[] = { "Alloc", "sys", "HeapInuse", "Mallocs", "threads", "LargeMallocs" };
    const char *bad;
    size_t length;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        begin(ML_NS_PER_SECOND);
        ml_record_init_without_heap(&record, ML_NS_PER_SECOND);
        ck_assert_int_eq(ml_record_add_columns(&record, names[i], &bad, &length), -ENXIO);
        ck_assert_ptr_eq(bad, names[i]);
    }
}
END_TEST

UNIT_MAIN("log record", header_says_who_when_and_how_often, header_leaves_out_an_unknown_command,
          interval_is_said_in_the_largest_unit_that_fits, header_names_the_columns_as_go_does,
          sample_is_timestamp_alloc_sys_and_nothing_else,
          timestamp_has_as_many_digits_as_the_interval_needs,
          fraction_of_a_timestamp_keeps_its_leading_zeros, columns_print_every_type_of_field,
          the_widest_sample_and_header_fit, columns_may_be_separated_by_commas_and_blanks,
          columns_may_be_none, columns_that_are_there_already_add_nothing,
          only_columns_of_memlog_extra_need_it, unknown_column_is_pointed_out,
          arrays_are_no_columns, collection_is_pairs_of_names_and_numbers,
          without_automatic_collection_there_is_no_goal, the_widest_collection_fits, limit_and_lost_lines, comment_is_one_line_whatever_is_in_it,
          long_comment_is_cut_between_characters,
          without_a_heap_lines_have_what_the_system_knows, what_the_system_does_not_say_is_a_dash,
          without_a_heap_its_numbers_are_no_columns)
