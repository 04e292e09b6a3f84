/* SPDX-License-Identifier: MIT */
/* large.h - objects above 65536 bytes: a run of pages each, counted with
 * whole pages, under the page heap's lock.
 */
#ifndef ML_HEAP_LARGE_H
#define ML_HEAP_LARGE_H

#include "heap/threadcache.h"

/* A large object of at least bytes, at a multiple of alignment (a power of
 * two; 0 or 1: a page). *zeroed: it reads as zero already. NULL when there is
 * no memory. The thread is inside. */
void *ml_large_alloc(size_t bytes, size_t alignment, enum ml_kind kind, bool *zeroed);
/* Free the object at pointer. False when there is none any more: another
 * thread has freed it at the same time. */
bool ml_large_free(void *pointer);
/* Grow or shrink in place; false when there is no room. *zeroed as above, for
 * the bytes that were added. */
bool ml_large_resize(void *pointer, size_t bytes, bool *zeroed);
size_t ml_large_bytes(const void *pointer);

/* As in central.h, and after it: the mark's verdict on large objects. */
void ml_large_begin_sweep(void);
/* Sweep up to count large objects; how many were swept. Frees are booked in the figures. */
unsigned ml_large_sweep(unsigned count);

/* The first large object of a kind (by span number, next by span->next); for
 * the collector, with the world stopped, and the audit. Unswept ones are in
 * a list of their own. */
extern struct ml_span_list ml_large_lists[ML_KINDS];
extern struct ml_span_list ml_large_unswept;

#endif
