/* SPDX-License-Identifier: MIT */
#include "gc/verify.h"

#include <string.h>

#include "base/format.h"
#include "base/publish.h"
#include "gc/mutator.h"
#include "heap/alloc.h"
#include "gc/type.h"
#include "heap/spanmap.h"
#include "os/pages.h"
#include "os/process.h"

enum { WORDS = ML_SPAN_SLOTS_MAX / 64 };

bool ml_verify_on;
ML_PUBLISH("verify.on", ml_verify_on);

static uint64_t (*aside)[WORDS]; /* by span number */
static uint32_t spans;
static uint64_t objects, bytes, looked_up;
static bool overflowed;

static bool is_in_use(const struct ml_span *span)
{
    return span->use == ML_SPAN_SMALL || span->use == ML_SPAN_LARGE;
}

static bool has_marks(const struct ml_span *span)
{
    return is_in_use(span) && span->kind != ML_UNCOLLECTABLE;
}

/* ---- memory that is about to be zeroed ------------------------------------------------ */

/* A thread may stand just before it zeroes what it has allocated, or in the middle
 * of it. What was there leads to objects that nobody refers to, and nobody has
 * written it while the mark ran along: that one did not look at it, and the other
 * is not to either. */

static void zero_blank(struct ml_thread *thread)
{
    char *blank = thread->blank;
    const struct ml_span *span = blank == NULL ? NULL : ml_span_over((uintptr_t)blank);
    if (span != NULL && span->use == ML_SPAN_LARGE && (uintptr_t)blank - span->base < ml_span_bytes(span))
        memset(blank, 0, span->base + ml_span_bytes(span) - (uintptr_t)blank);
}

/* The uncollectable slot that a magazine has handed out last, still above its top,
 * may be such a one. Others of few bytes are looked into when they are found: what
 * they held before was marked with them. */
static void spare_last(const struct ml_magazine *magazine, unsigned bin)
{
    void *slot = magazine->top == magazine->limit ? NULL : *magazine->top;
    if (!ml_heap_is_object(slot) || ml_map.page_bin[ml_page_of((uintptr_t)slot)] != bin)
        return;
    struct ml_span *span = ml_span_over((uintptr_t)slot);
    unsigned number = ml_span_slot_of(span, (uintptr_t)slot);
    aside[ml_span_number(span)][number >> 6] |= (uint64_t)1 << (number & 63); /* no marks there */
    ml_state_set_kind(ml_granule_of(slot), ML_STATE_FREE);
}

static void spare_what_is_to_be_zeroed(void)
{
    for (struct ml_mutator *mutator = ml_mutators; mutator != NULL; mutator = mutator->next) {
        if (mutator->gone)
            continue;
        zero_blank(mutator->thread);
        for (unsigned bin = 0; bin < ML_BINS; bin++)
            if (ml_bin_kind(bin) == ML_UNCOLLECTABLE)
                spare_last(&mutator->thread->magazines[bin], bin);
    }
}

static void unspare(struct ml_span *span)
{
    for (unsigned slot = 0; slot < span->slots; slot++)
        if (aside[ml_span_number(span)][slot >> 6] >> (slot & 63) & 1)
            ml_state_set_kind(ml_granule_of((void *)ml_span_slot_address(span, slot)),
                              ML_STATE_PLAIN);
}

/* ---- the marks -------------------------------------------------------------------------- */

bool ml_verify_prepare(void)
{
    spans = (uint32_t)(ml_spanmap_span_bytes() / sizeof(struct ml_span));
    aside = ml_os_map(spans * sizeof(*aside));
    return aside != NULL;
}

void ml_verify_begin(struct ml_marker *marker)
{
    for (uint32_t number = 1; number < spans; number++) {
        struct ml_span *span = ml_span_at(number);
        for (unsigned word = 0; word < WORDS && has_marks(span); word++) {
            aside[number][word] = ml_span_marks(&span->bits[word]);
            ml_span_unmark(&span->bits[word], ~(uint64_t)0);
        }
    }
    objects = marker->objects;
    bytes = marker->bytes;
    looked_up = marker->looked_up;
    overflowed = marker->overflowed;
    spare_what_is_to_be_zeroed();
}

static bool is_looked_into(const struct ml_span *span, unsigned slot)
{
    if (has_marks(span))
        return aside[ml_span_number(span)][slot >> 6] >> (slot & 63) & 1;
    return ml_state_kind(ml_granule_of((void *)ml_span_slot_address(span, slot))) != ML_STATE_FREE;
}

/* Whether a word of the object may hold a pointer. */
static bool may_refer(const struct ml_span *span, uintptr_t object, const uintptr_t *word)
{
    uintptr_t block = ml_span_object_bytes(span);
    const struct memlog_type *type = span->kind == ML_TYPED ? ml_type_of(object, block) : NULL;
    size_t unused;
    return type == NULL ||
           (ml_type_pointers(type, object, (uintptr_t)word, object + block, &unused) & 1) != 0;
}

/* A word in a marked object of the span, or in an uncollectable one, that lies in
 * the object from begin to end, or 0. */
static ML_SCANS_FOREIGN_MEMORY uintptr_t find_in_span(const struct ml_span *span, uintptr_t begin,
                                                      uintptr_t end)
{
    for (unsigned slot = 0; slot < span->slots; slot++) {
        if (!is_looked_into(span, slot))
            continue;
        uintptr_t object = ml_span_slot_address(span, slot);
        const uintptr_t *word = (const uintptr_t *)object;
        const uintptr_t *last = word + ml_span_object_bytes(span) / sizeof(*word);
        for (; word < last; word++)
            if (*word >= begin && *word < end && may_refer(span, object, word))
                return (uintptr_t)word;
    }
    return 0;
}

/* Who refers to it, of all objects that were reached: only another root, or what was
 * missed too, when nobody does. */
static uintptr_t find_referrer(uintptr_t begin, uintptr_t end)
{
    uintptr_t found = 0;
    for (uint32_t number = 1; number < spans && found == 0; number++) {
        const struct ml_span *span = ml_span_at(number);
        if (is_in_use(span) && span->kind != ML_NOSCAN)
            found = find_in_span(span, begin, end);
    }
    return found;
}

static _Noreturn void die_of(const struct ml_span *span, unsigned slot)
{
    char where[ML_HEX_BYTES], size[ML_HEX_BYTES], from[ML_HEX_BYTES];
    uintptr_t object = ml_span_slot_address(span, slot), end = object + ml_span_object_bytes(span);
    uintptr_t referrer = find_referrer(object, end);
    ml_os_die("MEMLOG_GC_VERIFY: the object at ", ml_hex(where, object), " of ",
              ml_hex(size, end - object),
              " bytes is in use, and the mark that ran along with the program missed it; ",
              referrer == 0 ? "no object that was reached refers to it"
                            : "it is referred to from an object that was reached, at ",
              referrer == 0 ? "" : ml_hex(from, referrer), NULL);
}

void ml_verify_end(struct ml_marker *marker)
{
    for (uint32_t number = 1; number < spans; number++) {
        struct ml_span *span = ml_span_at(number);
        if (is_in_use(span) && !has_marks(span))
            unspare(span);
        for (unsigned word = 0; word < WORDS && has_marks(span); word++) {
            struct ml_span_bits *bits = &span->bits[word];
            uint64_t missed = ml_span_marks(bits) & bits->taken & ~aside[number][word];
            if (missed != 0)
                die_of(span, word * 64 + ml_ctz64(missed));
            ml_span_unmark(bits, ~(uint64_t)0);
            bits->mark[0] = aside[number][word];
        }
    }
    ml_os_unmap(aside, spans * sizeof(*aside));
    marker->objects = objects;
    marker->bytes = bytes;
    marker->looked_up = looked_up;
    marker->overflowed = overflowed;
}
