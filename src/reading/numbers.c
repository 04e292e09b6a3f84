/* SPDX-License-Identifier: MIT */
#include "reading/numbers.h"

#include <math.h>
#include <string.h>

void ml_numbers_init(struct ml_numbers *numbers)
{
    memset(numbers, 0, sizeof(*numbers));
}

void ml_numbers_free(struct ml_numbers *numbers)
{
    ml_quantiles_free(&numbers->quantiles);
}

void ml_numbers_add(struct ml_numbers *numbers, int64_t time_ns, double seconds, double value)
{
    if (isnan(value))
        return;
    if (numbers->count == 0) {
        numbers->first = numbers->least = value;
    } else if (seconds > 0) {
        numbers->area += seconds * (numbers->last + value) / 2;
        numbers->seconds += seconds;
    }
    if (numbers->count == 0 || value > numbers->peak) {
        numbers->peak = value;
        numbers->peak_ns = time_ns;
    }
    if (value < numbers->least)
        numbers->least = value;
    numbers->last = value;
    numbers->sum += value;
    numbers->count++;
    if (!ml_quantiles_add(&numbers->quantiles, value))
        numbers->lacks_memory = true;
}

double ml_numbers_mean(const struct ml_numbers *numbers)
{
    if (numbers->seconds > 0)
        return numbers->area / numbers->seconds;
    return numbers->count > 0 ? numbers->sum / (double)numbers->count : NAN;
}

double ml_numbers_quantile(const struct ml_numbers *numbers, double share)
{
    return numbers->count == 0 || numbers->lacks_memory ? NAN : ml_quantiles_at(&numbers->quantiles, share);
}
