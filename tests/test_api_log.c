/* SPDX-License-Identifier: MIT */
/* test_api_log.c - the log's public functions, with the real numbers in it:
 * results, messages, and lines that tell what memlog_read_memstats tells.
 */
#include <errno.h>
#include <inttypes.h>
#include <sys/wait.h>
#include <time.h>

#include "captured.h"
#include "log_scratch.h"
#include "memlog.h"

#define HOUR_NS UINT64_C(3600000000000)

static struct memlog_log_options options = { .size = sizeof(options) };

static void forget_environment(void)
{
    static const char *const variables[] = { "MEMLOG_FILE", "MEMLOG_INTERVAL", "MEMLOG_COLUMNS",
                                             "MEMLOG_MAX_BYTES", "MEMLOG_CHILDREN",
                                             "MEMLOG_COMMAND", "MEMLOG_LOG_GC" };
    for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++)
        unsetenv(variables[i]);
}

static void prepare(void)
{
    forget_environment();
    scratch_begin();
    options.file = scratch_log;
    options.interval_ns = HOUR_NS;
}

static void start(void)
{
    prepare();
    ck_assert_int_eq(memlog_log_start(&options), 0);
}

/* The samples in the log; *last and *text are the last one and all of it. */
static size_t read_samples(uint64_t last[2])
{
    size_t count = 0;
    char *rest = (char *)scratch_contents(scratch_log), *line;
    while ((line = strsep(&rest, "\n")) != NULL) {
        double when;
        if (line[0] == '#' || line[0] == '\0')
            continue;
        ck_assert_msg(sscanf(line, "%lf %" SCNu64 " %" SCNu64, &when, &last[0], &last[1]) == 3,
                      "a bad line: %s", line);
        count++;
    }
    return count;
}

static bool log_has(const char *text) { return strstr(scratch_contents(scratch_log), text) != NULL; }

/* memlog_log_start with the options fails so, after one line with these words. */
static void refuse(int error, const char *words)
{
    capture_begin();
    int result = memlog_log_start(&options);
    const char *said = capture_end();
    ck_assert_int_eq(result, error);
    ck_assert_msg(strncmp(said, "memlog: ", 8) == 0 && strstr(said, words) != NULL, "it says: %s",
                  said);
    ck_assert_ptr_eq(strchr(said, '\n'), said + strlen(said) - 1);
    ck_assert_int_eq(memlog_log_sample(), -ENOTCONN);
}

START_TEST(without_a_log_there_is_nothing_to_write_to)
{
    ck_assert_int_eq(memlog_log_sample(), -ENOTCONN);
    ck_assert_int_eq(memlog_log_mark("x"), -ENOTCONN);
    ck_assert_int_eq(memlog_log_mark(NULL), -EINVAL);
    ck_assert_int_eq(memlog_log_stop(), -ENOTCONN);
}
END_TEST

START_TEST(lines_tell_the_numbers_of_the_moment)
{
    uint64_t last[2];
    struct memlog_memstats stats;
    memlog_set_gc_percent(-1); /* nothing is swept between a line and the look at it */
    start();
    ck_assert_uint_eq(read_samples(last), 1);
    for (size_t size = 1000; size <= 10000000; size *= 10) {
        void *object = memlog_malloc_noscan(size);
        ck_assert_int_eq(memlog_log_sample(), 0);
        memlog_read_memstats(&stats);
        read_samples(last);
        ck_assert_uint_eq(last[0], stats.alloc);
        ck_assert_uint_eq(last[1], stats.sys);
        memlog_keep_alive(object);
    }
    ck_assert_int_eq(memlog_log_stop(), 0);
    ck_assert_uint_eq(read_samples(last), 7);
    ck_assert_int_eq(memlog_log_stop(), -ENOTCONN);
}
END_TEST

START_TEST(marks_stand_behind_a_sample_of_their_own)
{
    uint64_t last[2];
    start();
    ck_assert_int_eq(memlog_log_mark("cache\ndropped"), 0);
    ck_assert_int_eq(memlog_log_mark(NULL), -EINVAL);
    ck_assert_uint_eq(read_samples(last), 2);
    ck_assert(log_has("\n# mark cache dropped\n"));
}
END_TEST

START_TEST(samples_are_counted)
{
    struct memlog_extra extra = { .size = sizeof(extra) };
    start();
    for (int i = 0; i < 9; i++)
        ck_assert_int_eq(memlog_log_sample(), 0);
    ck_assert_int_eq(memlog_read_extra(&extra), 0);
    ck_assert_uint_eq(extra.log_samples, 10);
    ck_assert_uint_eq(extra.log_lost, 0);
}
END_TEST

START_TEST(second_log_is_refused)
{
    start();
    capture_begin();
    int error = memlog_log_start(&options);
    const char *said = capture_end();
    ck_assert_int_eq(error, -EALREADY);
    ck_assert_msg(strncmp(said, "memlog: ", 8) == 0, "it says: %s", said);
    ck_assert_int_eq(memlog_log_sample(), 0);
    ck_assert_int_eq(memlog_log_stop(), 0);
    ck_assert_int_eq(memlog_log_start(&options), 0);
}
END_TEST

START_TEST(impossible_settings_are_refused)
{
    prepare();
    options.columns = "NumGC,Wishes";
    refuse(-EINVAL, "Wishes");
    options.columns = NULL;
    options.interval_ns = 1;
    refuse(-EINVAL, "1 ms");
    options.interval_ns = 0;
    setenv("MEMLOG_INTERVAL", "now and then", 1);
    refuse(-EINVAL, "MEMLOG_INTERVAL");
    unsetenv("MEMLOG_INTERVAL");
    options.file = "%q.log";
    refuse(-EINVAL, "%q");
    ck_assert_int_ne(access(scratch_log, F_OK), 0);
}
END_TEST

START_TEST(log_that_cannot_be_opened_is_refused)
{
    char path[256];
    prepare();
    snprintf(path, sizeof(path), "%s/missing/memory.log", scratch_directory);
    options.file = path;
    refuse(-ENOENT, path);
    options.file = scratch_directory;
    refuse(-EISDIR, scratch_directory);
}
END_TEST

START_TEST(columns_are_added_and_named)
{
    prepare();
    options.columns = "NumGC, heap_objects rss";
    ck_assert_int_eq(memlog_log_start(&options), 0);
    memlog_gc();
    ck_assert_int_eq(memlog_log_sample(), 0);
    ck_assert(log_has("\n# timestamp Alloc Sys NumGC HeapObjects RSS\n"));
    const char *line = strrchr(scratch_contents(scratch_log), '\n');
    while (line[-1] != '\n')
        line--;
    unsigned long long numbers[5];
    ck_assert_int_eq(sscanf(line, "%*s %llu %llu %llu %llu %llu", &numbers[0], &numbers[1],
                            &numbers[2], &numbers[3], &numbers[4]), 5);
    ck_assert_uint_eq(numbers[2], 1);
}
END_TEST

START_TEST(thread_takes_samples_by_itself)
{
    uint64_t last[2];
    struct timespec pause = { 0, 10 * 1000 * 1000 };
    prepare();
    options.interval_ns = UINT64_C(10000000);
    ck_assert_int_eq(memlog_log_start(&options), 0);
    while (read_samples(last) < 10) /* check ends a case that waits in vain */
        nanosleep(&pause, NULL);
}
END_TEST

START_TEST(collections_are_told_where_that_is_wanted)
{
    prepare();
    options.collections = 1;
    memlog_gc();
    ck_assert_int_eq(memlog_log_start(&options), 0);
    memlog_gc();
    ck_assert_int_eq(memlog_log_sample(), 0);
    struct memlog_memstats stats;
    memlog_read_memstats(&stats);
    ck_assert(!log_has("\n# gc 1 "));
    const char *line = strstr(scratch_contents(scratch_log), "\n# gc 2 end=");
    ck_assert_ptr_nonnull(line);
    char expected[96];
    snprintf(expected, sizeof(expected), "\n# gc 2 end=%" PRIu64 ".%06" PRIu64 " ",
             stats.last_gc / 1000000000, stats.last_gc % 1000000000 / 1000);
    ck_assert_int_eq(strncmp(line, expected, strlen(expected)), 0);
    ck_assert_ptr_nonnull(strstr(line, " why=forced "));
    snprintf(expected, sizeof(expected), " stopped=%" PRIu64 " ", stats.pause_ns[1]);
    ck_assert_ptr_nonnull(strstr(line, expected));
}
END_TEST

/* What becomes of a program of which this is all. */
static void run_program(void (*program)(void))
{
    pid_t child = fork();
    if (child == 0) {
        program();
        exit(0);
    }
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void log_by_the_environment(void)
{
    if (memlog_log_start(NULL) != 0)
        exit(1);
}

START_TEST(environment_and_exit_are_enough)
{
    uint64_t last[2];
    prepare();
    setenv("MEMLOG_FILE", scratch_log, 1);
    run_program(log_by_the_environment);
    ck_assert_uint_eq(read_samples(last), 2);
    ck_assert(log_has("# memlog 1 pid="));
    ck_assert(log_has(" interval=1s "));
    ck_assert(log_has("\n# end reason=exit\n"));
}
END_TEST

UNIT_MAIN("api log", without_a_log_there_is_nothing_to_write_to,
          lines_tell_the_numbers_of_the_moment, marks_stand_behind_a_sample_of_their_own,
          samples_are_counted, second_log_is_refused, impossible_settings_are_refused,
          log_that_cannot_be_opened_is_refused, columns_are_added_and_named,
          thread_takes_samples_by_itself, collections_are_told_where_that_is_wanted, environment_and_exit_are_enough)
