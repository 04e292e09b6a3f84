/* SPDX-License-Identifier: MIT */
#include "collected.h"

void collected_begin(void) { bench_begin(); }

void collected_report(void)
{
    static struct memlog_memstats stats;
    bench_report_process();
    memlog_read_memstats(&stats);
    /* The ring keeps the last 256. */
    size_t kept = stats.num_gc < MEMLOG_PAUSES ? stats.num_gc : MEMLOG_PAUSES;
    bench_report_collections(stats.num_gc, stats.pause_ns, kept);
}
