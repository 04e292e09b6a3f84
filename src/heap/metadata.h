/* SPDX-License-Identifier: MIT */
/* metadata.h - memory for memlog's own structs, never from the heap.
 *
 * Pools, one for each line of the statistics that it is booked under. Blocks
 * are zeroed and aligned to a cache line; sizes are rounded up to powers of
 * two and given-back blocks are kept for the next of their size. Blocks of 32 KiB and more
 * have a mapping of their own.
 */
#ifndef ML_HEAP_METADATA_H
#define ML_HEAP_METADATA_H

#include <stddef.h>
#include <stdint.h>

enum ml_pool { ML_POOL_THREADS, ML_POOL_GC, ML_POOL_PROFILE, ML_POOL_OTHER, ML_POOLS };

/* NULL when the OS refuses memory. Takes the pool's lock. */
void *ml_metadata_alloc(enum ml_pool pool, size_t bytes);
/* bytes as it was asked for. NULL is fine. */
void ml_metadata_free(enum ml_pool pool, void *block, size_t bytes);

/* Bytes obtained from the OS, and of them handed out. No lock. */
uint64_t ml_metadata_sys(enum ml_pool pool);
uint64_t ml_metadata_inuse(enum ml_pool pool);

void ml_metadata_lock_all(void);
void ml_metadata_unlock_all(void);

#endif
