/* SPDX-License-Identifier: MIT */
#include "stats/root.h"

#include "stats/layout.h"

/* The linker's names for the section's ends. */
extern const struct ml_published __start_memlog_published[], __stop_memlog_published[];

__attribute__((visibility("default"))) const struct memlog_root memlog_root = {
    .magic = ML_ROOT_MAGIC,
    .version = ML_ROOT_VERSION,
    .bytes = sizeof(struct memlog_root),
    .layout = ML_ROOT_LAYOUT,
    .published = __start_memlog_published,
    .published_end = __stop_memlog_published,
};
