/* SPDX-License-Identifier: MIT */
#include "heap/release.h"

#include "heap/central.h"
#include "heap/pageheap.h"

enum { KEEP_LEAST = 1 << 20, SHARE = 4, STEP_LEAST = 16 << 20 };

static uint32_t tick; /* written by the background, read by anybody */
static uint64_t inuse_at[ML_RELEASE_WINDOW];

static uint64_t most_lately(void)
{
    uint64_t most = 0;
    for (unsigned i = 0; i < ML_RELEASE_WINDOW; i++)
        most = ml_max(most, inuse_at[i]);
    return most;
}

bool ml_release_tick(void)
{
    struct ml_pageheap_figures now;
    ml_central_trim(false);
    ml_pageheap_read(&now);
    __atomic_store_n(&tick, tick + 1, __ATOMIC_RELAXED);
    ml_pageheap_set_tick(tick);
    inuse_at[tick % ML_RELEASE_WINDOW] = now.inuse_bytes;

    uint64_t backed = now.heap_bytes - now.released_bytes;
    uint64_t peak = most_lately();
    uint64_t keep = ml_max(peak + peak / 10, KEEP_LEAST);
    if (backed > keep) {
        uint64_t excess = backed - keep;
        uint64_t step = ml_max(excess / SHARE, ml_min(excess, STEP_LEAST));
        ml_pageheap_release(tick - ML_RELEASE_IDLE_TICKS + 1, step);
        return true;
    }
    uint64_t needed = now.inuse_bytes - ml_min(now.inuse_bytes, ml_central_empty_bytes());
    return backed > needed + needed / 10 + KEEP_LEAST;
}

uint64_t ml_release_all(void)
{
    ml_central_trim(true);
    /* Every run that is free was stamped with a tick before this one. */
    return ml_pageheap_release(__atomic_load_n(&tick, __ATOMIC_RELAXED) + 1, UINT64_MAX);
}
