/* SPDX-License-Identifier: MIT */
/* idle.h - a collection where there was none for two minutes.
 *
 * A program that has become quiet below the goal would keep its garbage for
 * ever. As in Go, the first collection of all is not made so, nor any with the
 * percentage off, and it does not count as forced. Other than in Go there is
 * none when nothing was allocated since the last one began: a program that
 * sleeps is woken once and not every two minutes. The next allocation that
 * refills a magazine starts the clock again.
 */
#ifndef ML_GC_IDLE_H
#define ML_GC_IDLE_H

#include <stdbool.h>
#include <stdint.h>

extern uint64_t ml_idle_period_ns; /* two minutes; tests shorten it */

/* The background's, whenever it has nothing else to do: collects if it is time.
 * Returns until when it may sleep (monotonic), 0: as long as it likes. */
uint64_t ml_idle_turn(void);

/* A collection, whoever makes it, is about to stop the world. */
void ml_idle_cycle_begins(void);

/* Something is being allocated: whether the background should know that. True once. */
bool ml_idle_wants_notice(void);

#endif
