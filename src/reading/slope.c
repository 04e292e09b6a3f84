/* SPDX-License-Identifier: MIT */
#include "reading/slope.h"

#include <math.h>
#include <stdlib.h>

/* ---- order statistics -------------------------------------------------------------- */

static void swap(double *a, double *b)
{
    double keep = *a;
    *a = *b;
    *b = keep;
}

/* Hoare's selection, the pivot being the middle one of three. */
double ml_select(double *numbers, size_t count, size_t rank)
{
    ptrdiff_t low = 0, high = (ptrdiff_t)count - 1, wanted = (ptrdiff_t)rank;
    while (low < high) {
        ptrdiff_t middle = low + (high - low) / 2, i = low, j = high;
        if (numbers[middle] < numbers[low])
            swap(&numbers[middle], &numbers[low]);
        if (numbers[high] < numbers[low])
            swap(&numbers[high], &numbers[low]);
        if (numbers[high] < numbers[middle])
            swap(&numbers[high], &numbers[middle]);
        double pivot = numbers[middle];
        while (i <= j) {
            while (numbers[i] < pivot)
                i++;
            while (pivot < numbers[j])
                j--;
            if (i <= j)
                swap(&numbers[i++], &numbers[j--]);
        }
        if (wanted <= j)
            high = j;
        else if (wanted >= i)
            low = i;
        else
            break;
    }
    return numbers[rank];
}

double ml_median(double *numbers, size_t count)
{
    double upper = ml_select(numbers, count, count / 2);
    return count % 2 == 1 ? upper : (upper + ml_select(numbers, count, count / 2 - 1)) / 2;
}

double ml_spread(double *numbers, size_t count)
{
    double middle = ml_median(numbers, count);
    for (size_t i = 0; i < count; i++)
        numbers[i] = fabs(numbers[i] - middle);
    return 1.4826 * ml_median(numbers, count);
}

/* ---- the slope ----------------------------------------------------------------------- */

static size_t rank_at(double place, size_t pairs)
{
    return place <= 0 ? 0 : place >= (double)(pairs - 1) ? pairs - 1 : (size_t)place;
}

bool ml_slope_fit(const struct ml_point *points, size_t count, double inflation,
                  struct ml_slope *slope)
{
    double *slopes = count < 2 ? NULL : malloc(count * (count - 1) / 2 * sizeof(*slopes));
    size_t pairs = 0;
    double sign = 0, n = (double)count;
    if (slopes == NULL)
        return false;
    for (size_t i = 0; i + 1 < count; i++)
        for (size_t j = i + 1; j < count; j++) {
            double hours = points[j].hours - points[i].hours;
            double rise = points[j].value - points[i].value;
            if (hours <= 0)
                continue;
            slopes[pairs++] = rise / hours;
            sign += (rise > 0) - (rise < 0);
        }
    if (pairs > 0) {
        /* Kendall's S of points without a trend has this variance; the interval is that of the
         * ordered slopes that are as many ranks away from the middle one. */
        double deviation = sqrt(n * (n - 1) * (2 * n + 5) / 18 * inflation);
        double middle = ((double)pairs - 1) / 2, reach = 1.96 * deviation / 2;
        slope->per_hour = ml_median(slopes, pairs);
        slope->low = ml_select(slopes, pairs, rank_at(floor(middle - reach), pairs));
        slope->high = ml_select(slopes, pairs, rank_at(ceil(middle + reach), pairs));
        slope->order = sign / (double)pairs;
        double z = sign == 0 ? 0 : (fabs(sign) - 1) / deviation * (sign > 0 ? 1 : -1);
        slope->confidence = 0.5 * erfc(-z / sqrt(2));
    }
    free(slopes);
    return pairs > 0;
}
