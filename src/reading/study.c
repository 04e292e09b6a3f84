/* SPDX-License-Identifier: MIT */
#include "reading/study.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "stats/fields.h"

static const double NS_PER_SECOND = 1e9, NS_PER_HOUR = 3600e9;

/* ---- columns -------------------------------------------------------------------------- */

/* HeapObjects is heap_objects. */
static bool is_same_column(const char *a, const char *b)
{
    const struct ml_field *field = ml_field_find(a, strlen(a));
    return strcmp(a, b) == 0 || (field != NULL && field == ml_field_find(b, strlen(b)));
}

int ml_study_column(const struct ml_study *study, const char *name)
{
    for (unsigned i = 0; i < study->columns; i++)
        if (is_same_column(study->run.names[i], name))
            return (int)i;
    return -1;
}

static void add_curve(struct ml_study *study, int column)
{
    for (unsigned i = 0; i < study->curves; i++)
        if ((int)study->curve_columns[i] == column)
            return;
    if (column >= 0 && study->curves < ML_SERIES_COLUMNS)
        study->curve_columns[study->curves++] = (unsigned)column;
}

static void choose_curves(struct ml_study *study)
{
    add_curve(study, study->run.alloc);
    add_curve(study, study->run.sys);
    add_curve(study, ml_study_column(study, "HeapObjects"));
    add_curve(study, ml_study_column(study, "RSS"));
    if (study->curves == 0)
        add_curve(study, 0);
}

struct ml_study *ml_study_new(const struct ml_log_run *run)
{
    struct ml_study *study = calloc(1, sizeof(*study));
    if (study == NULL)
        return NULL;
    study->run = *run;
    study->usual_ns = (int64_t)run->interval_ns;
    while (study->columns < run->count)
        ml_numbers_init(&study->numbers[study->columns++]);
    choose_curves(study);
    if (ml_series_init(&study->series, study->curves))
        return study;
    ml_study_free(study);
    return NULL;
}

void ml_study_free(struct ml_study *study)
{
    if (study == NULL)
        return;
    for (unsigned i = 0; i < study->columns; i++)
        ml_numbers_free(&study->numbers[i]);
    ml_series_free(&study->series);
    free(study);
}

/* ---- samples ---------------------------------------------------------------------------- */

/* Clearly longer than the interval: a late sample is no gap, nor is the rounding to a second. */
static int64_t gap_from(const struct ml_study *study)
{
    static const int64_t ROUNDING = 1500000000;
    if (study->run.interval_ns == 0)
        return 4 * study->usual_ns;
    int64_t times = 5 * study->usual_ns / 2, more = study->usual_ns + ROUNDING;
    return times > more ? times : more;
}

/* The seconds since the sample before, a gap counted as one interval. */
static double pass(struct ml_study *study, int64_t steady_ns)
{
    enum { SOME = 8, SLOW = 16 };
    int64_t passed = steady_ns - study->last_steady_ns;
    bool is_known = study->run.interval_ns != 0;
    if (!is_known && study->samples == 1)
        study->usual_ns = passed;
    bool is_gap = passed > gap_from(study) && (is_known || study->samples > SOME);
    if (is_gap) {
        study->gaps++;
        if (passed > study->longest_gap_ns)
            study->longest_gap_ns = passed;
        return (double)study->usual_ns / NS_PER_SECOND;
    }
    if (!is_known)
        study->usual_ns += (passed - study->usual_ns) / SLOW;
    return (double)passed / NS_PER_SECOND;
}

/* A machine that learns what year it is: no process was away for that long. */
static bool was_clock_set(const struct ml_study *study, int64_t passed)
{
    static const int64_t MONTH = INT64_C(30) * 86400 * 1000000000;
    return passed > MONTH && passed / 1000 > study->usual_ns;
}

void ml_study_add(struct ml_study *study, const struct ml_log_sample *sample)
{
    int64_t steady_ns = sample->steady_ns - study->skipped_ns;
    if (study->samples > 0 && was_clock_set(study, steady_ns - study->last_steady_ns)) {
        study->skipped_ns += steady_ns - study->last_steady_ns - study->usual_ns;
        steady_ns = study->last_steady_ns + study->usual_ns;
    }
    double seconds = study->samples > 0 ? pass(study, steady_ns) : 0;
    double values[ML_SERIES_COLUMNS];
    if (study->samples == 0) {
        study->first_ns = sample->time_ns;
        study->first_steady_ns = steady_ns;
    }
    study->samples++;
    study->last_ns = sample->time_ns;
    study->last_steady_ns = steady_ns;
    for (unsigned i = 0; i < study->columns && i < sample->count; i++)
        ml_numbers_add(&study->numbers[i], sample->time_ns, seconds, sample->values[i]);
    for (unsigned i = 0; i < study->curves; i++)
        values[i] =
            study->curve_columns[i] < sample->count ? sample->values[study->curve_columns[i]] : NAN;
    ml_series_add(&study->series, steady_ns, values);
}

static void note_end(struct ml_study *study, const struct ml_log_event *event)
{
    size_t length = 0;
    while (length < event->length && length < sizeof(study->end) - 1 &&
           isgraph((unsigned char)event->text[length]) && event->text[length] != '"')
        length++;
    memcpy(study->end, event->text, length);
    study->end[length] = '\0';
    study->has_ended = true;
    study->was_oom = event->number != 0;
}

void ml_study_note(struct ml_study *study, const struct ml_log_event *event)
{
    switch (event->kind) {
    case ML_EVENT_LIMIT:
        study->has_limit = true;
        study->limit = event->number;
        break;
    case ML_EVENT_GC:
        study->collections++;
        break;
    case ML_EVENT_LOST:
        study->lost += event->number;
        break;
    case ML_EVENT_END:
        note_end(study, event);
        break;
    default:
        break;
    }
}

/* ---- the judgement ----------------------------------------------------------------------- */

/* Less is nothing: the heap counts bytes, the system pages. */
static double unit_of(const struct ml_study *study, unsigned column)
{
    const char *name = study->run.names[column];
    if (is_same_column(name, "HeapObjects"))
        return 8;
    return !study->run.is_resident && (int)column == study->run.alloc ? 1024 : 4096;
}

bool ml_study_judge(struct ml_study *study)
{
    bool is_done = true;
    for (unsigned i = 0; i < study->curves && is_done; i++)
        is_done = ml_trend_find(&study->series, i, unit_of(study, study->curve_columns[i]),
                                study->has_ended, &study->trends[i]);
    return is_done;
}

const struct ml_trend *ml_study_trend(const struct ml_study *study, const char *name)
{
    int column = ml_study_column(study, name);
    for (unsigned i = 0; i < study->curves; i++)
        if ((int)study->curve_columns[i] == column)
            return &study->trends[i];
    return NULL;
}

static unsigned first_curve(const struct ml_study *study)
{
    unsigned i = 0;
    while (i + 1 < study->curves && study->numbers[study->curve_columns[i]].count == 0)
        i++;
    return i;
}

/* Memory that is held and not used kills as well. It takes more to be believed, for Sys is a
 * high-water mark and creeps. */
static bool is_held_more_and_more(const struct ml_trend *trend)
{
    static const double SURE = 0.99, SHARE = 0.25;
    return trend != NULL && trend->verdict == ML_VERDICT_GROWING && trend->confidence >= SURE &&
           trend->rise > SHARE * trend->base;
}

unsigned ml_study_main(const struct ml_study *study)
{
    unsigned first = first_curve(study);
    enum ml_verdict verdict = study->trends[first].verdict;
    const struct ml_trend *held = ml_study_trend(study, "RSS");
    if (held == NULL)
        held = ml_study_trend(study, "Sys");
    bool is_flat = verdict == ML_VERDICT_STEADY || verdict == ML_VERDICT_PLATEAU;
    return is_flat && is_held_more_and_more(held) ? (unsigned)(held - study->trends) : first;
}

bool ml_study_grows(const struct ml_study *study)
{
    const struct ml_trend *objects = ml_study_trend(study, "HeapObjects");
    return study->trends[ml_study_main(study)].verdict == ML_VERDICT_GROWING ||
           (objects != NULL && objects->verdict == ML_VERDICT_GROWING);
}

double ml_study_hours(const struct ml_study *study)
{
    return (double)(study->last_steady_ns - study->first_steady_ns) / NS_PER_HOUR;
}

double ml_study_rate(const struct ml_study *study, const char *name)
{
    int column = ml_study_column(study, name);
    double seconds = ml_study_hours(study) * 3600;
    if (column < 0 || seconds <= 0 || study->numbers[column].count < 2)
        return 0;
    return (study->numbers[column].last - study->numbers[column].first) / seconds;
}
