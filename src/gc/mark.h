/* SPDX-License-Identifier: MIT */
/* mark.h - from candidate words to marked objects.
 *
 * A marker has a stack of candidates (words that lie in the heap's range) and,
 * in front of it, a short queue: a candidate that leaves the stack has its
 * span's and its object's cache lines fetched and is looked at a few dozen
 * candidates later, when they have come (Cher, Hosking, Vitek: Software
 * Prefetching for Mark-Sweep Garbage Collection, ASPLOS 2004). No recursion. A
 * stack that can't grow is no disaster: what it has no room for is found again
 * by looking through the marked objects.
 *
 * One marker is one worker's; several may run at once when their mark bits
 * are set atomically (`shared`).
 */
#ifndef ML_GC_MARK_H
#define ML_GC_MARK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ML_MARK_QUEUE = 32 };

struct ml_span;

struct ml_marker {
    uintptr_t heap_base, heap_bytes; /* as they are for the whole cycle */
    uintptr_t *stack;
    size_t depth, capacity; /* in words */
    bool overflowed;
    struct {
        uintptr_t address;
        struct ml_span *span;
    } queue[ML_MARK_QUEUE];
    unsigned queue_at, queue_count;
    uint64_t objects, bytes;  /* marked by this marker */
    uint64_t looked_up;       /* candidates resolved */
};

/* Ready for a cycle; the stack stays from cycle to cycle. */
void ml_marker_begin(struct ml_marker *marker);
/* Forget the candidates; give the stack's memory back to the OS, its addresses
 * stay. */
void ml_marker_end(struct ml_marker *marker);
/* Bytes committed for mark stacks. */
uint64_t ml_marker_stack_bytes(void);

/* Look at every aligned word of [begin, end). ambiguous: it is a stack or
 * registers, where an address one past an object's end counts for the object. */
void ml_mark_range(struct ml_marker *marker, uintptr_t begin, uintptr_t end, bool ambiguous);
/* Go on until all that is reachable from what was seen is marked. */
void ml_mark_drain(struct ml_marker *marker);

/* Mark a slot without looking into it: it waits in a magazine, and must be
 * there after the sweep. Returns its bytes, 0 when it was marked already. */
uint64_t ml_mark_black(uintptr_t slot);

#endif
