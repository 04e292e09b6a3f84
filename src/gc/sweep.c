/* SPDX-License-Identifier: MIT */
#include "gc/sweep.h"

#include "heap/central.h"
#include "heap/large.h"

/* Spans swept under one hold of a bin's lock: about ten microseconds, so that
 * allocation from the same bin hardly waits. */
enum { BATCH = 64 };

void ml_sweep_begin(void)
{
    ml_central_begin_sweep();
    ml_large_begin_sweep();
}

static unsigned sweep_batch(unsigned bin)
{
    struct ml_thread *self = ml_thread_self;
    ml_heap_enter(self);
    unsigned swept = ml_central_sweep(self, bin, BATCH);
    ml_heap_leave(self);
    return swept;
}

void ml_sweep_large(void)
{
    struct ml_thread *self = ml_thread_self;
    unsigned swept;
    do {
        ml_heap_enter(self);
        swept = ml_large_sweep(BATCH);
        ml_heap_leave(self);
    } while (swept != 0);
}

bool ml_sweep_some(void)
{
    unsigned swept = 0;
    for (unsigned bin = 0; bin < ML_BINS; bin++)
        swept += sweep_batch(bin);
    return swept != 0;
}

void ml_sweep_all(void)
{
    ml_sweep_large();
    for (unsigned bin = 0; bin < ML_BINS; bin++)
        while (sweep_batch(bin) != 0) {
        }
}
