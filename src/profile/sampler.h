/* SPDX-License-Identifier: MIT */
/* sampler.h - the heap profile: what the heap tells of samples (heap/sample.h) goes into
 * buckets, with the stack that allocated it.
 *
 *   a slow path          hook `sampled`
 *                          ml_stack_take      stack.h, outside of every lock
 *                          ml_bucket_need     buckets.h
 *                          ml_samples_add     samples.h
 *                          ml_dump_notice     dump.h
 *   free, realloc, sweep hook `sample_goes`
 *                          ml_samples_remove  the bucket, by the object's address
 *   memlog_profile_write pprof.h, text.h      read the buckets, while all go on
 *
 * One lock, below all of the heap's and above those of metadata pools, held inside the
 * heap's slow paths only: so no stopped thread holds it, and nobody does while a process
 * forks.
 */
#ifndef ML_PROFILE_SAMPLER_H
#define ML_PROFILE_SAMPLER_H

#include <stdbool.h>
#include <stdint.h>

enum { ML_PROFILE_RATE_DEFAULT = 512 << 10, ML_PROFILE_BYTES_DEFAULT = 64 << 20 };

/* Before the program's threads. rate: mean bytes from one sample to the next; 1: all
 * allocations; 0: nothing is done. bytes_most: of memory for what is recorded. */
void ml_profile_start(uint64_t rate, uint64_t bytes_most, bool by_frame_pointers);

#endif
