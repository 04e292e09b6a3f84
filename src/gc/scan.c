/* SPDX-License-Identifier: MIT */
#include "gc/scan.h"

#include "gc/share.h"

void ml_scan_later(struct ml_marker *marker, uintptr_t begin, uintptr_t end, unsigned tag)
{
    if (begin == end || !ml_scan_have_room(marker))
        return;
    marker->stack.words[marker->stack.top++] = end | ML_RANGE_END;
    marker->stack.words[marker->stack.top++] = begin | tag;
}

/* Leave all of a long range but its first part for later, so that the stack does
 * not grow by the object's size. Where others have nothing to do the rest is cut
 * in half for them. Returns the first part's end. */
static uintptr_t put_off_rest(struct ml_marker *marker, uintptr_t begin, uintptr_t end,
                              unsigned tag)
{
    uintptr_t rest = begin + ML_SCAN_CHUNK;
    if (end - rest > 2 * ML_SCAN_CHUNK &&
        __atomic_load_n(&ml_share_hungry, __ATOMIC_RELAXED) != 0) {
        uintptr_t half = rest + ml_align_down((end - rest) / 2, sizeof(uintptr_t));
        ml_scan_later(marker, half, end, tag);
        ml_scan_later(marker, rest, half, tag);
    } else {
        ml_scan_later(marker, rest, end, tag);
    }
    return rest;
}

/* ---- all words ------------------------------------------------------------------- */

static ML_SCANS_FOREIGN_MEMORY void scan_one_by_one(struct ml_marker *marker, uintptr_t begin,
                                                    uintptr_t end)
{
    for (uintptr_t at = begin; at < end; at += sizeof(at))
        ml_scan_word(marker, __atomic_load_n((const uintptr_t *)at, __ATOMIC_RELAXED));
}

/* The inner loop of all marking. */
ML_SCANS_FOREIGN_MEMORY void ml_scan_words(struct ml_marker *marker, uintptr_t begin,
                                           uintptr_t end)
{
    struct ml_mark_stack *stack = &marker->stack;
    uintptr_t base = marker->heap_base, bytes = marker->heap_bytes;
    uintptr_t *top = stack->words + stack->top;
    if (ml_unlikely(stack->capacity - stack->top < (end - begin) / sizeof(uintptr_t))) {
        scan_one_by_one(marker, begin, end);
        return;
    }
    for (; begin < end; begin += sizeof(uintptr_t)) {
        uintptr_t candidate = __atomic_load_n((const uintptr_t *)begin, __ATOMIC_RELAXED);
        if (candidate - base < bytes)
            *top++ = ml_align_down(candidate, ML_GRANULE_BYTES);
    }
    stack->top = (size_t)(top - stack->words);
}

ML_NOINLINE void ml_scan_long(struct ml_marker *marker, uintptr_t begin, uintptr_t end)
{
    ml_scan_words(marker, begin, put_off_rest(marker, begin, end, ML_RANGE_WORDS));
}

/* ---- those that a type names ------------------------------------------------------- */

/* The last word of a slot, where the type itself stands, is no address, should the
 * pattern name it. */
ML_SCANS_FOREIGN_MEMORY void ml_scan_named(struct ml_marker *marker,
                                           const struct memlog_type *type, uintptr_t object,
                                           uintptr_t begin, uintptr_t end)
{
    size_t bytes;
    if (ml_unlikely(type == NULL)) {
        ml_scan_words(marker, begin, end);
        return;
    }
    for (uintptr_t at = begin; at < end; at += bytes) {
        const uintptr_t *words = (const uintptr_t *)at;
        for (uint64_t bits = ml_type_pointers(type, object, at, end, &bytes); bits != 0;
             bits &= bits - 1)
            ml_scan_word(marker, __atomic_load_n(&words[ml_ctz64(bits)], __ATOMIC_RELAXED));
    }
}

static void scan_rest(struct ml_marker *marker, const struct memlog_type *type, uintptr_t object,
                      uintptr_t begin, uintptr_t end)
{
    if (end - begin > ML_SCAN_CHUNK)
        end = put_off_rest(marker, begin, end, type != NULL ? ML_RANGE_TYPED : ML_RANGE_WORDS);
    ml_scan_named(marker, type, object, begin, end);
}

void ml_scan_typed(struct ml_marker *marker, uintptr_t object, uintptr_t bytes)
{
    scan_rest(marker, ml_type_of(object, bytes), object, object, object + bytes);
}

void ml_scan_rest(struct ml_marker *marker, unsigned tag, uintptr_t begin, uintptr_t end)
{
    uintptr_t object = 0;
    const struct memlog_type *type = NULL;
    if (tag == ML_RANGE_TYPED)
        type = ml_type_over(begin, &object);
    scan_rest(marker, type, object, begin, end);
}

void ml_scan_part(struct ml_marker *marker, unsigned kind, uintptr_t object, uintptr_t bytes,
                  uintptr_t begin, uintptr_t end)
{
    const struct memlog_type *type = NULL;
    if (kind == ML_TYPED && ml_marker_sees_block(marker, object, bytes))
        type = ml_type_of(object, bytes);
    scan_rest(marker, type, object, begin, end);
}
