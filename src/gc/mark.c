/* SPDX-License-Identifier: MIT */
#include "gc/mark.h"

#include "gc/dirty.h"
#include "gc/scan.h"
#include "gc/seenroots.h"
#include "gc/share.h"
#include "heap/central.h"
#include "heap/large.h"

enum {
    DRAIN_ABOVE = 2048, /* candidates on the stack while scanning roots, which must
                         * never find it full */
    POLL_EVERY = 64,    /* candidates: about a microsecond */
    CALL_AFTER = 8192,  /* candidates: what is less is done before helpers are awake */
    GIVE_ABOVE = 64,    /* on the stack: enough to share at any poll, ... */
    GIVE_POLLS = 32     /* ... less only so seldom that giving costs next to nothing */
};

enum { GRANULE_MASK = ML_GRANULE_BYTES - 1 };

/* What marking has to know of a page's bin, for each value of ml_map.page_bin. */
enum look {
    LOOK_NOWHERE,       /* nothing that could be marked lies there */
    LOOK_IN_PAGE,       /* the span is this one page */
    LOOK_IN_PAGE_TYPED, /* the same, and the objects have types */
    LOOK_AT_SPAN        /* the span says more */
};
struct ml_mark_facts {
    uint32_t slot_bytes, reciprocal;
    uint16_t slots;
    uint8_t kind;
    uint8_t look; /* enum look */
} __attribute__((aligned(16)));
static struct ml_mark_facts facts[256];

enum ml_revisit ml_mark_revisit = ML_REVISIT_WRITTEN;

static void init_facts(void)
{
    if (facts[ML_BIN_LARGE].look != LOOK_NOWHERE)
        return;
    for (unsigned bin = 0; bin < ML_BINS; bin++) {
        const struct ml_sizeclass *class = &ml_sizeclasses[ml_bin_class(bin)];
        facts[bin] = (struct ml_mark_facts){ class->bytes, class->reciprocal, class->slots,
                                             (uint8_t)ml_bin_kind(bin),
                                             class->pages == 1 ? LOOK_IN_PAGE : LOOK_AT_SPAN };
        if (ml_bin_kind(bin) == ML_UNCOLLECTABLE)
            facts[bin].look = LOOK_NOWHERE;
        else if (ml_bin_kind(bin) == ML_TYPED && class->pages == 1)
            facts[bin].look = LOOK_IN_PAGE_TYPED;
    }
    facts[ML_BIN_LARGE].look = LOOK_AT_SPAN;
}

void ml_marker_begin(struct ml_marker *marker)
{
    init_facts();
    marker->heap_base = ml_map.base;
    marker->heap_bytes = ml_heap_bytes();
    marker->overflowed = marker->called = marker->collects = false;
    marker->call_after = CALL_AFTER;
    marker->seen = NULL;
    marker->revisit = ml_mark_revisit;
    marker->until_poll = POLL_EVERY;
    marker->polls = 0;
    marker->queue_at = marker->queue_count = 0;
    marker->objects = marker->bytes = marker->looked_up = marker->pages_again = 0;
}

/* ---- objects ------------------------------------------------------------------------ */

/* Set a slot's mark; false when it was set or the slot is not taken. Two
 * markers with words of their own may both find it unset: then both look into
 * the object, which does no harm, and the sweep corrects the counts. */
static inline bool set_mark(const struct ml_marker *marker, struct ml_span_bits *bits, uint64_t bit)
{
    uint64_t *own = &bits->mark[marker->helps];
    uint64_t marks = __atomic_load_n(own, __ATOMIC_RELAXED);
    if ((__atomic_load_n(&bits->taken, __ATOMIC_RELAXED) & bit &
         ~(marks | __atomic_load_n(&bits->mark[!marker->helps], __ATOMIC_RELAXED))) == 0)
        return false;
    if (ml_unlikely(marker->atomic))
        return (__atomic_fetch_or(own, bit, __ATOMIC_RELAXED) & bit) == 0;
    __atomic_store_n(own, marks | bit, __ATOMIC_RELAXED);
    return true;
}

static uint64_t bit_of(unsigned slot) { return (uint64_t)1 << (slot & 63); }

/* Nothing here asks for a type: it would cost an instruction for each object. */
static inline void mark(struct ml_marker *marker, struct ml_span_bits *bits, uint64_t bit,
                        uintptr_t object, uintptr_t bytes, unsigned kind)
{
    if (!set_mark(marker, bits, bit))
        return;
    marker->objects++;
    marker->bytes += bytes;
    if (kind != ML_SCAN)
        return;
    ml_revisit_set((object - marker->heap_base) >> ML_PAGE_SHIFT, marker->revisit);
    ml_scan(marker, object, object + bytes);
}

static ML_NOINLINE void mark_typed(struct ml_marker *marker, struct ml_span_bits *bits,
                                   uint64_t bit, uintptr_t object, uintptr_t bytes)
{
    if (!set_mark(marker, bits, bit))
        return;
    marker->objects++;
    marker->bytes += bytes;
    ml_revisit_set((object - marker->heap_base) >> ML_PAGE_SHIFT, marker->revisit);
    ml_scan_typed(marker, object, bytes);
}

/* Objects of spans of several pages, and large ones: is the address in one? */
static ML_NOINLINE void look_at_span(struct ml_marker *marker, struct ml_span *span,
                                     uintptr_t address)
{
    if (address - span->base >= ml_span_bytes(span) || span->use < ML_SPAN_SMALL ||
        span->kind == ML_UNCOLLECTABLE)
        return;
    unsigned slot = ml_span_slot_of(span, address);
    if (slot >= span->slots || slot >= ML_SPAN_SLOTS_MAX)
        return;
    /* While the program runs it may be freeing this very span: what is read
     * then is wrong, and must lead nowhere but into the heap. */
    uintptr_t object = ml_span_slot_address(span, slot), bytes = ml_span_object_bytes(span);
    if (!ml_marker_sees_block(marker, object, bytes))
        return;
    if (span->kind != ML_NOSCAN) /* on more than one page, perhaps */
        ml_revisit_set_range(object, object + bytes, marker->revisit);
    if (span->kind == ML_TYPED)
        mark_typed(marker, &span->bits[slot >> 6], bit_of(slot), object, bytes);
    else
        mark(marker, &span->bits[slot >> 6], bit_of(slot), object, bytes, span->kind);
}

/* The entry's lines have come. */
static inline void look_at(struct ml_marker *marker, const struct ml_mark_entry *entry)
{
    const struct ml_mark_facts *about = entry->facts;
    if (ml_likely(about->look == LOOK_IN_PAGE))
        mark(marker, entry->bits, entry->bit, entry->object, about->slot_bytes, about->kind);
    else if (about->look == LOOK_IN_PAGE_TYPED)
        mark_typed(marker, entry->bits, entry->bit, entry->object, about->slot_bytes);
    else
        look_at_span(marker, entry->span, entry->object);
}

static inline bool resolve_in_page(const struct ml_mark_facts *about, struct ml_span *span,
                                   uintptr_t address, struct ml_mark_entry *entry)
{
    uintptr_t offset = address & (ML_PAGE_BYTES - 1);
    unsigned slot = (unsigned)(offset * about->reciprocal >> 32);
    if (slot >= about->slots)
        return false;
    entry->object = address - offset + (uintptr_t)slot * about->slot_bytes;
    entry->bits = &span->bits[slot >> 6];
    entry->bit = bit_of(slot);
    __builtin_prefetch(entry->bits, 1);
    return true;
}

/* What a candidate may be, with its lines on their way; false when it is nothing. */
static inline bool resolve(const struct ml_marker *marker, uintptr_t address,
                           struct ml_mark_entry *entry)
{
    size_t page = (address - marker->heap_base) >> ML_PAGE_SHIFT;
    const struct ml_mark_facts *about =
        &facts[__atomic_load_n(&ml_map.page_bin[page], __ATOMIC_RELAXED)];
    struct ml_span *span = ml_span_at(__atomic_load_n(&ml_map.page_span[page], __ATOMIC_RELAXED));
    entry->facts = about;
    if (ml_likely(about->look == LOOK_IN_PAGE)) {
        if (!resolve_in_page(about, span, address, entry))
            return false;
    } else if (about->look == LOOK_IN_PAGE_TYPED) {
        if (!resolve_in_page(about, span, address, entry))
            return false;
        __builtin_prefetch((const void *)entry->object);
        __builtin_prefetch((const void *)(entry->object + about->slot_bytes - 1)); /* the type */
    } else {
        if (about->look == LOOK_NOWHERE)
            return false;
        entry->object = address;
        entry->span = span;
        __builtin_prefetch(span);
        __builtin_prefetch(span->bits);
    }
    if (about->kind == ML_SCAN)
        __builtin_prefetch((const void *)entry->object);
    return true;
}

/* One candidate from the stack into the queue; the one whose place it takes,
 * if the queue was full, is looked at. */
static inline void enqueue(struct ml_marker *marker, uintptr_t address)
{
    struct ml_mark_entry entry;
    if (!resolve(marker, address, &entry))
        return;
    struct ml_mark_entry *place = &marker->queue[marker->queue_at++ % ML_MARK_QUEUE];
    struct ml_mark_entry old = *place;
    *place = entry;
    if (ml_likely(marker->queue_count == ML_MARK_QUEUE))
        look_at(marker, &old);
    else
        marker->queue_count++;
}

/* ---- ranges ------------------------------------------------------------------------- */

static ML_NOINLINE void take_range(struct ml_marker *marker, unsigned tag, uintptr_t begin,
                                   uintptr_t end)
{
    switch (tag) {
    case ML_RANGE_WORDS:
    case ML_RANGE_TYPED:
        ml_scan_rest(marker, tag, begin, end);
        break;
    case ML_RANGE_AGAIN:
        ml_dirty_look_again(marker, begin, end);
        break;
    default:
        ml_dirty_find_written(marker, begin, end);
        if (__atomic_load_n(&ml_share_hungry, __ATOMIC_RELAXED) != 0)
            ml_share_give(&marker->stack, ml_markstack_depth(&marker->stack) / 2);
    }
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

/* Others read how far it has come. */
static inline void count_looked_up(struct ml_marker *marker, unsigned candidates)
{
    __atomic_store_n(&marker->looked_up, marker->looked_up + candidates, __ATOMIC_RELAXED);
}

static inline void poll(struct ml_marker *marker)
{
    if (ml_likely(--marker->until_poll != 0))
        return;
    marker->until_poll = POLL_EVERY;
    count_looked_up(marker, POLL_EVERY);
    if (ml_unlikely(!marker->called && !marker->helps && marker->looked_up > marker->call_after)) {
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
                take_range(marker, word & ML_RANGE_TAGS, word & ~(uintptr_t)ML_RANGE_TAGS,
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
            count_looked_up(marker, POLL_EVERY - marker->until_poll);
            marker->until_poll = POLL_EVERY;
            return;
        }
    }
}

/* ---- when the stack was too small --------------------------------------------------- */

static void rescan_span(struct ml_marker *marker, struct ml_span *span)
{
    if (span->kind != ML_SCAN && span->kind != ML_TYPED)
        return;
    for (unsigned slot = 0; slot < span->slots; slot++) {
        if (!ml_span_is_marked(span, slot))
            continue;
        uintptr_t begin = ml_span_slot_address(span, slot), bytes = ml_span_object_bytes(span);
        if (span->kind == ML_TYPED)
            ml_scan_typed(marker, begin, bytes);
        else
            ml_scan(marker, begin, begin + bytes);
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
    if (ml_marked_along) /* of those, pages that were written */
        (void)ml_dirty_mark_uncollectable(marker);
    for (unsigned bin = 0; bin < ML_BINS; bin++)
        for (uint32_t shards = ml_bin_shards(bin); shards != 0; shards &= shards - 1) {
            rescan_list(marker, &ml_bin_shard(shards, bin)->partial);
            rescan_list(marker, &ml_bin_shard(shards, bin)->full);
        }
    rescan_list(marker, &ml_large_lists[ML_SCAN]);
    rescan_list(marker, &ml_large_lists[ML_TYPED]);
}

/* ---- the way in ------------------------------------------------------------------------ */

void ml_marker_keep_up(struct ml_marker *marker) { marker->heap_bytes = ml_heap_bytes(); }

void ml_marker_go_on(struct ml_marker *marker, bool may_call)
{
    ml_marker_keep_up(marker);
    marker->called = !may_call;
    marker->call_after = marker->looked_up + CALL_AFTER;
}

void ml_mark_settle(struct ml_marker *marker)
{
    do
        ml_mark_drain(marker);
    while (ml_share_wait(&marker->stack));
    struct ml_share_sums sums = ml_share_collect();
    marker->objects += sums.objects;
    marker->bytes += sums.bytes;
    marker->looked_up += sums.looked_up;
    marker->pages_again += sums.pages_again;
    marker->overflowed |= sums.overflows != 0;
}

void ml_mark_share_out(struct ml_marker *marker, unsigned helpers)
{
    size_t own = ml_markstack_depth(&marker->stack) / (helpers + 1), depth;
    do
        depth = ml_markstack_depth(&marker->stack);
    while (depth > own && ml_share_give(&marker->stack, depth - own) != 0);
}

void ml_mark_finish(struct ml_marker *marker)
{
    ml_mark_settle(marker);
    while (ml_unlikely(marker->overflowed)) {
        rescan_all(marker);
        ml_mark_settle(marker);
    }
}

ML_SCANS_FOREIGN_MEMORY void ml_mark_range(struct ml_marker *marker, uintptr_t begin,
                                           uintptr_t end, bool ambiguous)
{
    const uintptr_t *word = (const uintptr_t *)ml_align_up(begin, sizeof(uintptr_t));
    const uintptr_t *last = (const uintptr_t *)ml_align_down(end, sizeof(uintptr_t));
    for (; word < last; word++) {
        uintptr_t candidate = *word;
        if (marker->seen != NULL && ml_marker_sees(marker, candidate) &&
            ml_seen_before(marker->seen, candidate & ~(uintptr_t)GRANULE_MASK))
            continue;
        ml_scan_word(marker, candidate);
        /* An object's end is a multiple of the granule; the word may also be
         * the address just past it. */
        if (ambiguous && (candidate & GRANULE_MASK) == 0)
            ml_scan_word(marker, candidate - 1);
        if (ml_unlikely(ml_markstack_depth(&marker->stack) > DRAIN_ABOVE) && !marker->collects)
            ml_mark_drain(marker);
    }
}

uint64_t ml_mark_black(uintptr_t address)
{
    static const struct ml_marker marking_thread;
    struct ml_span *span = ml_span_over(address);
    unsigned slot = ml_span_slot_of(span, address);
    return set_mark(&marking_thread, &span->bits[slot >> 6], bit_of(slot))
               ? ml_span_object_bytes(span)
               : 0;
}

bool ml_is_marked(uintptr_t address)
{
    if (!ml_in_heap(address))
        return false;
    struct ml_span *span = ml_span_over(address);
    unsigned slot = ml_span_slot_of(span, address);
    if (address - span->base >= ml_span_bytes(span) || slot >= ML_SPAN_SLOTS_MAX)
        return false;
    /* In this order: a span that was empty forgets marks of earlier cycles before
     * it hands out a slot. */
    const struct ml_span_bits *bits = &span->bits[slot >> 6];
    uint64_t taken = __atomic_load_n(&bits->taken, __ATOMIC_ACQUIRE);
    return (taken & ml_span_marks(bits) & bit_of(slot)) != 0;
}
