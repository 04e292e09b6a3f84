/* SPDX-License-Identifier: MIT */
#include "reading/lows.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "reading/season.h"
#include "reading/slope.h"

enum {
    FEW = 12,       /* points: no teeth are looked for among fewer */
    FALLS_LEAST = 3 /* that make a sawtooth, not an accident */
};
/* A fall is a tooth's when it is this many times as deep as the noise from point to point. White
 * noise of two thousand points spans seven. */
static const double NOISE_TIMES = 8;
/* And when it is this share of the falls that make up most of the way down: what is less deep is a
 * dent in a flank. */
static const double DEPTH_SHARE = 0.3;
/* Of a tooth's time, what its fall takes at most; and where that is more than a few points, so that
 * it is not for want of samples. */
static const double ABRUPT_SHARE = 0.34, ABRUPT_SHARE_SEEN = 0.2;
/* Of the time from wave to wave, what the times between regular ones are spread by at most. Noise
 * has ups and downs of any length. */
static const double REGULAR_SHARE = 0.15;
/* Of the teeth's height, what lows that are level may differ by. */
static const double LEVEL_SHARE = 0.2;

/* ---- falls --------------------------------------------------------------------------- */

/* The noise from one point to the next, without the curve's own rise. */
static double noise_of(const struct ml_point *points, size_t count)
{
    double steps[ML_SERIES_CELLS];
    for (size_t i = 0; i + 1 < count; i++)
        steps[i] = points[i + 1].value - points[i].value;
    return ml_spread(steps, count - 1) / sqrt(2);
}

/* A turn down, and the low it ends in. */
struct fall {
    double depth;
    size_t top, low; /* the places of the points */
};

/* Follow the curve from turn to turn, where a turn is one of at least `depth`. The count of falls.
 */
static size_t follow(const struct ml_point *points, size_t count, double depth, struct fall *falls)
{
    size_t found = 0, low = 0, top = 0;
    bool is_falling = false;
    for (size_t i = 1; i < count; i++) {
        double value = points[i].value;
        if (is_falling && value < points[low].value)
            low = i;
        if (!is_falling && value > points[top].value)
            top = i;
        if (is_falling && value - points[low].value > depth) {
            falls[found++] = (struct fall){ points[top].value - points[low].value, top, low };
            is_falling = false;
            top = i;
        } else if (!is_falling && points[top].value - value > depth) {
            is_falling = true;
            low = i;
        }
    }
    if (is_falling)
        falls[found++] = (struct fall){ points[top].value - points[low].value, top, low };
    return found;
}

static int deeper_first(const void *a, const void *b)
{
    double first = *(const double *)a, second = *(const double *)b;
    return (first < second) - (first > second);
}

/* The depth at which half of the whole way down is in falls that are deeper: a spike's one fall
 * does not outweigh a hundred teeth, nor do a thousand dents. */
static double main_depth(const struct fall *falls, size_t count)
{
    double depths[ML_SERIES_CELLS], whole = 0, above = 0;
    size_t i = 0;
    for (size_t j = 0; j < count; j++)
        whole += depths[j] = falls[j].depth;
    qsort(depths, count, sizeof(*depths), deeper_first);
    while (i + 1 < count && (above += depths[i]) < whole / 2)
        i++;
    return depths[i];
}

/* A collection is over much sooner than its garbage was made: the way down takes less of the time
 * than the way up. */
static bool are_abrupt(const struct fall *falls, size_t count)
{
    enum { FEW_POINTS = 2 };
    double shares[ML_SERIES_CELLS], lengths[ML_SERIES_CELLS];
    size_t n = 0;
    for (size_t i = 1; i < count; i++) {
        lengths[n] = (double)(falls[i].low - falls[i].top);
        shares[n] = lengths[n] / (double)(falls[i].low - falls[i - 1].low);
        n++;
    }
    if (n == 0)
        return false;
    bool is_seen = ml_median(lengths, n) > FEW_POINTS;
    return ml_median(shares, n) <= (is_seen ? ABRUPT_SHARE_SEEN : ABRUPT_SHARE);
}

/* Falls that make up a tenth of what lies between the ends of the curve, or less, are dents in
 * something else, and may all be at one place of it. */
static bool are_dents(const struct ml_point *points, size_t count, const struct fall *falls, size_t found)
{
    static const double SHARE = 0.1;
    double least = points[0].value, most = least, whole = 0;
    for (size_t i = 0; i < count; i++) {
        least = fmin(least, points[i].value);
        most = fmax(most, points[i].value);
    }
    for (size_t i = 0; i < found; i++)
        whole += falls[i].depth;
    return whole < SHARE * (most - least);
}

/* The low points of the turns, if they are more than an accident; else 0. lows has room for count.
 */
static size_t turns(const struct ml_point *points, size_t count, bool be_abrupt,
                    struct ml_point *lows)
{
    struct fall falls[ML_SERIES_CELLS];
    double depth = NOISE_TIMES * noise_of(points, count);
    size_t found = follow(points, count, depth, falls);
    if (found < FALLS_LEAST)
        return 0;
    found = follow(points, count, fmax(depth, DEPTH_SHARE * main_depth(falls, found)), falls);
    if (found < FALLS_LEAST || are_dents(points, count, falls, found) ||
        (be_abrupt && !are_abrupt(falls, found)))
        return 0;
    for (size_t i = 0; i < found; i++)
        lows[i] = points[falls[i].low];
    return found;
}

/* ---- equal stretches ------------------------------------------------------------------- */

/* The lowest of each stretch of so many points, in place; a rest of less than half of one is left
 * out, which may be all flank. */
static size_t thin(struct ml_point *points, size_t count, size_t stretch)
{
    size_t kept = 0;
    for (size_t i = 0; i + stretch / 2 < count; i += stretch) {
        struct ml_point low = points[i];
        for (size_t j = i + 1; j < count && j < i + stretch; j++)
            if (points[j].value < low.value)
                low = points[j];
        points[kept++] = low;
    }
    return kept;
}

/* A low that is none - the log had a gap where the collection was - stands far above its neighbours
 * on both sides: it is left out. */
static size_t drop_false(struct ml_point *points, size_t count)
{
    enum { AROUND = 2 };
    static const double FAR = 6;
    double above[ML_LOWS_MOST], keep[ML_LOWS_MOST];
    size_t kept = 0;
    if (count < 2 * AROUND + 1 || count > ML_LOWS_MOST)
        return count;
    for (size_t i = 0; i < count; i++) {
        double near[2 * AROUND + 1];
        size_t from = i < AROUND ? 0 : i + AROUND >= count ? count - 2 * AROUND - 1 : i - AROUND;
        for (size_t j = 0; j < 2 * AROUND + 1; j++)
            near[j] = points[from + j].value;
        keep[i] = above[i] = points[i].value - ml_median(near, 2 * AROUND + 1);
    }
    double far = FAR * ml_spread(keep, count);
    for (size_t i = 0; i < count; i++)
        if (above[i] <= far || i == 0 || i + 1 == count)
            points[kept++] = points[i];
    return kept;
}

/* A spike is over, and says nothing of what lives: points far above those of a while around are
 * left out, if they are few. */
static size_t drop_spikes(struct ml_point *points, size_t count)
{
    enum { PART = 12, PARTS_LEAST = 3 };
    static const double FAR = 8, SHARE_MOST = 0.1;
    double above[ML_LOWS_MOST], keep[ML_LOWS_MOST];
    size_t around = count / PART, far_away = 0, kept = 0;
    if (around < PARTS_LEAST || count > ML_LOWS_MOST)
        return count;
    for (size_t i = 0; i < count; i++) {
        size_t from = i < around ? 0 : i - around, to = i + around < count ? i + around + 1 : count;
        for (size_t j = from; j < to; j++)
            keep[j - from] = points[j].value;
        above[i] =
            i < around || i + around >= count ? 0 : points[i].value - ml_median(keep, to - from);
    }
    memcpy(keep, above, count * sizeof(*keep));
    double far = FAR * ml_spread(keep, count);
    for (size_t i = 0; i < count; i++)
        far_away += above[i] > far;
    if ((double)far_away > SHARE_MOST * (double)count)
        return count;
    for (size_t i = 0; i < count; i++)
        if (above[i] <= far)
            points[kept++] = points[i];
    return kept;
}

/* A few collections that all came down to nearly the same: that much can be said of them. */
static bool are_level(const struct ml_point *points, size_t count, const struct ml_point *lows,
                      size_t found)
{
    double top = points[0].value, least = lows[0].value, most = lows[0].value;
    for (size_t i = 0; i < count; i++)
        top = fmax(top, points[i].value);
    for (size_t i = 0; i < found; i++) {
        least = fmin(least, lows[i].value);
        most = fmax(most, lows[i].value);
    }
    return most - least < LEVEL_SHARE * (top - least);
}

/* By how much the curve rises from one sample to the next: a low may be that much above where the
 * collection came down to. */
static double rise_of_sample(const struct ml_point *points, size_t count, double samples)
{
    double steps[ML_SERIES_CELLS];
    size_t n = 0;
    for (size_t i = 0; i + 1 < count; i++)
        if (points[i + 1].value > points[i].value)
            steps[n++] = points[i + 1].value - points[i].value;
    return n == 0 ? 0 : ml_median(steps, n) / fmax(1, samples / (double)count);
}

/* How high the curve is above its lows within such a stretch, in the middle one of them. */
static double height_of(const struct ml_point *points, size_t count, size_t stretch)
{
    double heights[ML_SERIES_CELLS];
    size_t n = 0;
    for (size_t i = 0; i + stretch <= count; i += stretch) {
        double least = points[i].value, most = least;
        for (size_t j = i + 1; j < i + stretch; j++) {
            least = fmin(least, points[j].value);
            most = fmax(most, points[j].value);
        }
        heights[n++] = most - least;
    }
    return n == 0 ? 0 : ml_median(heights, n);
}

static bool are_regular(const struct ml_point *lows, size_t count)
{
    double times[ML_LOWS_MOST], spread_of[ML_LOWS_MOST];
    for (size_t i = 0; i + 1 < count; i++)
        spread_of[i] = times[i] = lows[i + 1].hours - lows[i].hours;
    double usual = ml_median(times, count - 1);
    return ml_spread(spread_of, count - 1) <= REGULAR_SHARE * usual;
}

/* While there are all points: among fewer the flanks of short waves are steep as noise. */
static void find_waves(const struct ml_point *points, size_t count, struct ml_lows *lows)
{
    struct ml_point found[ML_SERIES_CELLS];
    size_t waves = count < FEW ? 0 : turns(points, count, false, found);
    if (waves < ML_LOWS_LEAST || waves > ML_LOWS_MOST || !are_regular(found, waves))
        return;
    lows->waves = waves;
    memcpy(lows->wave_points, found, waves * sizeof(*found));
}

void ml_lows_find(struct ml_point *points, size_t count, double samples, struct ml_lows *lows)
{
    enum { STRETCH = 8, MANY = 256, NARROW_TOOTH = 4 };
    struct ml_point found[ML_SERIES_CELLS];
    *lows = (struct ml_lows){ .falls = count < FEW ? 0 : turns(points, count, true, found) };
    lows->are_level = lows->falls != 0 && are_level(points, count, found, lows->falls);
    if (lows->falls < ML_LOWS_LEAST && !lows->are_level)
        lows->falls = 0; /* too few to tell teeth from anything else */
    if (lows->falls == 0)
        find_waves(points, count, lows);
    if (lows->falls != 0) {
        lows->blur = rise_of_sample(points, count, samples);
        memcpy(points, found, lows->falls * sizeof(*points));
        count = drop_false(points, lows->falls);
    } else if (count > MANY) {
        /* Teeth may be narrower than a stretch, of a few samples each. */
        lows->blur = height_of(points, count, STRETCH) / NARROW_TOOTH;
        count = thin(points, count, STRETCH);
    }
    if (count > ML_LOWS_MOST)
        count = thin(points, count, (count + ML_LOWS_MOST - 1) / ML_LOWS_MOST);
    count = drop_spikes(points, count);
    lows->is_daily = ml_season_remove(points, count);
    if (lows->is_daily)
        lows->waves = 0; /* they are the day's, and were judged as such */
    memcpy(lows->points, points, count * sizeof(*points));
    lows->count = count;
}

bool ml_lows_again(struct ml_lows *lows)
{
    if (lows->waves > 0) {
        memcpy(lows->points, lows->wave_points, lows->waves * sizeof(*lows->points));
        lows->count = lows->waves;
        lows->blur = 0;
        return true;
    }
    struct ml_point found[ML_LOWS_MOST];
    size_t count = lows->count < FEW ? 0 : turns(lows->points, lows->count, false, found);
    /* A wave that was seen but a few times can't be told from growth. */
    if (count <= FALLS_LEAST)
        return false;
    memcpy(lows->points, found, count * sizeof(*found));
    lows->count = count;
    return true;
}
