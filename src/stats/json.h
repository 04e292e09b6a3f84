/* SPDX-License-Identifier: MIT */
/* json.h - the statistics as Go's encoding/json writes them. Pure. */
#ifndef ML_STATS_JSON_H
#define ML_STATS_JSON_H

#include "base/format.h"
#include "memlog_stats.h"

/* Append the object {"Alloc":...,"BySize":[...]} to text. */
void ml_json_memstats(struct ml_text *text, const struct memlog_memstats *stats);
/* {"LargeMallocs":...,"StopHistogram":{"Counts":[...],"SumNs":0}}: all but the size, and
 * but RSS and CgroupLimit where extra->rss says that they are not known. */
void ml_json_extra(struct ml_text *text, const struct memlog_extra *extra);
/* {"memstats":{...},"memlog":{...}}: the first as /debug/vars has it. */
void ml_json_all(struct ml_text *text, const struct memlog_memstats *stats, const struct memlog_extra *extra);

#endif
