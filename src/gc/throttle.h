/* SPDX-License-Identifier: MIT */
/* throttle.h - allocation does not outrun a mark that runs along with it.
 *
 * Between the trigger, where a cycle begins, and the goal, where it should have
 * ended, a thread may allocate as far as the mark has come: half of the room
 * when half of the live objects are marked. A thread that is further waits, and
 * while somebody waits there are CPUs to spare: the mark's helpers get them.
 */
#ifndef ML_GC_THROTTLE_H
#define ML_GC_THROTTLE_H

#include <stdint.h>

/* A cycle begins that is expected to look up so many candidates. */
void ml_throttle_begin(uint64_t expected);
/* All that was reachable at the beginning is marked. */
void ml_throttle_marked(void);
/* The cycle is over, or as good as: the pacer's alarm is its own again. Before
 * that is set, with the world stopped. */
void ml_throttle_end(void);

/* A cycle has been asked for: nobody is to allocate beyond the goal before it
 * is done. And it is, or there was no need. */
void ml_throttle_asked(void);
void ml_throttle_done(void);

/* The calling thread, a mutator outside the heap, would go further than it may
 * with so many bytes more. Returns when it may go on: when the mark has come on, or
 * the cycle has ended; at the latest after ten seconds. */
void ml_throttle_wait(uint64_t bytes);

void ml_throttle_after_fork_child(void);

#endif
