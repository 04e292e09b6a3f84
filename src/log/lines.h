/* SPDX-License-Identifier: MIT */
/* lines.h - what one log writes: the numbers of this moment as a line, its
 * header, its comments.
 *
 * Between record.h, which knows how a line looks, and file.h, which knows how
 * it gets to the disk, stands who asks for the numbers. Guarded by the
 * caller's lock. The struct is large, and static where it is used: memlog's
 * threads have small stacks, and nothing here may allocate.
 */
#ifndef ML_LOG_LINES_H
#define ML_LOG_LINES_H

#include <stdbool.h>
#include <stdint.h>

#include "log/file.h"
#include "log/record.h"

/* Where the numbers come from: this process (own.h), or another one. */
struct ml_lines_source {
    /* Fill *stats, and *extra, whose size is set, unless it is NULL. 0, or -errno: they can't be
     * had now. */
    int (*read)(void *context, struct memlog_memstats *stats, struct memlog_extra *extra);
    /* Those of the system's numbers (usage.h). */
    void (*read_usage)(void *context, unsigned sources, struct ml_os_usage *usage);
    uint64_t (*cycles)(void *context);
    bool (*cycle)(void *context, uint64_t number, struct ml_gc_record *record);
    uint64_t (*limit_bytes)(void *context); /* of its cgroup; 0: none */
    void *context;
};

struct ml_lines {
    const struct ml_lines_source *source;
    struct ml_record record;
    struct ml_file file;

    uint64_t limit_bytes; /* the cgroup's when last looked at, 0: none */
    uint64_t limit_checked_ns; /* monotonic */
    bool tell_cycles;          /* a comment for each collection */
    uint64_t cycles_told;      /* number of the last one */
    size_t run_length;         /* of the header without the limit */
    char header[ML_RECORD_HEADER_BYTES];

    char payload[ML_FILE_PAYLOAD_BYTES];
    struct memlog_memstats stats;
    struct memlog_extra extra;
    struct ml_os_usage usage;
};

/* Compose the header for a run. lines->source, record and tell_cycles are set. */
void ml_lines_begin(struct ml_lines *lines, const struct ml_record_run *run);

/* Write a sample of now (since 1970) and, with a keyword, a comment right
 * behind it. A memory limit that has changed, and the collections since the last
 * sample where they are told, are said before it. As ml_file_append, or as the source's read:
 * then nothing is written. */
int ml_lines_sample(struct ml_lines *lines, uint64_t now_ns, const char *keyword,
                    const char *words);
/* Write a comment alone. As ml_file_append. */
int ml_lines_comment(struct ml_lines *lines, const char *words);

#endif
