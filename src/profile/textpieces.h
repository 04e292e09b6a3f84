/* SPDX-License-Identifier: MIT */
/* textpieces.h - the pieces of the text form (text.h), to wherever they go. */
#ifndef ML_PROFILE_TEXTPIECES_H
#define ML_PROFILE_TEXTPIECES_H

#include <stdint.h>

#include "memlog_stats.h"
#include "profile/buckets.h"
#include "profile/out.h"

/* The first line; sum: of all buckets. */
void ml_textpieces_head(const struct ml_out *out, struct ml_bucket_counts sum, uint64_t rate);
/* A bucket's line. */
void ml_textpieces_bucket(const struct ml_out *out, const struct ml_bucket_counts *counts,
                          const uintptr_t *pcs, unsigned depth);
/* The statistics, with a blank line and a title. most_rss: bytes. */
void ml_textpieces_stats(const struct ml_out *out, const struct memlog_memstats *stats,
                         uint64_t most_rss);
/* What stands before the mappings. */
#define ML_TEXTPIECES_MAPPINGS "\nMAPPED_LIBRARIES:\n"

#endif
