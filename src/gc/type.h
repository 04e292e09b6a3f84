/* SPDX-License-Identifier: MIT */
/* type.h - which words of an object may hold pointers.
 *
 * A type is a pattern of bits, a bit a word, that repeats over the object from
 * its beginning to the end of its block. Types are never given up; equal ones
 * are one.
 *
 * Where an object's type stands:
 *
 *   small   | words ...              | type |   the last word of its slot, in spans
 *                                               of a kind of their own (ML_TYPED)
 *   large   in the span's descriptor
 *
 * So ordinary objects know nothing of types, and the word is mostly in a cache
 * line that the marker needs anyway. It is checked: half of it is the type's
 * number and half that number's complement. What is no type's (somebody wrote
 * past an object's end, or the type is not there yet) makes the object one that
 * is scanned like any other.
 *
 * A type all of whose words may hold pointers makes plain objects of ML_SCAN,
 * and one without any makes objects of ML_NOSCAN: they need no word.
 *
 * A marker that runs along with the program may find the type of an object that
 * was there before, or none. That is sound as long as the type is written before
 * the contents are: what is written after a marker has read the type is on a page
 * that is looked at again, and by then the type is there. So nobody keeps a
 * type he has read while pages are armed anew.
 */
#ifndef ML_GC_TYPE_H
#define ML_GC_TYPE_H

#include "heap/spanmap.h"

struct memlog_type {
    size_t bytes;   /* of one element: the size, rounded up to words */
    size_t stride;  /* words from one pattern to the next; at least 1 */
    size_t blocks;  /* 64 words each, up to the last that may hold a pointer */
    const uint64_t *bitmap; /* one word a block */
    uint64_t first;         /* the bitmap, where it is one word */
    struct memlog_type *next; /* of those with the same hash */
    uint32_t number;        /* from 1 */
    uint32_t kind;          /* enum ml_kind of its objects */
};

/* The word in a slot. Never an address, whatever the number. */
typedef uint64_t ml_type_word;

/* The type of objects or elements of so many bytes: where a bit of the bitmap,
 * which is so many blocks long, is set, that word may hold a pointer. NULL: none
 * does. Made when there is none like it. Returns NULL with errno EINVAL for a bit
 * beyond the size; ENOMEM; or the reason why the thread can't be registered. */
const struct memlog_type *ml_type_new(size_t bytes, const uint64_t *bitmap, size_t blocks);

/* Give the object of ML_TYPED, in a block of so many bytes, its type: before it
 * has any contents. */
void ml_type_set(void *object, size_t block, const struct memlog_type *type);

/* The following read what may be changing, or garbage. */

/* The type of the object in that block, of ML_TYPED. NULL: it has none. */
const struct memlog_type *ml_type_of(uintptr_t object, size_t block);
/* The same of the object that the address lies in, and where that begins. NULL
 * also where it lies in no object of ML_TYPED. */
const struct memlog_type *ml_type_over(uintptr_t address, uintptr_t *object);

/* Of the words from `at`, in an object of the type, to `end` the next ones: bit i is set
 * where the word i after `at` may hold a pointer. *bytes: how far this goes. */
static inline uint64_t ml_type_pointers(const struct memlog_type *type, uintptr_t object,
                                        uintptr_t at, uintptr_t end, size_t *bytes)
{
    enum { BLOCK_WORDS = 64 };
    size_t word = (at - object) / sizeof(uintptr_t), left = (end - at) / sizeof(uintptr_t);
    if (word >= type->stride)
        word %= type->stride;
    size_t block = word / BLOCK_WORDS;
    if (block >= type->blocks) {
        *bytes = (type->stride - word) * sizeof(uintptr_t);
        return 0;
    }
    unsigned in_block = word % BLOCK_WORDS;
    size_t known = ml_min(BLOCK_WORDS - in_block, type->stride - word);
    uint64_t bits = type->bitmap[block] >> in_block;
    *bytes = known * sizeof(uintptr_t);
    return left >= known ? bits : bits & (((uint64_t)1 << left) - 1);
}

#endif
