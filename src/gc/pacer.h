/* SPDX-License-Identifier: MIT */
/* pacer.h - when the next collection begins: at the smaller of two goals.
 *
 * The percentage's is Go's formula since 1.18: live + (live + roots) * percent /
 * 100, and never below 4 MiB * percent / 100. The memory limit's is Go's too:
 * what the limit leaves for objects when everything else that takes memory is
 * taken off, with some headroom, and never below what is live. With the world
 * stopped for the mark a cycle begins at the goal; one that runs along with the
 * program begins before it, so that it has ended there. Watched is what was handed out
 * of the spans (ml_heap_taken_bytes): what a mark found, and what was handed
 * out since.
 *
 * While collections for the limit's sake take too much time (limiter.h), its
 * goal is not heeded.
 */
#ifndef ML_GC_PACER_H
#define ML_GC_PACER_H

#include <stdbool.h>
#include <stdint.h>

enum { ML_GC_PERCENT_DEFAULT = 100 };

/* All that the goals follow from. */
struct ml_pace {
    int percent;          /* -1: off */
    uint64_t live, roots; /* what the last mark found alive, and scanned as roots */
    uint64_t limit;       /* INT64_MAX: none */
    uint64_t mapped;      /* memory in use, which the limit is for: Sys - HeapReleased */
    uint64_t other;       /* of it, what are neither objects nor free pages */
};
/* The heap sizes at which the next collection begins; INT64_MAX: never. */
uint64_t ml_pace_by_percent(const struct ml_pace *pace);
uint64_t ml_pace_by_limit(const struct ml_pace *pace);

/* Returns the old percentage, -1 for off. percent negative: off. The calling
 * thread has its cache. */
int ml_pacer_set_percent(int percent);
int ml_pacer_percent(void); /* -1: off */

/* The limit, and how memory stands. The calling thread is inside the heap, or
 * the world is stopped. */
void ml_pacer_set_memory(uint64_t limit, uint64_t mapped, uint64_t other);
/* Before that (monotonic nanoseconds) the limit's goal is not heeded. */
void ml_pacer_hold_limit(uint64_t until_ns);

/* A mark has ended with so much alive and so much scanned as roots. */
void ml_pacer_marked(uint64_t live_bytes, uint64_t root_bytes);
/* A cycle could not be carried out: do not try again at every allocation. */
void ml_pacer_postpone(void);

/* The heap size at which the next cycle begins; INT64_MAX when off. */
uint64_t ml_pacer_goal(void);
/* The same for the limit alone. */
uint64_t ml_pacer_limit_goal(void);
/* As ml_pacer_goal, without the limit's while that is not heeded. */
uint64_t ml_pacer_goal_in_force(void);
/* Whether the heap has come so far that the next cycle begins, or, while one is
 * under way, as far as allocation may go. */
bool ml_pacer_is_due(void);
/* Or will have, with so many bytes more. */
bool ml_pacer_is_due_for(uint64_t bytes);
/* How far allocation may go while a cycle is under way (throttle.h); 0: none is. */
void ml_pacer_allow(uint64_t bytes);
/* How much of the room between what lives and the goal is kept for allocation
 * while a cycle runs, in percent. 0: none, cycles stop the program. */
void ml_pacer_set_runway(unsigned percent);

void ml_pacer_before_fork(void);
void ml_pacer_after_fork(void);

#endif
