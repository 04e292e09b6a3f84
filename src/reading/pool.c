/* SPDX-License-Identifier: MIT */
#include "reading/pool.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { RUNS_LEAST = 3, LOWS_LEAST = 4 };
/* Of the middle run's time: what is shorter says nothing beside it. */
static const double LENGTH_SHARE = 0.25;
/* Of the runs: so many that grow make a service that does. */
static const double GROWING_SHARE = 0.5;
/* Where none is sure by itself: so many of them rise, and that is so many deviations from chance.
 */
static const double RISING_SHARE = 0.8, DEVIATIONS = 4;

void ml_brief_of(const struct ml_study *study, struct ml_brief *brief)
{
    unsigned curve = ml_study_main(study);
    const struct ml_trend *trend = &study->trends[curve];
    *brief = (struct ml_brief){
        .number = study->run.number,
        .first_ns = study->first_ns,
        .last_ns = study->last_ns,
        .hours = ml_study_hours(study),
        .samples = study->samples,
        .verdict = trend->verdict,
        .slope = trend->slope,
        .lows = trend->lows,
        .peak = study->numbers[study->curve_columns[curve]].peak,
        .has_ended = study->has_ended,
        .was_oom = study->was_oom,
    };
    memcpy(brief->end, study->end, sizeof(brief->end));
}

/* How many deviations from chance a confidence is. The inverse of the normal distribution by
 * bisection; it is asked for a few times only. */
static double deviations_of(double confidence)
{
    double low = -8, high = 8;
    for (int i = 0; i < 50; i++) {
        double middle = (low + high) / 2;
        if (0.5 * erfc(-middle / sqrt(2)) < confidence)
            low = middle;
        else
            high = middle;
    }
    return low;
}

static double middle_length(const struct ml_brief *briefs, size_t count, double *numbers)
{
    for (size_t i = 0; i < count; i++)
        numbers[i] = briefs[i].hours;
    return ml_median(numbers, count);
}

static bool is_long(const struct ml_brief *brief, double least)
{
    return brief->hours >= least && brief->lows >= LOWS_LEAST;
}

static void add_up(const struct ml_brief *briefs, size_t count, double *slopes,
                   struct ml_pool *pool)
{
    double least = LENGTH_SHARE * middle_length(briefs, count, slopes), deviations = 0;
    size_t rising = 0, n = 0, flat = 0;
    for (size_t i = 0; i < count; i++) {
        if (!is_long(&briefs[i], least))
            continue;
        slopes[n++] = briefs[i].slope.per_hour;
        pool->judged += briefs[i].verdict != ML_VERDICT_SHORT;
        pool->growing += briefs[i].verdict == ML_VERDICT_GROWING;
        flat += briefs[i].verdict == ML_VERDICT_PLATEAU || briefs[i].verdict == ML_VERDICT_SPIKE;
        rising += briefs[i].slope.per_hour > 0;
        deviations += deviations_of(briefs[i].slope.confidence);
    }
    if (n == 0)
        return;
    deviations /= sqrt((double)n);
    pool->confidence = 0.5 * erfc(-deviations / sqrt(2));
    pool->least = ml_select(slopes, n, n / 4);
    pool->most = ml_select(slopes, n, n - 1 - n / 4);
    pool->per_hour = ml_median(slopes, n);
    bool most_grow =
        pool->growing > 0 && (double)pool->growing >= GROWING_SHARE * (double)pool->judged;
    bool all_rise = n >= RUNS_LEAST && flat == 0 && (double)rising >= RISING_SHARE * (double)n &&
                    deviations >= DEVIATIONS;
    pool->is_growing = most_grow || all_rise;
}

void ml_pool_runs(const struct ml_brief *briefs, size_t count, struct ml_pool *pool)
{
    double *numbers = count == 0 ? NULL : malloc(count * sizeof(*numbers));
    memset(pool, 0, sizeof(*pool));
    if (numbers != NULL)
        add_up(briefs, count, numbers, pool);
    free(numbers);
}
