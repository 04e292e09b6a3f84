/* SPDX-License-Identifier: MIT */
/* study.h - all that is known of one run of a log: its columns' numbers, its curves, how it ended.
 */
#ifndef ML_READING_STUDY_H
#define ML_READING_STUDY_H

#include <stdbool.h>
#include <stdint.h>

#include "reading/log.h"
#include "reading/numbers.h"
#include "reading/series.h"
#include "reading/trend.h"

enum { ML_STUDY_END_BYTES = 32 };

struct ml_study {
    struct ml_log_run run;
    uint64_t samples, lost, collections; /* collections: told of by comments */
    int64_t first_ns, last_ns;           /* since 1970, as written */
    int64_t first_steady_ns, last_steady_ns;
    int64_t skipped_ns; /* where the clock was set on by years: left out of the steady times */
    uint64_t gaps; /* times without a sample for much longer than the interval */
    int64_t longest_gap_ns;
    int64_t usual_ns; /* between two samples: the interval where it is known */
    bool has_limit;
    uint64_t limit; /* bytes, the last that was told; 0: none */
    bool has_ended, was_oom;
    char end[ML_STUDY_END_BYTES]; /* the reason's word; "" */

    unsigned columns; /* as in run; 0 before there is a run */
    struct ml_numbers numbers[ML_LINE_COLUMNS];
    struct ml_series series;
    unsigned curves;
    unsigned curve_columns[ML_SERIES_COLUMNS]; /* Alloc or PSS comes first */
    struct ml_trend trends[ML_SERIES_COLUMNS]; /* of the curves, after ml_study_judge */
};

/* For ml_study_free(). NULL: no memory. */
struct ml_study *ml_study_new(const struct ml_log_run *run);
void ml_study_free(struct ml_study *study); /* NULL is allowed */
void ml_study_add(struct ml_study *study, const struct ml_log_sample *sample);
void ml_study_note(struct ml_study *study, const struct ml_log_event *event);
/* No more comes. false: no memory. */
bool ml_study_judge(struct ml_study *study);

/* The place of a column by one of its names, -1: none. */
int ml_study_column(const struct ml_study *study, const char *name);
/* The trend of a column by its name, NULL: there is none. */
const struct ml_trend *ml_study_trend(const struct ml_study *study, const char *name);
/* The curve that the verdict is about: the first one that has values, or where that is flat and what
 * is held of the system (RSS, or else Sys) clearly grows, that. samples > 0. */
unsigned ml_study_main(const struct ml_study *study);
/* Whether what is in use grows: the bytes, or the objects, whose number tells of a leak of small
 * ones before the bytes do. */
bool ml_study_grows(const struct ml_study *study);
double ml_study_hours(const struct ml_study *study);
/* How fast a total grew, per second; 0 where it is not in the log. */
double ml_study_rate(const struct ml_study *study, const char *name);

#endif
