/* SPDX-License-Identifier: MIT */
/* central.h - the bins behind the magazines: per class and kind, the spans
 * with room, the full ones, some empty ones, and those the collector's verdict
 * still waits on.
 *
 *   ml_magazine_refill     threadcache.c
 *     ml_central_take      1. a span with free slots: take a batch
 *                          2. an empty span that was kept
 *                          3. a span not yet swept: sweep it, take from it
 *       ml_pageheap_take   4. a new span
 *
 * One lock a bin, held for a batch. Lock order: trimming, bin, page heap,
 * metadata pools.
 */
#ifndef ML_HEAP_CENTRAL_H
#define ML_HEAP_CENTRAL_H

#include "heap/threadcache.h"
#include "os/thread.h"

struct ml_bin {
    struct ml_lock lock;
    uint32_t empty_least; /* empty spans that were not needed since the last trim */
    struct ml_span_list partial, full, unswept;
    /* Kept for the next batch: a span that goes to the page heap and comes
     * back costs more than all its slots. */
    struct ml_span_list empty;
} __attribute__((aligned(64)));

extern struct ml_bin ml_bins[ML_BINS];

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

/* Bytes handed out to magazines and as large objects and not given back: what
 * the pacer watches. What the last mark left for the sweep is taken off at
 * the mark's end, not when it is swept. */
uint64_t ml_heap_taken_bytes(void);
void ml_heap_taken_add(int64_t bytes);
/* What the mark found; with the world stopped. */
void ml_heap_taken_set(uint64_t bytes);

/* Objects that two markers reached in the same instant are counted by both,
 * and found out when they are swept. What they add up to since the start. */
struct ml_marked_twice {
    uint64_t objects, bytes;
};
void ml_heap_note_marked_twice(uint64_t objects, uint64_t bytes);
struct ml_marked_twice ml_heap_marked_twice(void);

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
