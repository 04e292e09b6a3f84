/* SPDX-License-Identifier: MIT */
#include "image/roots.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gc/finalize.h"
#include "gc/watch.h"
#include "image/rootbuild.h"

/* ---- the list -------------------------------------------------------------------------------- */

void ml_root_add(struct ml_root_build *build, uintptr_t begin, uintptr_t end,
                 enum ml_image_root kind, size_t which)
{
    struct ml_root_places *places = build->places;
    begin = ml_align_up(begin, sizeof(uintptr_t));
    end = ml_align_down(end, sizeof(uintptr_t));
    if (begin >= end || (kind != ML_IMAGE_ADDED && ml_heap_view_has(build->view, begin)))
        return;
    if (places->count == places->room) {
        size_t room = places->room == 0 ? 64 : 2 * places->room;
        struct ml_root_place *more = realloc(places->list, room * sizeof(*more));
        if (more == NULL) {
            build->out_of_memory = true;
            return;
        }
        places->list = more;
        places->room = room;
    }
    places->list[places->count++] = (struct ml_root_place){ begin, end, kind, which };
}

bool ml_root_read(const struct ml_root_build *build, uintptr_t address, void *to, size_t bytes)
{
    return ml_core_read(build->core, address, to, bytes) == 0;
}

static int by_begin(const void *a, const void *b)
{
    const struct ml_root_place *left = a, *right = b;
    return left->begin != right->begin ? (left->begin < right->begin ? -1 : 1)
                                       : (int)left->kind - (int)right->kind;
}

static void append(struct ml_root_places *places, struct ml_root_place place)
{
    if (place.begin < place.end)
        places->list[places->count++] = place;
}

/* What says more comes later in the enum, and is cut out of what says less. */
static void lay(struct ml_root_places *places, struct ml_root_place place)
{
    struct ml_root_place *last = places->count == 0 ? NULL : &places->list[places->count - 1];
    if (last == NULL || place.begin >= last->end) {
        append(places, place);
        return;
    }
    place.begin = ml_max(place.begin, last->begin);
    if (place.kind <= last->kind || place.begin >= place.end) {
        place.begin = ml_max(place.begin, last->end);
        append(places, place);
        return;
    }
    struct ml_root_place rest = *last;
    rest.begin = ml_min(place.end, last->end);
    last->end = place.begin;
    places->count -= last->begin == last->end;
    append(places, place);
    append(places, rest);
}

static bool cut_overlaps(struct ml_root_places *places)
{
    struct ml_root_places cut = { malloc(2 * places->count * sizeof(*cut.list) + 1), 0, 0 };
    if (cut.list == NULL)
        return false;
    for (size_t i = 0; i < places->count; i++)
        lay(&cut, places->list[i]);
    free(places->list);
    *places = cut;
    return true;
}

void ml_root_places_free(struct ml_root_places *places)
{
    free(places->list);
    *places = (struct ml_root_places){ 0 };
}

const struct ml_root_place *ml_root_place_at(const struct ml_root_places *places,
                                             uintptr_t address)
{
    size_t low = 0, high = places->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (places->list[middle].end <= address)
            low = middle + 1;
        else
            high = middle;
    }
    bool is_in = low < places->count && places->list[low].begin <= address;
    return is_in ? &places->list[low] : NULL;
}

/* ---- what the collector keeps tables of ---------------------------------------------------------- */

/* A variable of the view, or nothing. */
static bool variable(const struct ml_root_build *build, const char *name, void *to, size_t bytes)
{
    return ml_heap_view_variable(build->view, name, to, bytes) == 0;
}

/* Tables that are read may be nonsense. */
enum { ENTRIES_MOST = 1 << 24 };

static void add_ranges(struct ml_root_build *build)
{
    uintptr_t at, range[2];
    size_t count;
    if (!variable(build, "roots.ranges", &at, sizeof(at)) ||
        !variable(build, "roots.ranges_count", &count, sizeof(count)) || count > ENTRIES_MOST)
        return;
    for (size_t i = 0; i < count; i++, at += sizeof(range)) {
        if (!ml_root_read(build, at, range, sizeof(range)))
            return;
        ml_root_add(build, range[0], range[1], ML_IMAGE_ADDED, 0);
    }
}

static size_t offset_of(const struct ml_root_build *build, const char *member)
{
    const struct ml_published *entry =
        ml_published_find(ml_image_published(build->view->image), member);
    return entry == NULL ? 0 : (size_t)entry->address;
}

static void add_thread_values(struct ml_root_build *build)
{
    uintptr_t record, next;
    struct ml_round round = { 0 };
    size_t link = offset_of(build, "record.next"), value = offset_of(build, "record.value");
    if (!variable(build, "interpose.records", &record, sizeof(record)))
        return;
    for (size_t i = 0; record != 0 && i < ENTRIES_MOST; i++, record = next) {
        if (ml_round_is_closed(&round, i, record) ||
            !ml_root_read(build, record + link, &next, sizeof(next)))
            return;
        ml_root_add(build, record + value, record + value + sizeof(uintptr_t), ML_IMAGE_THREAD, 0);
    }
}

static void add_watches(struct ml_root_build *build)
{
    uintptr_t at;
    uint32_t count;
    struct ml_watch watch;
    if (!variable(build, "watch.watches", &at, sizeof(at)) ||
        !variable(build, "watch.count", &count, sizeof(count)) || count > ENTRIES_MOST)
        return;
    for (uint32_t i = 0; i < count; i++, at += sizeof(watch)) {
        uintptr_t data = at + offsetof(struct ml_watch, data);
        if (!ml_root_read(build, at, &watch, sizeof(watch)))
            return;
        if (watch.finalizer != NULL)
            ml_root_add(build, data, data + sizeof(watch.data), ML_IMAGE_FINALIZER, 0);
    }
}

static void add_queue(struct ml_root_build *build)
{
    uintptr_t ring;
    uint32_t first, count, capacity;
    if (!variable(build, "finalize.queue", &ring, sizeof(ring)) ||
        !variable(build, "finalize.queue_first", &first, sizeof(first)) ||
        !variable(build, "finalize.queue_count", &count, sizeof(count)) ||
        !variable(build, "finalize.queue_capacity", &capacity, sizeof(capacity)) ||
        count > ENTRIES_MOST)
        return;
    for (uint32_t i = 0; i < count; i++) {
        uintptr_t due =
            ring + (uint64_t)((first + i) & (capacity - 1)) * sizeof(struct ml_due);
        ml_root_add(build, due, due + offsetof(struct ml_due, finalizer), ML_IMAGE_FINALIZER, 0);
    }
}

/* ---- all of them ------------------------------------------------------------------------------------ */

int ml_root_places_find(struct ml_root_places *places, struct ml_core *core,
                        const struct ml_heap_view *view, uintptr_t root)
{
    *places = (struct ml_root_places){ 0 };
    struct ml_root_build build = { places, core, view, root, false };
    ml_root_add_data(&build);
    ml_root_add_threads(&build);
    add_ranges(&build);
    add_thread_values(&build);
    add_watches(&build);
    add_queue(&build);
    if (places->count != 0)
        qsort(places->list, places->count, sizeof(*places->list), by_begin);
    if (!build.out_of_memory && cut_overlaps(places))
        return 0;
    ml_root_places_free(places);
    return -ENOMEM;
}
