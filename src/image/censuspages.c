/* SPDX-License-Identifier: MIT */
/* censuspages.c - every page is of one span, and the tables over the pages know it. */
#include "image/heapcensus.h"

static uint64_t bytes_of(const struct ml_view_span *span)
{
    return (uint64_t)span->pages << ML_PAGE_SHIFT;
}

static size_t page_of(const struct ml_census *census, const struct ml_view_span *span)
{
    return (span->base - census->view->map.base) >> ML_PAGE_SHIFT;
}

/* ---- the tables -------------------------------------------------------------------------------------- */

static bool check_ends(struct ml_census *census, const struct ml_view_span *span)
{
    uint32_t first, last;
    uintptr_t table = (uintptr_t)census->view->map.page_span;
    size_t page = page_of(census, span);
    if (!ml_census_read(census, table + page * sizeof(first), &first, sizeof(first)) ||
        !ml_census_read(census, table + (page + span->pages - 1) * sizeof(last), &last, sizeof(last)))
        return false;
    return (first == span->number && last == span->number) ||
           ml_census_break(census, "a span's first and last page point at it", span->number,
                           span->base);
}

static bool check_bins(struct ml_census *census, const struct ml_view_span *span)
{
    enum { AT_ONCE = 4096 };
    uint8_t bins[AT_ONCE];
    uint8_t bin = span->use == ML_SPAN_SMALL   ? span->bin
                  : span->use == ML_SPAN_LARGE ? ML_BIN_LARGE
                                               : ML_BIN_NONE;
    uintptr_t table = (uintptr_t)census->view->map.page_bin + page_of(census, span);
    for (uint32_t page = 0, count; page < span->pages; page += count) {
        count = ml_min(AT_ONCE, span->pages - page);
        if (!ml_census_read(census, table + page, bins, count))
            return false;
        for (uint32_t i = 0; i < count; i++)
            if (bins[i] != bin)
                return ml_census_break(census, "every page knows the bin of the span over it",
                                       span->number,
                                       span->base + ((uintptr_t)(page + i) << ML_PAGE_SHIFT));
    }
    return true;
}

/* Pages of a free run that no memory stands behind. */
static bool count_unbacked(struct ml_census *census, const struct ml_view_span *span)
{
    uintptr_t table = (uintptr_t)census->view->map.backed;
    size_t page = page_of(census, span), end = page + span->pages;
    uint64_t backed = 0, word;
    for (size_t next; page < end; page = next) {
        next = ml_min((page & ~(size_t)63) + 64, end);
        if (!ml_census_read(census, table + page / 64 * sizeof(word), &word, sizeof(word)))
            return false;
        uint64_t mask = next - page == 64 ? ~(uint64_t)0 : ((uint64_t)1 << (next - page)) - 1;
        backed += ml_popcount64(word >> page % 64 & mask);
    }
    census->unbacked_bytes += (span->pages - backed) << ML_PAGE_SHIFT;
    return true;
}

/* ---- one after the other --------------------------------------------------------------------------------- */

static bool look_at(struct ml_census *census, const struct ml_view_span *span)
{
    census->spans++;
    if (span->slots != 0) {
        census->inuse_bytes += bytes_of(span);
    } else {
        census->idle_bytes += bytes_of(span);
        census->free_runs += span->use == ML_SPAN_FREE;
        if (!count_unbacked(census, span))
            return false;
    }
    return check_ends(census, span) && check_bins(census, span);
}

bool ml_census_of_pages(struct ml_census *census)
{
    const struct ml_heap_view *view = census->view;
    uintptr_t at = view->map.base;
    for (size_t i = 0; i < view->count; i++) {
        const struct ml_view_span *span = &view->spans[i];
        if (span->base != at)
            return ml_census_break(census, "every page of the heap belongs to a span that begins "
                                           "where the last ended",
                                   span->number, at);
        if (i != 0 && span->use == ML_SPAN_FREE && span[-1].use == ML_SPAN_FREE)
            return ml_census_break(census, "free runs that touch are joined", span->number,
                                   span->base);
        if (!look_at(census, span))
            return false;
        at += bytes_of(span);
    }
    return at == view->end ||
           ml_census_break(census, "the last span ends where the heap does", 0, at);
}
