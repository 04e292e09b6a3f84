/* SPDX-License-Identifier: MIT */
#include "reading/spike.h"

#include <math.h>
#include <string.h>

#include "reading/slope.h"

enum { STRETCHES = 64, STRETCHES_LEAST = 12, TIMES_MOST = 3 };

/* Much more than the tops are otherwise, and than they are apart; for a short time, a few times at
 * most: what comes more often belongs to the load. */
static const double HEIGHT_SHARE = 0.3, HEIGHT_SPREADS = 6, TIME_SHARE = 0.3;
/* What rose slowly from the start was no spike when it falls again. */
static const double SLOPE_SHARE = 0.3;

/* The tops of equal numbers of points: the teeth of a sawtooth are within one. */
static size_t tops_of(const struct ml_point *highs, size_t count, size_t teeth, double *tops)
{
    size_t stretches = count < STRETCHES ? count : STRETCHES;
    if (teeth > 0 && teeth < stretches)
        stretches = teeth > STRETCHES_LEAST ? teeth : STRETCHES_LEAST;
    for (size_t i = 0; i < stretches; i++) {
        tops[i] = -INFINITY;
        for (size_t j = i * count / stretches; j < (i + 1) * count / stretches; j++)
            tops[i] = fmax(tops[i], highs[j].value);
    }
    return stretches;
}

static double quantile(const double *numbers, size_t count, double share)
{
    double sorted[STRETCHES];
    memcpy(sorted, numbers, count * sizeof(*sorted));
    return ml_select(sorted, count, (size_t)(share * (double)(count - 1)));
}

bool ml_spike_is(const struct ml_point *highs, size_t count, size_t teeth)
{
    double tops[STRETCHES], keep[STRETCHES], peak = -INFINITY;
    size_t n = count < STRETCHES_LEAST ? 0 : tops_of(highs, count, teeth, tops);
    if (n < STRETCHES_LEAST)
        return false;
    memcpy(keep, tops, sizeof(keep));
    double middle = quantile(tops, n, 0.5), spread = ml_spread(keep, n);
    for (size_t i = 0; i < n; i++)
        peak = fmax(peak, tops[i]);
    double height = peak - middle;
    if (height <= 0 || height < HEIGHT_SHARE * fabs(middle) || height < HEIGHT_SPREADS * spread)
        return false;

    size_t above = 0, times = 0, first = n;
    for (size_t i = 0; i < n; i++) {
        bool is_above = tops[i] > middle + height / 2;
        times += is_above && (i == 0 || tops[i - 1] <= middle + height / 2);
        above += is_above;
        first = is_above && first == n ? i : first;
    }
    if ((double)above > TIME_SHARE * (double)n || times > TIMES_MOST ||
        tops[n - 1] > middle + height / 2)
        return false;
    return first < 4 ||
           quantile(tops, first, 0.8) - quantile(tops, first, 0.2) <= SLOPE_SHARE * height;
}
