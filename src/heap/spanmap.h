/* SPDX-License-Identifier: MIT */
/* spanmap.h - address to span: the reserved range and the flat tables over it.
 *
 *   | state | page_bin | page_span | backed | revisit | spans |  heap ---> |
 *
 * All of it is one reservation; each part is committed from its beginning as
 * the heap grows, so that a small program pays for a small table. Addresses
 * are turned into indexes by arithmetic alone:
 *
 *   state[granule]    not 0: an allocated object begins at this 16-byte granule.
 *                     The truth about "allocated", kept by whoever allocates
 *                     and frees, outside the object where no stray write of
 *                     the program reaches it. Which of enum ml_state it is
 *                     says whether freeing it concerns anybody else.
 *   page_bin[page]    the bin of the small span over this page, ML_BIN_LARGE
 *                     under a large object, ML_BIN_NONE where nothing is in use
 *   page_span[page]   the number of the span over this page. May be stale for
 *                     pages inside a free run: check the span's bounds.
 *   backed            one bit a page: memory stands behind it, as far as we know
 *   revisit[page]     the page may hold an object that a mark under way has to look
 *                     at again when it is written: marked, or uncollectable
 *   spans[number]     the descriptors
 *
 * Growing is the page heap's business, under its lock. Readers need none: the
 * bounds only grow, and an address somebody was given is within them.
 */
#ifndef ML_HEAP_SPANMAP_H
#define ML_HEAP_SPANMAP_H

#include "heap/span.h"

/* Stand for a bin where a large object does, and where nothing is in use. */
enum { ML_BIN_LARGE = ML_BINS, ML_BIN_NONE, ML_BINS_AND_MARKS };
_Static_assert((int)ML_BINS_AND_MARKS <= UINT8_MAX, "bins and the two marks share a byte");

/* Read by every allocation and free, written only when the heap grows. */
struct ml_spanmap {
    uintptr_t base;         /* of the heap; 0 before it exists */
    uint64_t granules;      /* of committed heap; 0 before it exists, so that
                             * every address is foreign then */
    uint8_t *state;
    uint8_t *page_bin;
    uint32_t *page_span;
    struct ml_span *spans;
    uint64_t *backed;
    uint8_t *revisit;
    uintptr_t state_from_0; /* state, were the heap at address 0 */
    size_t reserved_bytes;  /* of heap */
} __attribute__((aligned(64)));

extern ML_HIDDEN struct ml_spanmap ml_map;

/* Reserve. Tries less and less where address space is limited. 0 or -ENOMEM. */
int ml_spanmap_init(void);
/* Commit more heap, and the tables over it: at least bytes (a multiple of the
 * page), wanted bytes where the OS gives them. Returns the bytes added, 0 when there is no more.
 * Page heap's lock. */
size_t ml_spanmap_grow(size_t bytes, size_t wanted);
/* Make sure descriptors up to number (below it) exist. 0 or -ENOMEM. */
int ml_spanmap_need_spans(uint32_t number);

/* Memory committed for tables (not the heap, not the descriptors), and for
 * descriptors. Bytes. */
uint64_t ml_spanmap_table_bytes(void);
uint64_t ml_spanmap_span_bytes(void);

static inline uint64_t ml_map_granules(void)
{
    return __atomic_load_n(&ml_map.granules, __ATOMIC_RELAXED);
}
static inline uint64_t ml_heap_bytes(void) { return ml_map_granules() << ML_GRANULE_SHIFT; }

/* The granule an address begins, for an address that does; for all others a
 * number beyond every granule: the low bits of a misaligned address end up on
 * top, and an address outside the heap is far off. One comparison tells. */
static inline uint64_t ml_granule_of(const void *address)
{
    uint64_t offset = (uintptr_t)address - ml_map.base;
    return offset >> ML_GRANULE_SHIFT | offset << (64 - ML_GRANULE_SHIFT);
}

static inline bool ml_in_heap(uintptr_t address) { return address - ml_map.base < ml_heap_bytes(); }
static inline size_t ml_page_of(uintptr_t address)
{
    return (address - ml_map.base) >> ML_PAGE_SHIFT;
}
static inline struct ml_span *ml_span_at(uint32_t number) { return &ml_map.spans[number]; }
static inline uint32_t ml_span_number(const struct ml_span *span)
{
    return (uint32_t)(span - ml_map.spans);
}
/* The span over an address in the heap: right when the address lies in a span
 * in use, else any (number 0 has no pages). */
static inline struct ml_span *ml_span_over(uintptr_t address)
{
    return ml_span_at(__atomic_load_n(&ml_map.page_span[ml_page_of(address)], __ATOMIC_RELAXED));
}

/* What the state byte of an object's first granule may be. Only objects that are
 * plain and no more are freed on the fast path: that one comparison tells them from
 * all others. */
enum ml_state {
    ML_STATE_FREE,
    ML_STATE_PLAIN,
    ML_STATE_WATCHED, /* its going is reported first: hooks.h */
    ML_STATE_WEAK,    /* the same; it is itself a weak reference (gc/weak.h) */
    ML_STATE_KIND = 3,   /* the bits of these four */
    ML_STATE_SAMPLED = 4 /* beside any of them: see sample.h */
};

/* The state byte has one writer at a time (who owns the slot), but readers at
 * any time. */
static inline uint8_t ml_state_get(uint64_t granule)
{
    return __atomic_load_n(&ml_map.state[granule], __ATOMIC_RELAXED);
}
static inline void ml_state_set(uint64_t granule, uint8_t state)
{
    __atomic_store_n(&ml_map.state[granule], state, __ATOMIC_RELAXED);
}

/* Without the mark of a sample. */
static inline enum ml_state ml_state_kind(uint64_t granule)
{
    return (enum ml_state)(ml_state_get(granule) & ML_STATE_KIND);
}
/* Change one and leave the other, whoever else changes that at the same time: an object
 * may be resized by one thread and be given a weak reference by another. */
static inline void ml_state_set_kind(uint64_t granule, enum ml_state kind)
{
    uint8_t before = ml_state_get(granule), after;
    do
        after = (uint8_t)((before & ~ML_STATE_KIND) | (int)kind);
    while (!__atomic_compare_exchange_n(&ml_map.state[granule], &before, after, true,
                                        __ATOMIC_RELAXED, __ATOMIC_RELAXED));
}
static inline void ml_state_set_sampled(uint64_t granule, bool sampled)
{
    if (sampled)
        __atomic_fetch_or(&ml_map.state[granule], ML_STATE_SAMPLED, __ATOMIC_RELAXED);
    else
        __atomic_fetch_and(&ml_map.state[granule], (uint8_t)~ML_STATE_SAMPLED, __ATOMIC_RELAXED);
}
static inline bool ml_state_is_sampled(uint64_t granule)
{
    return ml_unlikely((ml_state_get(granule) & ML_STATE_SAMPLED) != 0);
}

/* ml_state_set for an address that is a slot's: without a look at the heap's base,
 * which allocating has no other need of. */
static inline void ml_state_set_slot(const void *slot, uint8_t state)
{
    uint8_t *byte = (uint8_t *)(ml_map.state_from_0 + ((uintptr_t)slot >> ML_GRANULE_SHIFT));
    __atomic_store_n(byte, state, __ATOMIC_RELAXED);
}

enum ml_revisit {
    ML_REVISIT_NONE,
    ML_REVISIT_WRITTEN, /* look again where it is written */
    ML_REVISIT_NEVER    /* marked while the program stands for the last time */
};
/* Set by whoever marks an object that holds pointers, makes a span of uncollectable
 * ones, or lets one grow that may be marked; cleared when a cycle begins. Most are
 * set already: it is read before it is written, and the line stays with everybody. */
static inline void ml_revisit_set(size_t page, enum ml_revisit value)
{
    if (ml_unlikely(__atomic_load_n(&ml_map.revisit[page], __ATOMIC_RELAXED) == 0))
        __atomic_store_n(&ml_map.revisit[page], (uint8_t)value, __ATOMIC_RELAXED);
}
/* All pages of [begin, end), which is in the heap and not empty. */
void ml_revisit_set_range(uintptr_t begin, uintptr_t end, enum ml_revisit value);
/* The first page of [page, end) to be looked at when written, and the first that is
 * not; or end. */
size_t ml_revisit_next(size_t page, size_t end);
size_t ml_revisit_until(size_t page, size_t end);
/* None is to be looked at. Nothing is being marked. */
void ml_revisit_clear(void);

/* Point the pages of a run, from the given one on, at its span. */
void ml_spanmap_set_pages(const struct ml_span *span, uint32_t from);
/* The run is not in use any more: no object lies over its pages. */
void ml_spanmap_clear_pages(const struct ml_span *span);
/* Point the first and last page of a free run at it: enough for those. */
void ml_spanmap_set_ends(const struct ml_span *span);

/* How many pages of the run are backed; set or clear all of them. */
uint32_t ml_backed_count(uintptr_t base, uint32_t pages);
void ml_backed_set(uintptr_t base, uint32_t pages, bool backed);

#endif
