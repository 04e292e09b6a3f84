/* SPDX-License-Identifier: MIT */
/* stress.h - MEMLOG_GC_STRESS=N: a program run so that a missing root, a
 * pointer that is still used after its object was freed, and a mistake of
 * memlog's own show soon, and where they are made.
 *
 *   every Nth allocation collects first, and sweeps at once
 *   freed memory is poisoned, and looked at when it is used again (heap/poison.h)
 *   the heap is audited in every collection, while the world stands
 *
 * The audit counts on the magazines being empty: a thread that is stopped is
 * then never in the middle of a change.
 */
#ifndef ML_GC_STRESS_H
#define ML_GC_STRESS_H

#include <stdbool.h>
#include <stdint.h>

/* every: 0 for off. False when it is too late: the heap exists already. */
bool ml_stress_start(uint64_t every);

/* The calling thread is about to allocate, and is not inside the heap. */
void ml_stress_notice(void);
/* World stopped, marks complete, the heap's locks free. Ends the program when
 * the heap is broken. */
void ml_stress_audit(void);

#endif
