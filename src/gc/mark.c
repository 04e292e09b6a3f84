/* SPDX-License-Identifier: MIT */
#include "gc/mark.h"

#include <string.h>

#include "heap/central.h"
#include "heap/large.h"
#include "os/pages.h"

enum {
    STACK_RESERVE = 1 << 30,   /* bytes of addresses; memory comes as it is used */
    STACK_RESERVE_LEAST = 1 << 18,
    STACK_STEP = 1 << 18,
    STACK_KEEP = 1 << 18,      /* bytes kept between cycles */
    FIRST_WORDS = 8192,        /* a stack for when there is no memory for one */
    CHUNK_WORDS = 512,         /* of a big object looked at in one go */
    DRAIN_ABOVE = 2048         /* candidates on the stack while scanning roots,
                                * which must never find it full */
};

/* A stack word with this bit begins a range: its other end lies below it. All
 * candidates are rounded down to granules, which changes no slot. */
enum { RANGE = 1, GRANULE_MASK = ML_GRANULE_BYTES - 1 };

static uint64_t stack_bytes;
static size_t stack_reserved; /* bytes, of the one marker there is */
static uintptr_t first_stack[FIRST_WORDS];

uint64_t ml_marker_stack_bytes(void) { return __atomic_load_n(&stack_bytes, __ATOMIC_RELAXED); }

/* ---- the stack ---------------------------------------------------------------- */

static uintptr_t *reserve_stack(void)
{
    for (size_t bytes = STACK_RESERVE; bytes >= STACK_RESERVE_LEAST; bytes /= 4) {
        uintptr_t *stack = ml_os_reserve(bytes);
        if (stack == NULL)
            continue;
        if (ml_os_commit(stack, STACK_STEP) == 0) {
            stack_reserved = bytes;
            __atomic_store_n(&stack_bytes, STACK_STEP, __ATOMIC_RELAXED);
            return stack;
        }
        ml_os_unmap(stack, bytes);
    }
    return NULL;
}

static bool grow_stack(struct ml_marker *marker)
{
    if (marker->stack == first_stack) {
        uintptr_t *stack = reserve_stack();
        if (stack == NULL)
            return false;
        memcpy(stack, first_stack, marker->depth * sizeof(*stack));
        memset(first_stack, 0, sizeof(first_stack)); /* see ml_marker_end */
        marker->stack = stack;
        marker->capacity = STACK_STEP / sizeof(*stack);
        return true;
    }
    size_t old = marker->capacity * sizeof(uintptr_t);
    size_t step = ml_min(old, stack_reserved - old);
    if (step == 0 || ml_os_commit((char *)marker->stack + old, step) != 0)
        return false;
    marker->capacity += step / sizeof(uintptr_t);
    __atomic_store_n(&stack_bytes, old + step, __ATOMIC_RELAXED);
    return true;
}

/* Room for two words; false, and the overflow noted, when there is none. */
static inline bool have_room(struct ml_marker *marker)
{
    if (ml_likely(marker->depth + 2 <= marker->capacity) || grow_stack(marker))
        return true;
    marker->overflowed = true;
    return false;
}

static inline bool in_heap(const struct ml_marker *marker, uintptr_t word)
{
    return word - marker->heap_base < marker->heap_bytes;
}

static inline void push_candidate(struct ml_marker *marker, uintptr_t word)
{
    if (in_heap(marker, word) && have_room(marker))
        marker->stack[marker->depth++] = word & ~(uintptr_t)GRANULE_MASK;
}

void ml_marker_begin(struct ml_marker *marker)
{
    if (marker->stack == NULL) {
        marker->stack = first_stack;
        marker->capacity = FIRST_WORDS;
    }
    marker->heap_base = ml_map.base;
    marker->heap_bytes = ml_heap_bytes();
    marker->depth = 0;
    marker->overflowed = false;
    marker->queue_at = marker->queue_count = 0;
    marker->objects = marker->bytes = marker->looked_up = 0;
}

void ml_marker_end(struct ml_marker *marker)
{
    size_t used = marker->capacity * sizeof(uintptr_t);
    /* Where memlog is linked into the program itself this lies in the data
     * that is scanned next time: nothing is to stay alive because of it. */
    if (marker->stack == first_stack)
        memset(first_stack, 0, sizeof(first_stack));
    else if (used > STACK_KEEP)
        (void)ml_os_release((char *)marker->stack + STACK_KEEP, used - STACK_KEEP);
}

/* ---- words of objects ------------------------------------------------------------ */

static ML_SCANS_FOREIGN_MEMORY void push_words(struct ml_marker *marker, const uintptr_t *word,
                                               const uintptr_t *end)
{
    for (; word < end; word++)
        push_candidate(marker, *word);
}

/* Push what a range refers to; of a long one the first part, and the rest as
 * a range for later, so that the stack does not grow by the object's size. */
static void scan(struct ml_marker *marker, uintptr_t begin, uintptr_t end)
{
    if (end - begin > CHUNK_WORDS * sizeof(uintptr_t)) {
        uintptr_t middle = begin + CHUNK_WORDS * sizeof(uintptr_t);
        if (have_room(marker)) {
            marker->stack[marker->depth++] = end;
            marker->stack[marker->depth++] = middle | RANGE;
        }
        end = middle;
    }
    push_words(marker, (const uintptr_t *)begin, (const uintptr_t *)end);
}

/* Set the slot's mark; false when it was set or the slot is not taken. */
static inline bool set_mark(struct ml_span *span, unsigned slot)
{
    uint64_t bit = (uint64_t)1 << (slot & 63);
    uint64_t mark = span->bits[slot >> 6].mark;
    if ((span->bits[slot >> 6].taken & ~mark & bit) == 0)
        return false;
    span->bits[slot >> 6].mark = mark | bit;
    return true;
}

/* The candidate's lines have come: is it in an object, and not marked yet? */
static void look_at(struct ml_marker *marker, uintptr_t address, struct ml_span *span)
{
    marker->looked_up++;
    if (address - span->base >= ml_span_bytes(span) || span->use < ML_SPAN_SMALL ||
        span->kind == ML_UNCOLLECTABLE)
        return;
    unsigned slot = ml_span_slot_of(span, address);
    if (slot >= span->slots || !set_mark(span, slot))
        return;
    uintptr_t bytes = ml_span_object_bytes(span);
    marker->objects++;
    marker->bytes += bytes;
    if (span->kind == ML_SCAN) {
        uintptr_t begin = span->base + (uintptr_t)slot * span->slot_bytes;
        scan(marker, begin, begin + bytes);
    }
}

static inline void fetch(uintptr_t address, const struct ml_span *span)
{
    __builtin_prefetch((const void *)address);
    __builtin_prefetch(span);
    __builtin_prefetch(&span->bits[0]);
}

/* One candidate from the stack into the queue; the one whose place it takes,
 * if the queue was full, is looked at. */
static inline void enqueue(struct ml_marker *marker, uintptr_t address)
{
    unsigned at = marker->queue_at++ % ML_MARK_QUEUE;
    uintptr_t old_address = marker->queue[at].address;
    struct ml_span *old_span = marker->queue[at].span;
    struct ml_span *span = ml_span_over(address);
    fetch(address, span);
    marker->queue[at].address = address;
    marker->queue[at].span = span;
    if (marker->queue_count == ML_MARK_QUEUE)
        look_at(marker, old_address, old_span);
    else
        marker->queue_count++;
}

static void drain_stack(struct ml_marker *marker)
{
    for (;;) {
        if (marker->depth > 0) {
            uintptr_t word = marker->stack[--marker->depth];
            if (ml_unlikely(word & RANGE))
                scan(marker, word & ~(uintptr_t)RANGE, marker->stack[--marker->depth]);
            else
                enqueue(marker, word);
        } else if (marker->queue_count > 0) {
            unsigned at = (marker->queue_at - marker->queue_count--) % ML_MARK_QUEUE;
            look_at(marker, marker->queue[at].address, marker->queue[at].span);
        } else {
            return;
        }
    }
}

/* ---- when the stack was too small --------------------------------------------------- */

static void rescan_span(struct ml_marker *marker, struct ml_span *span)
{
    if (span->kind != ML_SCAN)
        return;
    for (unsigned slot = 0; slot < span->slots; slot++) {
        if (!ml_span_is_marked(span, slot))
            continue;
        uintptr_t begin = span->base + (uintptr_t)slot * span->slot_bytes;
        scan(marker, begin, begin + ml_span_object_bytes(span));
        drain_stack(marker);
    }
}

static void rescan_list(struct ml_marker *marker, const struct ml_span_list *list)
{
    for (uint32_t number = list->first; number != 0; number = ml_span_at(number)->next)
        rescan_span(marker, ml_span_at(number));
}

/* Look into every marked object again. Each round marks at least what the
 * stack has room for, so the rounds come to an end. */
static void recover(struct ml_marker *marker)
{
    while (marker->overflowed) {
        marker->overflowed = false;
        for (unsigned bin = 0; bin < ML_BINS; bin++) {
            rescan_list(marker, &ml_bins[bin].partial);
            rescan_list(marker, &ml_bins[bin].full);
        }
        rescan_list(marker, &ml_large_lists[ML_SCAN]);
    }
}

/* ---- the way in ------------------------------------------------------------------------ */

void ml_mark_drain(struct ml_marker *marker)
{
    drain_stack(marker);
    if (ml_unlikely(marker->overflowed))
        recover(marker);
}

ML_SCANS_FOREIGN_MEMORY void ml_mark_range(struct ml_marker *marker, uintptr_t begin,
                                           uintptr_t end, bool ambiguous)
{
    const uintptr_t *word = (const uintptr_t *)ml_align_up(begin, sizeof(uintptr_t));
    const uintptr_t *last = (const uintptr_t *)ml_align_down(end, sizeof(uintptr_t));
    for (; word < last; word++) {
        push_candidate(marker, *word);
        /* An object's end is a multiple of the granule; the word may also be
         * the address just past it. */
        if (ambiguous && (*word & GRANULE_MASK) == 0)
            push_candidate(marker, *word - 1);
        if (ml_unlikely(marker->depth > DRAIN_ABOVE))
            ml_mark_drain(marker);
    }
}

uint64_t ml_mark_black(uintptr_t address)
{
    struct ml_span *span = ml_span_over(address);
    return set_mark(span, ml_span_slot_of(span, address)) ? span->slot_bytes : 0;
}
