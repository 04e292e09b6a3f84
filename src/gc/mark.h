/* SPDX-License-Identifier: MIT */
/* mark.h - from candidate words to marked objects.
 *
 * A marker has a stack of candidates (words that lie in the heap's range) and,
 * in front of it, a short queue: for a candidate that leaves the stack, the lines
 * of its mark bits and of its object are fetched, and it is looked at a few
 * dozen candidates later, when they have come (Cher, Hosking, Vitek: Software
 * Prefetching for Mark-Sweep Garbage Collection, ASPLOS 2004). What a random
 * object costs is the number of cache lines it misses, and nothing else: for
 * objects of single-page spans all that has to be known of the span follows
 * from the page's bin. No recursion. A stack that can't grow is no disaster:
 * what it has no room for is found again by looking through the marked objects.
 *
 * One marker is one thread's. Several work at once, sharing what share.h says.
 */
#ifndef ML_GC_MARK_H
#define ML_GC_MARK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gc/markstack.h"
#include "heap/spanmap.h"

enum { ML_MARK_QUEUE = 32 };

struct ml_mark_facts;

/* For pages of what is marked from now on. Changes while helpers are idle. */
extern enum ml_revisit ml_mark_revisit;

/* On pages of its own: a marker writes its queue all the time, and the processor
 * that streams through the lines of one fetches those behind it, as far as the
 * page goes. With two on one page the second was five times as slow. */
struct ml_marker {
    uintptr_t heap_base, heap_bytes; /* as they are for the whole cycle */
    struct ml_mark_stack stack;
    bool overflowed;
    bool helps;   /* it is not the marking thread's: sets the other mark word, and
                   * takes no part in scanning roots */
    bool atomic;  /* others set the same mark word */
    bool called;  /* helpers were, or are not to be */
    bool collects; /* candidates are kept for later: no object is looked at */
    enum ml_revisit revisit; /* for pages of what it marks (spanmap.h) */
    struct ml_seen_roots *seen; /* skip those; NULL: none (seenroots.h) */
    uint64_t call_after;   /* helpers, when so many candidates have been looked up */
    unsigned until_poll; /* candidates until it looks whether somebody is hungry */
    unsigned polls;      /* since it gave something away */
    struct ml_mark_entry {
        uintptr_t object; /* or, when it is not known where it begins, an address in it */
        const struct ml_mark_facts *facts;
        union {
            struct ml_span_bits *bits; /* where it is known: the object's 64 slots */
            struct ml_span *span;
        };
        uint64_t bit; /* the object's in them */
    } queue[ML_MARK_QUEUE];
    unsigned queue_at, queue_count;
    uint64_t objects, bytes;  /* marked by this marker */
    uint64_t looked_up;       /* candidates taken from the stack */
    uint64_t pages_again;     /* of the system, that were found to be written (dirty.h) */
} __attribute__((aligned(4096)));

/* Ready for a cycle. The stack has been made before (markstack.h). */
void ml_marker_begin(struct ml_marker *marker);

/* Look at every aligned word of [begin, end). ambiguous: it is a stack or
 * registers, where an address one past an object's end counts for the object. */
void ml_mark_range(struct ml_marker *marker, uintptr_t begin, uintptr_t end, bool ambiguous);
/* The marking thread: give helpers their parts of what is on the stack. */
void ml_mark_share_out(struct ml_marker *marker, unsigned helpers);
/* Whatever the program has allocated meanwhile counts from now on. */
void ml_marker_keep_up(struct ml_marker *marker);
/* The same, and helpers are called when there is much to do (may_call) or not at all. */
void ml_marker_go_on(struct ml_marker *marker, bool may_call);
/* The marking thread: go on, with its helpers where they were called, until
 * nobody has work left. What a stack had no room for is left out. */
void ml_mark_settle(struct ml_marker *marker);
/* The marking thread, world stopped: go on, with its helpers, until all that is reachable from
 * what was seen is marked. The counts are those of all markers then. */
void ml_mark_finish(struct ml_marker *marker);
/* A helper: go on until the own stack is empty. */
void ml_mark_drain(struct ml_marker *marker);

/* Whether the address, in the heap, lies in an object that is marked. While the
 * program runs a yes holds until its page is handed out anew. */
bool ml_is_marked(uintptr_t address);

/* Mark a slot without looking into it: it waits in a magazine, and must be
 * there after the sweep. Returns its bytes, 0 when it was marked already. */
uint64_t ml_mark_black(uintptr_t slot);

#endif
