/* SPDX-License-Identifier: MIT */
#include "image/heapview.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int ml_heap_view_read(const struct ml_heap_view *view, uintptr_t address, void *to, size_t bytes)
{
    const struct ml_memory *memory = ml_image_memory(view->image);
    return memory->read(memory->context, address, to, bytes);
}

int ml_heap_view_variable(const struct ml_heap_view *view, const char *name, void *to,
                          size_t bytes)
{
    uintptr_t address = ml_published_variable(ml_image_published(view->image), name, bytes);
    return address == 0 ? -ENOTSUP : ml_heap_view_read(view, address, to, bytes);
}

/* ---- the descriptors ------------------------------------------------------------------------ */

static bool is_within(const struct ml_heap_view *view, const struct ml_span *span)
{
    uintptr_t within = span->base - view->map.base, heap = view->end - view->map.base;
    return span->base % ML_PAGE_BYTES == 0 && within < heap &&
           ml_span_bytes(span) <= heap - within;
}

static bool is_sound_small(const struct ml_span *span)
{
    const struct ml_sizeclass *class =
        &ml_sizeclasses[span->bin < ML_BINS ? ml_bin_class(span->bin) : 0];
    return span->bin < ML_BINS && span->kind == ml_bin_kind(span->bin) &&
           span->slot_bytes == class->bytes && span->slots == class->slots &&
           span->pages == class->pages && span->free_slots <= span->slots;
}

static bool is_sound(const struct ml_heap_view *view, const struct ml_span *span)
{
    if (!is_within(view, span))
        return false;
    switch ((enum ml_span_use)span->use) {
    case ML_SPAN_FREE:
    case ML_SPAN_RELEASING:
        return true;
    case ML_SPAN_SMALL:
        return is_sound_small(span);
    case ML_SPAN_LARGE:
        return span->kind < ML_KINDS;
    default:
        return false;
    }
}

static void take_span(struct ml_heap_view *view, uint32_t number, const struct ml_span *span,
                      uint32_t marks_completed)
{
    if (span->use == ML_SPAN_UNUSED)
        return;
    if (!is_sound(view, span)) {
        if (view->strange_count++ == 0)
            view->strange_first = number;
        return;
    }
    bool is_small = span->use == ML_SPAN_SMALL, is_large = span->use == ML_SPAN_LARGE;
    view->spans[view->count++] = (struct ml_view_span){
        .base = span->base,
        .pages = span->pages,
        .number = number,
        .slot_bytes = is_small ? span->slot_bytes : 0,
        .slots = is_small ? span->slots : is_large,
        .free_slots = is_small ? span->free_slots : 0,
        .use = span->use,
        .kind = span->kind,
        .bin = span->bin,
        .is_unswept = (is_small || is_large) && span->swept_at != marks_completed &&
                      span->kind != ML_UNCOLLECTABLE,
    };
}

static int read_descriptors(struct ml_heap_view *view, uint32_t marks_completed)
{
    enum { AT_ONCE = 4096 };
    struct ml_span *some = malloc(AT_ONCE * sizeof(*some));
    int error = some == NULL ? -ENOMEM : 0;
    for (uint32_t first = 1, count; error == 0 && first < view->numbers; first += count) {
        count = ml_min(AT_ONCE, view->numbers - first);
        error = ml_heap_view_read(view, (uintptr_t)(view->map.spans + first), some,
                                  count * sizeof(*some));
        for (uint32_t i = 0; error == 0 && i < count; i++)
            take_span(view, first + i, &some[i], marks_completed);
    }
    free(some);
    return error;
}

static int by_base(const void *a, const void *b)
{
    const struct ml_view_span *left = a, *right = b;
    return left->base < right->base ? -1 : left->base > right->base;
}

int ml_heap_view_descriptor(const struct ml_heap_view *view, uint32_t number,
                            struct ml_span *descriptor)
{
    if (number >= view->numbers)
        return -EFAULT;
    return ml_heap_view_read(view, (uintptr_t)(view->map.spans + number), descriptor,
                             sizeof(*descriptor));
}

/* ---- open and close -------------------------------------------------------------------------- */

/* What it says of itself can be: nothing is as large as addresses allow. */
static bool is_sound_map(const struct ml_heap_view *view)
{
    const struct ml_spanmap *map = &view->map;
    uint64_t bytes = map->granules << ML_GRANULE_SHIFT;
    return map->base % ML_PAGE_BYTES == 0 && map->granules <= UINT64_MAX >> ML_GRANULE_SHIFT &&
           bytes <= map->reserved_bytes && bytes % ML_PAGE_BYTES == 0 &&
           map->reserved_bytes <= (uint64_t)1 << 47 &&
           view->numbers <= (map->reserved_bytes >> ML_PAGE_SHIFT) + 2;
}

int ml_heap_view_open(struct ml_heap_view *view, struct ml_image *image)
{
    uint32_t marks_completed;
    *view = (struct ml_heap_view){ .image = image };
    int error = ml_heap_view_variable(view, "spanmap.map", &view->map, sizeof(view->map));
    if (error == 0)
        error = ml_heap_view_variable(view, "runs.end", &view->numbers, sizeof(view->numbers));
    if (error == 0)
        error = ml_heap_view_variable(view, "span.marks_completed", &marks_completed,
                                      sizeof(marks_completed));
    view->end = view->map.base + (view->map.granules << ML_GRANULE_SHIFT);
    if (error == 0 && view->map.base == 0) { /* nothing was ever allocated */
        view->numbers = 0;
        view->end = 0;
        return 0;
    }
    if (error == 0 && !is_sound_map(view))
        error = -EBADMSG;
    if (error == 0)
        view->spans = malloc(view->numbers * sizeof(*view->spans) + 1);
    if (error == 0)
        error = view->spans == NULL ? -ENOMEM : read_descriptors(view, marks_completed);
    if (error != 0)
        ml_heap_view_close(view);
    else
        qsort(view->spans, view->count, sizeof(*view->spans), by_base);
    return error;
}

void ml_heap_view_close(struct ml_heap_view *view)
{
    free(view->spans);
    *view = (struct ml_heap_view){ 0 };
}

/* ---- objects ------------------------------------------------------------------------------------ */

const struct ml_view_span *ml_heap_view_span(const struct ml_heap_view *view, uintptr_t address)
{
    size_t low = 0, high = view->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (view->spans[middle].base <= address)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0)
        return NULL;
    const struct ml_view_span *span = &view->spans[low - 1];
    return address - span->base < (uintptr_t)span->pages << ML_PAGE_SHIFT ? span : NULL;
}

static uint64_t granule_of(const struct ml_heap_view *view, uintptr_t address)
{
    return (address - view->map.base) >> ML_GRANULE_SHIFT;
}

bool ml_heap_view_object(const struct ml_heap_view *view, uintptr_t address,
                         struct ml_view_object *object)
{
    const struct ml_view_span *span = ml_heap_view_span(view, address);
    if (span == NULL || span->slots == 0)
        return false;
    bool is_large = span->use == ML_SPAN_LARGE;
    uint64_t bytes = is_large ? (uint64_t)span->pages << ML_PAGE_SHIFT : span->slot_bytes;
    uint64_t slot = (address - span->base) / bytes;
    if (slot >= span->slots)
        return false;
    *object = (struct ml_view_object){ span, span->base + slot * bytes, bytes, (unsigned)slot, 0 };
    uintptr_t state = (uintptr_t)view->map.state + granule_of(view, object->begin);
    return ml_heap_view_read(view, state, &object->state, 1) == 0;
}

int ml_heap_view_states(const struct ml_heap_view *view, const struct ml_view_span *span,
                        uint8_t *states)
{
    return ml_heap_view_read(view, (uintptr_t)view->map.state + granule_of(view, span->base),
                             states, ((size_t)span->pages << ML_PAGE_SHIFT) >> ML_GRANULE_SHIFT);
}

int ml_heap_view_live(const struct ml_heap_view *view, const struct ml_view_span *span,
                      uint32_t *live)
{
    enum { GRANULES_MOST = (ML_SMALL_MAX * 16) >> ML_GRANULE_SHIFT };
    uint8_t states[GRANULES_MOST];
    size_t granules = ((size_t)span->pages << ML_PAGE_SHIFT) >> ML_GRANULE_SHIFT;
    *live = 0;
    if (span->use == ML_SPAN_LARGE || granules > sizeof(states)) {
        struct ml_view_object object;
        *live = ml_heap_view_object(view, span->base, &object) && object.state != ML_STATE_FREE;
        return 0;
    }
    int error = ml_heap_view_states(view, span, states);
    if (error != 0)
        return error;
    for (unsigned slot = 0; slot < span->slots; slot++)
        *live += states[(size_t)slot * span->slot_bytes >> ML_GRANULE_SHIFT] != ML_STATE_FREE;
    return 0;
}
