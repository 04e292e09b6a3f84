/* SPDX-License-Identifier: MIT */
/* audit.h - every invariant of the heap, as a function. For tests, for the
 * stress mode (MEMLOG_GC_STRESS), and for gdb by hand.
 */
#ifndef ML_HEAP_AUDIT_H
#define ML_HEAP_AUDIT_H

/* Check everything; NULL, or the name of the rule that is broken. Takes every
 * lock of the heap, so that nothing moves between bins; no other thread may be
 * allocating or freeing meanwhile (they are stopped, or there are none). */
const char *ml_heap_audit(void);

#endif
