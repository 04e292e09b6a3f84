/* SPDX-License-Identifier: MIT */
#include "reading/forecast.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

/* ---- the limit ----------------------------------------------------------------------------- */

/* "No limit" is the largest number, or 0. */
static bool is_limit(double bytes)
{
    return bytes > 0 && bytes < 4e18;
}

static void take(struct ml_limit *limit, enum ml_limit_source source, double bytes,
                 const char *column)
{
    if (is_limit(bytes) && (limit->source == ML_LIMIT_NONE || bytes < limit->bytes))
        *limit = (struct ml_limit){ source, bytes, column };
}

void ml_limit_find(const struct ml_study *study, double said, struct ml_limit *limit)
{
    static const char *const columns[] = { "MemoryLimit", "CgroupLimit" };
    *limit = (struct ml_limit){ .source = ML_LIMIT_NONE };
    take(limit, ML_LIMIT_SAID, said, NULL);
    if (limit->source != ML_LIMIT_NONE)
        return;
    if (study->has_limit)
        take(limit, ML_LIMIT_LOG, (double)study->limit, NULL);
    for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++) {
        int column = ml_study_column(study, columns[i]);
        if (column >= 0)
            take(limit, ML_LIMIT_COLUMN, study->numbers[column].last, columns[i]);
    }
}

/* ---- the time ------------------------------------------------------------------------------ */

static double seconds_to(double distance, double per_hour)
{
    return distance <= 0 ? 0 : per_hour > 0 ? distance / per_hour * 3600 : INFINITY;
}

static double last_of(const struct ml_study *study, const char *name)
{
    int column = ml_study_column(study, name);
    return column < 0 || study->numbers[column].count == 0 ? 0 : study->numbers[column].last;
}

static void foretell(struct ml_forecast *forecast, const struct ml_limit *limit, const char *column,
                     double now, const struct ml_slope *slope)
{
    double distance = limit->bytes - now;
    if (slope->per_hour <= 0)
        return;
    *forecast = (struct ml_forecast){
        .is_there = true,
        .column = column,
        .now = now,
        .per_hour = slope->per_hour,
        .seconds = seconds_to(distance, slope->per_hour),
        .earliest = seconds_to(distance, slope->high),
        .latest = seconds_to(distance, slope->low),
    };
}

void ml_forecast_find(const struct ml_study *study, const struct ml_limit *limit,
                      const struct ml_slope *pooled, struct ml_forecast *forecast)
{
    static const char *const taken[] = { "RSS", "Sys" };
    unsigned curve = ml_study_main(study);
    const struct ml_trend *used = &study->trends[curve];
    *forecast = (struct ml_forecast){ .is_there = false };
    if (limit->source == ML_LIMIT_NONE || (pooled == NULL && used->verdict != ML_VERDICT_GROWING))
        return;
    for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++) {
        const struct ml_trend *trend = ml_study_trend(study, taken[i]);
        if (trend == NULL || trend->verdict != ML_VERDICT_GROWING)
            continue;
        double now = last_of(study, taken[i]) - (i == 1 ? last_of(study, "HeapReleased") : 0);
        foretell(forecast, limit, taken[i], now, &trend->slope);
        return;
    }
    foretell(forecast, limit, study->run.names[study->curve_columns[curve]], used->recent_top,
             used->verdict == ML_VERDICT_GROWING ? &used->slope : pooled);
}
