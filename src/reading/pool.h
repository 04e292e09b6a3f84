/* SPDX-License-Identifier: MIT */
/* pool.h - the runs of a log together: a service that grows, is killed and begins anew grows, be
 * each run too short to tell.
 */
#ifndef ML_READING_POOL_H
#define ML_READING_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reading/study.h"

/* What is kept of each run. */
struct ml_brief {
    unsigned number;
    int64_t first_ns, last_ns;
    double hours;
    uint64_t samples;
    enum ml_verdict verdict;
    struct ml_slope slope;
    size_t lows;
    double peak; /* of the curve that the verdict is about */
    bool has_ended, was_oom;
    char end[ML_STUDY_END_BYTES];
};

struct ml_pool {
    bool is_growing;
    size_t judged;      /* runs that are long enough for a verdict, compared with the others */
    size_t growing;     /* of these */
    double per_hour;    /* the median of their slopes */
    double least, most; /* of them, without the outer quarters */
    double confidence;  /* that they grow, from 0 to 1 */
};

void ml_brief_of(const struct ml_study *study, struct ml_brief *brief);
/* The briefs of the whole log, or its last so many. */
void ml_pool_runs(const struct ml_brief *briefs, size_t count, struct ml_pool *pool);

#endif
