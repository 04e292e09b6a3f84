/* SPDX-License-Identifier: MIT */
/* text.h - the statistics for a person: a line a number, "Alloc: 12 MiB". Pure. */
#ifndef ML_STATS_TEXT_H
#define ML_STATS_TEXT_H

#include <stdbool.h>

#include "base/format.h"
#include "memlog_stats.h"

/* What bytes are told in. MiB is 2^20, MB is 10^6. */
enum ml_text_unit {
    ML_TEXT_MIB, /* where nobody has said */
    ML_TEXT_BYTES,
    ML_TEXT_KIB,
    ML_TEXT_GIB,
    ML_TEXT_MB
};

/* "MiB", "bytes", "KiB", "GiB", "MB", in any case. False: none of them, and *unit stays. */
bool ml_text_unit_parse(const char *name, enum ml_text_unit *unit);

/* Alloc, TotalAlloc, Sys, NumGC, HeapObjects, then the rest of MemStats in Go's order, then what
 * memlog_extra adds (without RSS and CgroupLimit where extra->rss is 0: not known). Names are Go's, without "Ns": the time's unit stands behind it. What is there
 * never reads as 0: a number too small for the unit is told in a smaller one. */
void ml_text_stats(struct ml_text *text, const struct memlog_memstats *stats,
                   const struct memlog_extra *extra, enum ml_text_unit unit);
/* The same of MemStats alone, and without its size classes. */
void ml_text_memstats(struct ml_text *text, const struct memlog_memstats *stats, enum ml_text_unit unit);

#endif
