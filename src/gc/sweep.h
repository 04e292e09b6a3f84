/* SPDX-License-Identifier: MIT */
/* sweep.h - carrying out the mark's verdict, when and by whom.
 *
 * At the end of a mark every span is put on its bin's list of unswept ones:
 * nothing is freed yet. Allocation sweeps what it needs (heap/central.c), the
 * collecting thread the large objects, the background the rest; what is left
 * when the next cycle begins is swept before its stop.
 */
#ifndef ML_GC_SWEEP_H
#define ML_GC_SWEEP_H

#include <stdbool.h>

/* World stopped, marks complete. */
void ml_sweep_begin(void);
/* Sweep all large objects that are left. */
void ml_sweep_large(void);
/* Sweep a few spans in each bin; true while there may be more. Books to the
 * calling thread's counters. */
bool ml_sweep_some(void);
/* Until nothing is left that was unswept at the call. */
void ml_sweep_all(void);

#endif
