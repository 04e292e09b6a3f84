/* SPDX-License-Identifier: MIT */
/* buckets.h - what was allocated and freed, by who did it: one bucket for each stack and
 * size.
 *
 *   heads | | | | |     hashed by stack and size
 *          |   |
 *          bucket -> bucket     chained; counts, then the return addresses
 *
 * The size is a part of the key because what a sample stands for depends on it. Buckets
 * are never dropped: what one says of the past stays true. So they are
 * bounded, together with the table of samples (samples.h): who comes when the room is used
 * up is booked under memlog_profile_overflow, by size alone.
 *
 * Changed under the sampler's lock (sampler.h). Read without one: the list grows at its
 * head, a bucket's key does not change, and its counts are relaxed atomics of which
 * frees are read first.
 */
#ifndef ML_PROFILE_BUCKETS_H
#define ML_PROFILE_BUCKETS_H

#include <stddef.h>
#include <stdint.h>

#include "profile/stack.h"

struct ml_bucket_counts {
    uint64_t allocs, alloc_bytes;
    uint64_t frees, free_bytes;
};

struct ml_bucket {
    struct ml_bucket *next;    /* of all; newest first */
    struct ml_bucket *chained; /* of those with the same head */
    uint64_t hash;
    uint64_t size; /* of each object; of large ones rounded, and no two differ by 1/8 */
    struct ml_bucket_counts counts; /* of samples, not scaled */
    uint32_t depth;
    uintptr_t pcs[]; /* return addresses, innermost first */
};

/* Stands for how a bucket looks: published, for readers outside of the process
 * (image/snapshot.h), who refuse another. */
#define ML_BUCKET_SHAPE                                                                        \
    ((uint64_t)sizeof(struct ml_bucket) << 48 |                                                \
     (uint64_t)offsetof(struct ml_bucket, counts) << 32 |                                      \
     (uint64_t)offsetof(struct ml_bucket, depth) << 16 | ML_STACK_MOST)

/* Buckets and the table of samples together may take so many bytes. */
extern uint64_t ml_profile_bytes_most;
/* Memory for one of these: zero; NULL when there is none or the bound is reached. The
 * thread is inside the heap. */
void *ml_profile_memory(uint64_t bytes);

/* The bucket of a stack that allocates an object of so many bytes; never NULL. Lock. */
struct ml_bucket *ml_bucket_need(const uintptr_t *pcs, unsigned depth, uint64_t bytes);
/* The one for what had no room. Lock. */
struct ml_bucket *ml_bucket_overflow(uint64_t bytes);
void ml_bucket_count_alloc(struct ml_bucket *bucket, uint64_t bytes);
void ml_bucket_count_free(struct ml_bucket *bucket, uint64_t bytes);

/* ---- reading: no lock ---- */

const struct ml_bucket *ml_bucket_first(void);
/* At no moment more frees than allocations. */
struct ml_bucket_counts ml_bucket_read(const struct ml_bucket *bucket);

#endif
