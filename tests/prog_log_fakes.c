/* SPDX-License-Identifier: MIT */
#include "prog_log_fakes.h"

#include <string.h>
#include <time.h>

#include "gc/history.h"
#include "stats/memstats.h"

uint64_t fake_reads;
uint64_t fake_extra_reads;
uint32_t fake_slow_ms;
uint32_t fake_hold;
uint64_t fake_cycles;

static void take_time(uint32_t ms)
{
    struct timespec span = { .tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000 };
    if (ms != 0)
        nanosleep(&span, NULL);
}

void ml_stats_read(struct memlog_memstats *stats)
{
    uint64_t n = __atomic_add_fetch(&fake_reads, 1, __ATOMIC_RELAXED);
    memset(stats, 0, sizeof(*stats));
    stats->alloc = n;
    stats->sys = FAKE_SYS_BASE + n;
    take_time(__atomic_load_n(&fake_slow_ms, __ATOMIC_RELAXED));
    while (__atomic_load_n(&fake_hold, __ATOMIC_RELAXED) != 0)
        take_time(1);
}

void ml_stats_read_extra(struct memlog_extra *extra)
{
    extra->rss = 100 + __atomic_add_fetch(&fake_extra_reads, 1, __ATOMIC_RELAXED);
    extra->gc_percent = -1;
}

uint64_t ml_gc_cycles(void) { return __atomic_load_n(&fake_cycles, __ATOMIC_RELAXED); }

bool ml_gc_record_read(uint64_t number, struct ml_gc_record *record)
{
    uint64_t cycles = ml_gc_cycles();
    *record = (struct ml_gc_record){ .number = number, .ended_ns = number * 1000000000 };
    return number != 0 && number <= cycles && number + MEMLOG_PAUSES > cycles;
}
