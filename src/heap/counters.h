/* SPDX-License-Identifier: MIT */
/* counters.h - the readers' side of the counters: one consistent sum, taken
 * while everybody goes on. How, and why it is consistent: sums.h.
 */
#ifndef ML_HEAP_COUNTERS_H
#define ML_HEAP_COUNTERS_H

#include "heap/sums.h"

/* This process's. No lock, no allocation, any thread. */
void ml_counters_read(struct ml_counts *counts);

#endif
