/* SPDX-License-Identifier: MIT */
#include "reading/trend.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "reading/lows.h"
#include "reading/shape.h"
#include "reading/spike.h"

/* What was found by trying: doc/verdicts.md says how, and what comes of it. */

/* ---- when it grows ---- */

/* So many lows that are independent are few. Of many that are not, so many must be. */
enum { FEW_LOWS = 12, INDEPENDENT_LEAST = 9 };
/* So few samples say nothing where there are no teeth. */
enum { BRIEF_LOWS = 16 };
/* The chance that a line as good comes from a level: at most that, the second where lows lean on
 * each other; and by how much its score must be better where there are many. A curve that bends has
 * had many chances to fit, and is asked for more. */
static const double CHANCE_MOST = 0.001, CHANCE_MOST_RED = 0.0004, LEAD_LEAST = 4;
static const double MARGIN = 8, MARGIN_RED = 14;
/* How much better than it the best curve may be that does not grow: its bend is one more chance. */
static const double MARGIN_OTHER = -3, MARGIN_OTHER_FEW = -4;
/* A step: twice the load leaves more behind at each collection, and is no leak. */
static const double MARGIN_STEP = 1;
/* So many points per independent one say that lows lean on each other; that they walk at random. */
static const double RED_INFLATION = 1.5, WALK_INFLATION = 6;
/* That the slope is above 0. */
static const double SURE = 0.95;
/* Of the lows' deviation from the curve, what the whole rise is at least; and of a walk's. */
static const double RISE_DEVIATIONS = 1.8, RISE_DEVIATIONS_RED = 2.2, WALK_DEVIATIONS = 3.3;
/* Of the level: what is no growth; and of the level what no fit has to explain. */
static const double GROWTH_LEAST = 0.001, NOTHING = 0.0005;
/* Of the blur: lows that are scattered by less were not sampled at any moment of their teeth. */
static const double BEAT_SHARE = 0.25;
/* Of the pace of the whole, what the second half keeps; after a warm-up, of which a slow end is no
 * line yet; and where no curve is known to fit, but nearly each low is above all before it. */
static const double TAIL_SHARE = 0.25, TAIL_SHARE_WARM = 0.75, TAIL_SHARE_ALONE = 0.6;
static const double ORDER_LEAST = 0.93;
/* Of the rise, what is left at the end. */
static const double RISE_KEPT = 0.2;
/* In less than a minute what a busy machine leaves behind at a collection varies by up to this
 * share of the teeth; but not so that a dozen of them are in such an order (Kendall's tau). */
static const double BRIEF_HOURS = 1 / 60.0, BRIEF_TOOTH_SHARE = 1, BRIEF_ORDER_LEAST = 0.8;
/* What the last of a few lows is to the first. */
static const double FEW_RISE_TIMES = 1.5;

/* Nobody is surer than that of a log. */
static const double CONFIDENCE_MOST = 0.999;

/* ---- when it does not ---- */

/* The chance of a line for which it is too early to say that there is none. */
static const double CHANCE_OPEN = 0.01;
/* Of the time: what rises earlier is the start of the program, what falls later is its end; and the
 * part before that which it has to fall below. */
static const double START_SHARE = 0.05, END_SHARE = 0.05, LATE_SHARE = 0.25;
/* Of the level: what a step is at least, and where a curve has arrived. Of the teeth's height: what
 * is less is a matter of where the samples fall. */
static const double STEP_LEAST = 0.05, ARRIVED_SHARE = 0.8, TOOTH_SHARE = 0.15;

/* A program that begins has less than it will live with: that is no growth. */
static size_t leave_out_start(struct ml_point *points, size_t count)
{
    size_t skipped = 0;
    double end = count > 0 ? points[count - 1].hours : 0;
    while (skipped < count && points[skipped].hours < START_SHARE * end)
        skipped++;
    memmove(points, points + skipped, (count - skipped) * sizeof(*points));
    return count - skipped;
}

/* A program that leaves frees what it has: that is no collection. What is lower at the very end than
 * all of a good while before, clearly, is that; without a fall there the end is like the rest. */
static size_t leave_out_end(const struct ml_point *points, size_t count)
{
    double end = count > 0 ? points[count - 1].hours : 0, least = INFINITY;
    size_t late = 0, kept = count;
    for (; late + 1 < count && points[late].hours < (1 - END_SHARE) * end; late++)
        if (points[late].hours >= (1 - LATE_SHARE) * end)
            least = fmin(least, points[late].value);
    if (count == 0 || !isfinite(least) || points[count - 1].value >= least - STEP_LEAST * fabs(least))
        return count;
    while (kept > late && points[kept - 1].value < least)
        kept--;
    while (kept > late && kept > 1 && points[kept - 1].value < points[kept - 2].value)
        kept--; /* on its way down already */
    return kept;
}

const char *ml_verdict_word(enum ml_verdict verdict)
{
    static const char *const words[ML_VERDICTS] = {
        [ML_VERDICT_SHORT] = "too short to tell", [ML_VERDICT_STEADY] = "steady",
        [ML_VERDICT_PLATEAU] = "plateau",         [ML_VERDICT_SPIKE] = "spike",
        [ML_VERDICT_GROWING] = "growing",
    };
    return words[verdict];
}

/* ---- growth -------------------------------------------------------------------------- */

static size_t first_after(const struct ml_lows *lows, double hours)
{
    size_t i = 0;
    while (i < lows->count && lows->points[i].hours < hours)
        i++;
    return i;
}

/* Where the line begins. */
static double line_from(const struct ml_shape *shape, const struct ml_lows *lows)
{
    double start = lows->points[0].hours;
    switch (shape->kind) {
    case ML_SHAPE_KINK:
        return shape->bend;
    case ML_SHAPE_WARM_LINE:
        return start + 2 * shape->bend;
    default:
        return start;
    }
}

/* With a step in it the median over all pairs would have the step in it as well: of the longer
 * side, then. */
static size_t line_points(const struct ml_shape *shape, const struct ml_lows *lows, size_t *first)
{
    size_t end = lows->count;
    *first = first_after(lows, line_from(shape, lows));
    if (shape->kind == ML_SHAPE_STEP_LINE) {
        size_t step = first_after(lows, shape->bend);
        if (step > end - step)
            end = step;
        else
            *first = step;
    }
    return end - *first;
}

static bool tail_rises(const struct ml_point *points, size_t count, const struct ml_slope *slope,
                       double share)
{
    struct ml_slope tail;
    size_t half = count / 2;
    if (half < 4)
        return points[count - 1].value > points[0].value;
    return ml_slope_fit(points + half, count - half, 1, &tail) &&
           tail.per_hour >= share * slope->per_hour;
}

/* What has come down to where it began, at the end, is over: a wave of which one side was seen, or
 * samples that fell a little later in each tooth, and then at its beginning again. */
static bool ends_high(const struct ml_point *points, size_t count, double rise)
{
    enum { PART = 12, LEAST = 3 };
    double first[ML_LOWS_MOST], last[ML_LOWS_MOST];
    size_t part = count / PART;
    if (part < LEAST)
        return true;
    for (size_t i = 0; i < part; i++) {
        first[i] = points[i].value;
        last[i] = points[count - 1 - i].value;
    }
    return ml_median(last, part) - ml_median(first, part) > RISE_KEPT * rise;
}

static void take_growth(const struct ml_point *points, size_t count, const struct ml_slope *slope,
                        struct ml_trend *trend)
{
    double bases[ML_LOWS_MOST];
    for (size_t i = 0; i < count; i++)
        bases[i] = points[i].value - slope->per_hour * (points[i].hours - points[0].hours);
    trend->slope = *slope;
    trend->growing_from = points[0].hours;
    trend->rise = slope->per_hour * (points[count - 1].hours - points[0].hours);
    trend->base = ml_median(bases, count);
}

static bool grows(const struct ml_lows *lows, const struct ml_shapes *shapes, double least,
                  struct ml_trend *trend)
{
    size_t first, count = line_points(&shapes->grows, lows, &first);
    const struct ml_point *points = lows->points + first;
    struct ml_slope slope;
    if (count < ML_LOWS_LEAST) { /* too few behind the bend: all of them, then */
        first = 0;
        count = lows->count;
        points = lows->points;
    }
    if (!ml_slope_fit(points, count, shapes->inflation, &slope))
        return false;
    double hours = points[count - 1].hours - points[0].hours;
    if (slope.low <= 0 || slope.confidence < SURE || slope.per_hour * hours < least ||
        !ends_high(points, lows->count - first, slope.per_hour * hours) ||
        !tail_rises(points, count, &slope,
                    shapes->grows.kind == ML_SHAPE_WARM_LINE ? TAIL_SHARE_WARM : TAIL_SHARE))
        return false;
    take_growth(points, count, &slope, trend);
    return true;
}

/* ---- the others -------------------------------------------------------------------------- */

/* When the curve first was where it never leaves again in the second half, nearly. */
static double arrival(const struct ml_point *points, size_t count)
{
    double least = INFINITY, end = points[count - 1].hours;
    size_t i = 0;
    for (size_t j = 0; j < count; j++)
        if (points[j].hours >= end / 2)
            least = fmin(least, points[j].value);
    while (i + 1 < count && points[i].value < ARRIVED_SHARE * least)
        i++;
    return points[i].hours;
}

/* Whether it took its time to rise to where it stays. */
static bool rose(const struct ml_lows *lows, const struct ml_shape *shape,
                 const struct ml_trend *trend)
{
    double early = lows->points[0].hours + START_SHARE * trend->hours;
    switch (shape->kind) {
    case ML_SHAPE_STEP:
    case ML_SHAPE_RAMP:
        return shape->bend > early;
    case ML_SHAPE_SLOWING:
    case ML_SHAPE_SATURATION:
        return 2 * shape->bend > START_SHARE * trend->hours;
    case ML_SHAPE_LEVEL: /* the lows do not show it where teeth were lower at that time */
    case ML_SHAPE_BUMP:  /* it went down again, but not to where it came from */
        return trend->arrived > 2.4 * START_SHARE * trend->hours;
    default:
        return false;
    }
}

static enum ml_verdict not_growing(const struct ml_lows *lows, const struct ml_shape *shape,
                                   struct ml_trend *trend)
{
    bool is_flat = shape->kind == ML_SHAPE_LEVEL || shape->kind == ML_SHAPE_BUMP;
    double from = is_flat ? trend->first : shape->first;
    double rise = (is_flat ? trend->level : shape->last) - from;
    double teeth = lows->falls > 0 ? fmax(trend->recent_top - shape->last, 0) : 0;
    if (rise <= STEP_LEAST * fabs(shape->last) || rise <= TOOTH_SHARE * teeth ||
        !rose(lows, shape, trend))
        return ML_VERDICT_STEADY;
    trend->rise = rise;
    return ML_VERDICT_PLATEAU;
}

/* What a rise has to be at least. Where samples come at nearly the same moment of each tooth, a
 * little later every time, a rise of up to what happens between two samples is made by that alone;
 * where they come at any moment, the lows are scattered by as much. */
static double rise_least(const struct ml_lows *lows, const struct ml_shape *shape, double inflation)
{
    double deviation = sqrt(shape->left_over);
    double times = inflation > RED_INFLATION ? RISE_DEVIATIONS_RED : RISE_DEVIATIONS;
    return fmax(times * deviation, deviation < BEAT_SHARE * lows->blur ? lows->blur : 0);
}

/* How far a walk of steps like those from low to low goes by chance: the root of their number times
 * one step's deviation. Only where each low leans on the one before. */
static double walk_least(const struct ml_lows *lows, double inflation)
{
    double mean =
        (lows->points[lows->count - 1].value - lows->points[0].value) / (double)(lows->count - 1);
    double squares = 0;
    if (inflation < WALK_INFLATION)
        return 0;
    for (size_t i = 0; i + 1 < lows->count; i++)
        squares += pow(lows->points[i + 1].value - lows->points[i].value - mean, 2);
    return WALK_DEVIATIONS * sqrt(squares);
}

/* A few lows of which each is above all before it, and the last far above the first: with the half
 * of the pace, at least, in the second half. */
static bool few_rise(const struct ml_lows *lows, const struct ml_slope *slope)
{
    const struct ml_point *first = lows->points, *last = lows->points + lows->count - 1;
    const struct ml_point *middle = lows->points + lows->count / 2;
    double hours = last->hours - middle->hours;
    return lows->falls > 0 && slope->order > 0.999 &&
           last->value > FEW_RISE_TIMES * fabs(first->value) && hours > 0 &&
           (last->value - middle->value) / hours > TAIL_SHARE_ALONE * slope->per_hour;
}

/* Whether nearly every low is above all before it, to the end: whatever the curve is, it grows. */
static bool only_rises(const struct ml_lows *lows, double least, struct ml_trend *trend)
{
    struct ml_slope slope;
    double hours = lows->points[lows->count - 1].hours - lows->points[0].hours;
    if (!ml_slope_fit(lows->points, lows->count, 1, &slope) || slope.per_hour * hours < least)
        return false;
    bool is_few = lows->count < FEW_LOWS;
    if (is_few && !few_rise(lows, &slope))
        return false;
    if (!is_few && (slope.order < ORDER_LEAST ||
                    !tail_rises(lows->points, lows->count, &slope, TAIL_SHARE_ALONE)))
        return false;
    take_growth(lows->points, lows->count, &slope, trend);
    return true;
}

static bool are_in_order(const struct ml_lows *lows)
{
    struct ml_slope slope;
    return lows->count >= FEW_LOWS && ml_slope_fit(lows->points, lows->count, 1, &slope) &&
           slope.order >= BRIEF_ORDER_LEAST;
}

static bool is_growing(const struct ml_lows *lows, double unit, struct ml_shapes *shapes,
                       struct ml_trend *trend)
{
    double floor = fmax(unit, NOTHING * fabs(trend->level));
    double least = fmax(2 * unit, GROWTH_LEAST * fabs(trend->level));
    if (lows->count < ML_LOWS_LEAST || !ml_shapes_fit(lows->points, lows->count, floor, shapes))
        return false;
    least = fmax(least, walk_least(lows, shapes->inflation));
    if (lows->falls > 0 && trend->hours < BRIEF_HOURS && !are_in_order(lows))
        least = fmax(least, BRIEF_TOOTH_SHARE * (trend->recent_top - trend->level));
    if (only_rises(lows, fmax(least, lows->blur), trend))
        return true;
    /* Few lows are one thing; many of which each leans on the one before, as in a random walk, are
     * another: that goes anywhere. */
    double independent = (double)lows->count / shapes->inflation;
    bool are_few = independent < FEW_LOWS;
    if (shapes->inflation > 3 && independent < INDEPENDENT_LEAST)
        return false;
    double other = are_few                                ? MARGIN_OTHER_FEW
                   : shapes->stays.kind == ML_SHAPE_STEP ? MARGIN_STEP
                                                         : MARGIN_OTHER;
    bool are_red = shapes->inflation > RED_INFLATION;
    bool is_tested_red = are_red && !(are_few && lows->falls > 0);
    double chance = is_tested_red ? CHANCE_MOST_RED : CHANCE_MOST;
    double lead = shapes->level_score - shapes->grows.score;
    bool is_line = shapes->grows.kind == ML_SHAPE_LINE;
    bool is_sure = is_line ? shapes->line_p < chance && (are_few || lead >= LEAD_LEAST)
                           : lead >= (are_red ? MARGIN_RED : MARGIN);
    return is_sure && shapes->stays.score - shapes->grows.score >= other &&
           grows(lows, shapes, fmax(least, rise_least(lows, &shapes->grows, shapes->inflation)),
                 trend);
}

/* Odds out of a difference of scores, e to the half of which they are. */
static double odds(double difference)
{
    return fmin(1 / (1 + exp(-fmin(difference, 60) / 2)), CONFIDENCE_MOST);
}

static void judge(struct ml_lows *lows, double unit, bool is_spike, struct ml_trend *trend)
{
    struct ml_shapes shapes = { .inflation = 1 };
    trend->hours = lows->points[lows->count - 1].hours - lows->points[0].hours;
    bool is = is_growing(lows, unit, &shapes, trend);
    if (!is) {
        (void)ml_slope_fit(lows->points, lows->count, shapes.inflation, &trend->slope);
        if (fabs(trend->slope.per_hour) * trend->hours <
            rise_least(lows, &shapes.stays, shapes.inflation))
            trend->slope.confidence = 0.5; /* it means nothing, in whichever direction */
        double lead = shapes.stays.score - shapes.grows.score;
        bool is_brief = lows->falls == 0 && lows->count < BRIEF_LOWS;
        bool is_open = lead > 0 && shapes.line_p < CHANCE_OPEN &&
                       (double)lows->count / shapes.inflation < FEW_LOWS;
        trend->verdict = is_spike             ? ML_VERDICT_SPIKE
                         : is_open || is_brief ? ML_VERDICT_SHORT
                                               : not_growing(lows, &shapes.stays, trend);
        trend->confidence =
            trend->verdict == ML_VERDICT_SHORT ? 0.5 : fmax(odds(-lead), 0.5);
        is = ml_lows_again(lows) && is_growing(lows, unit, &shapes, trend);
    }
    if (is) {
        trend->verdict = ML_VERDICT_GROWING;
        double lead = fmax(shapes.level_score - shapes.grows.score, 0);
        double sure = fmax(odds(lead), fmin(trend->slope.order, CONFIDENCE_MOST));
        trend->confidence = fmin(sure, trend->slope.confidence);
    }
}

static void find_tops(const struct ml_point *highs, size_t count, struct ml_trend *trend)
{
    double end = count > 0 ? highs[count - 1].hours : 0;
    trend->top = trend->recent_top = count > 0 ? highs[count - 1].value : 0;
    for (size_t i = 0; i < count; i++) {
        trend->top = fmax(trend->top, highs[i].value);
        if (highs[i].hours >= 0.75 * end)
            trend->recent_top = fmax(trend->recent_top, highs[i].value);
    }
}

bool ml_trend_find(const struct ml_series *series, unsigned column, double unit, bool has_ended,
                   struct ml_trend *trend)
{
    struct ml_point *points = malloc(2 * ML_SERIES_CELLS * sizeof(*points));
    struct ml_lows *lows = malloc(sizeof(*lows));
    memset(trend, 0, sizeof(*trend));
    bool is_ready = points != NULL && lows != NULL;
    if (is_ready) {
        size_t count = ml_series_highs(series, column, points), highs_count = count;
        struct ml_point *highs = points + ML_SERIES_CELLS;
        memcpy(highs, points, count * sizeof(*highs));
        find_tops(points, count, trend);
        count = ml_series_lows(series, column, points);
        if (has_ended)
            count = leave_out_end(points, count);
        trend->first = count > 0 ? points[0].value : 0;
        trend->arrived = count > 0 ? arrival(points, count) : 0;
        ml_lows_find(points, leave_out_start(points, count), (double)series->samples, lows);
        bool is_spike = ml_spike_is(highs, highs_count, lows->falls);
        trend->level = lows->count > 0 ? lows->points[lows->count - 1].value : 0;
        trend->lows = lows->count;
        trend->falls = lows->falls;
        trend->verdict = is_spike          ? ML_VERDICT_SPIKE
                         : lows->are_level ? ML_VERDICT_STEADY
                                           : ML_VERDICT_SHORT;
        trend->confidence = 0.5;
        if (lows->count >= ML_LOWS_LEAST)
            judge(lows, unit, is_spike, trend);
    }
    free(points);
    free(lows);
    return is_ready;
}
