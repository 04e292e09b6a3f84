/* SPDX-License-Identifier: MIT */
#include "image/viewtypes.h"

enum { FIRST_SHIFT = 6, FIRST = 1 << FIRST_SHIFT, CHUNKS = 33 - FIRST_SHIFT, BLOCK_WORDS = 64 };

/* The object's word, as gc/type.c writes it behind small ones. 0: it has no type. */
static uint32_t number_of(const struct ml_heap_view *view, const struct ml_view_object *object)
{
    struct ml_span descriptor;
    uint64_t word;
    uintptr_t place = object->begin + object->bytes - sizeof(word);
    if (object->span->use == ML_SPAN_LARGE)
        return ml_heap_view_descriptor(view, object->span->number, &descriptor) == 0
                   ? descriptor.type
                   : 0;
    if (ml_heap_view_read(view, place, &word, sizeof(word)) != 0)
        return 0;
    return (uint32_t)(word >> 32) == ~(uint32_t)word ? (uint32_t)word : 0;
}

bool ml_view_type_of(const struct ml_heap_view *view, const struct ml_view_object *object,
                     struct memlog_type *type)
{
    uintptr_t chunks[CHUNKS];
    uint64_t number = number_of(view, object);
    if (number == 0 || ml_heap_view_variable(view, "type.chunks", chunks, sizeof(chunks)) != 0)
        return false;
    unsigned chunk = ml_log2(number + FIRST) - FIRST_SHIFT;
    uint64_t index = number + FIRST - ((uint64_t)FIRST << chunk);
    return ml_heap_view_read(view, chunks[chunk] + index * sizeof(*type), type, sizeof(*type)) == 0 &&
           type->number == number && type->stride != 0 && type->kind == ML_TYPED;
}

bool ml_view_is_scanned(const struct ml_heap_view *view, const struct ml_view_object *object,
                        uintptr_t place)
{
    struct memlog_type type;
    uint64_t bits;
    if (object->span->kind != ML_TYPED || !ml_view_type_of(view, object, &type))
        return object->span->kind != ML_NOSCAN;
    size_t word = (place - object->begin) / sizeof(uintptr_t) % type.stride;
    if (word / BLOCK_WORDS >= type.blocks ||
        ml_heap_view_read(view, (uintptr_t)(type.bitmap + word / BLOCK_WORDS), &bits,
                          sizeof(bits)) != 0)
        return false;
    return bits >> word % BLOCK_WORDS & 1;
}
