/* SPDX-License-Identifier: MIT */
/* collect.h - one collection, from the stop to the books.
 *
 *   ml_gc_collect
 *     ml_sweep_all            sweep.c      what the last cycle left
 *     ml_cycle_along          cycle.c      the mark, along with the program,
 *     or ml_cycle_stopped                  or while it stands
 *     ml_sweep_large          sweep.c      large garbage goes at once
 *     ml_gc_book              history.c    NumGC, pauses, CPU time
 *
 * One cycle at a time, under the collector's lock. The thread that runs it is
 * the background's, for those that found it due; or the one that asked for it by
 * name. Waiting for the lock a thread can be stopped. Other signals for a thread
 * that collects are handled when it returns.
 */
#ifndef ML_GC_COLLECT_H
#define ML_GC_COLLECT_H

#include <stdbool.h>
#include <stdint.h>

#include "gc/history.h"

/* Cycles stop the program for all of the mark, although they need not. Before
 * there is a heap. */
extern bool ml_gc_stops;
/* Whether those of large heaps run along with it. Tries when asked first; waits
 * for a collection that stands still. */
bool ml_gc_can_run_along(void);

/* Collect, in this thread: a mutator, or memlog's own, that is not inside the
 * heap. Another cycle that is under way is waited for. */
void ml_gc_collect(enum ml_gc_reason reason);
/* The heap is due for a cycle, or would be with so many bytes more: see that
 * there is one, in this thread or another; as soon as it has come so far that
 * the bytes can be allocated this returns. The calling thread is as above. */
void ml_gc_make_room(uint64_t bytes);
/* The same, by the thread that carries it out for others. */
void ml_gc_collect_if_due(uint64_t bytes);

/* Memory of the collector's own beyond its metadata pool. */
uint64_t ml_gc_stack_bytes(void);

/* The history's clock, and what a forked child can't find out any more. */
void ml_gc_init(void);
void ml_gc_before_fork(void);
void ml_gc_after_fork_parent(void);
void ml_gc_after_fork_child(void);

#endif
