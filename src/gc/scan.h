/* SPDX-License-Identifier: MIT */
/* scan.h - from the words of an object to candidates on a marker's stack.
 *
 * A word that is an address in the heap is a candidate; which object it is of,
 * if any, is found out when it leaves the stack (mark.c). Of a long object the
 * first part is looked at, and the rest put off as a range.
 *
 * The program may be writing meanwhile: each word is read once.
 */
#ifndef ML_GC_SCAN_H
#define ML_GC_SCAN_H

#include "gc/mark.h"
#include "gc/type.h"

enum { ML_SCAN_CHUNK = 4096 }; /* bytes of an object that are looked at in one go */

static inline bool ml_marker_sees(const struct ml_marker *marker, uintptr_t word)
{
    return word - marker->heap_base < marker->heap_bytes;
}
/* Whether a block of so many bytes lies in the heap: what was read of a span that
 * is changing may be anything. */
static inline bool ml_marker_sees_block(const struct ml_marker *marker, uintptr_t base,
                                        uintptr_t bytes)
{
    uintptr_t offset = base - marker->heap_base;
    return offset < marker->heap_bytes && bytes - 1 < marker->heap_bytes - offset;
}

/* Room on the stack for two words; false, and the overflow noted, when there is
 * none. */
static inline bool ml_scan_have_room(struct ml_marker *marker)
{
    if (ml_likely(marker->stack.top + 2 <= marker->stack.capacity) ||
        ml_markstack_grow(&marker->stack))
        return true;
    marker->overflowed = true;
    return false;
}

static inline void ml_scan_word(struct ml_marker *marker, uintptr_t word)
{
    if (ml_marker_sees(marker, word) && ml_scan_have_room(marker))
        marker->stack.words[marker->stack.top++] = ml_align_down(word, ML_GRANULE_BYTES);
}

/* All words of [begin, end), however long. Aligned, like all that follow. */
void ml_scan_words(struct ml_marker *marker, uintptr_t begin, uintptr_t end);
/* Those that the type of the object at `object` names; type NULL: all. */
void ml_scan_named(struct ml_marker *marker, const struct memlog_type *type, uintptr_t object,
                   uintptr_t begin, uintptr_t end);

/* What is longer than a chunk. */
void ml_scan_long(struct ml_marker *marker, uintptr_t begin, uintptr_t end);
/* An object, or what is left of one. */
static inline void ml_scan(struct ml_marker *marker, uintptr_t begin, uintptr_t end)
{
    if (ml_unlikely(end - begin > ML_SCAN_CHUNK))
        ml_scan_long(marker, begin, end);
    else
        ml_scan_words(marker, begin, end);
}
/* An object of ML_TYPED, in a block of so many bytes. */
void ml_scan_typed(struct ml_marker *marker, uintptr_t object, uintptr_t bytes);
/* A range of words from the stack, perhaps another marker's; tag: markstack.h. */
void ml_scan_rest(struct ml_marker *marker, unsigned tag, uintptr_t begin, uintptr_t end);
/* The part [begin, end) of an object of the kind, in a block of so many bytes. The
 * span may be changing. */
void ml_scan_part(struct ml_marker *marker, unsigned kind, uintptr_t object, uintptr_t bytes,
                  uintptr_t begin, uintptr_t end);
/* Put a range onto the stack, with what is to be done with it (markstack.h). Where
 * that has no room the marker has overflowed. */
void ml_scan_later(struct ml_marker *marker, uintptr_t begin, uintptr_t end, unsigned tag);

#endif
