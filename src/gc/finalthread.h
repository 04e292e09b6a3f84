/* SPDX-License-Identifier: MIT */
/* finalthread.h - the thread that runs finalizers, "memlog-final".
 *
 * To the collector it is a thread of the program's: it is stopped, its stack is
 * scanned, it may allocate, collect, and wait for ever, which holds up further
 * finalizers and nothing else. All signals but the collector's are blocked in
 * it. It starts when the first finalizer is due.
 */
#ifndef ML_GC_FINALTHREAD_H
#define ML_GC_FINALTHREAD_H

/* After a collection: let what is due be run. The calling thread is a mutator,
 * not inside the heap, and holds no lock. */
void ml_finalthread_nudge(void);

/* In a forked child, with the lock of the watches held by ml_finalize_before_fork. */
void ml_finalthread_after_fork_child(void);

#endif
