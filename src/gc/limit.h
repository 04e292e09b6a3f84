/* SPDX-License-Identifier: MIT */
/* limit.h - the memory limit, which Sys - HeapReleased is to stay at or under.
 *
 * It is soft: a heap that is alive is never refused memory for it. Three things
 * hold it, each with one comparison where a magazine is refilled or a large
 * object made, and none of them with a limit that is not set:
 *
 *   the pacer's goal      pacer.h      is worked out at each mark's end, from
 *                                      what memory other than objects there was
 *   before spans grow     _before      beyond what the limit leaves for them:
 *                                      garbage is swept, and if that is not
 *                                      enough, the goal takes into account what
 *                                      of the spans is in nobody's hands
 *   after they have grown _after       free pages that are too many are given back
 *
 * How much of the spans will be in nobody's hands when the next cycle is due can't be
 * known after this one, whose garbage left holes that will be filled. So what
 * was seen when the limit was reached counts for the next cycle, and less in
 * each one in which it is not.
 *
 * A limit below what is alive would mean collection after collection: when they
 * take more than half of the time (limiter.h), the heap grows on without.
 */
#ifndef ML_GC_LIMIT_H
#define ML_GC_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

/* Bytes; negative only reads, INT64_MAX is none. Returns the old one. The
 * calling thread has its cache, and is not inside the heap. */
int64_t ml_limit_set(int64_t bytes);
int64_t ml_limit(void);

/* Around allocating so many bytes by the slow path. The calling thread is a
 * mutator and not inside the heap. */
void ml_limit_before(uint64_t bytes);
void ml_limit_collected(uint64_t bytes); /* when there was a cycle in between */
void ml_limit_after(void);

/* Memory has changed without the heap growing. Not inside the heap. */
void ml_limit_refresh(void);
/* A mark has ended, the world is stopped. Before ml_pacer_marked. */
void ml_limit_marked(void);
/* Cycle number so and so kept the program from running for so long. */
void ml_limit_cycle_took(uint64_t cycle, uint64_t ns);
/* The last cycle after which the limit was not heeded for a while; 0: none. */
uint64_t ml_limit_last_held(void);

/* Memory of memlog's own beside the heap: what Sys counts beside HeapSys. */
uint64_t ml_limit_overhead_bytes(void);

void ml_limit_after_fork_child(void);

#endif
