/* SPDX-License-Identifier: MIT */
/* asleep.h - the collector in a program that does not know of it.
 *
 * With the preload library an unchanged program's malloc is memlog's. While it
 * calls no memlog_malloc there is nothing to collect, and the collector leaves
 * no trace: no signal has a handler, no thread is registered or started by it,
 * pthread_create and the signal functions are the C library's, NextGC is
 * INT64_MAX and EnableGC false. What it does otherwise besides collecting is
 * done here: threads give their caches back when they end, and who comes by the
 * heap's slow path gives idle memory back to the OS when it is time.
 *
 * It wakes at the first call for it, in a plug-in perhaps, when no thread but the
 * first has been started until then. Where one has, there may be pointers that
 * nobody would look for: it sleeps on, one line says so, and memory from
 * memlog_malloc lives until it is freed.
 */
#ifndef ML_GC_ASLEEP_H
#define ML_GC_ASLEEP_H

#include "base/bits.h"

enum ml_gc_sleep { ML_GC_AWAKE, ML_GC_ASLEEP, ML_GC_ASLEEP_FOR_EVER };
extern ML_HIDDEN uint32_t ml_gc_sleep;

static inline bool ml_gc_is_asleep(void)
{
    return ml_unlikely(__atomic_load_n(&ml_gc_sleep, __ATOMIC_ACQUIRE) != ML_GC_AWAKE);
}

/* Whether the process begins so. False, but for the preload library, which has a
 * function of this name of its own. */
bool ml_asleep_at_start(void);

/* Sleep, and when woken call `awake` first; NULL: for ever. At start. */
void ml_asleep_begin(void (*awake)(void));
/* The collected door is called. False: it sleeps on. */
bool ml_asleep_wake(void);

/* A program's thread is about to be started. */
void ml_asleep_note_thread(void);
/* The calling thread has got its cache. */
void ml_asleep_thread_came(void);
/* At the end of each slow path, outside the heap: a thread that is on its way
 * out, and has given its cache back, keeps none for longer than one call. */
void ml_asleep_thread_leaves(void);
/* Give idle memory back if it is time. Outside the heap. */
void ml_asleep_notice(void);

#endif
