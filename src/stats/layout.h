/* SPDX-License-Identifier: MIT */
/* layout.h - a number that stands for how the structs look that a reader outside of the
 * process finds (root.h).
 */
#ifndef ML_STATS_LAYOUT_H
#define ML_STATS_LAYOUT_H

#include "gc/finalize.h"
#include "gc/history.h"
#include "gc/mutator.h"
#include "gc/type.h"
#include "gc/watch.h"
#include "heap/metadata.h"
#include "heap/threadgroup.h"
#include "stats/root.h"

/* Whatever a reader takes for granted: sizes, and some places in the middle. One
 * number after the other, mixed by a multiplication that loses nothing. */
#define ML_MIX(sum, number) (((sum) ^ (uint64_t)(number)) * UINT64_C(0x9e3779b97f4a7c15))
#define ML_LAYOUT_OF_THREADS                                                                  \
    ML_MIX(ML_MIX(ML_MIX(ML_ROOT_VERSION, ML_BINS), sizeof(struct ml_thread)),                \
           offsetof(struct ml_thread, magazines))
#define ML_LAYOUT_OF_COUNTERS                                                                 \
    ML_MIX(ML_MIX(ML_MIX(ML_LAYOUT_OF_THREADS, sizeof(struct ml_magazine)),                   \
                  offsetof(struct ml_magazine, mallocs)),                                     \
           sizeof(struct ml_thread_group) + ML_POOLS)
#define ML_LAYOUT_OF_SPANS                                                                    \
    ML_MIX(ML_MIX(ML_MIX(ML_LAYOUT_OF_COUNTERS, sizeof(struct ml_span)),                      \
                  offsetof(struct ml_span, swept_at)),                                        \
           sizeof(struct ml_bin) + offsetof(struct ml_spanmap, reserved_bytes))
#define ML_LAYOUT_OF_ROOTS                                                                    \
    ML_MIX(ML_MIX(ML_LAYOUT_OF_SPANS, sizeof(struct ml_mutator)),                             \
           sizeof(struct ml_watch) + sizeof(struct ml_due) + sizeof(struct memlog_type))
#define ML_ROOT_LAYOUT                                                                        \
    ML_MIX(ML_MIX(ML_LAYOUT_OF_ROOTS, sizeof(struct ml_gc_history)), sizeof(struct ml_gc_record))

#endif
