/* SPDX-License-Identifier: MIT */
/* alloc.h - the collecting door: what memlog_malloc and its kin do.
 *
 * Over the heap's door it adds zeroing, the pacer's question before anything
 * grows, a collection before giving up, and the rule for addresses one past
 * the end: objects of more than 256 bytes get a byte more than asked for, so
 * that such an address still lies inside (ml_gc_pad_all: the small ones too).
 *
 * Everything returns NULL with errno ENOMEM when there is no memory.
 */
#ifndef ML_GC_ALLOC_H
#define ML_GC_ALLOC_H

#include <stdbool.h>
#include <stddef.h>

#include "heap/sizeclass.h"

extern bool ml_gc_pad_all; /* MEMLOG_PAST_END=always */

void *ml_gc_alloc(size_t bytes, enum ml_kind kind);
/* alignment: a power of two. */
void *ml_gc_alloc_aligned(size_t alignment, size_t bytes, enum ml_kind kind);
/* pointer: an object (not NULL); bytes not 0. */
void *ml_gc_realloc(void *pointer, size_t bytes);
/* pointer: an object. Ends the program with a message naming function when it is none. */
size_t ml_gc_usable_bytes(const void *pointer, const char *function);

/* The thread has its cache and is known to the collector. 0 or -errno. */
int ml_gc_attach(void);

#endif
