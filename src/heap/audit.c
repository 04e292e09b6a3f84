/* SPDX-License-Identifier: MIT */
#include "heap/audit.h"

#include "heap/alloc.h"
#include "heap/central.h"
#include "heap/counters.h"
#include "heap/large.h"
#include "heap/pageheap.h"

/* What the walk over all spans finds. */
struct census {
    uint64_t taken[ML_BINS];     /* slots taken, by bin */
    uint64_t allocated[ML_BINS]; /* of them with their state byte set */
    uint64_t empty_bytes;        /* of spans that bins keep */
    uint64_t large_objects, large_bytes;
};

/* place: ML_PLACE_NONE for the lists of unswept spans, which keep the place they had. */
static bool hangs_in(const struct ml_span *span, enum ml_span_place place)
{
    return place == ML_PLACE_NONE ? ml_span_is_unswept(span)
                                  : span->place == place &&
                                        (place == ML_PLACE_EMPTY || !ml_span_is_unswept(span));
}

static const char *walk_list(unsigned which, unsigned shard, const struct ml_span_list *list,
                             enum ml_span_place place, struct census *census)
{
    uint32_t count = 0, last = 0;
    for (uint32_t number = list->first; number != 0; number = ml_span_at(number)->next) {
        const struct ml_span *span = ml_span_at(number);
        if (span->prev != last)
            return "list links agree in both directions";
        if (!hangs_in(span, place))
            return "a span knows the list it hangs in";
        if (span->use != ML_SPAN_SMALL || span->bin != which)
            return "a bin's lists hold its small spans";
        if (span->shard != shard)
            return "a span knows the shard it hangs in";
        if (place == ML_PLACE_FULL && span->free_slots != 0)
            return "full spans have no free slot";
        if (place == ML_PLACE_PARTIAL && span->free_slots == 0)
            return "partial spans have a free slot";
        if (place == ML_PLACE_EMPTY && span->free_slots != span->slots)
            return "empty spans have no slot taken";
        const char *broken = ml_span_check(span, ml_marked_along);
        if (broken != NULL)
            return broken;
        for (unsigned slot = 0; slot < span->slots; slot++) {
            uint64_t granule = ml_granule_of((void *)ml_span_slot_address(span, slot));
            bool taken = ml_span_is_taken(span, slot);
            bool allocated = ml_state_get(granule) != 0;
            if (allocated && !taken)
                return "an allocated slot is taken";
            census->taken[which] += taken;
            census->allocated[which] += allocated;
        }
        if (place == ML_PLACE_EMPTY)
            census->empty_bytes += ml_span_bytes(span);
        last = number;
        count++;
    }
    if (list->last != last || list->count != count)
        return "a list's end and count are right";
    return NULL;
}

static const char *walk_shard(unsigned which, unsigned shard, struct census *census)
{
    const struct ml_bin *bin = &ml_bins[shard][which];
    const char *broken = walk_list(which, shard, &bin->partial, ML_PLACE_PARTIAL, census);
    if (broken == NULL)
        broken = walk_list(which, shard, &bin->full, ML_PLACE_FULL, census);
    if (broken == NULL)
        broken = walk_list(which, shard, &bin->unswept, ML_PLACE_NONE, census);
    if (broken == NULL)
        broken = walk_list(which, shard, &bin->empty, ML_PLACE_EMPTY, census);
    return broken;
}

static const char *walk_bin(unsigned which, struct census *census)
{
    const char *broken = NULL;
    for (unsigned shard = 0; shard < ML_SHARDS && broken == NULL; shard++)
        broken = walk_shard(which, shard, census);
    return broken;
}

/* Slots in the magazines are taken and not allocated, and nothing else is. */
static const char *walk_magazines(const struct census *census)
{
    uint64_t held[ML_BINS] = { 0 };
    for (struct ml_thread *thread = ml_thread_list; thread != NULL; thread = thread->next)
        for (unsigned bin = 0; bin < ML_BINS; bin++) {
            const struct ml_magazine *magazine = &thread->magazines[bin];
            for (void **slot = magazine->bottom; slot < magazine->top; slot++) {
                uint64_t granule = ml_granule_of(*slot);
                if (granule >= ml_map_granules())
                    return "magazines hold addresses of slots";
                if (ml_state_get(granule) != 0)
                    return "a slot in a magazine is not allocated";
                const struct ml_span *span = ml_span_over((uintptr_t)*slot);
                if (span->use != ML_SPAN_SMALL || span->bin != bin)
                    return "a magazine holds slots of its bin";
                held[bin]++;
            }
        }
    for (unsigned bin = 0; bin < ML_BINS; bin++)
        if (census->taken[bin] - census->allocated[bin] != held[bin])
            return "a taken slot is allocated or in one magazine";
    return NULL;
}

static const char *walk_large(const struct ml_span_list *list, enum ml_span_place place,
                              struct census *census)
{
    uint32_t count = 0, last = 0;
    for (uint32_t number = list->first; number != 0; number = ml_span_at(number)->next) {
        const struct ml_span *span = ml_span_at(number);
        if (span->prev != last)
            return "list links agree in both directions";
        if (!hangs_in(span, place))
            return "a span knows the list it hangs in";
        if (span->use != ML_SPAN_LARGE)
            return "the large lists hold large objects";
        if (ml_state_get(ml_granule_of((void *)span->base)) == 0)
            return "a large object is allocated";
        const char *broken = ml_span_check(span, ml_marked_along);
        if (broken != NULL)
            return broken;
        census->large_objects++;
        census->large_bytes += ml_span_bytes(span);
        last = number;
        count++;
    }
    if (list->last != last || list->count != count)
        return "a list's end and count are right";
    return NULL;
}

static const char *compare_counters(const struct census *census)
{
    struct ml_counts counts;
    uint64_t allocated[ML_CLASSES] = { 0 };
    ml_counters_read(&counts);
    for (unsigned bin = 0; bin < ML_BINS; bin++)
        allocated[ml_bin_class(bin)] += census->allocated[bin];
    for (unsigned class = 0; class < ML_CLASSES; class++)
        if (counts.mallocs[class] - ml_counts_frees(&counts, class) != allocated[class])
            return "mallocs - frees is the number of allocated slots";
    if (counts.pages.large_mallocs - counts.pages.large_frees != census->large_objects)
        return "large mallocs - frees is the number of large objects";
    if (counts.pages.large_malloc_bytes - counts.pages.large_free_bytes != census->large_bytes)
        return "large bytes are those of the large objects";
    return NULL;
}

static const char *audit_locked(void)
{
    static struct census census; /* guarded by the locks */
    census = (struct census){ 0 };
    const char *broken = ml_pageheap_check();
    for (unsigned bin = 0; bin < ML_BINS && broken == NULL; bin++)
        broken = walk_bin(bin, &census);
    for (int kind = 0; kind < ML_KINDS && broken == NULL; kind++)
        broken = walk_large(&ml_large_lists[kind], ML_PLACE_LARGE, &census);
    if (broken == NULL)
        broken = walk_large(&ml_large_unswept, ML_PLACE_NONE, &census);
    if (broken == NULL && census.empty_bytes != ml_central_empty_bytes())
        broken = "the bytes of empty spans are known";
    if (broken == NULL)
        broken = walk_magazines(&census);
    if (broken == NULL)
        broken = compare_counters(&census);
    return broken;
}

const char *ml_heap_audit(void)
{
    if (ml_map.base == 0)
        return NULL;
    ml_heap_before_fork(); /* every lock, in order */
    const char *broken = audit_locked();
    ml_heap_after_fork_parent();
    return broken;
}
