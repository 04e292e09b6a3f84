/* SPDX-License-Identifier: MIT */
#include "reading/findings.h"

#include <math.h>

/* An object that is added is small beside those that are there: a leak of number; or large: of
 * size. */
static const double SMALL = 0.75, LARGE = 4;
/* What is held is far above what is in use when it is more by this share, and by so many bytes. */
static const double RETAINED_SHARE = 0.5, RETAINED_LEAST = 8 << 20;
/* Churn: as much as is in use is allocated so many times a second, and so many bytes. */
static const double CHURN_TIMES = 0.2, CHURN_LEAST = 1 << 20;
/* Pressure. */
static const double COLLECTIONS = 1, CPU_SHARE = 0.05;

static void add(struct ml_findings *findings, enum ml_finding_kind kind, double a, double b,
                double c)
{
    findings->list[findings->count++] = (struct ml_finding){ kind, a, b, c };
}

static void miss(struct ml_findings *findings, const struct ml_study *study, const char *column)
{
    if (ml_study_column(study, column) < 0)
        findings->missing[findings->missing_count++] = column;
}

static double last_of(const struct ml_study *study, const char *name)
{
    int column = ml_study_column(study, name);
    return column < 0 || study->numbers[column].count == 0 ? NAN : study->numbers[column].last;
}

/* ---- leaks ---------------------------------------------------------------------------------- */

/* Both are rates of the whole time, so that they fit together. */
static void find_leak(const struct ml_study *study, struct ml_findings *findings)
{
    const struct ml_trend *bytes = ml_study_trend(study, "Alloc");
    const struct ml_trend *objects = ml_study_trend(study, "HeapObjects");
    if (bytes == NULL || objects == NULL)
        return;
    bool more_bytes = bytes->verdict == ML_VERDICT_GROWING;
    bool more_objects = objects->verdict == ML_VERDICT_GROWING;
    double each = more_objects && more_bytes ? bytes->slope.per_hour / objects->slope.per_hour : 0;
    double usual = fmax(bytes->base, 1) / fmax(objects->base, 1);
    if (more_objects && (!more_bytes || each < SMALL * usual))
        add(findings, ML_FINDING_BY_NUMBER, objects->slope.per_hour, each, 0);
    else if (more_bytes && (!more_objects || each > LARGE * usual))
        add(findings, ML_FINDING_BY_SIZE, bytes->slope.per_hour, 0, 0);
    else if (more_bytes && more_objects)
        add(findings, ML_FINDING_BY_BOTH, objects->slope.per_hour, each, 0);
}

/* ---- memory that is not in use ----------------------------------------------------------------
 */

/* Without what was given back. Where that is not known, all that is held is at least in RSS. */
static double held_of(const struct ml_study *study)
{
    double sys = last_of(study, "Sys"), released = last_of(study, "HeapReleased");
    return isnan(released) && !isnan(sys) ? fmin(sys, last_of(study, "RSS")) : sys - released;
}

static void find_retained(const struct ml_study *study, struct ml_findings *findings)
{
    const struct ml_trend *used = ml_study_trend(study, "Alloc");
    double held = held_of(study);
    if (used == NULL || isnan(held) || used->verdict == ML_VERDICT_GROWING)
        return;
    double spare = held - used->recent_top;
    if (spare < RETAINED_SHARE * held || spare < RETAINED_LEAST)
        return;
    /* Whole pages can go back, and not what is free between objects in use. */
    double pages = last_of(study, "HeapIdle") - last_of(study, "HeapReleased");
    bool is_known = !isnan(pages);
    add(findings, is_known && pages < spare / 2 ? ML_FINDING_FRAGMENTED : ML_FINDING_RETAINED,
        is_known ? fmin(fmax(pages, 0), spare) : spare, held, used->recent_top);
    miss(findings, study, "HeapReleased");
    miss(findings, study, "HeapIdle");
}

static void find_outside(const struct ml_study *study, struct ml_findings *findings)
{
    const struct ml_trend *used = ml_study_trend(study, "Alloc"),
                          *rss = ml_study_trend(study, "RSS");
    if (used != NULL && rss != NULL && rss->verdict == ML_VERDICT_GROWING &&
        (used->verdict == ML_VERDICT_STEADY || used->verdict == ML_VERDICT_PLATEAU))
        add(findings, ML_FINDING_OUTSIDE, rss->slope.per_hour, 0, 0);
}

/* ---- work ---------------------------------------------------------------------------------------
 */

/* What was in use at the peak had to be allocated once: that is no churn. */
static void find_churn(const struct ml_study *study, struct ml_findings *findings)
{
    double rate = ml_study_rate(study, "TotalAlloc"), seconds = ml_study_hours(study) * 3600;
    int used = ml_study_column(study, "Alloc");
    if (used < 0 || seconds <= 0 || study->numbers[used].count == 0)
        return;
    double mean = ml_numbers_mean(&study->numbers[used]);
    double again = rate - study->numbers[used].peak / seconds;
    if (again >= CHURN_LEAST && again >= CHURN_TIMES * mean)
        add(findings, ML_FINDING_CHURN, rate, rate / mean, 0);
}

static void find_pressure(const struct ml_study *study, struct ml_findings *findings)
{
    double rate = ml_study_rate(study, "NumGC"), seconds = ml_study_hours(study) * 3600;
    double share = last_of(study, "GCCPUFraction");
    if (rate == 0 && study->collections > 0 && seconds > 0)
        rate = (double)study->collections / seconds;
    if (rate >= COLLECTIONS || share >= CPU_SHARE)
        add(findings, ML_FINDING_PRESSURE, rate, isnan(share) ? 0 : share, 0);
}

void ml_findings_find(const struct ml_study *study, bool is_growing, struct ml_findings *findings)
{
    findings->count = findings->missing_count = 0;
    if (study->run.is_resident)
        return;
    find_leak(study, findings);
    find_retained(study, findings);
    find_outside(study, findings);
    find_churn(study, findings);
    find_pressure(study, findings);
    if (is_growing)
        miss(findings, study, "HeapObjects");
    if (study->trends[ml_study_main(study)].falls > 0) {
        miss(findings, study, "TotalAlloc");
        if (study->run.collects && study->collections == 0)
            miss(findings, study, "NumGC");
    }
}
