/* SPDX-License-Identifier: MIT */
/* lows.h - what lives, out of a curve that goes up and down: the points it comes down to.
 *
 * Garbage piles up until a collection takes it away, work comes by day and goes by night. Neither
 * is growth: it shows in the low points, tooth after tooth and night after night.
 */
#ifndef ML_READING_LOWS_H
#define ML_READING_LOWS_H

#include <stdbool.h>
#include <stddef.h>

#include "reading/series.h"

enum { ML_LOWS_MOST = 512, ML_LOWS_LEAST = 5 };

struct ml_lows {
    size_t count;
    size_t
        falls; /* teeth of the curve itself; 0: it has none, and the lows are of equal stretches */
    bool are_level; /* falls: they all come down to nearly the same */
    double blur;    /* what the lows may be too high, because nobody sampled right then */
    bool is_daily;  /* a day's ups and downs have been taken out of them */
    struct ml_point points[ML_LOWS_MOST];
    size_t waves; /* regular ones, as of work that comes each hour, and their low points; 0: none */
    struct ml_point wave_points[ML_LOWS_MOST];
};

/* points: a curve's, in the order of time, at most ML_SERIES_CELLS; they are overwritten.
 * samples: out of how many they came. */
void ml_lows_find(struct ml_point *points, size_t count, double samples, struct ml_lows *lows);
/* Those of the waves, or the low points of these where they go up and down in turn. false: they do
 * not, and stay. */
bool ml_lows_again(struct ml_lows *lows);

#endif
