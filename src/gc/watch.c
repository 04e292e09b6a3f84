/* SPDX-License-Identifier: MIT */
#include "gc/watch.h"

#include <string.h>

#include "base/publish.h"
#include "heap/alloc.h"
#include "heap/metadata.h"
#include "os/thread.h"

enum { FIRST = 64, MOST = 1 << 30 };

struct ml_watch *ml_watches;
uint32_t ml_watches_count;
ML_PUBLISH("watch.watches", ml_watches);
ML_PUBLISH("watch.count", ml_watches_count);
ML_PUBLISH_STRUCT(ml_watch);
ML_PUBLISH_MEMBER(ml_watch, object);
ML_PUBLISH_MEMBER(ml_watch, finalizer);
ML_PUBLISH_MEMBER(ml_watch, data);
ML_PUBLISH_MEMBER(ml_watch, weak);

static struct ml_lock lock;
static uint32_t capacity; /* of entries; the index has twice as many places */
static uint32_t *places;  /* open addressing: an entry's number + 1, or 0 */

void ml_watch_lock_stopped(void) { ml_lock(&lock); }
void ml_watch_unlock_stopped(void) { ml_unlock(&lock); }

void ml_watch_lock(void)
{
    ml_heap_enter(ml_thread_self);
    ml_lock(&lock);
}

void ml_watch_unlock(void)
{
    ml_unlock(&lock);
    ml_heap_leave(ml_thread_self);
}

/* ---- the index ---------------------------------------------------------------- */

static uint32_t mask(void) { return 2 * capacity - 1; }

/* Where an object's place is looked for first: the upper bits of a product with
 * 2^64 divided by the golden ratio (Knuth, volume 3, section 6.4). */
static uint32_t home_of(uintptr_t object)
{
    uint64_t spread = (object >> ML_GRANULE_SHIFT) * UINT64_C(0x9e3779b97f4a7c15);
    return (uint32_t)(spread >> 32) & mask();
}

/* The object's place, or the free one where it would be. */
static uint32_t place_of(uintptr_t object)
{
    uint32_t place = home_of(object);
    while (places[place] != 0 && ml_watches[places[place] - 1].object != object)
        place = (place + 1) & mask();
    return place;
}

/* Free a place: what was put further on because of it moves up, so that a
 * search may end at the first free one. */
static void free_place(uint32_t hole)
{
    for (uint32_t at = (hole + 1) & mask(); places[at] != 0; at = (at + 1) & mask()) {
        uint32_t from_home = (at - home_of(ml_watches[places[at] - 1].object)) & mask();
        if (from_home < ((at - hole) & mask()))
            continue;
        places[hole] = places[at];
        hole = at;
    }
    places[hole] = 0;
}

/* ---- entries -------------------------------------------------------------------- */

static size_t entries_bytes(uint32_t count) { return count * sizeof(struct ml_watch); }
static size_t places_bytes(uint32_t count) { return 2 * count * sizeof(uint32_t); }

/* Room for so many, a power of two and not less than there are. */
static bool resize(uint32_t wanted)
{
    struct ml_watch *entries = ml_metadata_alloc(ML_POOL_GC, entries_bytes(wanted));
    uint32_t *index = entries == NULL ? NULL : ml_metadata_alloc(ML_POOL_GC, places_bytes(wanted));
    if (index == NULL) {
        ml_metadata_free(ML_POOL_GC, entries, entries_bytes(wanted));
        return false;
    }
    if (ml_watches_count != 0)
        memcpy(entries, ml_watches, entries_bytes(ml_watches_count));
    ml_metadata_free(ML_POOL_GC, ml_watches, entries_bytes(capacity));
    ml_metadata_free(ML_POOL_GC, places, places_bytes(capacity));
    ml_watches = entries;
    places = index;
    capacity = wanted;
    for (uint32_t i = 0; i < ml_watches_count; i++)
        places[place_of(ml_watches[i].object)] = i + 1;
    /* There are addresses of objects from the copying: if this thread sleeps
     * now, it would keep them alive. */
    ml_os_clear_vector_registers();
    return true;
}

static bool grow(void)
{
    uint32_t more = capacity == 0 ? FIRST : capacity * 2;
    return more <= MOST && resize(more);
}

void ml_watch_shrink(void)
{
    uint32_t wanted = capacity;
    while (wanted > FIRST && wanted / 8 >= ml_watches_count)
        wanted /= 2;
    if (wanted < capacity)
        (void)resize(wanted); /* a wish */
}

static void set_state(uintptr_t object, enum ml_state state)
{
    ml_state_set_kind(ml_granule_of((void *)object), state);
}

struct ml_watch *ml_watch_find(uintptr_t object)
{
    uint32_t number = capacity == 0 ? 0 : places[place_of(object)];
    return number == 0 ? NULL : &ml_watches[number - 1];
}

struct ml_watch *ml_watch_need(uintptr_t object)
{
    struct ml_watch *watch = ml_watch_find(object);
    if (watch != NULL)
        return watch;
    if (ml_watches_count == capacity && !grow())
        return NULL;
    places[place_of(object)] = ml_watches_count + 1;
    watch = &ml_watches[ml_watches_count++];
    *watch = (struct ml_watch){ .object = object };
    set_state(object, ML_STATE_WATCHED);
    return watch;
}

void ml_watch_drop_if_empty(struct ml_watch *watch)
{
    if (watch->finalizer != NULL || watch->weak != NULL)
        return;
    set_state(watch->object, ML_STATE_PLAIN);
    free_place(place_of(watch->object));
    const struct ml_watch *last = &ml_watches[ml_watches_count - 1];
    if (watch != last) {
        places[place_of(last->object)] = (uint32_t)(watch - ml_watches) + 1;
        *watch = *last;
    }
    ml_watches_count--;
}

void ml_watch_move(struct ml_watch *watch, uintptr_t to)
{
    set_state(watch->object, ML_STATE_PLAIN);
    free_place(place_of(watch->object));
    watch->object = to;
    places[place_of(to)] = (uint32_t)(watch - ml_watches) + 1;
    set_state(to, ML_STATE_WATCHED);
}

bool ml_watch_is_possible(const void *pointer)
{
    return ml_heap_is_object(pointer) &&
           ml_state_kind(ml_granule_of(pointer)) != ML_STATE_WEAK &&
           ml_heap_kind(pointer) != ML_UNCOLLECTABLE;
}
