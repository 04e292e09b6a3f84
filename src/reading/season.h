/* SPDX-License-Identifier: MIT */
/* season.h - the day's share of a curve, taken out of it: what is done by day and not by night is
 * no growth, whenever the log begins.
 */
#ifndef ML_READING_SEASON_H
#define ML_READING_SEASON_H

#include <stdbool.h>
#include <stddef.h>

#include "reading/series.h"

/* points in the order of time, at most ML_SERIES_CELLS. false, and nothing is changed: they are not
 * of two days, or one day is not like the other. */
bool ml_season_remove(struct ml_point *points, size_t count);

#endif
