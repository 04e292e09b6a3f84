/* SPDX-License-Identifier: MIT */
/* runs.h - runs of pages: their descriptors, how they are cut, and how those that
 * are free join. Guarded by the page heap's lock.
 */
#ifndef ML_HEAP_RUNS_H
#define ML_HEAP_RUNS_H

#include "heap/span.h"

/* A descriptor for these pages, free and in no list; NULL when there is no memory. */
struct ml_span *ml_run_new(uintptr_t base, uint32_t pages);
/* Will the next ml_run_new succeed? */
bool ml_run_can_be_new(void);
/* The descriptor is without pages now. */
void ml_run_drop(struct ml_span *run);
/* All descriptors there ever were have numbers from 1 to below this. */
uint32_t ml_runs_end(void);

/* The free run over an address, or NULL. */
struct ml_span *ml_run_free_at(uintptr_t address);
/* Join a run that is in no list with its free neighbours and hang it. */
void ml_run_make_free(struct ml_span *run);
/* Cut the run down to pages; what lies behind becomes a free run. False when
 * there is no descriptor for it. */
bool ml_run_split(struct ml_span *run, uint32_t pages);

/* Since when a run is free: the tick of the release clock (release.h). */
void ml_run_stamp(struct ml_span *run);
void ml_runs_set_tick(uint32_t tick); /* any thread */

#endif
