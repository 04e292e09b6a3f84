/* SPDX-License-Identifier: MIT */
#include "heap/runs.h"

#include "base/publish.h"
#include "heap/freeruns.h"
#include "heap/pagefigures.h"
#include "heap/spanmap.h"

/* ---- age -------------------------------------------------------------------- */

static uint32_t tick_now; /* written without the lock */

void ml_runs_set_tick(uint32_t tick) { __atomic_store_n(&tick_now, tick, __ATOMIC_RELAXED); }

void ml_run_stamp(struct ml_span *run)
{
    run->freed_tick = __atomic_load_n(&tick_now, __ATOMIC_RELAXED);
}

/* ---- descriptors ------------------------------------------------------------ */

static uint32_t unused_first; /* descriptors without pages, by `next` */
static uint32_t next_number = 1;
ML_PUBLISH("runs.end", next_number);

uint32_t ml_runs_end(void) { return next_number; }

static void count_span(int by)
{
    struct ml_pageheap_figures *now = ml_pageheap_begin_change();
    ml_figure_set(&now->spans, now->spans + (uint64_t)by);
    ml_pageheap_end_change();
}

bool ml_run_can_be_new(void)
{
    return unused_first != 0 || ml_spanmap_need_spans(next_number + 1) == 0;
}

struct ml_span *ml_run_new(uintptr_t base, uint32_t pages)
{
    struct ml_span *span;
    if (!ml_run_can_be_new())
        return NULL;
    if (unused_first != 0) {
        span = ml_span_at(unused_first);
        unused_first = span->next;
    } else {
        span = ml_span_at(next_number++);
    }
    span->base = base;
    span->pages = pages;
    span->next = span->prev = 0;
    span->use = ML_SPAN_FREE;
    span->place = ML_PLACE_NONE;
    ml_run_stamp(span);
    count_span(+1);
    return span;
}

void ml_run_drop(struct ml_span *span)
{
    span->use = ML_SPAN_UNUSED;
    span->pages = 0;
    span->base = 0;
    span->next = unused_first;
    unused_first = ml_span_number(span);
    count_span(-1);
}

/* ---- cut and joined ----------------------------------------------------------- */

struct ml_span *ml_run_free_at(uintptr_t address)
{
    if (!ml_in_heap(address))
        return NULL;
    struct ml_span *span = ml_span_over(address);
    bool over = address - span->base < ml_span_bytes(span);
    /* An atomic load, or the compiler reads both bytes at once, and the place
     * of a small span is its bin's business. */
    return over && __atomic_load_n(&span->use, __ATOMIC_RELAXED) == ML_SPAN_FREE &&
                   span->place == ML_PLACE_FREE
               ? span
               : NULL;
}

/* Take a free run that touches this one out of the lists, and into it. The
 * whole is as old as its larger part: a page that comes and goes at the end of
 * a long run does not keep the run from being released. */
static void swallow(struct ml_span *run, struct ml_span *neighbour)
{
    ml_freeruns_unhang(neighbour);
    if (neighbour->pages > run->pages)
        run->freed_tick = neighbour->freed_tick;
    if (neighbour->base < run->base)
        run->base = neighbour->base;
    run->pages += neighbour->pages;
    ml_run_drop(neighbour);
}

void ml_run_make_free(struct ml_span *run)
{
    struct ml_span *below = ml_run_free_at(run->base - 1);
    struct ml_span *above = ml_run_free_at(run->base + ml_span_bytes(run));
    if (below != NULL)
        swallow(run, below);
    if (above != NULL)
        swallow(run, above);
    ml_freeruns_hang(run);
}

bool ml_run_split(struct ml_span *run, uint32_t pages)
{
    if (run->pages == pages)
        return true;
    struct ml_span *rest =
        ml_run_new(run->base + ((uintptr_t)pages << ML_PAGE_SHIFT), run->pages - pages);
    if (rest == NULL)
        return false;
    rest->freed_tick = run->freed_tick;
    run->pages = pages;
    ml_freeruns_hang(rest);
    return true;
}
