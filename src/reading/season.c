/* SPDX-License-Identifier: MIT */
/* season.c - for each hour of the day the median of how far the curve is from its mean of a day
 * around, which a steady rise does not move.
 */
#include "reading/season.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "reading/slope.h"

enum { BINS = 24, BINS_LEAST = 5, LEAST_POINTS = 20 };
static const double DAY = 24, DAYS_LEAST = 3;
/* Of the deviations of one half of the days, what the other half may leave: if more, the days are
 * not alike. */
static const double LEFT_SHARE = 0.6;

enum days { EVEN, ODD, ALL };

struct season {
    size_t count;
    double away[ML_SERIES_CELLS]; /* from the mean of the day around; NAN near the ends */
    double of_bin[BINS];
};

static unsigned bin_of(double hours)
{
    return (unsigned)(fmod(hours, DAY) / DAY * BINS) % BINS;
}

static void find_away(struct season *season, const struct ml_point *points)
{
    size_t from = 0, to = 0;
    double sum = 0, end = points[season->count - 1].hours;
    for (size_t i = 0; i < season->count; i++) {
        double hours = points[i].hours;
        while (to < season->count && points[to].hours < hours + DAY / 2)
            sum += points[to++].value;
        while (points[from].hours < hours - DAY / 2)
            sum -= points[from++].value;
        bool is_whole = hours - points[0].hours >= DAY / 2 && end - hours >= DAY / 2;
        season->away[i] = is_whole ? points[i].value - sum / (double)(to - from) : NAN;
    }
}

static bool is_of(enum days days, double hours)
{
    return days == ALL || ((unsigned)(hours / DAY) % 2 == 0) == (days == EVEN);
}

/* An hour without a low is between its neighbours. */
static void fill_bins(double *of_bin)
{
    double known[BINS];
    memcpy(known, of_bin, sizeof(known));
    for (unsigned bin = 0; bin < BINS; bin++) {
        unsigned before = 0, after = 0;
        while (isnan(known[(bin + BINS - before) % BINS]))
            before++;
        while (isnan(known[(bin + after) % BINS]))
            after++;
        if (before + after > 0)
            of_bin[bin] = (known[(bin + BINS - before) % BINS] * after +
                           known[(bin + after) % BINS] * before) /
                          (before + after);
    }
}

/* false: too few hours of the day are known. */
static bool find_bins(struct season *season, const struct ml_point *points, enum days days)
{
    double values[ML_SERIES_CELLS];
    unsigned known = 0;
    for (unsigned bin = 0; bin < BINS; bin++) {
        size_t n = 0;
        for (size_t i = 0; i < season->count; i++)
            if (!isnan(season->away[i]) && bin_of(points[i].hours) == bin &&
                is_of(days, points[i].hours))
                values[n++] = season->away[i];
        season->of_bin[bin] = n == 0 ? NAN : ml_median(values, n);
        known += n > 0;
    }
    if (known < BINS_LEAST)
        return false;
    fill_bins(season->of_bin);
    return true;
}

/* Between the middles of the two hours next to it: no stairs. */
static double day_at(const struct season *season, double hours)
{
    double place = fmod(hours, DAY) / DAY * BINS - 0.5;
    double below = floor(place), share = place - below;
    unsigned bin = (unsigned)((int)below + BINS) % BINS;
    return (1 - share) * season->of_bin[bin] + share * season->of_bin[(bin + 1) % BINS];
}

/* How much of those days' deviations the bins leave, which are of other days. */
static bool explains(const struct season *season, const struct ml_point *points, enum days days)
{
    double before = 0, after = 0;
    for (size_t i = 0; i < season->count; i++) {
        double away = season->away[i];
        if (isnan(away) || !is_of(days, points[i].hours))
            continue;
        double left = away - day_at(season, points[i].hours);
        before += away * away;
        after += left * left;
    }
    return before > 0 && after < LEFT_SHARE * LEFT_SHARE * before;
}

bool ml_season_remove(struct ml_point *points, size_t count)
{
    struct season *season = NULL;
    if (count >= LEAST_POINTS && points[count - 1].hours - points[0].hours >= DAYS_LEAST * DAY)
        season = malloc(sizeof(*season));
    if (season == NULL)
        return false;
    season->count = count;
    find_away(season, points);
    bool are_alike = find_bins(season, points, EVEN) && explains(season, points, ODD) &&
                     find_bins(season, points, ODD) && explains(season, points, EVEN) &&
                     find_bins(season, points, ALL);
    for (size_t i = 0; are_alike && i < count; i++)
        points[i].value -= day_at(season, points[i].hours);
    free(season);
    return are_alike;
}
