/* SPDX-License-Identifier: MIT */
#include "heap/large.h"

#include "base/publish.h"
#include "heap/central.h"
#include "heap/pageheap.h"

struct ml_span_list ml_large_lists[ML_KINDS];
struct ml_span_list ml_large_unswept;
ML_PUBLISH("large.lists", ml_large_lists);
ML_PUBLISH("large.unswept", ml_large_unswept);

/* 0 when bytes are more than a heap can have. */
static uint32_t pages_for(size_t bytes)
{
    size_t pages = (bytes >> ML_PAGE_SHIFT) + ((bytes & (ML_PAGE_BYTES - 1)) != 0);
    return pages > UINT32_MAX / 2 ? 0 : (uint32_t)pages;
}

static void count_malloc(uint64_t objects, uint64_t bytes)
{
    struct ml_pageheap_figures *now = ml_pageheap_begin_change();
    ml_figure_set(&now->large_mallocs, now->large_mallocs + objects);
    ml_figure_set(&now->large_malloc_bytes, now->large_malloc_bytes + bytes);
    ml_pageheap_end_change();
    ml_heap_taken_add((int64_t)bytes);
}

static void count_free(uint64_t objects, uint64_t bytes, bool swept)
{
    struct ml_pageheap_figures *now = ml_pageheap_begin_change();
    ml_figure_set(&now->large_frees, now->large_frees + objects);
    ml_figure_set(&now->large_free_bytes, now->large_free_bytes + bytes);
    if (swept) {
        ml_figure_set(&now->large_swept, now->large_swept + objects);
        ml_figure_set(&now->large_swept_bytes, now->large_swept_bytes + bytes);
    }
    ml_pageheap_end_change();
    if (!swept) /* what is swept was taken off at the mark's end */
        ml_heap_taken_add(-(int64_t)bytes);
}

void *ml_large_alloc(size_t bytes, size_t alignment, enum ml_kind kind, bool *zeroed)
{
    uint32_t pages = pages_for(bytes);
    uint32_t align_pages = alignment <= ML_PAGE_BYTES ? 1 : (uint32_t)(alignment >> ML_PAGE_SHIFT);
    uint32_t backed;
    if (pages == 0 || alignment > ml_map.reserved_bytes)
        return NULL;
    ml_lock(&ml_pageheap_lock);
    struct ml_span *span = ml_pageheap_take_run(pages, align_pages, &backed);
    if (span == NULL) {
        ml_unlock(&ml_pageheap_lock);
        return NULL;
    }
    span->kind = (uint8_t)kind;
    span->swept_at = ml_marks_completed;
    span->slots = 1;
    span->free_slots = 0;
    span->slot_bytes = 0;
    span->reciprocal = 0; /* every address in it is in slot 0 */
    __atomic_store_n(&span->type, 0, __ATOMIC_RELAXED); /* a marker may be looking */
    /* Of whoever had the descriptor before, freed slots may be marked. */
    span->bits[0] = (struct ml_span_bits){ .taken = 1 };
    if (kind == ML_UNCOLLECTABLE)
        ml_revisit_set_range(span->base, span->base + ml_span_bytes(span), ML_REVISIT_WRITTEN);
    ml_span_list_append(&ml_large_lists[kind], span, ML_PLACE_LARGE);
    count_malloc(1, ml_span_bytes(span));
    void *object = (void *)span->base;
    ml_state_set(ml_granule_of(object), ML_STATE_PLAIN);
    ml_unlock(&ml_pageheap_lock);
    *zeroed = backed == 0;
    return object;
}

/* Both markers have counted it, with the size it has now. */
static void settle_marked_twice(struct ml_span *span)
{
    if ((span->bits[0].mark[0] & span->bits[0].mark[1]) == 0)
        return;
    ml_heap_note_marked_twice(1, ml_span_bytes(span));
    span->bits[0].mark[1] = 0;
}

/* Counted, out of its list, back to the page heap. Lock held. */
static void drop(struct ml_span *span, bool swept)
{
    ml_span_list_remove(ml_span_is_unswept(span) ? &ml_large_unswept
                                                 : &ml_large_lists[span->kind],
                        span);
    settle_marked_twice(span); /* freed before its sweep */
    span->bits[0] = (struct ml_span_bits){ 0 };
    count_free(1, ml_span_bytes(span), swept);
    ml_pageheap_give_run(span);
}

bool ml_large_free(void *pointer)
{
    uint64_t granule = ml_granule_of(pointer);
    ml_lock(&ml_pageheap_lock);
    struct ml_span *span = ml_span_over((uintptr_t)pointer);
    bool there = span->use == ML_SPAN_LARGE && span->base == (uintptr_t)pointer &&
                 ml_state_get(granule) != 0;
    if (there) {
        ml_state_set(granule, ML_STATE_FREE);
        drop(span, false);
    }
    ml_unlock(&ml_pageheap_lock);
    return there;
}

bool ml_large_resize(void *pointer, size_t bytes, bool *zeroed)
{
    uint32_t pages = pages_for(bytes);
    uint32_t backed = 0;
    if (pages == 0)
        return false;
    ml_lock(&ml_pageheap_lock);
    struct ml_span *span = ml_span_over((uintptr_t)pointer);
    uint64_t before = ml_span_bytes(span);
    uint64_t after = (uint64_t)pages << ML_PAGE_SHIFT;
    /* What was counted can't be taken back. */
    if (after < before && !ml_pageheap_can_shrink()) {
        ml_unlock(&ml_pageheap_lock);
        return false;
    }
    settle_marked_twice(span);
    /* Counted on the side where Alloc stays below HeapInuse: less before the
     * pages go, more after they have come. */
    if (after < before)
        count_free(0, before - after, false);
    bool done = ml_pageheap_resize_run(span, pages, &backed);
    if (done && after > before) {
        count_malloc(0, after - before);
        if (span->kind != ML_NOSCAN) /* it may be marked, and looked at as far as it went */
            ml_revisit_set_range(span->base, span->base + after, ML_REVISIT_WRITTEN);
    }
    ml_unlock(&ml_pageheap_lock);
    *zeroed = backed == 0;
    return done;
}

size_t ml_large_bytes(const void *pointer)
{
    return ml_span_bytes(ml_span_over((uintptr_t)pointer));
}

void ml_large_begin_sweep(void)
{
    ml_lock(&ml_pageheap_lock); /* memlog's own threads are not stopped */
    ml_span_list_move_all(&ml_large_unswept, &ml_large_lists[ML_SCAN]);
    ml_span_list_move_all(&ml_large_unswept, &ml_large_lists[ML_NOSCAN]);
    ml_span_list_move_all(&ml_large_unswept, &ml_large_lists[ML_TYPED]);
    ml_unlock(&ml_pageheap_lock);
}

unsigned ml_large_sweep(unsigned count)
{
    unsigned done = 0;
    ml_lock(&ml_pageheap_lock);
    for (; done < count && ml_large_unswept.first != 0; done++) {
        struct ml_span *span = ml_span_at(ml_large_unswept.first);
        if (ml_span_marks(&span->bits[0]) != 0) {
            settle_marked_twice(span);
            ml_span_list_remove(&ml_large_unswept, span);
            ml_span_unmark(&span->bits[0], ~(uint64_t)0);
            span->swept_at = ml_marks_completed;
            ml_span_list_append(&ml_large_lists[span->kind], span, ML_PLACE_LARGE);
        } else {
            void *object = (void *)span->base;
            if (ml_state_is_sampled(ml_granule_of(object)))
                ml_heap_hooks.sample_goes(object, ml_span_bytes(span));
            ml_state_set(ml_granule_of(object), ML_STATE_FREE);
            drop(span, true);
        }
    }
    ml_unlock(&ml_pageheap_lock);
    return done;
}
