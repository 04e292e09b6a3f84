/* SPDX-License-Identifier: MIT */
#include "profile/values.h"

#include "base/chance.h"

const char *const ml_value_names[ML_VALUES] = { "alloc_objects", "alloc_space", "inuse_objects",
                                                "inuse_space" };

/* Counts out of a memory that was overwritten may be any. */
static int64_t rounded(double value)
{
    return value < 0x1p63 ? (int64_t)(value + 0.5) : INT64_MAX;
}

/* One without the other is what stands there in the middle of an update. */
static void scale(uint64_t objects, uint64_t bytes, uint64_t rate, int64_t pair[2])
{
    if (objects == 0 || bytes == 0) {
        pair[0] = pair[1] = 0;
    } else if (rate <= 1) {
        pair[0] = (int64_t)objects;
        pair[1] = (int64_t)bytes;
    } else {
        double average = (double)bytes / (double)objects;
        double factor = 1 / ml_chance_within(average / (double)rate);
        pair[0] = rounded((double)objects * factor);
        pair[1] = rounded((double)bytes * factor);
    }
}

void ml_values_of(const struct ml_bucket_counts *counts, uint64_t rate, int64_t values[ML_VALUES])
{
    scale(counts->allocs, counts->alloc_bytes, rate, &values[ML_ALLOC_OBJECTS]);
    scale(counts->allocs - counts->frees, counts->alloc_bytes - counts->free_bytes, rate,
          &values[ML_INUSE_OBJECTS]);
}

uint64_t ml_values_average(const struct ml_bucket_counts *counts)
{
    return counts->allocs == 0 ? 0 : counts->alloc_bytes / counts->allocs;
}
