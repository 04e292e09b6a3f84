/* SPDX-License-Identifier: MIT */
#include "reading/shape.h"

#include <math.h>
#include <string.h>

#include "reading/lows.h"

enum { TERMS = 4, BENDS = 32, HALVINGS = 5, PAIRS_OF = 20, SIMPLE_BELOW = 14 };

/* What is fitted to: time goes from 0 to 1, and so do the values, nearly. */
struct data {
    size_t count;
    double x[ML_LOWS_MOST], y[ML_LOWS_MOST];
    double scale, base, hours, first_hour;
    double floor;
};

/* Of the saturation's height, what a line has to rise beside it. */
static const double WARM_LINE_LEAST = 0.15;

struct candidate {
    enum ml_shape_kind kind;
    double bend, bend2;
    unsigned terms;      /* of the sum; the first is 1 */
    unsigned parameters; /* terms and bends */
    double weights[TERMS];
    double square; /* mean */
};

/* ---- least squares ------------------------------------------------------------------ */

static void terms_at(const struct candidate *shape, double x, double *terms)
{
    double bend = shape->bend;
    terms[0] = 1;
    switch (shape->kind) {
    case ML_SHAPE_LEVEL:
        break;
    case ML_SHAPE_STEP:
        terms[1] = x >= bend;
        break;
    case ML_SHAPE_BUMP:
        terms[1] = x >= bend && x < shape->bend2;
        break;
    case ML_SHAPE_RAMP:
        terms[1] = fmin(x, bend);
        break;
    case ML_SHAPE_SATURATION:
        terms[1] = 1 - exp(-x / bend);
        break;
    case ML_SHAPE_SLOWING:
        terms[1] = x / (x + bend);
        break;
    case ML_SHAPE_LINE:
        terms[1] = x;
        break;
    case ML_SHAPE_CURVE:
        terms[1] = x;
        terms[2] = x * x;
        break;
    case ML_SHAPE_BUMP_LINE:
        terms[1] = x;
        terms[2] = x >= bend && x < shape->bend2;
        break;
    case ML_SHAPE_KINK:
        terms[1] = fmax(0, x - bend);
        break;
    case ML_SHAPE_STEP_LINE:
        terms[1] = x;
        terms[2] = x >= bend;
        break;
    case ML_SHAPE_WARM_LINE:
        terms[1] = x;
        terms[2] = 1 - exp(-x / bend);
        break;
    case ML_SHAPES:
        break;
    }
}

/* Gauss's elimination with the larger pivot; false: no single solution. */
static bool solve(double a[TERMS][TERMS + 1], unsigned n, double *solution)
{
    for (unsigned i = 0; i < n; i++) {
        unsigned best = i;
        for (unsigned j = i + 1; j < n; j++)
            if (fabs(a[j][i]) > fabs(a[best][i]))
                best = j;
        if (fabs(a[best][i]) < 1e-9)
            return false;
        for (unsigned k = 0; k <= n; k++) {
            double keep = a[i][k];
            a[i][k] = a[best][k];
            a[best][k] = keep;
        }
        for (unsigned j = i + 1; j < n; j++)
            for (unsigned k = n + 1; k-- > i;)
                a[j][k] -= a[j][i] / a[i][i] * a[i][k];
    }
    for (unsigned i = n; i-- > 0;) {
        solution[i] = a[i][n];
        for (unsigned k = i + 1; k < n; k++)
            solution[i] -= a[i][k] * solution[k];
        solution[i] /= a[i][i];
    }
    return true;
}

static double value_at(const struct candidate *shape, double x)
{
    double terms[TERMS], value = 0;
    terms_at(shape, x, terms);
    for (unsigned i = 0; i < shape->terms; i++)
        value += shape->weights[i] * terms[i];
    return value;
}

static bool fit(const struct data *data, struct candidate *shape)
{
    double sums[TERMS][TERMS + 1] = { { 0 } };
    unsigned n = shape->terms;
    for (size_t i = 0; i < data->count; i++) {
        double terms[TERMS];
        terms_at(shape, data->x[i], terms);
        for (unsigned j = 0; j < n; j++) {
            for (unsigned k = 0; k < n; k++)
                sums[j][k] += terms[j] * terms[k];
            sums[j][n] += terms[j] * data->y[i];
        }
    }
    if (!solve(sums, n, shape->weights))
        return false;
    shape->square = 0;
    for (size_t i = 0; i < data->count; i++) {
        double left = data->y[i] - value_at(shape, data->x[i]);
        shape->square += left * left / (double)data->count;
    }
    return true;
}

/* ---- the candidates --------------------------------------------------------------------- */

static const struct {
    unsigned terms, parameters;
    double from, to; /* where it may bend, as a share of the whole; 0, 0: nowhere */
} table[ML_SHAPES] = {
    [ML_SHAPE_LEVEL] = { 1, 1, 0, 0 },
    [ML_SHAPE_STEP] = { 2, 3, 0.03, 0.85 },
    [ML_SHAPE_BUMP] = { 2, 4, 0.03, 0.97 },
    [ML_SHAPE_RAMP] = { 2, 3, 0.05, 0.75 },
    [ML_SHAPE_SATURATION] = { 2, 3, 0.02, 0.35 },
    [ML_SHAPE_SLOWING] = { 2, 3, 0.005, 0.2 },
    [ML_SHAPE_LINE] = { 2, 2, 0, 0 },
    [ML_SHAPE_CURVE] = { 3, 3, 0, 0 },
    [ML_SHAPE_BUMP_LINE] = { 3, 5, 0.03, 0.97 },
    [ML_SHAPE_KINK] = { 2, 3, 0.1, 0.7 },
    [ML_SHAPE_STEP_LINE] = { 3, 4, 0.05, 0.9 },
    [ML_SHAPE_WARM_LINE] = { 3, 4, 0.02, 0.25 },
};

/* The shape that rises to its end has a rise; the others may do what they like. */
static bool is_allowed(const struct candidate *shape)
{
    switch (shape->kind) {
    case ML_SHAPE_LINE:
    case ML_SHAPE_KINK:
    case ML_SHAPE_STEP_LINE:
    case ML_SHAPE_BUMP_LINE:
        return shape->weights[1] > 0;
    case ML_SHAPE_CURVE:
        return shape->weights[2] > 0 && shape->weights[1] > -shape->weights[2] / 2;
    case ML_SHAPE_WARM_LINE: /* what is left over of a saturation of another kind is no line */
        return shape->weights[1] > WARM_LINE_LEAST * fabs(shape->weights[2]);
    default:
        return true;
    }
}

static bool does_grow(enum ml_shape_kind kind)
{
    return kind >= ML_SHAPE_LINE;
}

static void try(const struct data *data, struct candidate *shape, struct candidate *best)
{
    if (fit(data, shape) && is_allowed(shape) && shape->square < best->square)
        *best = *shape;
}

static void try_bends(const struct data *data, struct candidate shape, struct candidate *best)
{
    double from = table[shape.kind].from, step = (table[shape.kind].to - from) / (BENDS - 1);
    for (unsigned i = 0; i < BENDS; i++) {
        shape.bend = from + step * i;
        try(data, &shape, best);
    }
    for (unsigned i = 0; i < HALVINGS && best->square < INFINITY; i++) {
        step /= 2;
        double middle = best->bend;
        shape.bend = middle - step;
        try(data, &shape, best);
        shape.bend = middle + step;
        try(data, &shape, best);
    }
}

static void try_pairs(const struct data *data, struct candidate shape, struct candidate *best)
{
    double from = table[shape.kind].from, step = (table[shape.kind].to - from) / (PAIRS_OF - 1);
    /* What lasts long beside a line is no bump in it. */
    unsigned most = shape.kind == ML_SHAPE_BUMP_LINE ? PAIRS_OF / 5 : PAIRS_OF;
    for (unsigned i = 0; i < PAIRS_OF; i++)
        for (unsigned j = i + 1; j < PAIRS_OF && j <= i + most; j++) {
            shape.bend = from + step * i;
            shape.bend2 = from + step * j;
            try(data, &shape, best);
        }
}

static struct candidate best_of(const struct data *data, enum ml_shape_kind kind)
{
    struct candidate best = { .square = INFINITY };
    struct candidate shape = { .kind = kind,
                               .terms = table[kind].terms,
                               .parameters = table[kind].parameters };
    if (kind == ML_SHAPE_BUMP || kind == ML_SHAPE_BUMP_LINE)
        try_pairs(data, shape, &best);
    else if (table[kind].to > 0)
        try_bends(data, shape, &best);
    else
        try(data, &shape, &best);
    return best;
}

/* ---- the judgement ------------------------------------------------------------------------ */

/* How many points say what one independent one says, from what the shape leaves over: by the
 * correlation of neighbours, whose estimate is too low for a few points. */
static double inflation_of(const struct data *data, const struct candidate *shape)
{
    double before = 0, products = 0, squares = 0, n = (double)data->count;
    for (size_t i = 0; i < data->count; i++) {
        double left = data->y[i] - value_at(shape, data->x[i]);
        products += i == 0 ? 0 : before * left;
        squares += left * left;
        before = left;
    }
    if (squares / n < data->floor * data->floor)
        return 1;
    double r = products / squares;
    r = fmin(fmax(r + (1 + 4 * r) / n - 0.5 / sqrt(n), 0), 0.98);
    return fmin((1 + r) / (1 - r), n / 3);
}

static double score_of(const struct data *data, const struct candidate *shape, double inflation)
{
    double independent = (double)data->count / inflation;
    double degrees = fmax(independent - 3, 1);
    return degrees * log(shape->square + data->floor * data->floor) +
           (log(independent) + 1.5) * shape->parameters;
}

static void tell(const struct data *data, const struct candidate *shape, double score,
                 struct ml_shape *told)
{
    bool has_line = does_grow(shape->kind);
    told->kind = shape->kind;
    told->bend =
        shape->bend * data->hours + (shape->kind == ML_SHAPE_SATURATION ? 0 : data->first_hour);
    told->bend2 = shape->bend2 * data->hours + data->first_hour;
    told->rise_per_hour = has_line ? shape->weights[1] * data->scale / data->hours : 0;
    told->first = value_at(shape, 0) * data->scale + data->base;
    told->last = value_at(shape, 1) * data->scale + data->base;
    told->score = score;
    told->left_over = shape->square * data->scale * data->scale;
}

static bool prepare(struct data *data, const struct ml_point *points, size_t count, double floor)
{
    double least = INFINITY, most = -INFINITY;
    for (size_t i = 0; i < count; i++) {
        least = fmin(least, points[i].value);
        most = fmax(most, points[i].value);
    }
    data->count = count;
    data->first_hour = points[0].hours;
    data->hours = points[count - 1].hours - points[0].hours;
    data->base = least;
    data->scale = most > least ? most - least : 1;
    data->floor = fmax(floor / data->scale, 1e-6);
    if (!(data->hours > 0))
        return false;
    for (size_t i = 0; i < count; i++) {
        data->x[i] = (points[i].hours - data->first_hour) / data->hours;
        data->y[i] = (points[i].value - least) / data->scale;
    }
    return true;
}

/* The chance of a t as large, one-sided, by Simpson's rule over its density. */
static double student_tail(double t, double degrees)
{
    enum { STEPS = 200 };
    double scale = exp(lgamma((degrees + 1) / 2) - lgamma(degrees / 2)) / sqrt(degrees * M_PI);
    /* t = tan(angle) * sqrt(degrees) makes the tail a finite stretch. */
    double from = atan(t / sqrt(degrees)), step = (M_PI / 2 - from) / STEPS, sum = 0;
    for (int i = 0; i <= STEPS; i++) {
        double weight = i == 0 || i == STEPS ? 1 : i % 2 == 1 ? 4 : 2;
        sum += weight * pow(fmax(cos(from + i * step), 0), degrees - 1);
    }
    return scale * sqrt(degrees) * sum * step / 3;
}

static double line_chance(const struct data *data, const struct candidate *level,
                          const struct candidate *line, double independent)
{
    double degrees = fmax(independent - 2, 1), left = fmax(line->square, data->floor * data->floor);
    return student_tail(sqrt(fmax(level->square / left - 1, 0) * degrees), degrees);
}

bool ml_shapes_fit(const struct ml_point *points, size_t count, double floor,
                   struct ml_shapes *shapes)
{
    struct data data;
    struct candidate best[ML_SHAPES];
    unsigned flexible = ML_SHAPE_LEVEL;
    if (!prepare(&data, points, count, floor))
        return false;
    for (unsigned kind = 0; kind < ML_SHAPES; kind++) {
        if (count < SIMPLE_BELOW && (kind == ML_SHAPE_BUMP || kind == ML_SHAPE_BUMP_LINE))
            continue; /* they take most of the time, and would be too rich below */
        best[kind] = best_of(&data, kind);
        if (score_of(&data, &best[kind], 1) < score_of(&data, &best[flexible], 1))
            flexible = kind;
    }
    shapes->inflation = inflation_of(&data, &best[flexible]);
    shapes->grows.score = shapes->stays.score = INFINITY;
    shapes->level_score = score_of(&data, &best[ML_SHAPE_LEVEL], shapes->inflation);
    double independent = (double)count / shapes->inflation;
    shapes->line_p = line_chance(&data, &best[ML_SHAPE_LEVEL], &best[ML_SHAPE_LINE], independent);
    for (unsigned kind = 0; kind < ML_SHAPES; kind++) {
        if (independent < SIMPLE_BELOW && table[kind].parameters > 3)
            continue;
        double score = score_of(&data, &best[kind], shapes->inflation);
        struct ml_shape *side = does_grow(kind) ? &shapes->grows : &shapes->stays;
        if (isfinite(best[kind].square) && score < side->score)
            tell(&data, &best[kind], score, side);
    }
    return true;
}
