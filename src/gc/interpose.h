/* SPDX-License-Identifier: MIT */
/* interpose.h - the thread names that memlog stands in front of.
 *
 * pthread_create and thrd_create, so that every thread is known before it
 * runs; pthread_exit, _join, _detach, so that the argument of a thread that
 * has not started and the result of one that is not joined are roots. Each
 * does what the C library's does. The signal names are in signals.h.
 */
#ifndef ML_GC_INTERPOSE_H
#define ML_GC_INTERPOSE_H

#include <stdint.h>

/* Visit the words that hold arguments and results; with the world stopped. */
void ml_interpose_each_root(void (*visit)(uintptr_t begin, uintptr_t end, void *argument),
                            void *argument);

/* The calling thread is on its way out, by whatever door. */
void ml_interpose_thread_ends(void);

void ml_interpose_before_fork(void);
void ml_interpose_after_fork(void);
/* Only the forking thread is left: forget the others' records. */
void ml_interpose_after_fork_child(void);

#endif
