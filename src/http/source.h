/* SPDX-License-Identifier: MIT */
/* source.h - where the pages' numbers come from: this process (self.c), or one that memlog
 * runs, out of its memory (cli/pages.c).
 *
 * Called from the server's two threads, at any time between start and stop.
 */
#ifndef ML_HTTP_SOURCE_H
#define ML_HTTP_SOURCE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "gc/history.h"
#include "image/snapshot.h"
#include "memlog_stats.h"

struct ml_source {
    void *context;
    pid_t pid; /* of the process that the numbers are of, as this one knows it */
    /* Both; extra's rss and cgroup_limit, too. 0, or -errno: they can't be had now. */
    int (*read)(void *context, struct memlog_memstats *stats, struct memlog_extra *extra);
    /* As ml_gc_cycles and ml_gc_record_read. */
    uint64_t (*cycles)(void *context);
    bool (*cycle)(void *context, uint64_t number, struct ml_gc_record *record);
    /* 0 or -errno, as ml_snapshot_take. */
    int (*profile)(void *context, struct ml_snapshot *snapshot);
    /* A whole collection, as memlog_gc. 0; -ENOTSUP: nobody can ask for one. */
    int (*collect)(void *context);
    /* Around code of the program's that the worker calls. NULL: there is none. */
    void (*enter)(void *context);
    void (*leave)(void *context);
};

#endif
