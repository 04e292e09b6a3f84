/* SPDX-License-Identifier: MIT */
/* numbers.h - what is said of one column: the least, the mean, the 95th percentile, the peak.
 *
 * In one pass. The mean is over time: a value counts as long as it stood, but a gap in the log only
 * as long as the caller says. The percentile is over the samples, as quantiles.h has it.
 */
#ifndef ML_READING_NUMBERS_H
#define ML_READING_NUMBERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reading/quantiles.h"

struct ml_numbers {
    uint64_t count; /* of values that are known */
    double least, peak, first, last;
    int64_t peak_ns;      /* since 1970: the first time it was reached */
    double area, seconds; /* under the curve, and how long */
    double sum;
    struct ml_quantiles quantiles;
    bool lacks_memory; /* and says no percentile */
};

void ml_numbers_init(struct ml_numbers *numbers);
void ml_numbers_free(struct ml_numbers *numbers);
/* seconds: since the value before, a gap shortened; 0 for the first. */
void ml_numbers_add(struct ml_numbers *numbers, int64_t time_ns, double seconds, double value);
double ml_numbers_mean(const struct ml_numbers *numbers);
/* share: 0.95. Within the least and the peak; NAN without values. */
double ml_numbers_quantile(const struct ml_numbers *numbers, double share);

#endif
