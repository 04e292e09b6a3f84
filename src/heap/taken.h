/* SPDX-License-Identifier: MIT */
/* taken.h - how much of the heap is handed out. */
#ifndef ML_HEAP_TAKEN_H
#define ML_HEAP_TAKEN_H

#include <stdint.h>

/* Bytes handed out to magazines and as large objects and not given back: what
 * the pacer watches. What the last mark left for the sweep is taken off at
 * the mark's end, not when it is swept. */
uint64_t ml_heap_taken_bytes(void);
void ml_heap_taken_add(int64_t bytes);
/* What the mark found; with the world stopped. */
void ml_heap_taken_set(uint64_t bytes);

/* Objects that two markers reached in the same instant are counted by both,
 * and found out when they are swept. What they add up to since the start. */
struct ml_marked_twice {
    uint64_t objects, bytes;
};
void ml_heap_note_marked_twice(uint64_t objects, uint64_t bytes);
struct ml_marked_twice ml_heap_marked_twice(void);

#endif
