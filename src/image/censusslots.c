/* SPDX-License-Identifier: MIT */
/* censusslots.c - slots are free or taken, and what is allocated is taken: in the descriptors, in
 * the table of states, in the threads' magazines. */
#include <errno.h>
#include <stdlib.h>

#include "heap/threadcache.h"
#include "image/heapcensus.h"

enum { GRANULES_MOST = 1 << 12 }; /* of a small span */

/* ---- spans ------------------------------------------------------------------------------------------------ */

static void note_links(struct ml_census *census, uint32_t number, const struct ml_span *span)
{
    census->links[number] = (struct ml_span_links){
        .next = span->next, .prev = span->prev, .swept_at = span->swept_at, .slots = span->slots,
        .free_slots = span->free_slots, .use = span->use, .place = span->place, .bin = span->bin,
        .kind = span->kind, .shard = span->shard,
    };
}

/* States stand where slots begin, and nowhere else. */
static bool check_states(struct ml_census *census, const struct ml_view_span *view,
                         const struct ml_span *span)
{
    uint8_t states[GRANULES_MOST];
    size_t granules = ml_span_bytes(span) >> ML_GRANULE_SHIFT;
    unsigned step = span->slot_bytes >> ML_GRANULE_SHIFT, slot = 0;
    census->error = ml_heap_view_states(census->view, view, states);
    if (census->error != 0)
        return false;
    for (size_t granule = 0; granule < granules; granule++) {
        bool begins_slot = slot < span->slots && granule == (size_t)slot * step;
        uintptr_t address = span->base + (granule << ML_GRANULE_SHIFT);
        bool is_allocated = states[granule] != ML_STATE_FREE;
        if (is_allocated && !begins_slot)
            return ml_census_break(census, "objects begin where slots do", view->number, address);
        if (!begins_slot)
            continue;
        bool is_taken = ml_span_is_taken(span, slot++);
        if (is_allocated && !is_taken)
            return ml_census_break(census, "an allocated slot is taken", view->number, address);
        census->taken[view->bin] += is_taken;
        census->allocated[view->bin] += is_allocated;
    }
    return true;
}

static bool check_large(struct ml_census *census, const struct ml_view_span *view)
{
    struct ml_view_object object;
    if (!ml_heap_view_object(census->view, view->base, &object)) {
        census->error = -EFAULT;
        return false;
    }
    census->large_objects++;
    census->large_bytes += object.bytes;
    return object.state != ML_STATE_FREE ||
           ml_census_break(census, "a large object is allocated", view->number, view->base);
}

static bool look_at(struct ml_census *census, const struct ml_view_span *view,
                    const struct ml_span *span)
{
    if (view->slots == 0)
        return true;
    const char *broken = span->slots > ML_SPAN_SLOTS_MAX ? "a span has no more slots than it can"
                                                         : ml_span_check(span, census->marked_along);
    if (broken != NULL)
        return ml_census_break(census, broken, view->number, view->base);
    return view->use == ML_SPAN_LARGE ? check_large(census, view)
                                      : check_states(census, view, span);
}

bool ml_census_of_slots(struct ml_census *census)
{
    for (size_t i = 0; i < census->view->count; i++) {
        const struct ml_view_span *view = &census->view->spans[i];
        struct ml_span span;
        census->error = ml_heap_view_descriptor(census->view, view->number, &span);
        if (census->error != 0)
            return false;
        note_links(census, view->number, &span);
        if (!look_at(census, view, &span))
            return false;
    }
    return true;
}

/* ---- magazines ---------------------------------------------------------------------------------------------- */

static bool check_slot(struct ml_census *census, unsigned bin, uintptr_t slot)
{
    struct ml_view_object object;
    if (!ml_heap_view_has(census->view, slot) ||
        !ml_heap_view_object(census->view, slot, &object) || object.begin != slot)
        return ml_census_break(census, "magazines hold addresses of slots", 0, slot);
    if (object.state != ML_STATE_FREE)
        return ml_census_break(census, "a slot in a magazine is not allocated", object.span->number,
                               slot);
    if (object.span->use != ML_SPAN_SMALL || object.span->bin != bin)
        return ml_census_break(census, "a magazine holds slots of its bin", object.span->number, slot);
    census->held[bin]++;
    return true;
}

static bool check_magazine(struct ml_census *census, unsigned bin,
                           const struct ml_magazine *magazine)
{
    enum { SLOTS_MOST = 1 << 16 };
    uintptr_t bottom = (uintptr_t)magazine->bottom, top = (uintptr_t)magazine->top;
    if (top < bottom || top > (uintptr_t)magazine->limit ||
        top - bottom > SLOTS_MOST * sizeof(void *) || (top - bottom) % sizeof(void *) != 0)
        return ml_census_break(census, "a magazine's top is in it", 0, bottom);
    size_t count = (top - bottom) / sizeof(void *);
    uintptr_t *slots = malloc(count * sizeof(*slots) + 1);
    if (slots == NULL)
        census->error = -ENOMEM;
    bool is_sound = slots != NULL &&
                    (count == 0 || ml_census_read(census, bottom, slots, count * sizeof(*slots)));
    for (size_t i = 0; i < count && is_sound; i++)
        is_sound = check_slot(census, bin, slots[i]);
    free(slots);
    return is_sound;
}

bool ml_census_of_threads(struct ml_census *census)
{
    enum { THREADS_MOST = 1 << 22 };
    static struct ml_thread thread; /* large; one thread at a time */
    uintptr_t at;
    if (!ml_census_variable(census, "threadcache.list", &at, sizeof(at)))
        return false;
    for (size_t i = 0; at != 0; i++, at = (uintptr_t)thread.next) {
        if (i == THREADS_MOST)
            return ml_census_break(census, "the list of threads ends", 0, at);
        if (!ml_census_read(census, at, &thread, sizeof(thread)))
            return false;
        for (unsigned bin = 0; bin < ML_BINS; bin++)
            if (!check_magazine(census, bin, &thread.magazines[bin]))
                return false;
    }
    return true;
}
