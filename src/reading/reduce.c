/* SPDX-License-Identifier: MIT */
#include "reading/reduce.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"

/* A sample that is kept. order: its number, from 1; 0: none. */
struct row {
    int64_t time_ns;
    uint64_t order;
    double values[];
};

/* Of a slice the rows follow each other: the first, the last, each curve's lowest, its highest. */
enum { FIRST, LAST, LOWEST };

struct slice {
    int64_t index; /* of its width, from the first sample on */
    bool begins;   /* not connected with the slice before */
};

struct ml_reduce {
    unsigned curves, rows; /* of a slice */
    size_t row_bytes;
    unsigned most, used; /* slices */
    bool breaks;         /* before the next sample */
    uint64_t count;
    int64_t origin_ns;
    uint64_t width_ns;
    int64_t begin_ns, end_ns; /* of the slice that is filled */
    struct slice *slices;
    char *bytes; /* the rows */
    struct row *last; /* of the slice that is filled */
    double low[ML_REDUCE_CURVES], high[ML_REDUCE_CURVES]; /* of it, so far */
};

enum { FIRST_WIDTH_NS = 1000000 };

static struct row *row_of(const struct ml_reduce *reduce, unsigned slice, unsigned which)
{
    return (struct row *)(reduce->bytes + ((size_t)slice * reduce->rows + which) * reduce->row_bytes);
}

struct ml_reduce *ml_reduce_new(unsigned curves, unsigned slices)
{
    struct ml_reduce *reduce = calloc(1, sizeof(*reduce));
    if (reduce == NULL)
        return NULL;
    reduce->curves = curves;
    reduce->rows = LOWEST + 2 * curves;
    reduce->row_bytes = sizeof(struct row) + curves * sizeof(double);
    reduce->most = 2 * (slices < 2 ? 2 : slices);
    reduce->width_ns = FIRST_WIDTH_NS;
    reduce->breaks = true;
    reduce->slices = malloc(reduce->most * sizeof(struct slice));
    reduce->bytes = calloc((size_t)reduce->most * reduce->rows, reduce->row_bytes);
    if (reduce->slices == NULL || reduce->bytes == NULL) {
        ml_reduce_free(reduce);
        return NULL;
    }
    return reduce;
}

void ml_reduce_free(struct ml_reduce *reduce)
{
    if (reduce == NULL)
        return;
    free(reduce->slices);
    free(reduce->bytes);
    free(reduce);
}

/* ---- slices ----------------------------------------------------------------------------- */

/* Rounded down, also before the first sample. */
static int64_t index_of(const struct ml_reduce *reduce, int64_t time_ns)
{
    int64_t distance = time_ns - reduce->origin_ns, width = (int64_t)reduce->width_ns;
    return distance >= 0 ? distance / width : -((-distance - 1) / width) - 1;
}

static void keep_lower(const struct ml_reduce *reduce, unsigned into, unsigned from, unsigned curve)
{
    struct row *low = row_of(reduce, into, LOWEST + 2 * curve), *other = row_of(reduce, from, LOWEST + 2 * curve);
    if (other->order != 0 && (low->order == 0 || other->values[curve] < low->values[curve]))
        memcpy(low, other, reduce->row_bytes);
}

static void keep_higher(const struct ml_reduce *reduce, unsigned into, unsigned from, unsigned curve)
{
    struct row *high = row_of(reduce, into, LOWEST + 2 * curve + 1),
               *other = row_of(reduce, from, LOWEST + 2 * curve + 1);
    if (other->order != 0 && (high->order == 0 || other->values[curve] > high->values[curve]))
        memcpy(high, other, reduce->row_bytes);
}

/* The later slice into the earlier one. */
static void join(const struct ml_reduce *reduce, unsigned into, unsigned from)
{
    memcpy(row_of(reduce, into, LAST), row_of(reduce, from, LAST), reduce->row_bytes);
    for (unsigned curve = 0; curve < reduce->curves; curve++) {
        keep_lower(reduce, into, from, curve);
        keep_higher(reduce, into, from, curve);
    }
}

static void move(struct ml_reduce *reduce, unsigned to, unsigned from)
{
    if (to == from)
        return;
    reduce->slices[to] = reduce->slices[from];
    memcpy(row_of(reduce, to, 0), row_of(reduce, from, 0), reduce->rows * reduce->row_bytes);
}

/* Twice as wide: neighbours that have the same index now become one; those with a break between
 * only where it must be. */
static void widen(struct ml_reduce *reduce, bool across_breaks)
{
    unsigned to = 0;
    reduce->width_ns *= 2;
    for (unsigned i = 0; i < reduce->used; i++) {
        struct slice *slice = &reduce->slices[i];
        slice->index = index_of(reduce, row_of(reduce, i, FIRST)->time_ns);
        if (to > 0 && reduce->slices[to - 1].index == slice->index && (!slice->begins || across_breaks))
            join(reduce, to - 1, i);
        else
            move(reduce, to++, i);
    }
    reduce->used = to;
}

/* A log of nothing but restarts, or of a clock that leaps, has slices that never become one. */
static void make_room(struct ml_reduce *reduce)
{
    static const uint64_t WIDTH_MOST_NS = UINT64_C(1) << 61;
    for (int rounds = 0; reduce->used > reduce->most / 2 && reduce->width_ns < WIDTH_MOST_NS; rounds++)
        widen(reduce, rounds > 0);
    while (reduce->used > reduce->most / 2) {
        unsigned half = reduce->used / 2;
        for (unsigned i = 0; i < half; i++) {
            join(reduce, 2 * i, 2 * i + 1);
            move(reduce, i, 2 * i);
        }
        reduce->used = half;
    }
}

static void begin_slice(struct ml_reduce *reduce, int64_t time_ns)
{
    if (reduce->count == 0)
        reduce->origin_ns = time_ns;
    if (reduce->used == reduce->most)
        make_room(reduce);
    int64_t index = index_of(reduce, time_ns), width = (int64_t)reduce->width_ns;
    reduce->slices[reduce->used] = (struct slice){ index, reduce->breaks };
    reduce->begin_ns = reduce->origin_ns + index * width;
    reduce->end_ns = reduce->begin_ns + width;
    reduce->breaks = false;
    for (unsigned which = 0; which < reduce->rows; which++)
        row_of(reduce, reduce->used, which)->order = 0;
    reduce->last = row_of(reduce, reduce->used, LAST);
    for (unsigned i = 0; i < reduce->curves; i++) {
        reduce->low[i] = INFINITY;
        reduce->high[i] = -INFINITY;
    }
    reduce->used++;
}

/* ---- samples ---------------------------------------------------------------------------- */

void ml_reduce_break(struct ml_reduce *reduce) { reduce->breaks = true; }

/* The compiler makes one of each of these for the two curves that there mostly are. */
#define FOR_EACH_COUNT static inline __attribute__((always_inline))

FOR_EACH_COUNT void put(struct row *row, int64_t time_ns, uint64_t order, const double *values, unsigned curves)
{
    row->time_ns = time_ns;
    row->order = order;
    for (unsigned i = 0; i < curves; i++)
        row->values[i] = values[i];
}

/* What is the lowest or the highest is remembered beside, too: mostly it stays that. */
FOR_EACH_COUNT void put_extremes(struct ml_reduce *reduce, int64_t time_ns, const double *values, unsigned curves)
{
    char *row = (char *)reduce->last + reduce->row_bytes;
    for (unsigned i = 0; i < curves; i++, row += 2 * reduce->row_bytes) {
        if (values[i] < reduce->low[i]) {
            reduce->low[i] = values[i];
            put((struct row *)row, time_ns, reduce->count, values, curves);
        }
        if (values[i] > reduce->high[i]) {
            reduce->high[i] = values[i];
            put((struct row *)(row + reduce->row_bytes), time_ns, reduce->count, values, curves);
        }
    }
}

FOR_EACH_COUNT void add(struct ml_reduce *reduce, int64_t time_ns, const double *values, unsigned curves)
{
    bool is_extreme = false;
    put(reduce->last, time_ns, ++reduce->count, values, curves);
    for (unsigned i = 0; i < curves; i++)
        is_extreme |= (values[i] < reduce->low[i]) | (values[i] > reduce->high[i]);
    if (ml_unlikely(is_extreme))
        put_extremes(reduce, time_ns, values, curves);
}

static void add_first(struct ml_reduce *reduce, int64_t time_ns, const double *values)
{
    begin_slice(reduce, time_ns);
    put(row_of(reduce, reduce->used - 1, FIRST), time_ns, reduce->count + 1, values, reduce->curves);
    add(reduce, time_ns, values, reduce->curves);
}

void ml_reduce_add(struct ml_reduce *reduce, int64_t time_ns, const double *values)
{
    if (ml_unlikely(reduce->breaks || time_ns < reduce->begin_ns || time_ns >= reduce->end_ns))
        add_first(reduce, time_ns, values);
    else if (ml_likely(reduce->curves == 2))
        add(reduce, time_ns, values, 2);
    else
        add(reduce, time_ns, values, reduce->curves);
}

uint64_t ml_reduce_count(const struct ml_reduce *reduce) { return reduce->count; }

/* ---- what is left ------------------------------------------------------------------------ */

/* The slice's row that comes next behind that order; NULL: none. The same sample may stand in
 * several rows. */
static const struct row *next_row(const struct ml_reduce *reduce, unsigned slice, uint64_t behind)
{
    const struct row *next = NULL;
    for (unsigned which = 0; which < reduce->rows; which++) {
        const struct row *row = row_of(reduce, slice, which);
        if (row->order > behind && (next == NULL || row->order < next->order))
            next = row;
    }
    return next;
}

void ml_reduce_visit(const struct ml_reduce *reduce,
                     void (*visit)(void *context, const struct ml_reduced *sample), void *context)
{
    for (unsigned i = 0; i < reduce->used; i++) {
        const struct row *row;
        uint64_t behind = 0;
        bool begins = reduce->slices[i].begins;
        while ((row = next_row(reduce, i, behind)) != NULL) {
            const struct ml_reduced sample = { row->time_ns, begins, row->values };
            visit(context, &sample);
            begins = false;
            behind = row->order;
        }
    }
}
