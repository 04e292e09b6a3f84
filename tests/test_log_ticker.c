/* SPDX-License-Identifier: MIT */
/* test_log_ticker.c - the log's thread, and all who write beside it.
 *
 * The numbers come from prog_log_fakes.c. The wall clock is this file's own,
 * so that it can be set back. Two functions are wrapped by the linker: the
 * cgroup's limit, which would put lines of the machine's into the log, and
 * ml_os_thread_start, so that it can fail.
 */
#include "unit.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>

#include "log_running.h"
#include "os/clock.h"
#include "os/thread.h"

/* ---- what is faked ---------------------------------------------------- */

static int64_t wall_clock_is_off_ns;

static uint64_t read_clock(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (uint64_t)now.tv_sec * SECOND + (uint64_t)now.tv_nsec;
}
uint64_t ml_os_monotonic_ns(void) { return read_clock(CLOCK_MONOTONIC); }
uint64_t ml_os_thread_cpu_ns(void) { return read_clock(CLOCK_THREAD_CPUTIME_ID); }
uint64_t ml_os_realtime_ns(void)
{
    int64_t off = __atomic_load_n(&wall_clock_is_off_ns, __ATOMIC_RELAXED);
    return read_clock(CLOCK_REALTIME) + (uint64_t)off;
}

uint64_t __wrap_ml_os_cgroup_limit_bytes(void);
uint64_t __wrap_ml_os_cgroup_limit_bytes(void) { return 0; }

static int thread_error;
int __real_ml_os_thread_start(struct ml_os_thread *, const char *, void (*)(void *), void *);
int __wrap_ml_os_thread_start(struct ml_os_thread *, const char *, void (*)(void *), void *);
int __wrap_ml_os_thread_start(struct ml_os_thread *thread, const char *name, void (*run)(void *),
                              void *argument)
{
    if (thread_error != 0)
        return thread_error;
    return __real_ml_os_thread_start(thread, name, run, argument);
}

/* ---- when a tick is due ----------------------------------------------- */

START_TEST(ticks_are_multiples_of_the_interval_from_the_first)
{
    ck_assert_uint_eq(ml_log_next_tick(1000, 100, 1000), 1100);
    ck_assert_uint_eq(ml_log_next_tick(1000, 100, 1001), 1100);
    ck_assert_uint_eq(ml_log_next_tick(1000, 100, 1199), 1200);
}
END_TEST

START_TEST(tick_on_time_is_followed_by_the_next_one)
{
    ck_assert_uint_eq(ml_log_next_tick(1000, 100, 1100), 1200);
}
END_TEST

START_TEST(missed_ticks_are_not_made_up_for)
{
    ck_assert_uint_eq(ml_log_next_tick(1000, 100, 1777), 1800);
}
END_TEST

START_TEST(lateness_does_not_add_up)
{
    uint64_t due = 1000;
    for (int i = 0; i < 1000; i++)
        due = ml_log_next_tick(1000, 100, due + 7);
    ck_assert_uint_eq(due, 1000 + 1000 * 100);
}
END_TEST

START_TEST(clock_before_the_first_tick_waits_for_it)
{
    ck_assert_uint_eq(ml_log_next_tick(1000, 100, 999), 1000);
}
END_TEST

/* ---- start and stop --------------------------------------------------- */

START_TEST(first_sample_is_there_when_start_returns)
{
    start(HOUR);
    ck_assert_uint_eq(count_lines(scratch_log).samples, 1);
    ck_assert_uint_eq(samples_now(), 1);
}
END_TEST

START_TEST(stop_writes_a_last_sample_and_the_reason)
{
    start(HOUR);
    ck_assert_int_eq(ml_log_stop(), 0);
    ck_assert_uint_eq(count_lines(scratch_log).samples, 2);
    const char *text = scratch_contents(scratch_log);
    ck_assert_str_eq(strstr(text, "# end"), "# end reason=stop\n");
}
END_TEST

START_TEST(stopped_log_says_so)
{
    ck_assert_int_eq(ml_log_sample(), -ENOTCONN);
    ck_assert_int_eq(ml_log_mark("x"), -ENOTCONN);
    ck_assert_int_eq(ml_log_stop(), -ENOTCONN);
    ml_log_comment("x");
    ml_log_at_exit();
    start(HOUR);
    ck_assert_int_eq(ml_log_stop(), 0);
    ck_assert_int_eq(ml_log_stop(), -ENOTCONN);
    ck_assert_int_eq(ml_log_sample(), -ENOTCONN);
}
END_TEST

START_TEST(second_start_is_refused_and_disturbs_nothing)
{
    start(HOUR);
    ck_assert_int_eq(ml_log_start(&settings), -EALREADY);
    ck_assert_int_eq(ml_log_sample(), 0);
    ck_assert_uint_eq(count_lines(scratch_log).samples, 2);
}
END_TEST

START_TEST(log_can_be_started_again)
{
    start(MS);
    wait_for_samples(3);
    ck_assert_int_eq(ml_log_stop(), 0);
    ck_assert_int_eq(ml_log_start(&settings), 0);
    wait_for_samples(3);
    ck_assert_int_eq(ml_log_stop(), 0);
    ck_assert_uint_eq(count_lines(scratch_log).headers, 2);
}
END_TEST

START_TEST(thread_has_a_name_and_ends_with_the_log)
{
    ck_assert(!has_thread("memlog-log"));
    start(HOUR);
    wait_for_thread();
    ck_assert_int_eq(ml_log_stop(), 0);
    while (has_thread("memlog-log"))
        sleep_ms(1);
}
END_TEST

START_TEST(exit_writes_its_reason_once)
{
    start(HOUR);
    ml_log_at_exit();
    ml_log_at_exit();
    ck_assert_uint_eq(count_lines(scratch_log).samples, 2);
    ck_assert_str_eq(strstr(scratch_contents(scratch_log), "# end"), "# end reason=exit\n");
    ck_assert_int_eq(ml_log_sample(), -ENOTCONN);
}
END_TEST

/* ---- what is refused -------------------------------------------------- */

/* What was said on stderr while start was refused. */
static const char *refusal(int expected)
{
    char said[160];
    snprintf(said, sizeof(said), "%s/stderr", scratch_directory);
    int kept = dup(2);
    ck_assert_ptr_nonnull(freopen(said, "w", stderr));
    int error = ml_log_start(&settings);
    dup2(kept, 2);
    close(kept);
    ck_assert_int_eq(error, expected);
    ck_assert_int_eq(ml_log_sample(), -ENOTCONN);
    return scratch_contents(said);
}

START_TEST(unknown_column_is_named)
{
    prepare(SECOND);
    settings.columns = "HeapIdle,HeapInUse,NumGC";
    ck_assert_str_eq(refusal(-EINVAL),
                     "memlog: no field is called HeapInUse: it can't be a column of the log\n");
    settings.columns = "by_size";
    ck_assert_str_eq(refusal(-EINVAL), "memlog: by_size can't be a column of the log\n");
}
END_TEST

START_TEST(bad_percent_sequence_is_named)
{
    prepare(SECOND);
    settings.file = "mem.%q.log";
    ck_assert_str_eq(refusal(-EINVAL), "memlog: \"%q\" in the log's name mem.%q.log means nothing "
                                       "(%p, %e and %% do)\n");
}
END_TEST

START_TEST(file_that_cannot_be_opened_is_named)
{
    prepare(SECOND);
    ck_assert_int_eq(chdir(scratch_directory), 0);
    settings.file = "gone/memory.log";
    ck_assert_str_eq(refusal(-ENOENT),
                     "memlog: cannot open gone/memory.log: No such file or directory\n");
}
END_TEST

START_TEST(interval_of_zero_is_refused)
{
    prepare(0);
    ck_assert_str_eq(refusal(-EINVAL), "memlog: the log's interval is zero\n");
}
END_TEST

START_TEST(without_a_thread_there_is_no_log)
{
    prepare(SECOND);
    thread_error = -EAGAIN;
    ck_assert_str_eq(refusal(-EAGAIN), "memlog: cannot start the log's thread: "
                                       "Resource temporarily unavailable\n");
    ck_assert_str_eq(scratch_contents(scratch_log), "");
    thread_error = 0;
    ck_assert_int_eq(ml_log_start(&settings), 0);
}
END_TEST

/* ---- ticking ---------------------------------------------------------- */

START_TEST(thread_samples_by_itself)
{
    start(MS);
    wait_for_samples(20);
    ck_assert_int_eq(ml_log_stop(), 0);
    ck_assert_uint_eq(count_lines(scratch_log).samples, samples_now());
}
END_TEST

/* At most one sample for every span of step_ns, the first, and the last. */
static void expect_at_most_one_per(uint64_t step_ns, uint64_t began_ns)
{
    uint64_t spans = (ml_os_monotonic_ns() - began_ns) / step_ns;
    ck_assert_uint_le(samples_now(), spans + 3);
}

START_TEST(slow_samples_are_not_made_up_for)
{
    uint64_t began = ml_os_monotonic_ns();
    fake_slow_ms = 20;
    start(MS);
    wait_for_samples(8);
    __atomic_store_n(&fake_slow_ms, 0, __ATOMIC_RELAXED);
    expect_at_most_one_per(20 * MS, began);
}
END_TEST

START_TEST(ticks_missed_in_a_long_wait_are_not_made_up_for)
{
    start(10 * MS);
    __atomic_store_n(&fake_hold, 1, __ATOMIC_RELAXED);
    sleep_ms(400);
    uint64_t before = samples_now(), began = ml_os_monotonic_ns();
    __atomic_store_n(&fake_hold, 0, __ATOMIC_RELAXED);
    wait_for_samples(before + 20);
    /* The one that waited, the one that came due meanwhile, and those since. */
    uint64_t spans = (ml_os_monotonic_ns() - began) / (10 * MS);
    ck_assert_uint_le(samples_now() - before, spans + 3);
}
END_TEST

START_TEST(ticks_come_no_faster_than_the_interval)
{
    uint64_t began = ml_os_monotonic_ns();
    start(10 * MS);
    wait_for_samples(20);
    expect_at_most_one_per(10 * MS, began);
}
END_TEST

START_TEST(clock_set_back_neither_silences_nor_floods)
{
    start(10 * MS);
    wait_for_samples(5);
    __atomic_store_n(&wall_clock_is_off_ns, -(int64_t)HOUR, __ATOMIC_RELAXED);
    uint64_t before = samples_now(), began = ml_os_monotonic_ns();
    wait_for_samples(before + 10);
    uint64_t spans = (ml_os_monotonic_ns() - began) / (10 * MS);
    ck_assert_uint_le(samples_now() - before, spans + 3);
}
END_TEST

/* An hour back and an hour forward in turn, between the ticks and in them. */
START_TEST(clock_that_jumps_to_and_fro_disturbs_nothing)
{
    int64_t off = (int64_t)HOUR;
    uint64_t began = ml_os_monotonic_ns();
    start(MS);
    while (samples_now() < 300) {
        __atomic_store_n(&wall_clock_is_off_ns, off, __ATOMIC_RELAXED);
        wait_for_samples(samples_now() + 1);
        off = -off;
    }
    expect_at_most_one_per(MS, began);
    ck_assert_int_eq(ml_log_stop(), 0);
    ck_assert_uint_eq(count_lines(scratch_log).samples, samples_now());
}
END_TEST

START_TEST(clock_set_forward_brings_no_tick)
{
    start(HOUR);
    __atomic_store_n(&wall_clock_is_off_ns, (int64_t)(1000 * HOUR), __ATOMIC_RELAXED);
    sleep_ms(50);
    ck_assert_uint_eq(samples_now(), 1);
    ck_assert_int_eq(ml_log_sample(), 0);
    ck_assert_uint_eq(samples_now(), 2);
}
END_TEST

START_TEST(timestamps_are_the_wall_clocks)
{
    uint64_t first, second;
    wall_clock_is_off_ns = (int64_t)HOUR;
    start(HOUR);
    wall_clock_is_off_ns = 0;
    ml_log_sample();
    const char *text = strstr(scratch_contents(scratch_log), "Sys\n") + 4;
    ck_assert_int_eq(sscanf(text, "%lu %*u %*u\n%lu", &first, &second), 2);
    ck_assert_uint_ge(first, second + 3500);
}
END_TEST

/* ---- samples, marks, comments ----------------------------------------- */

START_TEST(mark_stands_behind_its_sample)
{
    start(HOUR);
    ck_assert_int_eq(ml_log_mark("re\nload"), 0);
    ml_log_comment("gc 7");
    ck_assert(log_has(scratch_log, " 2 1000000002\n# mark re load\n# gc 7\n"));
    ck_assert_int_eq(ml_log_mark(NULL), -EINVAL);
}
END_TEST

START_TEST(lost_sample_is_an_io_error)
{
    uint64_t samples, lost;
    prepare(HOUR);
    settings.file = "/dev/full";
    ck_assert_int_eq(ml_log_start(&settings), 0);
    ck_assert_int_eq(ml_log_sample(), -EIO);
    ml_log_counts(&samples, &lost);
    ck_assert_uint_eq(samples, 0);
    ck_assert_uint_eq(lost, 2);
}
END_TEST

START_TEST(errno_and_signal_mask_are_left_alone)
{
    sigset_t mask, after;
    sigemptyset(&mask);
    sigaddset(&mask, SIGUSR1);
    pthread_sigmask(SIG_SETMASK, &mask, NULL);
    start(HOUR);
    errno = 4242;
    unlink(scratch_log);
    errno = 4242;
    ml_log_sample();
    ml_log_mark("x");
    ml_log_comment("x");
    ml_log_stop();
    ck_assert_int_eq(errno, 4242);
    pthread_sigmask(SIG_SETMASK, NULL, &after);
    ck_assert(sigismember(&after, SIGUSR1) && !sigismember(&after, SIGUSR2));
}
END_TEST

enum { WRITERS = 4 };

START_TEST(threads_write_whole_lines)
{
    pthread_t writers[WRITERS];
    start(MS);
    for (int i = 0; i < WRITERS; i++)
        ck_assert_int_eq(pthread_create(&writers[i], NULL, write_samples, NULL), 0);
    for (int i = 0; i < WRITERS; i++)
        pthread_join(writers[i], NULL);
    ck_assert_int_eq(ml_log_stop(), 0);
    ck_assert_uint_ge(samples_now(), WRITERS * WRITES);
    ck_assert_uint_eq(count_lines(scratch_log).samples, samples_now());
}
END_TEST

START_TEST(cancelled_thread_does_not_keep_the_lock)
{
    pthread_t thread;
    start(HOUR);
    __atomic_store_n(&fake_slow_ms, 100, __ATOMIC_RELAXED);
    ck_assert_int_eq(pthread_create(&thread, NULL, sample_once, NULL), 0);
    while (__atomic_load_n(&fake_reads, __ATOMIC_RELAXED) < 2)
        sleep_ms(1);
    pthread_cancel(thread);
    pthread_join(thread, NULL);
    ck_assert_int_eq(ml_log_sample(), 0);
    ck_assert_uint_eq(count_lines(scratch_log).samples, 3);
}
END_TEST

static volatile sig_atomic_t handled;
static void sample_in_handler(int signal)
{
    (void)signal;
    handled = 1;
    ml_log_sample();
}

START_TEST(signal_waits_until_the_line_is_written)
{
    struct sigaction action = { .sa_handler = sample_in_handler };
    pthread_t thread;
    start(HOUR);
    sigaction(SIGUSR1, &action, NULL);
    __atomic_store_n(&fake_slow_ms, 50, __ATOMIC_RELAXED);
    ck_assert_int_eq(pthread_create(&thread, NULL, sample_once, NULL), 0);
    while (__atomic_load_n(&fake_reads, __ATOMIC_RELAXED) < 2)
        sleep_ms(1);
    pthread_kill(thread, SIGUSR1);
    pthread_join(thread, NULL);
    ck_assert_int_eq(handled, 1);
    ck_assert_uint_eq(count_lines(scratch_log).samples, 3);
}
END_TEST

START_TEST(exit_does_not_wait_for_ever)
{
    pthread_t thread;
    start(HOUR);
    __atomic_store_n(&fake_hold, 1, __ATOMIC_RELAXED);
    ck_assert_int_eq(pthread_create(&thread, NULL, sample_once, NULL), 0);
    while (__atomic_load_n(&fake_reads, __ATOMIC_RELAXED) < 2)
        sleep_ms(1);
    ml_log_at_exit(); /* while the thread holds the lock */
    ck_assert_uint_eq(count_lines(scratch_log).samples, 1);
    __atomic_store_n(&fake_hold, 0, __ATOMIC_RELAXED);
    pthread_join(thread, NULL);
}
END_TEST

UNIT_MAIN("log ticker", ticks_are_multiples_of_the_interval_from_the_first,
          tick_on_time_is_followed_by_the_next_one, missed_ticks_are_not_made_up_for,
          lateness_does_not_add_up, clock_before_the_first_tick_waits_for_it,
          first_sample_is_there_when_start_returns, stop_writes_a_last_sample_and_the_reason,
          stopped_log_says_so, second_start_is_refused_and_disturbs_nothing,
          log_can_be_started_again, thread_has_a_name_and_ends_with_the_log,
          exit_writes_its_reason_once, unknown_column_is_named, bad_percent_sequence_is_named,
          file_that_cannot_be_opened_is_named, interval_of_zero_is_refused,
          without_a_thread_there_is_no_log, thread_samples_by_itself,
          slow_samples_are_not_made_up_for, ticks_missed_in_a_long_wait_are_not_made_up_for,
          ticks_come_no_faster_than_the_interval, clock_set_back_neither_silences_nor_floods,
          clock_that_jumps_to_and_fro_disturbs_nothing, clock_set_forward_brings_no_tick,
          timestamps_are_the_wall_clocks, mark_stands_behind_its_sample, lost_sample_is_an_io_error,
          errno_and_signal_mask_are_left_alone, threads_write_whole_lines,
          cancelled_thread_does_not_keep_the_lock, signal_waits_until_the_line_is_written,
          exit_does_not_wait_for_ever)
