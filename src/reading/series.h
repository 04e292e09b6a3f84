/* SPDX-License-Identifier: MIT */
/* series.h - the curves of a run in bounded memory: of each stretch of time the lowest and the
 * highest value.
 *
 * The stretches become twice as long whenever the run outgrows them, so that there are always
 * between ML_SERIES_CELLS / 2 and ML_SERIES_CELLS of them, or as many as samples.
 */
#ifndef ML_READING_SERIES_H
#define ML_READING_SERIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ML_SERIES_CELLS = 2048, ML_SERIES_COLUMNS = 4 };

struct ml_series_cell {
    int64_t low_ns;   /* when it was lowest */
    double low, high; /* low > high: no sample in that time */
};

struct ml_point {
    double hours; /* since the run's first sample */
    double value;
};

struct ml_series {
    unsigned columns;
    bool has_begun;
    uint64_t samples;
    int64_t start_ns, width_ns;
    int64_t place, place_end_ns; /* the cell that was used last, and where it ends */
    struct ml_series_cell *cells[ML_SERIES_COLUMNS];
};

/* Empty, for at most ML_SERIES_COLUMNS curves. false: no memory. */
bool ml_series_init(struct ml_series *series, unsigned columns);
void ml_series_free(struct ml_series *series);
/* ns does not decrease; a value that is not a number is left out. */
void ml_series_add(struct ml_series *series, int64_t ns, const double *values);
/* The lows, or the highs in the same places, of one curve: at most ML_SERIES_CELLS. The count. */
size_t ml_series_lows(const struct ml_series *series, unsigned column, struct ml_point *points);
size_t ml_series_highs(const struct ml_series *series, unsigned column, struct ml_point *points);

#endif
