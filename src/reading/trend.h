/* SPDX-License-Identifier: MIT */
/* trend.h - where one curve of a run is going: what its low points say, and how sure that is. */
#ifndef ML_READING_TREND_H
#define ML_READING_TREND_H

#include <stdbool.h>
#include <stddef.h>

#include "reading/series.h"
#include "reading/slope.h"

enum ml_verdict {
    ML_VERDICT_SHORT, /* too short to tell */
    ML_VERDICT_STEADY,
    ML_VERDICT_PLATEAU, /* it rose, and stays where it is */
    ML_VERDICT_SPIKE,   /* it came and went */
    ML_VERDICT_GROWING,
    ML_VERDICTS
};

struct ml_trend {
    enum ml_verdict verdict;
    double confidence;     /* in the verdict, from 0 to 1 */
    struct ml_slope slope; /* of the lows; from growing_from on where it grows */
    double growing_from;   /* hours since the run's start */
    double hours;          /* from the first low to the last */
    double level;          /* of the lows, at the end */
    double rise;           /* growing: since growing_from; plateau: of the step */
    double base;           /* growing: what it rises from, by the line; the level may be of the end, where
                            * some of it was freed */
    double first,
        arrived;        /* where the curve began; when (hours) it first was near where it stays */
    double top;         /* the highest */
    double recent_top;  /* in the last quarter of the time */
    size_t lows, falls; /* falls: deep ones, as of collections; 0: the curve is no sawtooth */
};

/* The verdict's word for people and for programs: "growing", "too short to tell". */
const char *ml_verdict_word(enum ml_verdict verdict);

/* unit: the least difference that may mean something: a few pages, a few objects. has_ended: the
 * program did, and may have freed all in its last moments. false: no memory. */
bool ml_trend_find(const struct ml_series *series, unsigned column, double unit, bool has_ended,
                   struct ml_trend *trend);

#endif
