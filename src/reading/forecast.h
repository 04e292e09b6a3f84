/* SPDX-License-Identifier: MIT */
/* forecast.h - when what grows reaches a limit. */
#ifndef ML_READING_FORECAST_H
#define ML_READING_FORECAST_H

#include <stdbool.h>

#include "reading/study.h"

enum ml_limit_source { ML_LIMIT_NONE, ML_LIMIT_SAID, ML_LIMIT_LOG, ML_LIMIT_COLUMN };

struct ml_limit {
    enum ml_limit_source source;
    double bytes;
    const char *column; /* ML_LIMIT_COLUMN: its name */
};

struct ml_forecast {
    bool is_there;
    const char *column; /* of which the rate is */
    double now;         /* bytes at the end of the log */
    double per_hour;
    /* Seconds after the last sample; 0: it is reached. latest: INFINITY where the interval of the
     * slope goes down to none. */
    double seconds, earliest, latest;
};

/* said: bytes, 0 for none. The least of a comment's, MemoryLimit's and CgroupLimit's otherwise. */
void ml_limit_find(const struct ml_study *study, double said, struct ml_limit *limit);
/* Of what the system gave (RSS, or Sys without what was given back) where that grows; else of what
 * is in use, from the tops of its teeth on. pooled: a slope of the runs together, or NULL. */
void ml_forecast_find(const struct ml_study *study, const struct ml_limit *limit,
                      const struct ml_slope *pooled, struct ml_forecast *forecast);

#endif
