/* SPDX-License-Identifier: MIT */
#include "reading/series.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const int64_t NARROWEST_NS = 1000000;
static const double NS_PER_HOUR = 3600e9;

static void clear(struct ml_series_cell *cells, size_t from)
{
    for (size_t i = from; i < ML_SERIES_CELLS; i++)
        cells[i] = (struct ml_series_cell){ 0, INFINITY, -INFINITY };
}

bool ml_series_init(struct ml_series *series, unsigned columns)
{
    memset(series, 0, sizeof(*series));
    series->columns = columns < ML_SERIES_COLUMNS ? columns : ML_SERIES_COLUMNS;
    series->width_ns = NARROWEST_NS;
    series->place_end_ns = INT64_MIN;
    for (unsigned i = 0; i < series->columns; i++) {
        series->cells[i] = malloc(ML_SERIES_CELLS * sizeof(struct ml_series_cell));
        if (series->cells[i] == NULL)
            return false;
        clear(series->cells[i], 0);
    }
    return true;
}

void ml_series_free(struct ml_series *series)
{
    for (unsigned i = 0; i < ML_SERIES_COLUMNS; i++)
        free(series->cells[i]);
    memset(series->cells, 0, sizeof(series->cells));
}

static void note(struct ml_series_cell *cell, int64_t ns, double low, double high)
{
    if (low < cell->low) {
        cell->low = low;
        cell->low_ns = ns;
    }
    if (high > cell->high)
        cell->high = high;
}

static void widen(struct ml_series *series)
{
    series->width_ns *= 2;
    for (unsigned column = 0; column < series->columns; column++) {
        struct ml_series_cell *cells = series->cells[column];
        for (size_t i = 0; i < ML_SERIES_CELLS / 2; i++) {
            struct ml_series_cell both = cells[2 * i];
            note(&both, cells[2 * i + 1].low_ns, cells[2 * i + 1].low, cells[2 * i + 1].high);
            cells[i] = both;
        }
        clear(cells, ML_SERIES_CELLS / 2);
    }
}

static void go_to(struct ml_series *series, int64_t ns)
{
    int64_t since = ns > series->start_ns ? ns - series->start_ns : 0;
    while (since / series->width_ns >= ML_SERIES_CELLS)
        widen(series);
    series->place = since / series->width_ns;
    series->place_end_ns = series->start_ns + (series->place + 1) * series->width_ns;
}

void ml_series_add(struct ml_series *series, int64_t ns, const double *values)
{
    if (!series->has_begun)
        series->start_ns = ns;
    series->has_begun = true;
    series->samples++;
    if (ns >= series->place_end_ns)
        go_to(series, ns);
    for (unsigned i = 0; i < series->columns; i++)
        if (!isnan(values[i]))
            note(&series->cells[i][series->place], ns, values[i], values[i]);
}

static size_t points_of(const struct ml_series *series, unsigned column, bool is_high,
                        struct ml_point *points)
{
    const struct ml_series_cell *cells = series->cells[column];
    size_t count = 0;
    for (size_t i = 0; i < ML_SERIES_CELLS; i++)
        if (cells[i].low <= cells[i].high)
            points[count++] = (struct ml_point){
                (double)(cells[i].low_ns - series->start_ns) / NS_PER_HOUR,
                is_high ? cells[i].high : cells[i].low,
            };
    return count;
}

size_t ml_series_lows(const struct ml_series *series, unsigned column, struct ml_point *points)
{
    return points_of(series, column, false, points);
}

size_t ml_series_highs(const struct ml_series *series, unsigned column, struct ml_point *points)
{
    return points_of(series, column, true, points);
}
