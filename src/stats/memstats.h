/* SPDX-License-Identifier: MIT */
/* memstats.h - the reader: sums what the floors below count into the public
 * structs. Stops nobody, allocates nothing.
 */
#ifndef ML_STATS_MEMSTATS_H
#define ML_STATS_MEMSTATS_H

#include "memlog_stats.h"

/* What memlog_read_memstats does; stats is not NULL. */
void ml_stats_read(struct memlog_memstats *stats);

/* All of memlog_extra, but for `size`, which the caller knows, and the log's
 * two counts, which the log adds. */
void ml_stats_read_extra(struct memlog_extra *extra);
/* The same without rss and cgroup_limit: no file is opened, no system call is made. */
void ml_stats_read_extra_counted(struct memlog_extra *extra);

#endif
