/* SPDX-License-Identifier: MIT */
/* alloc.h - the collecting door: what memlog_malloc and its kin do.
 *
 * Over the heap's door it adds zeroing of what is scanned, the pacer's question
 * before anything grows, a collection before giving up, and the rule for
 * addresses one past the end: objects of more than 256 bytes get a byte more
 * than asked for, so that such an address still lies inside.
 *
 * An object of ML_TYPED has a word more than asked for, which holds its type where
 * the object is small, and makes such an address lie inside in any case (type.h).
 *
 * Objects of ML_NOSCAN hold whatever lay there before, unless a function says
 * zeroed; all others are zero. Everything returns NULL with errno ENOMEM when
 * there is no memory.
 */
#ifndef ML_GC_ALLOC_H
#define ML_GC_ALLOC_H

#include "gc/zero.h"
#include "heap/alloc.h"

/* Requests of more bytes than this get the byte at the end: ML_GC_PAD_ABOVE,
 * or 0 for MEMLOG_PAST_END=always. */
enum { ML_GC_PAD_ABOVE = 256 };
extern ML_HIDDEN size_t ml_gc_pad_above;

/* Bytes a block needs for a request; not of ML_TYPED. */
static inline size_t ml_gc_padded(size_t bytes) { return bytes + (bytes > ml_gc_pad_above); }

/* What ml_gc_alloc does when no magazine has the object ready. */
void *ml_gc_alloc_slow(size_t bytes, enum ml_kind kind);

/* In line, with a kind that is known when it is compiled. */
static inline ML_ALWAYS_INLINE void *ml_gc_alloc(size_t bytes, enum ml_kind kind)
{
    if (ml_unlikely(bytes >= ML_SMALL_MAX))
        return ml_gc_alloc_slow(bytes, kind);
    size_t class = ml_sizeclass_of(ml_gc_padded(bytes));
    void *slot = ml_heap_pop(class, kind);
    if (ml_unlikely(slot == NULL))
        return ml_gc_alloc_slow(bytes, kind);
    if (kind != ML_NOSCAN)
        ml_zero(slot, ml_sizeclasses[class].bytes);
    return slot;
}

void *ml_gc_alloc_noscan_zeroed(size_t bytes);
struct memlog_type;
/* Zeroed, of whatever kind the type makes. */
void *ml_gc_alloc_typed(size_t bytes, const struct memlog_type *type);
/* alignment: a power of two; kind: any but ML_TYPED. */
void *ml_gc_alloc_aligned(size_t alignment, size_t bytes, enum ml_kind kind);
/* pointer: an object (not NULL); bytes not 0. */
void *ml_gc_realloc(void *pointer, size_t bytes);
/* pointer: an object. Ends the program with a message naming function when it is none. */
size_t ml_gc_usable_bytes(const void *pointer, const char *function);

/* The thread has its cache and is known to the collector. 0 or -errno. */
int ml_gc_attach(void);

#endif
