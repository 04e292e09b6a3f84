/* SPDX-License-Identifier: MIT */
/* pageheap.h - who gets pages, and when they go back to the operating system.
 *
 * Free runs hang in lists by length (freeruns.h). A run that becomes free
 * joins its free neighbours at once (runs.h), so two free runs never touch, but for one
 * that is just being released. One lock; the figures that readers see change under it
 * (pagefigures.h).
 */
#ifndef ML_HEAP_PAGEHEAP_H
#define ML_HEAP_PAGEHEAP_H

#include "heap/pagefigures.h"
#include "heap/spanmap.h"
#include "os/thread.h"

/* A run cut into slots of a bin, mapped; NULL when there is no memory. */
struct ml_span *ml_pageheap_take_small(unsigned bin);
/* A small span that is empty and in no list goes back. */
void ml_pageheap_give(struct ml_span *span);

/* The following are for large objects (large.c), with ml_pageheap_lock held. */
extern struct ml_lock ml_pageheap_lock;
/* A run of pages whose base is a multiple of align_pages pages (a power of
 * two), in use as ML_SPAN_LARGE. *backed: how many of them had memory behind
 * them (0: all of it reads as zero). */
struct ml_span *ml_pageheap_take_run(uint32_t pages, uint32_t align_pages, uint32_t *backed);
void ml_pageheap_give_run(struct ml_span *span);
/* Is there a descriptor for what shrinking cuts off? Then the next one succeeds. */
bool ml_pageheap_can_shrink(void);
/* Shrink to pages, the rest becomes free; or grow into a free run right
 * behind. False when there is none, or no descriptor. */
bool ml_pageheap_resize_run(struct ml_span *span, uint32_t pages, uint32_t *backed);
/* Release memory of free runs that have been free since before `tick` (see
 * release.h), at most `bytes` (rounded up to a page). Returns how much it was.
 * Takes the lock, but not around the system calls. */
uint64_t ml_pageheap_release(uint32_t tick, uint64_t bytes);

/* In a forked child: runs that another thread was releasing are free again. */
void ml_pageheap_after_fork_child(void);

/* NULL, or the name of the broken rule. Lock held. */
const char *ml_pageheap_check(void);

#endif
