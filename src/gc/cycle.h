/* SPDX-License-Identifier: MIT */
/* cycle.h - one collection's mark, in one of two ways.
 *
 * Stopped: everything happens while the program stands.
 *
 *     ml_world_stop       stopworld.c  everybody stands
 *     the magazines' slots are marked  they are to survive the sweep
 *     ml_roots_mark       roots.c      stacks, registers, data
 *     ml_mark_finish      mark.c       and all that is reachable from them
 *     ml_finalize_marked  finalize.c   finalizers that are due, weak references
 *     ml_sweep_begin      sweep.c      from now on the unmarked is garbage
 *     ml_pacer_marked     pacer.c      the next goal
 *     ml_world_start
 *
 * Along with the program, where its writes can be tracked (dirty.h): it stands
 * twice, or some times more, and for about a millisecond each time.
 *
 *     ml_dirty_arm        dirty.c      from now on writes are recorded
 *     stop                             the roots refer to so and so many objects
 *     ml_mark_settle      mark.c       all that is reachable from those
 *     ml_dirty_rescan     dirty.c      and from what was written meanwhile, static data
 *                                      included; again, until it does not get less
 *     (stops)                          the last hundreds of pages are armed again while it
 *                                      stands, and looked at while it runs
 *     (stops)                          and where it is still too much, as the program
 *                                      writes faster than one can look: a few
 *                                      milliseconds' part of it at a time
 *     stop                             the roots once more, the last pages written,
 *                                      then as above from the magazines on
 *     ml_dirty_disarm
 *
 * What is allocated meanwhile is not marked: whoever refers to it at the last
 * stop is a root or was written. Explicit frees go on; a slot that is freed
 * after it was marked survives this sweep if it was handed out again. Where it has
 * gone back to its span by then, it is still counted as alive, until the next
 * cycle: what is live is too much by no more than was freed while the mark lasted.
 */
#ifndef ML_GC_CYCLE_H
#define ML_GC_CYCLE_H

#include <stdbool.h>
#include <stdint.h>

#include "gc/mark.h"
#include "gc/roots.h"
#include "heap/central.h"
#include "memlog_stats.h"
#include "os/thread.h"

struct ml_cycle {
    bool done;       /* false: a thread did not answer, and nothing is marked */
    bool ran_along;
    bool in_a_hurry; /* somebody waits for it: use all CPUs */
    /* Nanoseconds. */
    struct ml_pauses {
        uint64_t first, last, longest, sum;
        uint32_t count;
        struct memlog_histogram times, stops; /* stops: until the last thread stood */
    } pauses;        /* each from the first signal to the last thread let go */
    uint64_t stop;   /* until the last thread stood; the longer one */
    uint64_t mark;   /* all of it */
    struct {
        uint64_t stand, roots, pages, finish;
    } last;          /* the parts of the last stop of one that ran along */
    uint32_t rounds;        /* rescans while the program ran */
    uint32_t slices;        /* stops of which each looked at some pages */
    uint32_t rearms;        /* stops in which some pages were only armed */
    uint64_t pages_written; /* rescanned in the last stop */
    uint64_t live_bytes, live_objects, looked_up;
    struct ml_root_bytes roots;
};

/* Held while the world stands and whenever a fork would find the heap or the
 * collector in the middle of something. The caller holds it; a mark that runs along
 * gives it back meanwhile. */
extern struct ml_lock ml_cycle_gate;

/* Mark. One at a time; nothing is unswept. The calling thread is a mutator or
 * memlog's own. */
void ml_cycle_stopped(struct ml_cycle *cycle);
/* Only where ml_dirty_is_available. */
void ml_cycle_along(struct ml_cycle *cycle);

/* Candidates looked up so far by the mark under way. Any thread. */
uint64_t ml_cycle_looked_up(void);

/* In a forked child: the cycle under way, if any, is none. */
void ml_cycle_after_fork_child(void);

#endif
