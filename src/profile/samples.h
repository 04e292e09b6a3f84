/* SPDX-License-Identifier: MIT */
/* samples.h - which bucket a sample that is alive was booked in: a hash table by address.
 * All under the sampler's lock, with the thread inside the heap.
 */
#ifndef ML_PROFILE_SAMPLES_H
#define ML_PROFILE_SAMPLES_H

#include <stdbool.h>

#include "profile/buckets.h"

/* False when there is no room. `was`: the bucket of an entry for the same address, which is
 * replaced; NULL: there was none. */
bool ml_samples_add(const void *object, struct ml_bucket *bucket, struct ml_bucket **was);
/* The object's bucket; its entry goes. NULL: there is none. */
struct ml_bucket *ml_samples_remove(const void *object);

#endif
