/* SPDX-License-Identifier: MIT */
/* summary.h - what memlog says of a log when it is over: how many samples, the peaks, what was
 * alive at the end.
 */
#ifndef ML_CLI_SUMMARY_H
#define ML_CLI_SUMMARY_H

#include <stdbool.h>
#include <stdint.h>

#include "log/lines.h"

/* The most there was, and when. */
struct ml_peak {
    uint64_t bytes;
    uint64_t when_ns; /* since 1970; 0: there was nothing */
};

struct ml_summary {
    bool without_heap;         /* then the peaks are of PSS and RSS */
    struct ml_peak alloc, sys;
    uint64_t objects, bytes;   /* at the last sample */
};

/* The lines have just taken a sample. */
void ml_summary_note(struct ml_summary *summary, const struct ml_lines *lines, uint64_t now_ns);
/* Three lines on stderr. name: the log's; at_exit: the last sample is of the process's end. */
void ml_summary_tell(const struct ml_summary *summary, const char *name, const struct ml_file *file,
                     bool at_exit);

#endif
