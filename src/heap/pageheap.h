/* SPDX-License-Identifier: MIT */
/* pageheap.h - runs of pages: found, split, joined, given back.
 *
 * Free runs hang in lists by length (freeruns.h). A run that becomes free
 * joins its free neighbours at once, so two free runs never touch (but for one
 * that is just being released). One lock; the figures that readers see change under it within a
 * sequence lock.
 */
#ifndef ML_HEAP_PAGEHEAP_H
#define ML_HEAP_PAGEHEAP_H

#include "heap/spanmap.h"
#include "os/thread.h"

/* Figures that belong together, as readers get them. */
struct ml_pageheap_figures {
    uint64_t heap_bytes;     /* committed heap */
    uint64_t inuse_bytes;    /* in small spans and large objects */
    uint64_t released_bytes; /* of the free ones: nothing behind them */
    uint64_t spans;          /* descriptors in use */
    uint64_t large_mallocs, large_frees;
    uint64_t large_malloc_bytes, large_free_bytes;
    uint64_t large_swept, large_swept_bytes; /* of the frees above, by sweeping */
};

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
/* The figures, to be changed between begin and end. */
struct ml_pageheap_figures *ml_pageheap_begin_change(void);
void ml_pageheap_end_change(void);

/* A consistent copy. Waits for no lock; spins while a change is under way. */
void ml_pageheap_read(struct ml_pageheap_figures *figures);

/* One of the figures, as it is at the moment. */
uint64_t ml_pageheap_inuse_bytes(void);
/* Bytes with memory behind them; two figures, perhaps of different moments. */
uint64_t ml_pageheap_backed_bytes(void);

/* Release memory of free runs that have been free since before `tick` (see
 * release.h), at most `bytes` (rounded up to a page). Returns how much it was.
 * Takes the lock, but not around the system calls. */
uint64_t ml_pageheap_release(uint32_t tick, uint64_t bytes);
/* The release clock that newly freed runs are stamped with. */
void ml_pageheap_set_tick(uint32_t tick);

/* In a forked child: runs that another thread was releasing are free again. */
void ml_pageheap_after_fork_child(void);

/* NULL, or the name of the broken rule. Lock held. */
const char *ml_pageheap_check(void);

#endif
