/* SPDX-License-Identifier: MIT */
/* markstack.h - a marker's stack: what is still to be looked at.
 *
 * Two kinds of entries. A candidate is one word: an address in the heap,
 * rounded down to its granule, which changes no slot. A range is two: its end
 * below, its begin on top. The low bits, which no address here uses, tell them
 * apart from either side, since what is taken from the bottom must not cut a
 * range in two; and they tell what is to be done with the range.
 *
 * The top is the marker's; from the bottom, where the oldest and therefore
 * mostly the largest work lies, it gives away to others.
 */
#ifndef ML_GC_MARKSTACK_H
#define ML_GC_MARKSTACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bits.h"

enum {
    ML_RANGE_END = 1,
    /* Tags of a begin: */
    ML_RANGE_WORDS = 2,  /* of an object that is marked: look at each */
    ML_RANGE_TYPED = 3,  /* the same, of one with a type, which is looked up again */
    ML_RANGE_AGAIN = 4,  /* pages: look at the marked objects there */
    ML_RANGE_WRITES = 5, /* the same, as far as pages were written */
    ML_RANGE_TAGS = 7
};

struct ml_mark_stack {
    uintptr_t *words;
    size_t bottom, top, capacity; /* in words */
    size_t reserved;              /* bytes of addresses; 0: the small fixed one */
};

/* A stack that works at once, without memory from the OS; it is the marking
 * thread's, and there is one. */
void ml_markstack_init_fixed(struct ml_mark_stack *stack);
/* One with memory of its own, of at most so many bytes of addresses (if that is
 * little: a little more). 0 or -ENOMEM. */
int ml_markstack_init(struct ml_mark_stack *stack, size_t bytes_most);
/* Forget what is on it; memory beyond a little goes back to the OS, its
 * addresses stay. */
void ml_markstack_clear(struct ml_mark_stack *stack);
/* Bytes committed for mark stacks, of all markers. */
uint64_t ml_markstack_bytes(void);

/* More capacity; false when there is no memory for it. */
bool ml_markstack_grow(struct ml_mark_stack *stack);
/* Take up to count words from the bottom. Returns how many: a range is taken
 * whole or not at all. */
size_t ml_markstack_take_bottom(struct ml_mark_stack *stack, uintptr_t *into, size_t count);

static inline size_t ml_markstack_depth(const struct ml_mark_stack *stack)
{
    return stack->top - stack->bottom;
}

#endif
