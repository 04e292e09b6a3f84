/* SPDX-License-Identifier: MIT */
/* heap_bins.h - for the tests of central: two bins, and what is around a slot. */
#ifndef MEMLOG_TESTS_HEAP_BINS_H
#define MEMLOG_TESTS_HEAP_BINS_H

#include "heap/central.h"
#include "heap_unit.h"

enum { BIN_64 = 3, BIN_16 = 0 }; /* scanned ones */

static inline void prepare(void)
{
    ck_assert_int_eq(ml_heap_init(), 0);
    ck_assert_int_eq(ml_thread_attach(false), 0);
}

static inline uint64_t inuse_bytes(void)
{
    struct ml_pageheap_figures now;
    ml_pageheap_read(&now);
    return now.inuse_bytes;
}

static inline struct ml_span *span_of(const void *slot)
{
    return ml_span_over((uintptr_t)slot);
}

static inline unsigned index_of(const void *slot)
{
    return ml_span_slot_of(span_of(slot), (uintptr_t)slot);
}

#endif
