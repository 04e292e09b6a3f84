/* SPDX-License-Identifier: MIT */
/* heapview.h - the heap of another process: its spans, and which object an address is in.
 *
 * Of each span's descriptor (heap/span.h) the facts are kept, in order of their addresses: 40
 * bytes a span. What is read is believed within bounds only. The process should stand still.
 */
#ifndef ML_IMAGE_HEAPVIEW_H
#define ML_IMAGE_HEAPVIEW_H

#include <stdbool.h>

#include "heap/spanmap.h"
#include "image/image.h"

struct ml_view_span {
    uintptr_t base;
    uint32_t pages, number, slot_bytes; /* a large object's: all of it */
    uint16_t slots, free_slots;
    uint8_t use, kind, bin;
    bool is_unswept;
};

struct ml_heap_view {
    struct ml_image *image;
    struct ml_spanmap map; /* there */
    uintptr_t end;         /* of committed heap; map.base: there is none yet */
    uint32_t numbers;      /* descriptors have numbers below this */
    struct ml_view_span *spans; /* those that have pages */
    size_t count;
    uint32_t strange_count, strange_first; /* descriptors that make no sense, and a number */
};

/* 0 or -errno; then there is nothing to close. The image stays the caller's, and is needed. */
int ml_heap_view_open(struct ml_heap_view *view, struct ml_image *image);
void ml_heap_view_close(struct ml_heap_view *view);

static inline bool ml_heap_view_has(const struct ml_heap_view *view, uintptr_t address)
{
    return address - view->map.base < view->end - view->map.base;
}
/* NULL: the address is in none. */
const struct ml_view_span *ml_heap_view_span(const struct ml_heap_view *view, uintptr_t address);

/* A slot, or a large object. */
struct ml_view_object {
    const struct ml_view_span *span;
    uintptr_t begin;
    uint64_t bytes; /* that the program may use, rounded up to its class */
    unsigned slot;
    uint8_t state; /* enum ml_state; ML_STATE_FREE: it is not allocated */
};

/* The object that the address is in, allocated or not. False: it is in none, or that can't be
 * read. */
bool ml_heap_view_object(const struct ml_heap_view *view, uintptr_t address,
                         struct ml_view_object *object);
/* State bytes of the span's granules, one for each 16 bytes. 0 or -errno. */
int ml_heap_view_states(const struct ml_heap_view *view, const struct ml_view_span *span,
                        uint8_t *states);
/* How many of its objects are allocated, as the state bytes say. 0 or -errno. */
int ml_heap_view_live(const struct ml_heap_view *view, const struct ml_view_span *span,
                      uint32_t *live);
/* All of a descriptor. 0 or -errno. */
int ml_heap_view_descriptor(const struct ml_heap_view *view, uint32_t number,
                            struct ml_span *descriptor);

/* Where a variable's value is wanted: as many bytes as it has. 0 or -errno; -ENOTSUP: there is
 * none of that name and size. */
int ml_heap_view_variable(const struct ml_heap_view *view, const char *name, void *to,
                          size_t bytes);
/* Bytes of memory there. 0 or -errno. */
int ml_heap_view_read(const struct ml_heap_view *view, uintptr_t address, void *to, size_t bytes);

#endif
