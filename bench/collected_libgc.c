/* SPDX-License-Identifier: MIT */
#include "collected.h"

enum { MOST_PAUSES = 65536 };

static uint64_t pauses_ns[MOST_PAUSES];
static size_t pause_count;
static uint64_t stop_ns;
static GC_word collections_before;

/* Called by libgc under its lock. */
static void on_event(GC_EventType event)
{
    if (event == GC_EVENT_PRE_STOP_WORLD)
        stop_ns = bench_wall_ns();
    else if (event == GC_EVENT_POST_START_WORLD && pause_count < MOST_PAUSES)
        pauses_ns[pause_count++] = bench_wall_ns() - stop_ns;
}

void collected_begin(void)
{
    bench_begin();
    GC_INIT();
    GC_set_on_collection_event(on_event);
    collections_before = GC_get_gc_no();
}

void collected_report(void)
{
    bench_report_process();
    /* Not counted by events: incremental collections begin without one. */
    bench_report_collections(GC_get_gc_no() - collections_before, pauses_ns, pause_count);
}
