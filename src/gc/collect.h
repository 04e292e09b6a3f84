/* SPDX-License-Identifier: MIT */
/* collect.h - one collection, from the stop to the books.
 *
 *   ml_gc_collect
 *     ml_sweep_all            sweep.c      what the last cycle left
 *     ml_cycle_along          cycle.c      the mark, along with the program,
 *     or ml_cycle_stopped                  or while it stands
 *     ml_sweep_large          sweep.c      large garbage goes at once
 *     history                              NumGC, pauses, CPU time
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

#include "heap/central.h"
#include "memlog_stats.h"

enum ml_gc_reason {
    ML_GC_PACED,     /* the heap has come so far */
    ML_GC_NO_MEMORY, /* the OS gave no more */
    ML_GC_IDLE,      /* there was none for long */
    ML_GC_STRESS,    /* its turn has come in the stress mode: swept when it returns */
    ML_GC_FORCED     /* the program asked: swept when it returns */
};

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

/* What the cycles so far add up to. What is live is told from the mark's end
 * on, all else when the cycle is complete. */
struct ml_gc_history {
    uint64_t pause_ns[MEMLOG_PAUSES], pause_end[MEMLOG_PAUSES];
    uint64_t pause_total_ns;
    uint64_t pauses, pause_longest_ns; /* single ones: a cycle may have several */
    uint64_t cycles, forced;
    uint64_t along, last_along;  /* cycles that marked while the program ran; the last did */
    uint64_t last_end;           /* nanoseconds since 1970 */
    uint64_t cpu_ns;
    double cpu_fraction;
    uint64_t live_bytes, live_objects;
    struct ml_marked_twice twice; /* until that mark; see heap/central.h */
    uint64_t root_stack_bytes, root_data_bytes, root_added_bytes;
    uint64_t last_stop_ns, last_mark_ns;
    uint64_t looked_up;          /* candidate words resolved */
};
/* What a mark has found, before a sweep may correct it: what that finds to be
 * counted twice would be taken off what the cycle before has found. World
 * stopped. */
void ml_gc_publish_live(uint64_t objects, uint64_t bytes);
/* A consistent copy; waits for no lock. */
void ml_gc_history_read(struct ml_gc_history *history);
uint64_t ml_gc_cycles(void);

/* Memory of the collector's own beyond its metadata pool. */
uint64_t ml_gc_stack_bytes(void);

/* The clock that cpu_fraction counts from, and what a forked child can't find
 * out any more. */
void ml_gc_init(void);
void ml_gc_before_fork(void);
void ml_gc_after_fork_parent(void);
void ml_gc_after_fork_child(void);

#endif
