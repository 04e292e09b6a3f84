/* SPDX-License-Identifier: MIT */
#include "gc/stress.h"

#include <stddef.h>

#include "gc/collect.h"
#include "heap/audit.h"
#include "heap/poison.h"
#include "os/process.h"

static uint64_t every_now;   /* constant after the start; 0: off */
static uint64_t allocations; /* since the start */

bool ml_stress_start(uint64_t every)
{
    if (every == 0)
        return true;
    if (!ml_poison_start())
        return false;
    every_now = every;
    return true;
}

void ml_stress_notice(void)
{
    if (every_now == 0)
        return;
    if (__atomic_add_fetch(&allocations, 1, __ATOMIC_RELAXED) % every_now == 0)
        ml_gc_collect(ML_GC_STRESS);
}

void ml_stress_audit(void)
{
    if (every_now == 0)
        return;
    const char *broken = ml_heap_audit();
    if (broken != NULL)
        ml_os_die("MEMLOG_GC_STRESS: the heap is broken; this does not hold: ", broken, NULL);
}
