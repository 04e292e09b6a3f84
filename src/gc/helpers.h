/* SPDX-License-Identifier: MIT */
/* helpers.h - the threads that help the marking thread.
 *
 * As many as the process has CPUs, less one, up to a useful few; decided once,
 * when the heap has become large enough for them to be of use. CPUs that the
 * process is given later get none: an only helper marks in a word of its own,
 * and the first of several has to know from its start that it does not. They
 * are memlog's own: never stopped, and asleep between the marks they are called to
 * (share.h). Where none can be started, marking is done by one thread, and the
 * next collection tries again.
 */
#ifndef ML_GC_HELPERS_H
#define ML_GC_HELPERS_H

enum { ML_HELPERS_MOST = 7 };

/* Before a collection, outside every lock: start what is missing and of use. */
void ml_helpers_prepare(void);
/* How many there are. */
unsigned ml_helpers_count(void);
/* Not 0: start that many, whatever the CPUs and the heap. For tests, before the
 * first collection. */
extern unsigned ml_helpers_forced;

/* In a forked child they are gone. */
void ml_helpers_after_fork_child(void);

#endif
