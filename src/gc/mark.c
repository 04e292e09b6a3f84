/* SPDX-License-Identifier: MIT */
#include "gc/mark.h"

#include "gc/share.h"
#include "heap/central.h"
#include "heap/large.h"

enum {
    CHUNK_WORDS = 512,  /* of a big object looked at in one go */
    DRAIN_ABOVE = 2048, /* candidates on the stack while scanning roots, which must
                         * never find it full */
    POLL_EVERY = 64,    /* candidates: about a microsecond */
    CALL_AFTER = 8192,  /* candidates: what is less is done before helpers are awake */
    GIVE_ABOVE = 64,    /* on the stack: enough to share at any poll, ... */
    GIVE_POLLS = 32     /* ... less only so seldom that giving costs next to nothing */
};

enum { GRANULE_MASK = ML_GRANULE_BYTES - 1 };

/* What marking has to know of a page's bin, for each value of ml_map.page_bin. */
struct facts {
    uint32_t slot_bytes, reciprocal;
    uint16_t slots;
    uint8_t kind;
    uint8_t look; /* enum look */
};
enum look {
    LOOK_NOWHERE,   /* nothing that could be marked lies there */
    LOOK_IN_PAGE,   /* the span is this one page */
    LOOK_AT_SPAN    /* the span says more */
};
static struct facts facts[256];

static void init_facts(void)
{
    if (facts[ML_BIN_LARGE].look != LOOK_NOWHERE)
        return;
    for (unsigned bin = 0; bin < ML_BINS; bin++) {
        const struct ml_sizeclass *class = &ml_sizeclasses[ml_bin_class(bin)];
        facts[bin] = (struct facts){ class->bytes, class->reciprocal, class->slots,
                                     (uint8_t)ml_bin_kind(bin),
                                     class->pages == 1 ? LOOK_IN_PAGE : LOOK_AT_SPAN };
        if (ml_bin_kind(bin) == ML_UNCOLLECTABLE)
            facts[bin].look = LOOK_NOWHERE;
    }
    facts[ML_BIN_LARGE].look = LOOK_AT_SPAN;
}

/* ---- the stack ---------------------------------------------------------------- */

/* Room for two words; false, and the overflow noted, when there is none. */
static inline bool have_room(struct ml_marker *marker)
{
    if (ml_likely(marker->stack.top + 2 <= marker->stack.capacity) ||
        ml_markstack_grow(&marker->stack))
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
        marker->stack.words[marker->stack.top++] = word & ~(uintptr_t)GRANULE_MASK;
}

static void push_range(struct ml_marker *marker, uintptr_t begin, uintptr_t end)
{
    if (begin == end || !have_room(marker))
        return;
    marker->stack.words[marker->stack.top++] = end | ML_RANGE_END;
    marker->stack.words[marker->stack.top++] = begin | ML_RANGE_BEGIN;
}

void ml_marker_begin(struct ml_marker *marker)
{
    init_facts();
    marker->heap_base = ml_map.base;
    marker->heap_bytes = ml_heap_bytes();
    marker->overflowed = marker->called = false;
    marker->until_poll = POLL_EVERY;
    marker->polls = 0;
    marker->queue_at = marker->queue_count = 0;
    marker->objects = marker->bytes = marker->looked_up = 0;
}

/* ---- words of objects ------------------------------------------------------------ */

static ML_SCANS_FOREIGN_MEMORY void push_words(struct ml_marker *marker, const uintptr_t *word,
                                               const uintptr_t *end)
{
    for (; word < end; word++)
        push_candidate(marker, *word);
}

/* Push what a range refers to; of a long one the first part, and the rest as
 * a range for later, so that the stack does not grow by the object's size. Where
 * others have nothing to do it is cut in half for them. */
static void scan(struct ml_marker *marker, uintptr_t begin, uintptr_t end)
{
    const uintptr_t CHUNK = CHUNK_WORDS * sizeof(uintptr_t);
    if (end - begin > CHUNK) {
        uintptr_t rest = begin + CHUNK;
        uintptr_t half = rest;
        if (end - rest > 2 * CHUNK && __atomic_load_n(&ml_share_hungry, __ATOMIC_RELAXED) != 0) {
            half = rest + ml_align_down((end - rest) / 2, sizeof(uintptr_t));
            push_range(marker, half, end);
            push_range(marker, rest, half);
        } else {
            push_range(marker, rest, end);
        }
        end = rest;
    }
    push_words(marker, (const uintptr_t *)begin, (const uintptr_t *)end);
}

/* Set the slot's mark; false when it was set or the slot is not taken. Two
 * markers with words of their own may both find it unset: then both look into
 * the object, which does no harm, and the sweep corrects the counts. */
static inline bool set_mark(const struct ml_marker *marker, struct ml_span_bits *bits, unsigned slot)
{
    uint64_t bit = (uint64_t)1 << (slot & 63);
    uint64_t *own = &bits->mark[marker->helps];
    uint64_t marks = __atomic_load_n(own, __ATOMIC_RELAXED);
    if ((bits->taken & bit &
         ~(marks | __atomic_load_n(&bits->mark[!marker->helps], __ATOMIC_RELAXED))) == 0)
        return false;
    if (ml_unlikely(marker->atomic))
        return (__atomic_fetch_or(own, bit, __ATOMIC_RELAXED) & bit) == 0;
    __atomic_store_n(own, marks | bit, __ATOMIC_RELAXED);
    return true;
}

/* The entry's lines have come: is it in an object, and not marked yet? */
static inline void look_at(struct ml_marker *marker, const struct ml_mark_entry *entry)
{
    const struct facts *fact = &facts[entry->bin];
    struct ml_span *span = entry->span;
    uintptr_t object = entry->object, bytes = fact->slot_bytes;
    unsigned slot = entry->slot, kind = fact->kind;
    marker->looked_up++;
    if (fact->look == LOOK_AT_SPAN) {
        if (object - span->base >= ml_span_bytes(span) || span->use < ML_SPAN_SMALL ||
            span->kind == ML_UNCOLLECTABLE)
            return;
        slot = ml_span_slot_of(span, object);
        if (slot >= span->slots)
            return;
        bytes = ml_span_object_bytes(span);
        object = ml_span_slot_address(span, slot);
        kind = span->kind;
    }
    if (!set_mark(marker, &span->bits[slot >> 6], slot))
        return;
    marker->objects++;
    marker->bytes += bytes;
    if (kind == ML_SCAN)
        scan(marker, object, object + bytes);
}

/* What a candidate may be, with its lines on their way; false when it is nothing. */
static inline bool resolve(const struct ml_marker *marker, uintptr_t address,
                           struct ml_mark_entry *entry)
{
    size_t page = (address - marker->heap_base) >> ML_PAGE_SHIFT;
    unsigned bin = __atomic_load_n(&ml_map.page_bin[page], __ATOMIC_RELAXED);
    const struct facts *fact = &facts[bin];
    if (fact->look == LOOK_NOWHERE)
        return false;
    struct ml_span *span = ml_span_at(__atomic_load_n(&ml_map.page_span[page], __ATOMIC_RELAXED));
    unsigned slot = 0;
    if (ml_likely(fact->look == LOOK_IN_PAGE)) {
        uintptr_t offset = address & (ML_PAGE_BYTES - 1);
        slot = (unsigned)(offset * fact->reciprocal >> 32);
        if (slot >= fact->slots)
            return false;
        address += (uintptr_t)slot * fact->slot_bytes - offset;
    } else {
        __builtin_prefetch(span);
    }
    __builtin_prefetch(&span->bits[slot >> 6], 1);
    if (fact->kind == ML_SCAN)
        __builtin_prefetch((const void *)address);
    *entry = (struct ml_mark_entry){ address, span, slot, bin };
    return true;
}

/* One candidate from the stack into the queue; the one whose place it takes,
 * if the queue was full, is looked at. */
static inline void enqueue(struct ml_marker *marker, uintptr_t address)
{
    struct ml_mark_entry entry;
    if (!resolve(marker, address, &entry))
        return;
    unsigned at = marker->queue_at++ % ML_MARK_QUEUE;
    struct ml_mark_entry old = marker->queue[at];
    marker->queue[at] = entry;
    if (marker->queue_count == ML_MARK_QUEUE)
        look_at(marker, &old);
    else
        marker->queue_count++;
}

/* ---- sharing ----------------------------------------------------------------------- */

static ML_NOINLINE void give(struct ml_marker *marker)
{
    size_t depth = ml_markstack_depth(&marker->stack);
    if (depth < GIVE_ABOVE && (depth < 2 || ++marker->polls < GIVE_POLLS))
        return;
    marker->polls = 0;
    ml_share_give(&marker->stack, depth / 2);
}

static inline void poll(struct ml_marker *marker)
{
    if (--marker->until_poll != 0)
        return;
    marker->until_poll = POLL_EVERY;
    if (ml_unlikely(!marker->called && !marker->helps && marker->looked_up > CALL_AFTER)) {
        marker->called = true;
        ml_share_call();
    }
    if (ml_unlikely(__atomic_load_n(&ml_share_hungry, __ATOMIC_RELAXED) != 0))
        give(marker);
}

void ml_mark_drain(struct ml_marker *marker)
{
    struct ml_mark_stack *stack = &marker->stack;
    for (;;) {
        if (stack->top != stack->bottom) {
            uintptr_t word = stack->words[--stack->top];
            if (ml_unlikely(word & ML_RANGE_TAGS))
                scan(marker, word & ~(uintptr_t)ML_RANGE_TAGS,
                     stack->words[--stack->top] & ~(uintptr_t)ML_RANGE_TAGS);
            else
                enqueue(marker, word);
            poll(marker);
        } else if (marker->queue_count > 0) {
            unsigned at = (marker->queue_at - marker->queue_count--) % ML_MARK_QUEUE;
            struct ml_mark_entry entry = marker->queue[at];
            look_at(marker, &entry);
        } else {
            stack->top = stack->bottom = 0;
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
        uintptr_t begin = ml_span_slot_address(span, slot);
        scan(marker, begin, begin + ml_span_object_bytes(span));
        ml_mark_drain(marker);
    }
}

static void rescan_list(struct ml_marker *marker, const struct ml_span_list *list)
{
    for (uint32_t number = list->first; number != 0; number = ml_span_at(number)->next)
        rescan_span(marker, ml_span_at(number));
}

/* Look into every marked object again. Each round marks at least what the
 * stack has room for, so the rounds come to an end. */
static void rescan_all(struct ml_marker *marker)
{
    marker->overflowed = false;
    for (unsigned bin = 0; bin < ML_BINS; bin++) {
        rescan_list(marker, &ml_bins[bin].partial);
        rescan_list(marker, &ml_bins[bin].full);
    }
    rescan_list(marker, &ml_large_lists[ML_SCAN]);
}

/* ---- the way in ------------------------------------------------------------------------ */

/* Until nobody has any work left. */
static void drain_with_helpers(struct ml_marker *marker)
{
    do
        ml_mark_drain(marker);
    while (ml_share_wait(&marker->stack));
    struct ml_share_sums sums = ml_share_collect();
    marker->objects += sums.objects;
    marker->bytes += sums.bytes;
    marker->looked_up += sums.looked_up;
    marker->overflowed |= sums.overflows != 0;
}

void ml_mark_finish(struct ml_marker *marker)
{
    drain_with_helpers(marker);
    while (ml_unlikely(marker->overflowed)) {
        rescan_all(marker);
        drain_with_helpers(marker);
    }
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
        if (ml_unlikely(ml_markstack_depth(&marker->stack) > DRAIN_ABOVE))
            ml_mark_drain(marker);
    }
}

uint64_t ml_mark_black(uintptr_t address)
{
    static const struct ml_marker marking_thread;
    struct ml_span *span = ml_span_over(address);
    unsigned slot = ml_span_slot_of(span, address);
    return set_mark(&marking_thread, &span->bits[slot >> 6], slot) ? span->slot_bytes : 0;
}
