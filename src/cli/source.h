/* SPDX-License-Identifier: MIT */
/* source.h - the log that a command reads: one that is named, the newest, or what comes in a pipe;
 * and whether it can be read more than once.
 */
#ifndef ML_CLI_SOURCE_H
#define ML_CLI_SOURCE_H

#include <stdbool.h>

struct ml_source {
    const char *name; /* for messages */
    const char *file; /* for ml_log_open */
    bool is_stream;   /* it can be read once */
    int copy;         /* a stream's copy, a descriptor; -1: there is none */
    char *owned;      /* what of the above is to be freed */
};

#define ML_SOURCE_NONE ((struct ml_source){ .copy = -1 })

/* said: NULL for the newest log (reading/newest.h), "-" for the standard input. False after one
 * line on stderr. The text said must live as long. */
bool ml_source_open(struct ml_source *source, const char *said);
/* A stream is copied into a temporary file without a name, so that it can be read again. False
 * after one line on stderr. */
bool ml_source_keep(struct ml_source *source);
/* Whether that descriptor is the log's file, or LOG.1. */
bool ml_source_is_file(const struct ml_source *source, int fd);
void ml_source_close(struct ml_source *source);

#endif
