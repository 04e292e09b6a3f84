/* SPDX-License-Identifier: MIT */
/* history.h - what the collections so far add up to, and a record of each of
 * the last ones.
 *
 * One writer, the thread that collects; readers wait for no lock (a sequence
 * counter tells them to look again). A cycle counts when it is complete; only
 * what is live is told from the mark's end on.
 */
#ifndef ML_GC_HISTORY_H
#define ML_GC_HISTORY_H

#include <stdbool.h>
#include <stdint.h>

#include "gc/cycle.h"
#include "heap/central.h"
#include "memlog_stats.h"

enum ml_gc_reason {
    ML_GC_PACED,     /* the heap has come so far */
    ML_GC_NO_MEMORY, /* the OS gave no more */
    ML_GC_IDLE,      /* there was none for long */
    ML_GC_STRESS,    /* its turn has come in the stress mode: swept when it returns */
    ML_GC_FORCED     /* the program asked: swept when it returns */
};

/* One cycle. Words only, so that it can be copied while it is written. */
struct ml_gc_record {
    uint64_t number;    /* from 1 on, as num_gc counts */
    uint64_t along;     /* it marked while the program ran */
    uint64_t reason;    /* enum ml_gc_reason */
    uint64_t began_ns;  /* since memlog started */
    uint64_t ended_ns;  /* since 1970 */
    uint64_t took_ns;   /* all of the mark */
    uint64_t cpu_ns;
    uint64_t taken_bytes, live_bytes; /* in use when it began, alive at its end */
    uint64_t goal_bytes;              /* the heap size at which the next one begins */
    /* Stops of the program, each from the first signal to the last thread let go. */
    uint64_t pauses, first_ns, last_ns, longest_ns, stopped_ns;
    uint64_t stand_ns; /* the longest time until all threads stood */
    uint64_t rounds, slices, root_bytes;
    /* The last stop of one that ran along, in parts. */
    struct {
        uint64_t stand_ns, roots_ns, pages_ns, finish_ns, pages;
    } last;
};

struct ml_gc_history {
    uint64_t pause_ns[MEMLOG_PAUSES], pause_end[MEMLOG_PAUSES];
    uint64_t pause_total_ns;
    uint64_t pauses, pause_longest_ns; /* single ones: a cycle may have several */
    struct memlog_histogram pause_times, stop_times;
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

/* What a mark does not know of the cycle that it belongs to. */
struct ml_gc_circumstances {
    enum ml_gc_reason reason;
    uint64_t began_ns; /* monotonic */
    uint64_t taken_bytes;
    uint64_t cpu_ns;
};

/* The clock that cpu_fraction counts from. */
void ml_gc_history_init(void);
/* A cycle is complete. Its record stays until the next call. Under the
 * collector's lock, as the next. */
const struct ml_gc_record *ml_gc_book(const struct ml_cycle *cycle,
                                      const struct ml_gc_circumstances *circumstances);
/* What a mark has found, before a sweep may correct it: what that finds to be
 * counted twice would be taken off what the cycle before has found. World
 * stopped. */
void ml_gc_publish_live(uint64_t objects, uint64_t bytes);

/* A consistent copy; waits for no lock. */
void ml_gc_history_read(struct ml_gc_history *history);
uint64_t ml_gc_cycles(void);
uint64_t ml_gc_looked_up(void); /* by all of them */
/* The record of a cycle. False when it is not complete yet, or longer ago than the
 * last MEMLOG_PAUSES. Any thread; waits for no lock. */
bool ml_gc_record_read(uint64_t number, struct ml_gc_record *record);

/* What the sweep has found out since the mark, taken off its result. */
static inline void ml_gc_history_correct(struct ml_gc_history *history,
                                         const struct ml_marked_twice *twice)
{
    history->live_objects -=
        ml_min(history->live_objects, twice->objects - history->twice.objects);
    history->live_bytes -= ml_min(history->live_bytes, twice->bytes - history->twice.bytes);
}

#endif
