/* SPDX-License-Identifier: MIT */
/* pacer.h - when the next collection begins.
 *
 * Go's formula since 1.18: goal = live + (live + roots) * percent / 100, and
 * never below 4 MiB * percent / 100. With the world stopped for the mark a cycle
 * begins at the goal; one that runs along with the program begins before it, so
 * that it has ended there. Watched is what was handed out of the spans
 * (ml_heap_taken_bytes): what a mark found, and what was handed out since.
 */
#ifndef ML_GC_PACER_H
#define ML_GC_PACER_H

#include <stdbool.h>
#include <stdint.h>

enum { ML_GC_PERCENT_DEFAULT = 100 };

/* Returns the old percentage, -1 for off. percent negative: off. The calling
 * thread has its cache. */
int ml_pacer_set_percent(int percent);
int ml_pacer_percent(void); /* -1: off */

/* A mark has ended with so much alive and so much scanned as roots. */
void ml_pacer_marked(uint64_t live_bytes, uint64_t root_bytes);
/* A cycle could not be carried out: do not try again at every allocation. */
void ml_pacer_postpone(void);

/* The heap size at which the next cycle begins, or should have ended; INT64_MAX
 * when off. */
uint64_t ml_pacer_goal(void);
/* Whether the heap has reached the alarm: where the next cycle begins, or,
 * while one is under way, as far as allocation may go (throttle.h). */
bool ml_pacer_is_due(void);
bool ml_pacer_is_due_with(uint64_t bytes); /* or will have, with so much more */
void ml_pacer_set_alarm(uint64_t bytes);
/* How much of the room between what lives and the goal is kept for allocation
 * while a cycle runs, in percent. 0: none, cycles stop the program. */
void ml_pacer_set_runway(unsigned percent);

void ml_pacer_before_fork(void);
void ml_pacer_after_fork(void);

#endif
