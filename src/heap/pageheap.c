/* SPDX-License-Identifier: MIT */
#include "heap/pageheap.h"

#include <errno.h>

#include "base/publish.h"
#include "heap/freeruns.h"
#include "heap/poison.h"
#include "heap/renewed.h"
#include "heap/runs.h"
#include "os/pages.h"

enum {
    GROW_LEAST = 1 << 20,  /* ask the OS for at least so much, */
    GROW_SHARE = 8,        /* or this fraction of what there is, */
    GROW_MOST = 64 << 20   /* but not more than needed and this */
};

struct ml_lock ml_pageheap_lock;
ML_PUBLISH("pageheap.lock", ml_pageheap_lock);

static unsigned releasing; /* runs in ML_SPAN_RELEASING */

/* ---- taking and giving ----------------------------------------------------- */

/* More heap from the OS, as a free run. */
static bool grow(uint32_t pages, uint32_t align_pages)
{
    uint64_t need = ((uint64_t)pages + align_pages - 1) << ML_PAGE_SHIFT;
    struct ml_pageheap_figures figures;
    ml_pageheap_read(&figures);
    uint64_t share = ml_align_down(figures.heap_bytes / GROW_SHARE, ML_PAGE_BYTES);
    uint64_t wanted = ml_max(need, ml_min(ml_max(share, GROW_LEAST), GROW_MOST));
    /* The descriptor first: a heap that has grown can't shrink again. */
    struct ml_span *run = ml_run_new(0, 0);
    if (run == NULL)
        return false;
    run->base = ml_map.base + figures.heap_bytes;
    size_t added = ml_spanmap_grow(need, wanted);
    if (added == 0) {
        ml_run_drop(run);
        return false;
    }
    run->pages = (uint32_t)(added >> ML_PAGE_SHIFT);
    struct ml_pageheap_figures *now = ml_pageheap_begin_change();
    ml_figure_set(&now->heap_bytes, now->heap_bytes + added);
    ml_figure_set(&now->released_bytes, now->released_bytes + added);
    ml_pageheap_end_change();
    ml_run_make_free(run);
    return true;
}

/* A run taken out of the free lists, of just that many pages. */
static struct ml_span *take(uint32_t pages, uint32_t align_pages, uint32_t *backed)
{
    struct ml_span *run = ml_freeruns_search(pages, align_pages);
    while (run == NULL) {
        if (!grow(pages, align_pages))
            return NULL;
        run = ml_freeruns_search(pages, align_pages);
    }
    ml_freeruns_unhang(run);
    uint32_t front = ml_freeruns_slack(run, align_pages);
    if (front != 0) {
        struct ml_span *aligned =
            ml_run_new(run->base + ((uintptr_t)front << ML_PAGE_SHIFT), run->pages - front);
        if (aligned == NULL) {
            ml_freeruns_hang(run);
            return NULL;
        }
        aligned->freed_tick = run->freed_tick;
        run->pages = front;
        ml_freeruns_hang(run);
        run = aligned;
    }
    if (!ml_run_split(run, pages)) {
        ml_run_make_free(run);
        return NULL;
    }
    if (ml_unlikely(ml_poison_on))
        ml_poison_check_run(run->base, pages);
    ml_renewed_note(run->base, pages);
    *backed = ml_backed_count(run->base, pages);
    ml_backed_set(run->base, pages, true);
    ml_pageheap_change_inuse((int64_t)ml_span_bytes(run), -(int64_t)(pages - *backed) * ML_PAGE_BYTES);
    return run;
}

static void give(struct ml_span *run)
{
    uint64_t released = ml_unlikely(ml_poison_on) ? ml_poison_run(run->base, run->pages) : 0;
    ml_pageheap_change_inuse(-(int64_t)ml_span_bytes(run), (int64_t)released);
    ml_run_stamp(run);
    ml_spanmap_clear_pages(run);
    ml_run_make_free(run);
}

/* ---- small spans --------------------------------------------------------------- */

struct ml_span *ml_pageheap_take_small(unsigned bin)
{
    uint32_t backed;
    ml_lock(&ml_pageheap_lock);
    struct ml_span *span = take(ml_sizeclasses[ml_bin_class(bin)].pages, 1, &backed);
    if (span != NULL) {
        span->use = ML_SPAN_SMALL;
        ml_span_make_small(span, bin);
        ml_spanmap_set_pages(span, 0);
        if (span->kind == ML_UNCOLLECTABLE)
            ml_revisit_set_range(span->base, span->base + ml_span_bytes(span),
                                 ML_REVISIT_WRITTEN);
        if (ml_unlikely(ml_poison_on))
            ml_poison_slot((void *)span->base, ml_span_bytes(span));
    }
    ml_unlock(&ml_pageheap_lock);
    return span;
}

void ml_pageheap_give(struct ml_span *span)
{
    for (unsigned slot = 0; slot < span->slots && ml_unlikely(ml_poison_on); slot++)
        ml_poison_check_slot((void *)ml_span_slot_address(span, slot), span->slot_bytes);
    ml_lock(&ml_pageheap_lock);
    give(span);
    ml_unlock(&ml_pageheap_lock);
}

/* ---- large runs ------------------------------------------------------------------ */

struct ml_span *ml_pageheap_take_run(uint32_t pages, uint32_t align_pages, uint32_t *backed)
{
    struct ml_span *span = take(pages, align_pages, backed);
    if (span == NULL)
        return NULL;
    span->use = ML_SPAN_LARGE;
    ml_spanmap_set_pages(span, 0);
    return span;
}

void ml_pageheap_give_run(struct ml_span *span) { give(span); }

static bool grow_in_place(struct ml_span *span, uint32_t more, uint32_t *backed)
{
    uintptr_t end = span->base + ml_span_bytes(span);
    struct ml_span *behind = ml_run_free_at(end);
    if (behind == NULL || behind->pages < more)
        return false;
    ml_freeruns_unhang(behind);
    if (!ml_run_split(behind, more)) {
        ml_freeruns_hang(behind);
        return false;
    }
    ml_run_drop(behind);
    if (ml_unlikely(ml_poison_on))
        ml_poison_check_run(end, more);
    ml_renewed_note(end, more);
    *backed = ml_backed_count(end, more);
    ml_backed_set(end, more, true);
    span->pages += more;
    ml_spanmap_set_pages(span, span->pages - more);
    ml_pageheap_change_inuse((int64_t)more * ML_PAGE_BYTES, -(int64_t)(more - *backed) * ML_PAGE_BYTES);
    return true;
}

bool ml_pageheap_can_shrink(void) { return ml_run_can_be_new(); }

bool ml_pageheap_resize_run(struct ml_span *span, uint32_t pages, uint32_t *backed)
{
    if (pages > span->pages)
        return grow_in_place(span, pages - span->pages, backed);
    uint32_t surplus = span->pages - pages;
    if (surplus == 0)
        return true;
    struct ml_span *rest =
        ml_run_new(span->base + ((uintptr_t)pages << ML_PAGE_SHIFT), surplus);
    if (rest == NULL)
        return false;
    span->pages = pages;
    give(rest);
    return true;
}

/* ---- back to the OS ---------------------------------------------------------------- */

enum { RELEASE_BATCH = 64 };

/* A run on its way, and the part of it that is to be released. */
struct due {
    struct ml_span *run;
    uintptr_t base;
    uint32_t pages;
};

/* The run from its first page with memory behind it, which there is, at most
 * `bytes` of it. */
static struct due due_part(struct ml_span *run, uint64_t bytes)
{
    uint32_t skip = 0;
    while (ml_backed_count(run->base + ((uintptr_t)skip << ML_PAGE_SHIFT),
                           (uint32_t)ml_min(64, run->pages - skip)) == 0)
        skip += 64;
    while (ml_backed_count(run->base + ((uintptr_t)skip << ML_PAGE_SHIFT), 1) == 0)
        skip++;
    uint64_t pages = (bytes >> ML_PAGE_SHIFT) + ((bytes & (ML_PAGE_BYTES - 1)) != 0);
    return (struct due){ .run = run,
                         .base = run->base + ((uintptr_t)skip << ML_PAGE_SHIFT),
                         .pages = (uint32_t)ml_min(run->pages - skip, pages) };
}

static uint64_t backed_bytes(const struct due *part)
{
    return (uint64_t)ml_backed_count(part->base, part->pages) << ML_PAGE_SHIFT;
}

/* What lies behind the part can be had meanwhile: else the heap would grow for
 * lack of it. Without a descriptor it stays where it is. The run ends elsewhere
 * now, and its pages are looked at before it hangs again: by an audit, which
 * does not wait for the release. */
static void leave_rest(struct ml_span *run, const struct due *part)
{
    if (ml_run_split(run, (uint32_t)((part->base - run->base) >> ML_PAGE_SHIFT) + part->pages))
        ml_spanmap_set_ends(run);
}

/* Up to a batch of runs that are due, out of the lists, until they make up
 * `bytes`; the long ones first. */
static unsigned collect_due(uint32_t tick, uint64_t bytes, struct due *due)
{
    unsigned count = 0;
    for (unsigned list = ML_FREERUNS_LISTS; list-- > 1;)
        for (uint32_t number = ml_freeruns_lists[list].first;
             number != 0 && count < RELEASE_BATCH && bytes != 0;) {
            struct ml_span *run = ml_span_at(number);
            number = run->next;
            if ((int32_t)(run->freed_tick - tick) >= 0 ||
                ml_backed_count(run->base, run->pages) == 0)
                continue;
            ml_freeruns_unhang(run);
            run->use = ML_SPAN_RELEASING;
            releasing++;
            due[count] = due_part(run, bytes);
            leave_rest(run, &due[count]);
            bytes -= ml_min(bytes, backed_bytes(&due[count]));
            count++;
        }
    return count;
}

/* The run is nobody's meanwhile. A failed system call leaves it as it was. */
static uint64_t finish_release(const struct due *part, bool done)
{
    uint64_t bytes = 0;
    if (done) {
        bytes = backed_bytes(part);
        ml_backed_set(part->base, part->pages, false);
        ml_pageheap_change_inuse(0, (int64_t)bytes);
    }
    releasing--;
    ml_run_make_free(part->run);
    return bytes;
}

uint64_t ml_pageheap_release(uint32_t tick, uint64_t bytes)
{
    struct due due[RELEASE_BATCH];
    uint64_t released = 0;
    for (bool failed = false; released < bytes && !failed;) {
        ml_lock(&ml_pageheap_lock);
        unsigned count = collect_due(tick, bytes - released, due);
        ml_unlock(&ml_pageheap_lock);
        if (count == 0)
            break;
        /* System calls without the lock: allocation goes on meanwhile. */
        bool done[RELEASE_BATCH];
        for (unsigned i = 0; i < count; i++) {
            done[i] = !failed && ml_os_release((void *)due[i].base,
                                               (size_t)due[i].pages << ML_PAGE_SHIFT) == 0;
            failed |= !done[i];
        }
        ml_lock(&ml_pageheap_lock);
        for (unsigned i = 0; i < count; i++)
            released += finish_release(&due[i], done[i]);
        ml_unlock(&ml_pageheap_lock);
    }
    return released;
}

void ml_pageheap_after_fork_child(void)
{
    ml_lock(&ml_pageheap_lock);
    for (uint32_t number = 1; number < ml_runs_end() && releasing != 0; number++) {
        struct due part = { .run = ml_span_at(number) };
        if (part.run->use == ML_SPAN_RELEASING)
            finish_release(&part, false);
    }
    ml_unlock(&ml_pageheap_lock);
}

/* ---- invariants ---------------------------------------------------------------------- */

static const char *check_pages(const struct ml_span *span)
{
    const uint8_t *bins = &ml_map.page_bin[ml_page_of(span->base)];
    uint8_t bin = span->use == ML_SPAN_SMALL ? span->bin
                : span->use == ML_SPAN_LARGE ? ML_BIN_LARGE
                                             : ML_BIN_NONE;
    for (uint32_t page = 0; page < span->pages; page++)
        if (bins[page] != bin)
            return "every page knows the bin of the span over it";
    return NULL;
}

const char *ml_pageheap_check(void)
{
    uint64_t inuse = 0, idle = 0, unbacked = 0, spans = 0, hanging = 0, free_ones = 0;
    const char *broken = ml_freeruns_check(&hanging);
    if (broken != NULL)
        return broken;
    bool last_free = false;
    struct ml_pageheap_figures figures;
    ml_pageheap_read(&figures);
    uintptr_t end = ml_map.base + figures.heap_bytes;
    for (uintptr_t at = ml_map.base; at < end;) {
        struct ml_span *span = ml_span_over(at);
        if (span->base != at || span->pages == 0)
            return "every page of the heap belongs to a span that begins where the last ended";
        if (ml_span_over(at + ml_span_bytes(span) - 1) != span)
            return "a span's last page points at it";
        bool is_free = span->use == ML_SPAN_FREE;
        if (is_free && last_free)
            return "free runs that touch are joined";
        if (is_free || span->use == ML_SPAN_RELEASING) {
            idle += ml_span_bytes(span);
            unbacked += (uint64_t)(span->pages - ml_backed_count(span->base, span->pages)) *
                        ML_PAGE_BYTES;
        } else {
            inuse += ml_span_bytes(span);
        }
        if (broken == NULL)
            broken = check_pages(span);
        last_free = is_free;
        free_ones += is_free;
        spans++;
        at += ml_span_bytes(span);
    }
    if (inuse != figures.inuse_bytes)
        return "inuse_bytes is the sum of the spans in use";
    if (inuse + idle != figures.heap_bytes)
        return "spans in use and free runs make up the heap";
    if (unbacked != figures.released_bytes)
        return "released_bytes is what nothing stands behind";
    if (free_ones != hanging)
        return "every free run hangs in a list";
    if (spans != figures.spans)
        return "every descriptor in use has pages";
    return broken;
}
