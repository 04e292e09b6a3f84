/* SPDX-License-Identifier: MIT */
/* central.h - the bins behind the magazines: per class and kind, the spans
 * with room, the full ones, some empty ones, and those the collector's verdict
 * still waits on.
 *
 *   ml_magazine_refill     threadcache.c
 *     ml_central_take      1. a span with free slots: take a batch
 *                          2. an empty span that was kept
 *                          3. a span not yet swept: sweep it, take from it
 *                          4. what other shards can do without
 *       ml_pageheap_take   5. a new span
 *
 * A bin is in shards. A thread takes slots of its own shard's spans, and each slot
 * goes back to the shard its span is of, whoever frees it. So two threads neither wait
 * for each other nor get neighbouring slots, whose states share a cache line.
 * A span changes its shard only while it is empty.
 *
 * One lock a shard of a bin, held for a batch; never two of them, but for fork.
 * Lock order: trimming, shards of bins, page heap, metadata pools.
 */
#ifndef ML_HEAP_CENTRAL_H
#define ML_HEAP_CENTRAL_H

#include "heap/taken.h"
#include "heap/threadcache.h"
#include "os/thread.h"

/* A shard of one. */
struct ml_bin {
    struct ml_lock lock;
    uint32_t empty_least; /* empty spans that were not needed since the last trim */
    uint32_t empty_known; /* empty spans that ml_central_empty_bytes counts */
    struct ml_span_list partial, full, unswept;
    /* Kept for the next batch: a span that goes to the page heap and comes
     * back costs more than all its slots. */
    struct ml_span_list empty;
} __attribute__((aligned(ML_CACHE_LINE)));
_Static_assert(sizeof(struct ml_bin) == ML_CACHE_LINE, "one line a shard of a bin");

extern struct ml_bin ml_bins[ML_SHARDS][ML_BINS];

/* Bit n: shard n of the bin is in use, or was. The first always counts as such. */
extern uint8_t ml_bin_shards_used[ML_BINS];
static inline uint32_t ml_bin_shards(unsigned bin)
{
    return 1u | __atomic_load_n(&ml_bin_shards_used[bin], __ATOMIC_ACQUIRE);
}
/* The lowest of those. */
static inline struct ml_bin *ml_bin_shard(uint32_t shards, unsigned bin)
{
    return &ml_bins[ml_ctz64(shards)][bin];
}

/* Take up to want slots (at least one) into into[0..]; the caller pops them
 * from the end, in rising order of address. Returns how many; 0 when there is
 * no memory. What sweeping frees on the way is booked to self. */
unsigned ml_central_take(struct ml_thread *self, unsigned bin, void **into, unsigned want);
/* Give count slots back. Their state bytes are 0. */
void ml_central_give(unsigned bin, void **slots, unsigned count);

/* Give empty spans to the page heap: those that nobody needed since the last
 * trim, or all there are. */
void ml_central_trim(bool all);
/* Between the two trimming waits: markers look at spans without a lock, and
 * memlog's own threads are not stopped. With the world stopped. */
void ml_central_hold_empty(void);
void ml_central_let_empty(void);
/* Bytes of the empty spans that the bins keep. */
uint64_t ml_central_empty_bytes(void);

/* All marks are set: from now on what is not marked is garbage. It takes no
 * longer for many spans than for few. Called with the world stopped (only memlog's own threads may hold a bin's lock). */
void ml_central_begin_sweep(void);
/* Sweep up to count spans of one bin; how many were swept (0: none left, nor
 * in anybody's hands). */
unsigned ml_central_sweep(struct ml_thread *self, unsigned bin, unsigned count);

/* In a forked child, with all magazines empty: slots that are taken but not
 * allocated were on their way when the fork came, and are free. */
void ml_central_recover(void);

void ml_central_lock_all(void);
void ml_central_unlock_all(void);

#endif
