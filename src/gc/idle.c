/* SPDX-License-Identifier: MIT */
#include "gc/idle.h"

#include "gc/collect.h"
#include "gc/pacer.h"
#include "heap/counters.h"
#include "os/clock.h"

uint64_t ml_idle_period_ns = 120 * (uint64_t)ML_NS_PER_SECOND;

static uint64_t mallocs_before; /* the last cycle */
static uint32_t standing;       /* an allocation is to start the clock */
/* The background's own. */
static uint64_t cycles_seen, deadline; /* 0: the clock stands */

static uint64_t count_mallocs(void)
{
    struct ml_counts counts;
    ml_counters_read(&counts);
    uint64_t mallocs = counts.pages.large_mallocs;
    for (unsigned class = 0; class < ML_CLASSES; class++)
        mallocs += counts.mallocs[class];
    return mallocs;
}

void ml_idle_cycle_begins(void)
{
    __atomic_store_n(&mallocs_before, count_mallocs(), __ATOMIC_RELAXED);
}

static void stand(void)
{
    deadline = 0;
    __atomic_store_n(&standing, 1, __ATOMIC_RELAXED);
}

static void start_clock(void)
{
    __atomic_store_n(&standing, 0, __ATOMIC_RELAXED);
    deadline = ml_os_monotonic_ns() + ml_idle_period_ns;
}

static void time_is_up(void)
{
    if (count_mallocs() == __atomic_load_n(&mallocs_before, __ATOMIC_RELAXED)) {
        stand();
        return;
    }
    start_clock(); /* though the collection may not come about */
    ml_gc_collect(ML_GC_IDLE);
}

uint64_t ml_idle_turn(void)
{
    if (ml_gc_cycles() == 0)
        return 0;
    if (ml_pacer_percent() < 0) {
        stand();
        return 0;
    }
    if (deadline != 0 && ml_gc_cycles() == cycles_seen && ml_os_monotonic_ns() >= deadline)
        time_is_up();
    bool woken = deadline == 0 && __atomic_load_n(&standing, __ATOMIC_RELAXED) == 0;
    if (woken || ml_gc_cycles() != cycles_seen)
        start_clock();
    cycles_seen = ml_gc_cycles();
    return deadline;
}

bool ml_idle_wants_notice(void)
{
    return ml_unlikely(__atomic_load_n(&standing, __ATOMIC_RELAXED) != 0) &&
           ml_pacer_percent() >= 0 && __atomic_exchange_n(&standing, 0, __ATOMIC_RELAXED) != 0;
}
