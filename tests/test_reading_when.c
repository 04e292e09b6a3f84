/* SPDX-License-Identifier: MIT */
/* test_reading_when.c - moments as they are said, and where they are in a log. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "os_scratch.h"
#include "reading/newest.h"
#include "reading/when.h"
#include "unit.h"

#define SECONDS(n) ((int64_t)(n) * 1000000000)

static void zone(const char *name)
{
    setenv("TZ", name, 1);
    tzset();
}

static int64_t clock_of(const char *text)
{
    struct ml_when when;
    ck_assert_msg(ml_when_parse(text, &when) && when.kind == ML_WHEN_CLOCK, "%s", text);
    return when.ns;
}

START_TEST(moments_are_read_in_every_spelling)
{
    zone("UTC0");
    ck_assert_int_eq(clock_of("2026-11-21"), SECONDS(1795219200));
    ck_assert_int_eq(clock_of("2026-11-21T08:00"), SECONDS(1795248000));
    ck_assert_int_eq(clock_of("2026-11-21 08:00:15.5"), SECONDS(1795248015) + 500000000);
    ck_assert_int_eq(clock_of("2026-11-21T08:00:00Z"), SECONDS(1795248000));
    ck_assert_int_eq(clock_of("2026-11-21T08:00+02:00"), SECONDS(1795240800));
    ck_assert_int_eq(clock_of("2026-11-21T08:00-0330"), SECONDS(1795260600));
    ck_assert_int_eq(clock_of("@1294926363"), SECONDS(1294926363));
    ck_assert_int_eq(clock_of("@1294926363.25"), SECONDS(1294926363) + 250000000);
    zone("XYZ-02:00");
    ck_assert_int_eq(clock_of("2026-11-21T08:00"), SECONDS(1795240800));
    ck_assert_int_eq(clock_of("2026-11-21T08:00Z"), SECONDS(1795248000));
}
END_TEST

START_TEST(distances_and_marks_are_read)
{
    struct ml_when when;
    ck_assert(ml_when_parse("-2h", &when) && when.kind == ML_WHEN_BEFORE_END && when.ns == SECONDS(7200));
    ck_assert(ml_when_parse("+1h30m", &when) && when.kind == ML_WHEN_AFTER_START && when.ns == SECONDS(5400));
    ck_assert(ml_when_parse("+90", &when) && when.ns == SECONDS(90));
    ck_assert(ml_when_parse("-1.5d", &when) && when.ns == SECONDS(129600));
    ck_assert(ml_when_parse("mark:reload 2", &when) && strcmp(when.mark, "reload 2") == 0);
    ck_assert(ml_when_parse("08:30", &when) && when.kind == ML_WHEN_DAYTIME && when.ns == SECONDS(30600));
}
END_TEST

START_TEST(what_is_no_moment_is_refused)
{
    static const char *const bad[] = { "", "x", "2026", "2026-13-01", "2026-02-29", "2026-02-30", "2100-02-29", "2026-04-31", "2026-00-10", "2026-01-00", "2026-11-21T", "2026-11-21T25:61", "@", "@x",
                                       "@99999999999", "-", "+h", "+1x", "mark:", "08:61", "8:00", "2026-11-21T08:00+",
                                       "2026-11-21T08:00 x", "+1h-", "1795248000" };
    struct ml_when when;
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        ck_assert_msg(!ml_when_parse(bad[i], &when), "%s", bad[i]);
}
END_TEST

static void write_log(const char *name, const char *text)
{
    if (*directory == '\0') {
        make_directory();
        ck_assert_int_eq(chdir(directory), 0);
        atexit(remove_directory);
    }
    FILE *file = fopen(name, "w");
    fputs(text, file);
    fclose(file);
}

static int64_t place_of(const char *text)
{
    struct ml_when when;
    int64_t ns;
    ck_assert(ml_when_parse(text, &when));
    int error = ml_when_resolve(&when, "m.log", INT64_MAX, &ns);
    return error == 0 ? ns : error;
}

START_TEST(moments_are_found_in_the_log)
{
    zone("UTC0");
    write_log("m.log", "# memlog 1 pid=1 interval=1s\n# timestamp Alloc Sys\n# mark begin\n1795248000 1 2\n"
                       "1795248100 1 2\n# mark load\n1795251600 1 2\n# mark load\n");
    ck_assert_int_eq(place_of("+10m"), SECONDS(1795248600));
    ck_assert_int_eq(place_of("-600"), SECONDS(1795251000));
    ck_assert_int_eq(place_of("mark:load"), SECONDS(1795248100));
    ck_assert_int_eq(place_of("mark:begin"), SECONDS(1795248000));
    ck_assert_int_eq(place_of("mark:none"), -ENOENT);
    ck_assert_int_eq(place_of("08:30"), SECONDS(1795249800));
    ck_assert_int_eq(place_of("10:00"), SECONDS((1795255200 - 86400)));
    write_log("m.log", "# memlog 1 pid=1\n");
    ck_assert_int_eq(place_of("+1"), -ENODATA);
}
END_TEST

START_TEST(the_range_is_everything_where_nothing_is_said)
{
    int64_t from, to;
    write_log("m.log", "1 2 3\n");
    ck_assert(ml_when_range(NULL, NULL, "m.log", "the log", &from, &to) && from == INT64_MIN && to == INT64_MAX);
    ck_assert(ml_when_range("@5", "@9", "m.log", "the log", &from, &to) && from == SECONDS(5) && to == SECONDS(9));
    fclose(stderr);
    ck_assert(!ml_when_range("@9", "@5", "m.log", "the log", &from, &to));
    ck_assert(!ml_when_range("soon", NULL, "m.log", "the log", &from, &to));
    ck_assert(!ml_when_range("+1", NULL, "none.log", "the log", &from, &to));
    ck_assert(!ml_when_range("+1", NULL, "-", "the log", &from, &to));
    ck_assert_int_eq(mkfifo("pipe", 0600), 0);
    ck_assert(!ml_when_range("+1", NULL, "pipe", "the log", &from, &to));
    ck_assert(ml_when_range("@5", NULL, "pipe", "the log", &from, &to));
}
END_TEST

static bool is_range(const char *from, const char *to, int64_t first, int64_t last)
{
    int64_t from_ns, to_ns;
    return ml_when_range(from, to, "m.log", "the log", &from_ns, &to_ns) && from_ns == first && to_ns == last;
}

START_TEST(the_end_at_a_time_of_day_is_behind_the_beginning)
{
    zone("UTC0"); /* the log: from 08:00 to 09:00 */
    write_log("m.log", "# memlog 1 pid=1 interval=1s\n# timestamp Alloc Sys\n1795248000 1 2\n1795251600 1 2\n");
    ck_assert(is_range("08:30", "10:00", SECONDS(1795249800), SECONDS(1795255200)));
    ck_assert(is_range("+10m", "10:00", SECONDS(1795248600), SECONDS(1795255200)));
    ck_assert(is_range(NULL, "10:00", INT64_MIN, SECONDS(1795255200)));
    ck_assert(is_range(NULL, "08:30", INT64_MIN, SECONDS(1795249800)));
    ck_assert(is_range("08:30", "08:20", SECONDS(1795249800), SECONDS(1795249200 + 86400)));
    /* The clock goes forward in the night before the 29th. */
    zone("CET-1CEST,M3.5.0,M10.5.0/3");
    write_log("m.log", "# memlog 1 pid=1 interval=1s\n# timestamp Alloc Sys\n1774681200 1 2\n1774767600 1 2\n");
    ck_assert(is_range("10:00", "12:00", SECONDS(1774688400), SECONDS(1774695600)));
    ck_assert(is_range("10:00", "08:00", SECONDS(1774688400), SECONDS(1774764000)));
    ck_assert_int_eq(clock_of("2026-03-29T08:00"), SECONDS(1774764000));
    ck_assert_int_eq(clock_of("2026-10-25T08:00:00.5"), SECONDS(1792911600) + 500000000);
}
END_TEST

static void set_age(const char *name, time_t seconds)
{
    const struct timespec times[2] = { { seconds, 0 }, { seconds, 0 } };
    ck_assert_int_eq(utimensat(AT_FDCWD, name, times, 0), 0);
}

START_TEST(the_newest_log_is_meant)
{
    unsetenv("MEMLOG_FILE");
    write_log("a.log", "# memlog 1 pid=1\n");
    write_log("b.log", "# memlog 1 pid=2\n");
    write_log("other.log", "something else\n");
    set_age("a.log", 2000);
    set_age("b.log", 1000);
    ck_assert_str_eq(ml_newest_log(), "a.log");
    set_age("b.log", 3000);
    ck_assert_str_eq(ml_newest_log(), "b.log");
    setenv("MEMLOG_FILE", "other.log", 1);
    ck_assert_str_eq(ml_newest_log(), "other.log");
    setenv("MEMLOG_FILE", "gone.log", 1);
    ck_assert_str_eq(ml_newest_log(), "b.log");
    unlink("a.log");
    unlink("b.log");
    ck_assert_ptr_null(ml_newest_log());
    write_log("memory.log", "1 2 3\n"); /* the article's, without a header */
    ck_assert_str_eq(ml_newest_log(), "memory.log");
}
END_TEST

UNIT_MAIN("reading when", moments_are_read_in_every_spelling, distances_and_marks_are_read, what_is_no_moment_is_refused,
          moments_are_found_in_the_log, the_range_is_everything_where_nothing_is_said,
          the_end_at_a_time_of_day_is_behind_the_beginning, the_newest_log_is_meant)
