/* SPDX-License-Identifier: MIT */
#include "heap/release.h"

#include "heap/central.h"
#include "heap/pageheap.h"
#include "heap/runs.h"

enum { KEEP_LEAST = 1 << 20, SHARE = 4, STEP_LEAST = 16 << 20, PIECE = 256 << 10 };

static uint32_t tick; /* written by the background, read by anybody */
static uint64_t inuse_at[ML_RELEASE_WINDOW];
static uint64_t limit = UINT64_MAX;

void ml_release_set_limit(uint64_t bytes) { __atomic_store_n(&limit, bytes, __ATOMIC_RELAXED); }

static uint64_t most_lately(void)
{
    uint64_t most = 0;
    for (unsigned i = 0; i < ML_RELEASE_WINDOW; i++)
        most = ml_max(most, inuse_at[i]);
    return most;
}

/* All that is free counts as rested: it was stamped with a tick before this one. */
static uint32_t whatever_tick(void) { return __atomic_load_n(&tick, __ATOMIC_RELAXED) + 1; }

static uint64_t excess_over(uint64_t bytes)
{
    uint64_t backed = ml_pageheap_backed_bytes();
    return backed - ml_min(backed, bytes);
}

static bool is_limited(void) { return __atomic_load_n(&limit, __ATOMIC_RELAXED) != UINT64_MAX; }

/* With a limit in small pieces: what is on its way can't be had, and the heap
 * grows for lack of it. False when there is no more. */
static bool release(uint32_t before, uint64_t bytes)
{
    uint64_t piece = is_limited() ? PIECE : bytes;
    while (bytes != 0) {
        uint64_t released = ml_pageheap_release(before, ml_min(bytes, piece));
        if (released == 0)
            return false;
        bytes -= ml_min(bytes, released);
    }
    return true;
}

void ml_release_down_to(uint64_t bytes)
{
    if (release(whatever_tick(), excess_over(bytes)))
        return;
    ml_central_trim(true);
    release(whatever_tick(), excess_over(bytes));
}

static void keep_below_limit(void)
{
    uint64_t most = __atomic_load_n(&limit, __ATOMIC_RELAXED);
    if (is_limited())
        ml_release_down_to(most - most / 20);
}

bool ml_release_tick(void)
{
    struct ml_pageheap_figures now;
    ml_central_trim(false);
    keep_below_limit();
    ml_pageheap_read(&now);
    __atomic_store_n(&tick, tick + 1, __ATOMIC_RELAXED);
    ml_runs_set_tick(tick);
    inuse_at[tick % ML_RELEASE_WINDOW] = now.inuse_bytes;

    uint64_t backed = now.heap_bytes - now.released_bytes;
    uint64_t peak = most_lately();
    uint64_t keep = ml_max(peak + peak / 10, KEEP_LEAST);
    if (backed > keep) {
        uint64_t excess = backed - keep;
        uint64_t step = ml_max(excess / SHARE, ml_min(excess, STEP_LEAST));
        release(tick - ML_RELEASE_IDLE_TICKS + 1, step);
        return true;
    }
    uint64_t needed = now.inuse_bytes - ml_min(now.inuse_bytes, ml_central_empty_bytes());
    return backed > needed + needed / 10 + KEEP_LEAST;
}

uint64_t ml_release_all(void)
{
    ml_central_trim(true);
    return ml_pageheap_release(whatever_tick(), UINT64_MAX);
}
