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

static _Noreturn void die_of(const struct ml_span *span, unsigned slot)
{
    char where[ML_HEX_BYTES], size[ML_HEX_BYTES];
    ml_os_die("MEMLOG_GC_VERIFY: the object at ", ml_hex(where, ml_span_slot_address(span, slot)),
              " of ", ml_hex(size, ml_span_object_bytes(span)),
              " bytes is in use, and the mark that ran along with the program missed it", NULL);
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
