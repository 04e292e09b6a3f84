/* SPDX-License-Identifier: MIT */
#include "image/heapcheck.h"

#include <errno.h>
#include <stdlib.h>

#include "image/heapcensus.h"

bool ml_census_break(struct ml_census *census, const char *rule, uint32_t span, uintptr_t address)
{
    struct ml_heap_check *check = census->check;
    if (check->broken == NULL) {
        check->broken = rule;
        check->span = span;
        check->address = address;
    }
    return false;
}

bool ml_census_read(struct ml_census *census, uintptr_t address, void *to, size_t bytes)
{
    if (census->error == 0)
        census->error = ml_heap_view_read(census->view, address, to, bytes);
    return census->error == 0;
}

bool ml_census_variable(struct ml_census *census, const char *name, void *to, size_t bytes)
{
    if (census->error == 0)
        census->error = ml_heap_view_variable(census->view, name, to, bytes);
    return census->error == 0;
}

/* ---- sums --------------------------------------------------------------------------------------- */

static bool check_pages(struct ml_census *census)
{
    const struct ml_pageheap_figures *figures = &census->figures;
    if (census->inuse_bytes != figures->inuse_bytes)
        return ml_census_break(census, "inuse_bytes is the sum of the spans in use", 0, 0);
    if (census->inuse_bytes + census->idle_bytes != figures->heap_bytes)
        return ml_census_break(census, "spans in use and free runs make up the heap", 0, 0);
    if (census->unbacked_bytes != figures->released_bytes)
        return ml_census_break(census, "released_bytes is what nothing stands behind", 0, 0);
    if (census->spans != figures->spans)
        return ml_census_break(census, "every descriptor in use has pages", 0, 0);
    return true;
}

static bool check_large(struct ml_census *census)
{
    const struct ml_pageheap_figures *figures = &census->figures;
    if (figures->large_mallocs - figures->large_frees != census->large_objects)
        return ml_census_break(census, "large mallocs - frees is the number of large objects", 0, 0);
    if (figures->large_malloc_bytes - figures->large_free_bytes != census->large_bytes)
        return ml_census_break(census, "large bytes are those of the large objects", 0, 0);
    return true;
}

static bool check_counters(struct ml_census *census)
{
    static struct ml_raw_stats raw; /* large; one thread at a time */
    uint64_t allocated[ML_CLASSES] = { 0 };
    census->error = ml_image_read(census->view->image, &raw);
    if (census->error != 0)
        return false;
    for (unsigned bin = 0; bin < ML_BINS; bin++)
        allocated[ml_bin_class(bin)] += census->allocated[bin];
    for (unsigned class = 0; class < ML_CLASSES; class++)
        if (raw.counts.mallocs[class] - ml_counts_frees(&raw.counts, class) != allocated[class])
            return ml_census_break(census, "mallocs - frees is the number of allocated slots", 0, 0);
    for (unsigned bin = 0; bin < ML_BINS; bin++)
        if (census->taken[bin] - census->allocated[bin] != census->held[bin])
            return ml_census_break(census, "a taken slot is allocated or in one magazine", 0, 0);
    return true;
}

static bool check_sums(struct ml_census *census)
{
    uint64_t empty_bytes;
    return check_pages(census) && check_large(census) && check_counters(census) &&
           ml_census_variable(census, "central.empty_bytes", &empty_bytes, sizeof(empty_bytes)) &&
           (empty_bytes == census->empty_bytes ||
            ml_census_break(census, "the bytes of empty spans are known", 0, 0));
}

/* ---- all of it -------------------------------------------------------------------------------------- */

static bool read_variables(struct ml_census *census)
{
    return ml_census_variable(census, "span.marked_along", &census->marked_along,
                              sizeof(census->marked_along)) &&
           ml_census_variable(census, "span.marks_completed", &census->marks_completed,
                              sizeof(census->marks_completed)) &&
           ml_census_variable(census, "pageheap.figures", &census->figures,
                              sizeof(census->figures));
}

int ml_heap_check(struct ml_heap_check *check, const struct ml_heap_view *view, bool is_amid)
{
    *check = (struct ml_heap_check){ .spans = view->count };
    struct ml_census *census = calloc(1, sizeof(*census));
    if (census == NULL)
        return -ENOMEM;
    census->check = check;
    census->view = view;
    census->links = calloc((size_t)view->numbers + 1, sizeof(*census->links));
    census->error = census->links == NULL ? -ENOMEM : 0;
    if (view->strange_count != 0)
        ml_census_break(census, "every descriptor makes sense", view->strange_first, 0);
    else if (read_variables(census) && ml_census_of_pages(census) && ml_census_of_slots(census) &&
             ml_census_of_lists(census) && ml_census_of_threads(census) && !is_amid)
        (void)check_sums(census);
    int error = census->error;
    for (unsigned bin = 0; bin < ML_BINS; bin++)
        check->objects += census->allocated[bin];
    check->objects += census->large_objects;
    free(census->links);
    free(census);
    return error;
}
