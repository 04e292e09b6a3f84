/* SPDX-License-Identifier: MIT */
#include "log/own.h"

#include "os/cgroup.h"
#include "stats/memstats.h"

static int read_numbers(void *unused, struct memlog_memstats *stats, struct memlog_extra *extra)
{
    (void)unused;
    ml_stats_read(stats);
    if (extra != NULL)
        ml_stats_read_extra(extra);
    return 0;
}

static void read_usage(void *unused, unsigned sources, struct ml_os_usage *usage)
{
    (void)unused;
    ml_os_usage_read("/proc/self", sources, usage);
}

static uint64_t cycles(void *unused)
{
    (void)unused;
    return ml_gc_cycles();
}

static bool cycle(void *unused, uint64_t number, struct ml_gc_record *record)
{
    (void)unused;
    return ml_gc_record_read(number, record);
}

static uint64_t limit_bytes(void *unused)
{
    (void)unused;
    return ml_os_cgroup_limit_bytes();
}

const struct ml_lines_source ml_own_numbers = { read_numbers, read_usage, cycles, cycle, limit_bytes, NULL };
