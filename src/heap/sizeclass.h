/* SPDX-License-Identifier: MIT */
/* sizeclass.h - bytes to class, and what a span of each class looks like.
 *
 * 60 classes: steps of 16 bytes to 256, 32 to 512, 64 to 1024, 128 to 2048,
 * then four to a doubling up to 65536. Every class is a multiple of 16, so
 * every object is aligned to 16; a block is at most 25 % (up to 64 bytes: at
 * most 15 bytes) bigger than the request it serves. All of them fit Go's
 * BySize[61], so that nothing is hidden there.
 *
 * A bin is a class of one kind: objects that are scanned, objects that hold
 * no pointers, objects that live until they are freed, and objects whose type says
 * where their pointers are (gc/type.h) never share a span.
 */
#ifndef ML_HEAP_SIZECLASS_H
#define ML_HEAP_SIZECLASS_H

#include <stddef.h>
#include <stdint.h>

#include "base/bits.h"

enum { ML_PAGE_SHIFT = 13, ML_PAGE_BYTES = 1 << ML_PAGE_SHIFT };
enum { ML_GRANULE_SHIFT = 4, ML_GRANULE_BYTES = 1 << ML_GRANULE_SHIFT };

enum { ML_CLASSES = 60, ML_SMALL_MAX = 65536 };

enum ml_kind { ML_SCAN, ML_NOSCAN, ML_UNCOLLECTABLE, ML_TYPED, ML_KINDS };

enum { ML_BINS = ML_CLASSES * ML_KINDS };

/* The most slots a span has: what its bitmaps hold. */
enum { ML_SPAN_SLOTS_MAX = 512 };

struct ml_sizeclass {
    uint32_t bytes;      /* of one slot */
    uint32_t reciprocal; /* ceil(2^32 / bytes): offset * reciprocal >> 32 is the slot */
    uint16_t slots;      /* in a span */
    uint8_t pages;       /* of a span */
};

/* Filled by ml_sizeclass_init, then constant. */
extern ML_HIDDEN struct ml_sizeclass ml_sizeclasses[ML_CLASSES];
/* By (bytes + 15) / 16. One table for all small sizes: a second, coarser one
 * would be shorter, and cost a branch that nobody can foretell. */
extern ML_HIDDEN uint8_t ml_class_by_16[ML_SMALL_MAX / ML_GRANULE_BYTES + 1];

/* Idempotent; called before the first allocation, by one thread. */
void ml_sizeclass_init(void);

/* bytes at most ML_SMALL_MAX; 0 counts as 1. */
static inline unsigned ml_sizeclass_of(size_t bytes)
{
    return ml_class_by_16[(bytes + ML_GRANULE_BYTES - 1) >> ML_GRANULE_SHIFT];
}

static inline unsigned ml_bin_of(unsigned class, enum ml_kind kind)
{
    return (unsigned)kind * ML_CLASSES + class;
}
static inline unsigned ml_bin_class(unsigned bin) { return bin % ML_CLASSES; }
static inline enum ml_kind ml_bin_kind(unsigned bin) { return (enum ml_kind)(bin / ML_CLASSES); }

#endif
