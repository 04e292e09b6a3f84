/* SPDX-License-Identifier: MIT */
#include "stats/root.h"

#include "stats/raw.h"

/* The linker's names for the section's ends. */
extern const struct ml_published __start_memlog_published[], __stop_memlog_published[];

/* Whatever a reader takes for granted: sizes, and some places in the middle. One
 * number after the other, mixed by a multiplication that loses nothing. */
#define MIX(sum, number) (((sum) ^ (uint64_t)(number)) * UINT64_C(0x9e3779b97f4a7c15))
#define LAYOUT                                                                             \
    MIX(MIX(MIX(MIX(MIX(MIX(MIX(MIX(ML_ROOT_VERSION, ML_BINS), sizeof(struct ml_thread)),  \
                        offsetof(struct ml_thread, magazines)),                            \
                    sizeof(struct ml_magazine)),                                           \
                offsetof(struct ml_magazine, mallocs)),                                    \
            sizeof(struct ml_thread_group)),                                               \
        sizeof(struct ml_gc_history)), sizeof(struct ml_gc_record))

uint64_t ml_root_layout(void) { return LAYOUT; }

__attribute__((visibility("default"))) const struct memlog_root memlog_root = {
    .magic = ML_ROOT_MAGIC,
    .version = ML_ROOT_VERSION,
    .bytes = sizeof(struct memlog_root),
    .layout = LAYOUT,
    .published = __start_memlog_published,
    .published_end = __stop_memlog_published,
};
