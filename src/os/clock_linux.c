/* SPDX-License-Identifier: MIT */
/* clock_linux.c - the clocks, from clock_gettime: it is answered without
 * entering the kernel for the first two, and cannot fail for any of the three,
 * so that errno stays as it was. */
#include "os/clock.h"

#include <time.h>

static uint64_t read_clock(clockid_t clock)
{
    struct timespec now = { 0, 0 };
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * ML_NS_PER_SECOND + (uint64_t)now.tv_nsec;
}

uint64_t ml_os_monotonic_ns(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

uint64_t ml_os_realtime_ns(void)
{
    return read_clock(CLOCK_REALTIME);
}

uint64_t ml_os_thread_cpu_ns(void)
{
    return read_clock(CLOCK_THREAD_CPUTIME_ID);
}
