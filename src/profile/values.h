/* SPDX-License-Identifier: MIT */
/* values.h - what a bucket's samples stand for. Pure. */
#ifndef ML_PROFILE_VALUES_H
#define ML_PROFILE_VALUES_H

#include <stdint.h>

#include "profile/buckets.h"

/* The types of values, in the order in which profiles have them. */
enum ml_value { ML_ALLOC_OBJECTS, ML_ALLOC_SPACE, ML_INUSE_OBJECTS, ML_INUSE_SPACE, ML_VALUES };
/* "alloc_objects" */
extern const char *const ml_value_names[ML_VALUES];

/* Objects and bytes, as far as the chance of each to be a sample tells: so many samples of
 * so many bytes each stand for 1 / chance as many. rate: as ml_sample_rate. */
void ml_values_of(const struct ml_bucket_counts *counts, uint64_t rate, int64_t values[ML_VALUES]);

/* Bytes of the mean object; 0 where there is none. */
uint64_t ml_values_average(const struct ml_bucket_counts *counts);

#endif
