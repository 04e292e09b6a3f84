/* SPDX-License-Identifier: MIT */
/* cycles.h - records of collections, for the pages that show them. */
#ifndef ML_HTTP_CYCLES_H
#define ML_HTTP_CYCLES_H

#include "http/buffer.h"
#include "http/source.h"

/* "paced", "forced" ...: as the log's # gc lines have it. */
const char *ml_cycle_reason(const struct ml_gc_record *cycle);
/* Those behind the one with that number, the last 256 at most, the oldest first, as a JSON array of
 * objects; times in it are seconds since 1970 and nanoseconds. */
void ml_cycles_json(const struct ml_source *source, uint64_t after, struct ml_buffer *buffer);

#endif
