/* SPDX-License-Identifier: MIT */
/* slope.h - the slope through points, by the median of the slopes of all pairs (Theil, Sen): a few
 * points that are far off do not turn it. And order statistics it needs.
 */
#ifndef ML_READING_SLOPE_H
#define ML_READING_SLOPE_H

#include <stddef.h>

#include "reading/series.h"

enum { ML_SLOPE_POINTS = 1024 }; /* half a million pairs */

struct ml_slope {
    double per_hour;
    double low, high;  /* its interval of confidence, 95 % */
    double confidence; /* that it is above 0, from 0 to 1 */
    double order;      /* from -1 to 1: 1 when each point is above all before it (Kendall's tau) */
};

/* The number of that rank, from 0, in numbers, which are put in another order. count > 0. */
double ml_select(double *numbers, size_t count, size_t rank);
double ml_median(double *numbers, size_t count);
/* Of how far the numbers are from their median, scaled to a normal distribution's standard
 * deviation. The numbers become those distances. */
double ml_spread(double *numbers, size_t count);

/* points, at most ML_SLOPE_POINTS, in the order of time. inflation: how many of them say as much
 * as one that is independent of the others, 1 at least: the variance grows by it. false: no
 * memory, or fewer than two moments. */
bool ml_slope_fit(const struct ml_point *points, size_t count, double inflation,
                  struct ml_slope *slope);

#endif
