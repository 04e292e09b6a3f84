/* SPDX-License-Identifier: MIT */
#include "stats/root.h"

#include "stats/layout.h"

/* The linker's names for the section's ends. */
extern const struct ml_published __start_memlog_published[], __stop_memlog_published[];

/* In a section of its own: where memlog is linked into a program no symbol may be left of it,
 * but that. */
__attribute__((visibility("default"), section(".memlog_root"))) const struct memlog_root memlog_root = {
    .magic = ML_ROOT_MAGIC,
    .version = ML_ROOT_VERSION,
    .bytes = sizeof(struct memlog_root),
    .layout = ML_ROOT_LAYOUT,
    .published = __start_memlog_published,
    .published_end = __stop_memlog_published,
};
