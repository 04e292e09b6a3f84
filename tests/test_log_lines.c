/* SPDX-License-Identifier: MIT */
/* test_log_lines.c - what goes to the file: numbers, header, limit, comments.
 *
 * The clocks are this file's own, and ml_os_cgroup_limit_bytes is wrapped by
 * the linker (-Wl,--wrap=ml_os_cgroup_limit_bytes).
 */
#include "unit.h"

#include <errno.h>
#include <unistd.h>

#include "log/own.h"
#include "log_scratch.h"
#include "os/clock.h"
#include "os/process.h"
#include "prog_log_fakes.h"

#define SECOND UINT64_C(1000000000)

static uint64_t clock_ns = 1000 * SECOND;
uint64_t ml_os_monotonic_ns(void) { return clock_ns; }
uint64_t ml_os_realtime_ns(void) { return clock_ns; }
uint64_t ml_os_thread_cpu_ns(void) { return clock_ns; }

static uint64_t limit_bytes;
static int limit_reads;
uint64_t __wrap_ml_os_cgroup_limit_bytes(void);
uint64_t __wrap_ml_os_cgroup_limit_bytes(void)
{
    limit_reads++;
    return limit_bytes;
}

static struct ml_lines lines;

static void begin(const char *columns)
{
    const char *bad;
    size_t length;
    scratch_begin();
    ml_record_init(&lines.record, SECOND);
    ck_assert_int_eq(ml_record_add_columns(&lines.record, columns, &bad, &length), 0);
    lines.file.path = scratch_log;
    ck_assert_int_eq(ml_file_open(&lines.file), 0);
    lines.source = &ml_own_numbers;
    ml_lines_begin(&lines, &(struct ml_record_run){ .pid = getpid(), .start_ns = clock_ns });
}

static void sample(void)
{
    ck_assert_int_eq(ml_lines_sample(&lines, clock_ns, NULL, NULL), 0);
}

/* What the log has behind its two header lines. */
static const char *behind_header(void)
{
    const char *text = strstr(scratch_contents(scratch_log), "# timestamp");
    ck_assert_ptr_nonnull(text);
    return strchr(text, '\n') + 1;
}

START_TEST(header_is_this_process)
{
    char expected[80];
    begin("");
    sample();
    snprintf(expected, sizeof(expected),
             "# memlog 1 pid=%d start=1970-01-01T00:16:40Z interval=1s\n", (int)getpid());
    const char *text = scratch_contents(scratch_log);
    ck_assert_int_eq(strncmp(text, expected, strlen(expected)), 0);
    ck_assert_str_eq(behind_header(), "1000 1 1000000001\n");
}
END_TEST

static int refuse_to_read(void *unused, struct memlog_memstats *stats, struct memlog_extra *extra)
{
    (void)unused, (void)stats, (void)extra;
    return -ESRCH;
}

START_TEST(what_cannot_be_read_is_not_written)
{
    struct ml_lines_source refusing = ml_own_numbers;
    refusing.read = refuse_to_read;
    begin("");
    sample();
    lines.source = &refusing;
    ck_assert_int_eq(ml_lines_sample(&lines, clock_ns, "mark ", "x"), -ESRCH);
    ck_assert_str_eq(behind_header(), "1000 1 1000000001\n");
    ck_assert_uint_eq(lines.file.lost, 0);
}
END_TEST

START_TEST(limit_stands_behind_the_header)
{
    limit_bytes = 536870912;
    begin("");
    sample();
    ck_assert_str_eq(behind_header(), "# limit 536870912\n1000 1 1000000001\n");
}
END_TEST

START_TEST(limit_is_looked_at_every_ten_seconds)
{
    begin("");
    for (int i = 0; i < 25; i++) {
        sample();
        clock_ns += SECOND;
    }
    ck_assert_int_eq(limit_reads, 3);
}
END_TEST

START_TEST(changed_limit_is_said_before_the_sample)
{
    begin("");
    sample();
    limit_bytes = 100;
    clock_ns += 10 * SECOND;
    sample();
    limit_bytes = 0;
    clock_ns += 10 * SECOND;
    sample();
    clock_ns += 10 * SECOND;
    sample();
    ck_assert_str_eq(behind_header(), "1000 1 1000000001\n"
                                      "# limit 100\n1010 2 1000000002\n"
                                      "# limit 0\n1020 3 1000000003\n"
                                      "1030 4 1000000004\n");
}
END_TEST

START_TEST(new_file_has_the_limit_of_now)
{
    limit_bytes = 100;
    begin("");
    sample();
    limit_bytes = 200;
    clock_ns += 10 * SECOND;
    sample();
    ck_assert_int_eq(unlink(scratch_log), 0);
    sample();
    ck_assert_str_eq(behind_header(), "# limit 200\n1010 3 1000000003\n");
}
END_TEST

START_TEST(extra_numbers_are_read_only_for_columns)
{
    begin("HeapIdle");
    sample();
    ck_assert_uint_eq(fake_extra_reads, 0);
}
END_TEST

START_TEST(columns_of_memlog_extra_are_read)
{
    begin("RSS gc_percent");
    sample();
    ck_assert_str_eq(behind_header(), "1000 1 1000000001 101 -1\n");
}
END_TEST

START_TEST(logs_own_counts_are_columns_too)
{
    begin("LogSamples LogLost");
    sample();
    sample();
    lines.file.lost = 7;
    sample();
    ck_assert_ptr_nonnull(strstr(behind_header(), " 1000000003 2 7\n"));
}
END_TEST

/* Behind the header, the lines that begin with "# gc ", each cut behind its number
 * or "missed=". */
static const char *collections(void)
{
    static char found[16 * 1024];
    size_t length = 0;
    const char *at = behind_header();
    found[0] = '\0';
    while ((at = strstr(at, "# gc ")) != NULL) {
        unsigned long number, missed;
        int fields = sscanf(at, "# gc %lu missed=%lu", &number, &missed);
        ck_assert_int_ge(fields, 1);
        length += (size_t)sprintf(found + length, fields == 1 ? "%lu " : "%lu-%lu ", number, missed);
        ck_assert_uint_lt(length, sizeof(found) - 64);
        at++;
    }
    return found;
}

START_TEST(collections_are_told_before_the_sample)
{
    lines.tell_cycles = true;
    fake_cycles = 5; /* before the log began */
    begin("");
    sample();
    fake_cycles = 7;
    sample();
    sample();
    ck_assert_str_eq(collections(), "6 7 ");
    const char *text = behind_header();
    ck_assert_int_eq(strncmp(text, "1000 1 1000000001\n# gc 6 end=6.000000 ", 38), 0);
    ck_assert_ptr_nonnull(strstr(text, "\n1000 2 1000000002\n1000 3 1000000003\n"));
    ck_assert_uint_eq(lines.file.samples, 3);
}
END_TEST

START_TEST(collections_are_told_only_when_asked_for)
{
    begin("");
    fake_cycles = 7;
    sample();
    ck_assert_str_eq(collections(), "");
}
END_TEST

START_TEST(all_that_are_remembered_are_told)
{
    enum { MANY = 300, FORGOTTEN = MANY - MEMLOG_PAUSES };
    lines.tell_cycles = true;
    begin("");
    fake_cycles = MANY;
    sample();
    char expected[32];
    snprintf(expected, sizeof(expected), "%d-%d %d ", FORGOTTEN, FORGOTTEN, FORGOTTEN + 1);
    ck_assert_int_eq(strncmp(collections(), expected, strlen(expected)), 0);
    snprintf(expected, sizeof(expected), " %d %d ", MANY - 1, MANY);
    ck_assert_str_eq(strrchr(collections(), '9') - 3, expected);
    int count = 0;
    for (const char *at = collections(); *at != '\0'; at++)
        count += *at == ' ';
    ck_assert_int_eq(count, 1 + MEMLOG_PAUSES);
}
END_TEST

START_TEST(collections_that_cannot_be_written_are_told_later)
{
    lines.tell_cycles = true;
    begin("");
    sample();
    fake_cycles = 1;
    ml_file_close(&lines.file);
    lines.file.path = "/nowhere/memory.log";
    ck_assert_int_ne(ml_lines_sample(&lines, clock_ns, NULL, NULL), 0);
    fake_cycles = 2;
    lines.file.path = scratch_log;
    sample();
    ck_assert_str_eq(collections(), "1 2 ");
}
END_TEST

START_TEST(comment_follows_its_sample)
{
    begin("");
    ck_assert_int_eq(ml_lines_sample(&lines, clock_ns, "mark ", "reload\nnow"), 0);
    ck_assert_int_eq(ml_lines_comment(&lines, "reloaded"), 0);
    ck_assert_str_eq(behind_header(), "1000 1 1000000001\n# mark reload now\n# reloaded\n");
    ck_assert_uint_eq(lines.file.samples, 1);
}
END_TEST

UNIT_MAIN("log lines", header_is_this_process, what_cannot_be_read_is_not_written,
          limit_stands_behind_the_header, limit_is_looked_at_every_ten_seconds,
          changed_limit_is_said_before_the_sample, new_file_has_the_limit_of_now,
          extra_numbers_are_read_only_for_columns, columns_of_memlog_extra_are_read,
          logs_own_counts_are_columns_too, collections_are_told_before_the_sample,
          collections_are_told_only_when_asked_for, all_that_are_remembered_are_told,
          collections_that_cannot_be_written_are_told_later, comment_follows_its_sample)
