/* SPDX-License-Identifier: MIT */
/* json.h - MemStats as Go's encoding/json writes it. Pure. */
#ifndef ML_STATS_JSON_H
#define ML_STATS_JSON_H

#include "base/format.h"
#include "memlog_stats.h"

/* Append the object {"Alloc":...,"BySize":[...]} to text. */
void ml_json_memstats(struct ml_text *text, const struct memlog_memstats *stats);

#endif
