/* SPDX-License-Identifier: MIT */
/* test_os_clock.c - the clocks run, in the right unit. */
#include "os/clock.h"

#include <errno.h>
#include <time.h>

#include "unit.h"

static void sleep_ms(long ms)
{
    struct timespec span = { 0, ms * ML_NS_PER_MS };
    while (nanosleep(&span, &span) != 0)
        ;
}

START_TEST(monotonic_clock_measures_a_sleep)
{
    uint64_t before = ml_os_monotonic_ns();
    sleep_ms(20);
    uint64_t span = ml_os_monotonic_ns() - before;
    ck_assert_uint_ge(span, 20 * (uint64_t)ML_NS_PER_MS);
    ck_assert_uint_lt(span, 20 * (uint64_t)ML_NS_PER_SECOND);
}
END_TEST

START_TEST(realtime_clock_counts_from_1970)
{
    uint64_t before = (uint64_t)time(NULL);
    uint64_t seconds = ml_os_realtime_ns() / ML_NS_PER_SECOND;
    /* time() may lag by a tick of the kernel's coarse clock. */
    ck_assert_uint_ge(seconds, before);
    ck_assert_uint_le(seconds, (uint64_t)time(NULL) + 1);
}
END_TEST

START_TEST(thread_clock_stands_still_while_the_thread_sleeps)
{
    uint64_t before = ml_os_thread_cpu_ns();
    sleep_ms(200);
    ck_assert_uint_lt(ml_os_thread_cpu_ns() - before, 100 * (uint64_t)ML_NS_PER_MS);
}
END_TEST

START_TEST(thread_clock_runs_while_the_thread_works)
{
    uint64_t before = ml_os_thread_cpu_ns();
    while (ml_os_thread_cpu_ns() - before < 5 * (uint64_t)ML_NS_PER_MS)
        ;
}
END_TEST

START_TEST(errno_is_left_alone)
{
    errno = EDOM;
    ml_os_monotonic_ns();
    ml_os_realtime_ns();
    ml_os_thread_cpu_ns();
    ck_assert_int_eq(errno, EDOM);
}
END_TEST

UNIT_MAIN("os clock", monotonic_clock_measures_a_sleep, realtime_clock_counts_from_1970,
          thread_clock_stands_still_while_the_thread_sleeps,
          thread_clock_runs_while_the_thread_works, errno_is_left_alone)
