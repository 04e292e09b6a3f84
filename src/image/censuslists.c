/* SPDX-License-Identifier: MIT */
/* censuslists.c - every span hangs where it should: in its bin's lists, among the large objects,
 * among the free runs. */
#include <errno.h>
#include <stdlib.h>

#include "heap/central.h"
#include "heap/freeruns.h"
#include "image/heapcensus.h"

static bool is_unswept(const struct ml_census *census, const struct ml_span_links *links)
{
    return links->swept_at != census->marks_completed && links->kind != ML_UNCOLLECTABLE;
}

/* place: ML_PLACE_NONE for the lists of unswept spans, which keep the place they had. */
static bool hangs_in(const struct ml_census *census, const struct ml_span_links *links,
                     enum ml_span_place place)
{
    bool is_swept = !is_unswept(census, links);
    return place == ML_PLACE_NONE ? !is_swept
                                  : links->place == place &&
                                        (place == ML_PLACE_EMPTY || place == ML_PLACE_FREE || is_swept);
}

/* What a list holds: spans of this use, place, bin and shard. */
struct expected {
    enum ml_span_use use;
    enum ml_span_place place;
    unsigned bin, shard; /* of small ones */
};

static const char *broken_rule(const struct ml_census *census, const struct expected *expected,
                               const struct ml_span_links *links)
{
    bool is_small = expected->use == ML_SPAN_SMALL;
    if (links->use != expected->use)
        return "a list holds spans of its use";
    if (!hangs_in(census, links, expected->place))
        return "a span knows the list it hangs in";
    if (is_small && links->bin != expected->bin)
        return "a bin's lists hold its small spans";
    if (is_small && links->shard != expected->shard)
        return "a span knows the shard it hangs in";
    if (expected->place == ML_PLACE_FULL && links->free_slots != 0)
        return "full spans have no free slot";
    if (expected->place == ML_PLACE_PARTIAL && links->free_slots == 0)
        return "partial spans have a free slot";
    if (expected->place == ML_PLACE_EMPTY && links->free_slots != links->slots)
        return "empty spans have no slot taken";
    return NULL;
}

static bool walk(struct ml_census *census, const struct ml_span_list *list,
                 const struct expected *expected, uint64_t *hanging)
{
    uint32_t last = 0, count = 0;
    for (uint32_t number = list->first; number != 0; number = census->links[number].next) {
        if (number >= census->view->numbers || census->links[number].use == ML_SPAN_UNUSED ||
            count++ == census->view->numbers)
            return ml_census_break(census, "a list's links lead to spans, and end", number, 0);
        const struct ml_span_links *links = &census->links[number];
        if (links->prev != last)
            return ml_census_break(census, "list links agree in both directions", number, 0);
        const char *broken = broken_rule(census, expected, links);
        if (broken != NULL)
            return ml_census_break(census, broken, number, 0);
        if (expected->place == ML_PLACE_EMPTY)
            census->empty_bytes += (uint64_t)ml_sizeclasses[ml_bin_class(links->bin)].pages
                                   << ML_PAGE_SHIFT;
        last = number;
    }
    *hanging += count;
    return (list->last == last && list->count == count) ||
           ml_census_break(census, "a list's end and count are right", last, 0);
}

static bool walk_bins(struct ml_census *census, uint64_t *hanging)
{
    struct ml_bin(*bins)[ML_BINS] = malloc(ML_SHARDS * sizeof(*bins));
    bool is_sound = bins != NULL && ml_census_variable(census, "central.bins", bins,
                                                       ML_SHARDS * sizeof(*bins));
    if (bins == NULL)
        census->error = -ENOMEM;
    for (unsigned shard = 0; shard < ML_SHARDS && is_sound; shard++)
        for (unsigned bin = 0; bin < ML_BINS && is_sound; bin++) {
            const struct ml_bin *at = &bins[shard][bin];
            struct expected expected = { ML_SPAN_SMALL, ML_PLACE_PARTIAL, bin, shard };
            is_sound = walk(census, &at->partial, &expected, hanging);
            expected.place = ML_PLACE_FULL;
            is_sound = is_sound && walk(census, &at->full, &expected, hanging);
            expected.place = ML_PLACE_NONE;
            is_sound = is_sound && walk(census, &at->unswept, &expected, hanging);
            expected.place = ML_PLACE_EMPTY;
            is_sound = is_sound && walk(census, &at->empty, &expected, hanging);
        }
    free(bins);
    return is_sound;
}

static bool walk_large(struct ml_census *census, uint64_t *hanging)
{
    struct ml_span_list lists[ML_KINDS], unswept;
    struct expected expected = { ML_SPAN_LARGE, ML_PLACE_LARGE, 0, 0 };
    if (!ml_census_variable(census, "large.lists", lists, sizeof(lists)) ||
        !ml_census_variable(census, "large.unswept", &unswept, sizeof(unswept)))
        return false;
    for (unsigned kind = 0; kind < ML_KINDS; kind++)
        if (!walk(census, &lists[kind], &expected, hanging))
            return false;
    expected.place = ML_PLACE_NONE;
    return walk(census, &unswept, &expected, hanging);
}

static bool walk_free_runs(struct ml_census *census)
{
    struct ml_span_list lists[ML_FREERUNS_LISTS];
    struct expected expected = { ML_SPAN_FREE, ML_PLACE_FREE, 0, 0 };
    uint64_t hanging = 0;
    if (!ml_census_variable(census, "freeruns.lists", lists, sizeof(lists)))
        return false;
    for (unsigned i = 0; i < ML_FREERUNS_LISTS; i++)
        if (!walk(census, &lists[i], &expected, &hanging))
            return false;
    return hanging == census->free_runs ||
           ml_census_break(census, "every free run hangs in a list", 0, 0);
}

bool ml_census_of_lists(struct ml_census *census)
{
    uint64_t hanging = 0, in_use = 0;
    for (size_t i = 0; i < census->view->count; i++)
        in_use += census->view->spans[i].slots != 0;
    return walk_bins(census, &hanging) && walk_large(census, &hanging) && walk_free_runs(census) &&
           (hanging == in_use ||
            ml_census_break(census, "every span in use hangs in a list", 0, 0));
}
