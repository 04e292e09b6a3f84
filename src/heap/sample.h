/* SPDX-License-Identifier: MIT */
/* sample.h - which allocations are looked at more closely: each byte that is allocated
 * has the same small chance to be where somebody looks, and an object is a sample when
 * one of its bytes is. So an object of s bytes is one with the chance 1 - exp(-s / rate),
 * whatever was allocated before it.
 *
 *   each magazine    knows which of its own allocations is the next sample, which is as
 *                    good as counting bytes over all: the exponential distribution has
 *                    no memory. They are counted anyhow, so that all it takes is to compare
 *                    two members of a line that is there; the size is no question.
 *   a large object   asks for itself
 *
 * A sample's state byte has the bit ML_STATE_SAMPLED from its allocation until it is freed
 * or swept, and whoever listens (hooks.h) is told of both. What stands for one sample are
 * 1 / chance objects of its size: the listener's business.
 */
#ifndef ML_HEAP_SAMPLE_H
#define ML_HEAP_SAMPLE_H

#include "heap/threadcache.h"

/* Mean bytes from one sample to the next; 1: every allocation is one; 0, as it is at
 * first: none is. */
uint64_t ml_sample_rate(void);
/* From now on, with the hooks set. The calling thread is the only one that may have
 * allocated. */
void ml_sample_start(uint64_t rate);

/* Whether the next allocation is for the slow path, where ml_sample_take has the last word:
 * a magazine's first one always is. */
static inline ML_ALWAYS_INLINE bool ml_sample_is_due(const struct ml_magazine *magazine)
{
    return magazine->mallocs >= magazine->sample_at;
}

/* The thread is about to allocate a slot of the bin, not counted yet: whether it is a
 * sample. */
bool ml_sample_take(struct ml_thread *self, unsigned bin);
/* Whether a large object of so many bytes is a sample. */
bool ml_sample_takes_large(struct ml_thread *self, size_t bytes);

#endif
