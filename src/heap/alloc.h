/* SPDX-License-Identifier: MIT */
/* alloc.h - the heap's door. Start here to follow an allocation:
 *
 *   ml_gc_alloc(100)             gc/alloc.h          in line; zeroes what is scanned
 *     ml_heap_pop                heap/alloc.h        1. the magazine's top slot: done, no lock
 *     ml_gc_alloc_slow           gc/alloc.c             collects when it is time
 *       ml_magazine_refill       heap/threadcache.c
 *         ml_central_take        heap/central.c      2. spans with room, under a lock of the bin
 *           ml_pageheap_take..   heap/pageheap.c     3. a run of pages, under the heap's lock
 *             ml_spanmap_grow    heap/spanmap.c      4. committed address space
 *               ml_os_commit     os/pages_linux.c    5. the OS
 *
 *   memlog_free(p) -> ml_heap_free: push, counter, state byte; the way back in
 *   batches. Objects above 65536 bytes go to large.c at once.
 *
 * Who owns what: ml_thread_self and its magazines the calling thread; a bin's
 * spans its shards' locks; runs, large objects and figures the page heap's lock.
 */
#ifndef ML_HEAP_ALLOC_H
#define ML_HEAP_ALLOC_H

#include "heap/sample.h"

/* Reserve the heap; idempotent, thread-safe. 0 or -ENOMEM. */
int ml_heap_init(void);

/* A slot of a class and kind from the calling thread's magazine, or NULL when
 * that is empty, or the next one is to be a sample. Not zeroed. */
static inline void *ml_heap_pop(size_t class, enum ml_kind kind)
{
    struct ml_magazine *magazine = ml_magazine_of(ml_bin_of(0, kind), class);
    void **top = magazine->top;
    if (ml_unlikely(top == magazine->bottom))
        return NULL;
    if (ml_unlikely(ml_sample_is_due(magazine)))
        return NULL;
    return ml_magazine_pop(magazine, top);
}

/* The slow way: attaches the thread, refills, chooses samples, of which the caller has
 * to tell (below). NULL when there is no memory. */
void *ml_heap_alloc_slow(unsigned bin);
/* A large object (see large.h). NULL when there is no memory. One that may hold
 * pointers and is not zeroed is the thread's blank until the caller has done it. The
 * caller has to tell of samples. */
void *ml_heap_alloc_large(size_t bytes, size_t alignment, enum ml_kind kind, bool *zeroed);

/* The object that the slow way has brought is what it is to be: who wants to know of
 * samples is told, if it is one. Outside the heap. */
static inline void ml_heap_tell_of(void *object)
{
    if (ml_state_is_sampled(ml_granule_of(object)))
        ml_heap_hooks.sampled(object);
}
/* The same for a large object that was resized in place, and had so many bytes before. */
void ml_heap_tell_resized(void *object, size_t before);

/* Free what the fast path does not: NULL (nothing happens), large and watched
 * objects, into a full magazine, from a thread without a cache. A bad pointer
 * ends the program, with a line that names the function it called. */
void ml_heap_free_slow(void *pointer, const char *function);
/* Says what is wrong with a pointer given to `function`, and aborts. */
_Noreturn void ml_heap_bad_pointer(const void *pointer, const char *function);

/* Whether an allocated object begins at pointer. */
static inline bool ml_heap_is_object(const void *pointer)
{
    uint64_t granule = ml_granule_of(pointer);
    return granule < ml_map_granules() && ml_state_get(granule) != ML_STATE_FREE;
}

/* Free the object at pointer onto the calling thread's magazine. False, and
 * nothing is done, when that is for ml_heap_free_slow. */
static inline ML_ALWAYS_INLINE bool ml_heap_push(void *pointer)
{
    uint64_t granule = ml_granule_of(pointer);
    if (ml_unlikely(granule >= ml_map_granules()))
        return false;
    /* Found once: for all the compiler knows the stores below change the map.
     * Read plainly: who frees an object is the only one who writes it. */
    uint8_t *state = &ml_map.state[granule];
    if (ml_unlikely(*state != ML_STATE_PLAIN))
        return false;
    size_t bin = ml_map.page_bin[granule >> (ML_PAGE_SHIFT - ML_GRANULE_SHIFT)];
    struct ml_magazine *magazine = ml_magazine_of(0, bin);
    void **top = magazine->top;
    if (ml_unlikely(top == magazine->limit))
        return false;
    __atomic_store_n(top, pointer, __ATOMIC_RELAXED); /* the order: see threadcache.h */
    ml_count(&magazine->frees, 1);
    __atomic_store_n(&magazine->top, top + 1, __ATOMIC_RELEASE);
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    __atomic_store_n(state, ML_STATE_FREE, __ATOMIC_RELAXED);
    /* The address stays in a register up to here: a collector that stops the
     * thread finds it there. */
    __asm__ volatile("" : : "r"(pointer));
    return true;
}

/* Free the object at pointer; NULL is fine. A bad pointer ends the program. */
static inline void ml_heap_free(void *pointer)
{
    if (ml_unlikely(!ml_heap_push(pointer)))
        ml_heap_free_slow(pointer, "memlog_free");
}

/* Bytes of the block at pointer, an allocated object; and its kind. */
size_t ml_heap_block_bytes(const void *pointer);
enum ml_kind ml_heap_kind(const void *pointer);
/* The same of a pointer that the program gave to `function`; a bad one ends it. */
struct ml_block {
    size_t bytes;
    enum ml_kind kind;
};
struct ml_block ml_heap_block(const void *pointer, const char *function);

/* Around fork: nobody else is in the heap meanwhile. */
void ml_heap_before_fork(void);
void ml_heap_after_fork_parent(void);
void ml_heap_after_fork_child(void);

#endif
