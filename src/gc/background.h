/* SPDX-License-Identifier: MIT */
/* background.h - one thread of memlog's own that sweeps what allocation has
 * not needed yet, gives free memory back to the OS, and collects when nobody
 * has for long (idle.h). It sleeps while there is nothing of that, is started
 * when there first is, never from a constructor, and is never stopped by the
 * collector.
 */
#ifndef ML_GC_BACKGROUND_H
#define ML_GC_BACKGROUND_H

#include <stdbool.h>
#include <stdint.h>

/* There may be something to do. Cheap; starts the thread the first time, and
 * where that was refused, tries again after a second. Not inside the heap. */
void ml_background_nudge(void);
/* Have the thread carry out a cycle soon, if one is due for so many bytes; once,
 * however often it is asked before it has begun. False: there is no thread. */
bool ml_background_ask_for_cycle(uint64_t bytes);
/* The same for the allocation's slow path: looks first whether there is. */
void ml_background_notice(void);
/* The thread is not there in a forked child; the next nudge starts it anew. */
void ml_background_after_fork_child(void);

#endif
