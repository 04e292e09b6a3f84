/* SPDX-License-Identifier: MIT */
/* survey.h - a whole log in one pass: its runs, one of which is studied, and what happened. */
#ifndef ML_READING_SURVEY_H
#define ML_READING_SURVEY_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reading/pool.h"
#include "reading/study.h"

enum { ML_SURVEY_RUNS = 1024, ML_SURVEY_NOTES = 24, ML_NOTE_BYTES = 100 };
#define ML_SURVEY_LAST UINT_MAX /* the last run, be it short */

/* A mark or an alert. */
struct ml_note {
    enum ml_log_event_kind kind;
    unsigned run;
    bool has_time;
    int64_t time_ns;
    char text[ML_NOTE_BYTES]; /* no control characters */
};

struct ml_survey {
    int64_t from_ns, to_ns; /* samples outside do not count */
    unsigned wanted; /* the run to study; 0: the last that is long enough, and the others count */

    unsigned runs; /* that have samples */
    uint64_t samples;
    int64_t first_ns, last_ns;
    struct ml_study *current, *chosen; /* chosen: NULL where no run has a sample */
    bool is_out_of_memory;
    size_t briefs_count; /* of the last ML_SURVEY_RUNS runs */
    struct ml_brief briefs[ML_SURVEY_RUNS];
    struct ml_pool pool;
    bool is_growing;                /* the run that was chosen, or the runs together */
    size_t notes_count, notes_more; /* more: that are not kept */
    struct ml_note notes[ML_SURVEY_NOTES];
};

/* For ml_survey_free(). NULL: no memory. */
struct ml_survey *ml_survey_new(int64_t from_ns, int64_t to_ns, unsigned wanted);
void ml_survey_free(struct ml_survey *survey); /* NULL is allowed */
struct ml_log_visitor ml_survey_visitor(struct ml_survey *survey);
/* No more comes. 0; -ENODATA: there is no sample, or not that run; -ENOMEM. */
int ml_survey_finish(struct ml_survey *survey);

#endif
