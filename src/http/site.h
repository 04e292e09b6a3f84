/* SPDX-License-Identifier: MIT */
/* site.h - what all pages of one server share: whose numbers they show, and how they are
 * set up. Written before the server's threads begin; the rooms that change have their
 * own rules.
 */
#ifndef ML_HTTP_SITE_H
#define ML_HTTP_SITE_H

#include <stdbool.h>
#include <stdint.h>

#include "http/source.h"

struct ml_history;
struct ml_symbols;

struct ml_site {
    const struct ml_source *source;
    const char *version;
    uint64_t start_ns; /* since 1970: when the process began */
    bool show_command; /* MEMLOG_COMMAND=0 leaves the command line out */
    bool go_metrics;   /* /metrics has Go's names, too */
    struct ml_history *history;   /* the server's thread */
    uint64_t *collected_ns;       /* monotonic: when somebody last asked for a collection. Worker */
    const uint64_t *held_bytes;   /* of the worker's answers that are not taken yet. Atomic */
    struct ml_symbols **symbols;  /* NULL inside: not opened yet. Worker */
};

#endif
