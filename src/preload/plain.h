/* SPDX-License-Identifier: MIT */
/* plain.h - the plain door: what malloc, free and their kin do, by whatever name
 * they are called.
 *
 *   malloc(100)                  malloc.c
 *     ml_plain_alloc             in line: ml_heap_pop (heap/alloc.h), no lock
 *       ml_plain_alloc_slow      plain.c: refills, large objects
 *   free(p)
 *     ml_plain_free              in line: ml_heap_push
 *       ml_plain_free_slow       plain.c
 *
 * Objects are ML_UNCOLLECTABLE: they live until they are freed, and are looked
 * into where the collector runs. They have no byte at the end, and hold
 * whatever lay there before. All of a block may be used.
 *
 * A failure sets errno to ENOMEM; freeing leaves errno alone. `function` is the
 * name that the program has called, for the line a bad pointer ends it with.
 */
#ifndef ML_PRELOAD_PLAIN_H
#define ML_PRELOAD_PLAIN_H

#include <stdbool.h>

#include "heap/alloc.h"

#define EXPORT __attribute__((visibility("default")))

void *ml_plain_alloc_slow(size_t bytes);
void ml_plain_free_slow(void *pointer, const char *function);

/* NULL: that is for ml_plain_alloc_slow. */
static inline ML_ALWAYS_INLINE void *ml_plain_alloc_fast(size_t bytes)
{
    if (ml_unlikely(bytes > ML_SMALL_MAX))
        return NULL;
    return ml_heap_pop(ml_sizeclass_of(bytes), ML_UNCOLLECTABLE);
}

static inline ML_ALWAYS_INLINE void *ml_plain_alloc(size_t bytes)
{
    void *slot = ml_plain_alloc_fast(bytes);
    return ml_likely(slot != NULL) ? slot : ml_plain_alloc_slow(bytes);
}

static inline ML_ALWAYS_INLINE void ml_plain_free(void *pointer, const char *function)
{
    if (ml_unlikely(!ml_heap_push(pointer)))
        ml_plain_free_slow(pointer, function);
}

/* Zeroed. */
void *ml_plain_calloc(size_t count, size_t size);
/* pointer: not NULL; bytes not 0. NULL: there is no memory, the object is as it was. */
void *ml_plain_realloc(void *pointer, size_t bytes, const char *function);
/* alignment: a power of two. */
void *ml_plain_alloc_aligned(size_t alignment, size_t bytes);
/* The program, or a library before ours, has a malloc of its own, which all use. Takes the
 * loader's lock. */
bool ml_plain_is_passed_by(void);
/* pointer: an object. */
size_t ml_plain_usable_bytes(const void *pointer, const char *function);

#endif
