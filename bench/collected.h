/* SPDX-License-Identifier: MIT */
/* collected.h - one name for two collected heaps, so that a program can be
 * built for memlog and, with BENCH_LIBGC defined, for libgc.
 */
#ifndef MEMLOG_BENCH_COLLECTED_H
#define MEMLOG_BENCH_COLLECTED_H

#include "figures.h"

#ifdef BENCH_LIBGC
#include <gc/gc.h>

static inline void *collected_alloc(size_t bytes) { return bench_need(GC_MALLOC(bytes)); }
static inline void *collected_alloc_noscan(size_t bytes)
{
    return bench_need(GC_MALLOC_ATOMIC(bytes));
}
#else
#include "memlog.h"

static inline void *collected_alloc(size_t bytes) { return bench_need(memlog_malloc(bytes)); }
static inline void *collected_alloc_noscan(size_t bytes)
{
    return bench_need(memlog_malloc_noscan(bytes));
}
#endif

/* First in main: the heap, and the clock. */
void collected_begin(void);
/* Last in main: time, memory, collections and pauses. */
void collected_report(void);

#endif
