/* SPDX-License-Identifier: MIT */
/* span.h - one run of pages: cut into equal slots, or one large object, or free.
 *
 *   base                                        base + pages * 8192
 *   | slot 0 | slot 1 | slot 2 | ... | slot n-1 | tail |
 *
 * The descriptor lies outside the heap, in a flat array; its index there is
 * the span's number, and 0 is nobody's. Three bits a slot: `taken` (handed to a
 * thread: allocated, or waiting in a thread's magazine) and two that say
 * `marked` (reached by the collection under way). The marking thread has a word
 * of its own, and its helpers have the other: with one helper nobody needs an
 * atomic read-modify-write for each object. The three stand side by side, so that a marker touches one cache line.
 *
 * Invariant: free_slots + popcount(taken) == slots.
 * Guarded by: the bin's shard's lock for a span in use, the page heap's lock for a
 * free or large one. Mark bits: the markers while the world stands, then like the rest.
 */
#ifndef ML_HEAP_SPAN_H
#define ML_HEAP_SPAN_H

#include <stdbool.h>

#include "heap/sizeclass.h"

enum ml_span_use {
    ML_SPAN_UNUSED,    /* a descriptor without pages */
    ML_SPAN_FREE,      /* a run nobody uses, in the page heap's lists */
    ML_SPAN_RELEASING, /* a free run on its way back to the OS, in no list */
    ML_SPAN_SMALL,
    ML_SPAN_LARGE
};

/* Mark words for 64 slots: the marking thread's, and its helpers'. */
enum { ML_MARK_WORDS = 2 };

/* Where a span hangs; a span hangs in one list at most. */
enum ml_span_place {
    ML_PLACE_NONE,
    ML_PLACE_FREE,
    ML_PLACE_PARTIAL, /* swept, has free slots */
    ML_PLACE_FULL,    /* swept, has none */
    ML_PLACE_EMPTY,   /* swept, has nothing but free slots */
    ML_PLACE_LARGE
};

/* Marks completed so far. A span that says another number is unswept: the last
 * mark's verdict is still to be carried out on it, and it hangs in the list of
 * those, whatever its place says. So a whole list becomes unswept at once, while
 * everybody stands. Changes with the world stopped. */
extern ML_HIDDEN uint32_t ml_marks_completed;
/* The last mark, or the one under way, runs along with the program: slots that were
 * freed meanwhile may be marked. */
extern bool ml_marked_along;

struct ml_span {
    uintptr_t base;
    uint32_t pages;
    uint32_t slot_bytes; /* small spans; a large object has pages * 8192 bytes */
    uint32_t reciprocal;
    uint32_t next, prev; /* span numbers */
    uint32_t freed_tick; /* free runs: the release clock when it became free */
    uint16_t slots;
    uint16_t free_slots;
    uint8_t use;   /* enum ml_span_use */
    uint8_t place; /* enum ml_span_place */
    uint8_t bin;   /* small spans */
    uint8_t kind;  /* enum ml_kind */
    uint32_t swept_at; /* ml_marks_completed then; not of uncollectable ones */
    uint32_t type;     /* of a large object of ML_TYPED: its type's number, or 0 */
    uint8_t shard; /* of small spans: of the bin. Relaxed; stays while a slot is taken */
    uint8_t unused[7];
    struct ml_span_bits {
        uint64_t taken;
        uint64_t mark[ML_MARK_WORDS];
    } bits[ML_SPAN_SLOTS_MAX / 64];
} __attribute__((aligned(64)));
_Static_assert(sizeof(struct ml_span) == 4 * ML_CACHE_LINE, "one line of facts, three of bits");

/* A list of spans, linked by number. */
struct ml_span_list {
    uint32_t first, last;
    uint32_t count;
};

void ml_span_list_append(struct ml_span_list *list, struct ml_span *span, enum ml_span_place place);
void ml_span_list_prepend(struct ml_span_list *list, struct ml_span *span, enum ml_span_place place);
void ml_span_list_remove(struct ml_span_list *list, struct ml_span *span);
/* Move all of `from` behind `to`; their places stay what they were. */
void ml_span_list_move_all(struct ml_span_list *to, struct ml_span_list *from);

static inline bool ml_span_is_unswept(const struct ml_span *span)
{
    return span->swept_at != ml_marks_completed && span->kind != ML_UNCOLLECTABLE;
}

static inline bool ml_span_is_taken(const struct ml_span *span, unsigned slot)
{
    return span->bits[slot >> 6].taken >> (slot & 63) & 1;
}
/* Of 64 slots, those that are marked, by whomever. */
static inline uint64_t ml_span_marks(const struct ml_span_bits *bits)
{
    return __atomic_load_n(&bits->mark[0], __ATOMIC_RELAXED) |
           __atomic_load_n(&bits->mark[1], __ATOMIC_RELAXED);
}
static inline void ml_span_unmark(struct ml_span_bits *bits, uint64_t slots)
{
    bits->mark[0] &= ~slots;
    bits->mark[1] &= ~slots;
}
static inline bool ml_span_is_marked(const struct ml_span *span, unsigned slot)
{
    return ml_span_marks(&span->bits[slot >> 6]) >> (slot & 63) & 1;
}
static inline unsigned ml_span_words(const struct ml_span *span) { return (span->slots + 63u) >> 6; }
/* Which slot an address inside the span's pages lies in; may be `slots` or
 * more, in the tail. */
static inline unsigned ml_span_slot_of(const struct ml_span *span, uintptr_t address)
{
    return (unsigned)((address - span->base) * span->reciprocal >> 32);
}
static inline uintptr_t ml_span_slot_address(const struct ml_span *span, unsigned slot)
{
    return span->base + (uintptr_t)slot * span->slot_bytes;
}
static inline uintptr_t ml_span_bytes(const struct ml_span *span)
{
    return (uintptr_t)span->pages << ML_PAGE_SHIFT;
}
/* Bytes of one object in it, as the statistics count it. */
static inline uintptr_t ml_span_object_bytes(const struct ml_span *span)
{
    return span->use == ML_SPAN_LARGE ? ml_span_bytes(span) : span->slot_bytes;
}

/* Cut a run into slots of a bin, all of them free. */
void ml_span_make_small(struct ml_span *span, unsigned bin);
/* Take up to want free slots, from the lowest up; their addresses go to
 * into[want - 1] downwards, so that a stack of them pops in rising order.
 * Returns how many, placed at the array's end. */
unsigned ml_span_take(struct ml_span *span, void **into, unsigned want);
/* NULL, or the name of the rule that is broken. marked_along: ml_marked_along, where the span is. */
const char *ml_span_check(const struct ml_span *span, bool marked_along);

#endif
