/* SPDX-License-Identifier: MIT */
/* pagefigures.h - the page heap's figures. They change under its lock, within a
 * sequence lock, so that readers get such as belong together and wait for nobody.
 */
#ifndef ML_HEAP_PAGEFIGURES_H
#define ML_HEAP_PAGEFIGURES_H

#include <stddef.h>
#include <stdint.h>

struct ml_pageheap_figures {
    uint64_t heap_bytes;     /* committed heap */
    uint64_t inuse_bytes;    /* in small spans and large objects */
    uint64_t released_bytes; /* of the free ones: nothing behind them */
    uint64_t spans;          /* descriptors in use */
    uint64_t large_mallocs, large_frees;
    uint64_t large_malloc_bytes, large_free_bytes;
    uint64_t large_swept, large_swept_bytes; /* of the frees above, by sweeping */
};

/* The figures, to be changed between begin and end. Lock held. */
struct ml_pageheap_figures *ml_pageheap_begin_change(void);
void ml_pageheap_end_change(void);
/* Figures are relaxed atomics: a reader may look while they change, and throws away
 * what it saw then. */
static inline void ml_figure_set(uint64_t *figure, uint64_t value)
{
    __atomic_store_n(figure, value, __ATOMIC_RELAXED);
}
/* So much more in use, and released. Lock held. */
void ml_pageheap_change_inuse(int64_t bytes, int64_t released);

/* A consistent copy. Waits for no lock; spins while a change is under way. */
void ml_pageheap_read(struct ml_pageheap_figures *copy);
/* One of the figures, as it is at the moment. */
uint64_t ml_pageheap_inuse_bytes(void);
/* Bytes with memory behind them; two figures, perhaps of different moments. */
uint64_t ml_pageheap_backed_bytes(void);

#endif
