/* SPDX-License-Identifier: MIT */
/* shape.h - which of a few simple curves points follow: level, line, step, ramp, saturation, bump.
 *
 * Each is fitted by least squares, for each moment it may bend at, and judged by what it leaves
 * over and by how many numbers it takes (Bayes' criterion), where points that lean on their
 * neighbours count for less than one.
 */
#ifndef ML_READING_SHAPE_H
#define ML_READING_SHAPE_H

#include <stdbool.h>
#include <stddef.h>

#include "reading/series.h"

enum ml_shape_kind {
    ML_SHAPE_LEVEL,
    ML_SHAPE_STEP,       /* another level from `bend` on */
    ML_SHAPE_BUMP,       /* another level from `bend` to `bend2` */
    ML_SHAPE_RAMP,       /* up to `bend`, then level */
    ML_SHAPE_SATURATION, /* towards a level, by 1/e in `bend` */
    ML_SHAPE_SLOWING,    /* towards a level, half of the way in `bend` */
    ML_SHAPE_LINE,
    ML_SHAPE_KINK,      /* level up to `bend`, then a line */
    ML_SHAPE_STEP_LINE, /* a line with a step at `bend` */
    ML_SHAPE_WARM_LINE, /* saturation, and a line */
    ML_SHAPE_CURVE,     /* faster and faster */
    ML_SHAPE_BUMP_LINE, /* a line, from `bend` to `bend2` higher */
    ML_SHAPES
};

struct ml_shape {
    enum ml_shape_kind kind;
    double bend, bend2;   /* hours */
    double rise_per_hour; /* of the line, at the end; 0: level */
    double first, last;   /* its value at the first and the last point */
    double score;         /* the less the better; differences count */
    double left_over;     /* mean square of what it does not explain */
};

struct ml_shapes {
    struct ml_shape grows, stays; /* the best that rises to the end, and the best that does not */
    double level_score; /* of the level, of which the score is never better than stays.score */
    double line_p;      /* the chance of a line as good where there is none */
    double inflation;   /* points per independent one */
};

/* floor: a difference that means nothing, in the unit of the values. At most ML_LOWS_MOST points.
 * false: they are all of one moment. */
bool ml_shapes_fit(const struct ml_point *points, size_t count, double floor,
                   struct ml_shapes *shapes);

#endif
