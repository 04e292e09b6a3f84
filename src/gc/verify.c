/* SPDX-License-Identifier: MIT */
#include "gc/verify.h"

#include "base/format.h"
#include "heap/spanmap.h"
#include "os/pages.h"
#include "os/process.h"

enum { WORDS = ML_SPAN_SLOTS_MAX / 64 };

bool ml_verify_on;

static uint64_t (*aside)[WORDS]; /* by span number */
static uint32_t spans;
static uint64_t objects, bytes, looked_up;
static bool overflowed;

static bool is_in_use(const struct ml_span *span)
{
    return span->use == ML_SPAN_SMALL || span->use == ML_SPAN_LARGE;
}

bool ml_verify_begin(struct ml_marker *marker)
{
    spans = (uint32_t)(ml_spanmap_span_bytes() / sizeof(struct ml_span));
    aside = ml_os_map(spans * sizeof(*aside));
    if (aside == NULL)
        return false;
    for (uint32_t number = 1; number < spans; number++) {
        struct ml_span *span = ml_span_at(number);
        for (unsigned word = 0; word < WORDS && is_in_use(span); word++) {
            aside[number][word] = ml_span_marks(&span->bits[word]);
            ml_span_unmark(&span->bits[word], ~(uint64_t)0);
        }
    }
    objects = marker->objects;
    bytes = marker->bytes;
    looked_up = marker->looked_up;
    overflowed = marker->overflowed;
    return true;
}

/* A word in a marked object of the span that lies in the object from begin to
 * end, or 0. */
static ML_SCANS_FOREIGN_MEMORY uintptr_t find_in_span(const struct ml_span *span, uintptr_t begin,
                                                      uintptr_t end)
{
    for (unsigned slot = 0; slot < span->slots; slot++) {
        if (!(aside[ml_span_number(span)][slot >> 6] >> (slot & 63) & 1))
            continue;
        const uintptr_t *word = (const uintptr_t *)ml_span_slot_address(span, slot);
        const uintptr_t *last = word + ml_span_object_bytes(span) / sizeof(*word);
        for (; word < last; word++)
            if (*word >= begin && *word < end)
                return (uintptr_t)word;
    }
    return 0;
}

/* Who refers to it, of all that was marked: only a root, or what was missed too, when
 * nobody does. */
static uintptr_t find_referrer(uintptr_t begin, uintptr_t end)
{
    uintptr_t found = 0;
    for (uint32_t number = 1; number < spans && found == 0; number++) {
        const struct ml_span *span = ml_span_at(number);
        if (is_in_use(span) && span->kind == ML_SCAN)
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
              referrer == 0 ? "no marked object refers to it"
                            : "it is referred to from a marked object at ",
              referrer == 0 ? "" : ml_hex(from, referrer), NULL);
}

void ml_verify_end(struct ml_marker *marker)
{
    for (uint32_t number = 1; number < spans; number++) {
        struct ml_span *span = ml_span_at(number);
        for (unsigned word = 0; word < WORDS && is_in_use(span); word++) {
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
