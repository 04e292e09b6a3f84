/* SPDX-License-Identifier: MIT */
/* dirty.h - what was written while it was marked.
 *
 * A marker that runs along with the program sees each object once, and the
 * program goes on writing. Before it starts, all pages that hold pointers are
 * armed (os/written.h); after it, marked objects are looked at again as far as
 * they lie on pages written since, round after round while the program runs,
 * and once more while it stands (Boehm, Demers, Shenker: Mostly Parallel
 * Garbage Collection, PLDI 1991).
 *
 *   arm -> mark -> rescan, REARM -> mark -> rescan, REARM ... -> stop, rescan -> disarm
 *
 * Pages of objects without pointers are not armed, but where they lie among others
 * that are looked at again. A page that was not armed counts as written.
 *
 * What a page holds is read from the span map while the program changes it.
 * That is sound: a page becomes one of scanned objects before the program has
 * an address of one, and whatever is stored there later is on a page written,
 * or never armed.
 */
#ifndef ML_GC_DIRTY_H
#define ML_GC_DIRTY_H

#include <stdbool.h>
#include <stdint.h>

#include "gc/mark.h"

/* Whether writes can be tracked here; tries when asked first (in this process:
 * a forked child tries anew). Opens two descriptors. One caller at a time. */
bool ml_dirty_is_available(void);
/* Why not, as a static text, and the errno that goes with it; NULL: it is, or
 * nobody has tried. */
const char *ml_dirty_why_not(int *error);

/* Writes are recorded from when this has returned. 0, or -errno: nothing is
 * armed. */
int ml_dirty_arm(void);
/* While the program runs, all markers idle: put the pages that were written since
 * the arming, or the last rescan, onto the stack, to be looked at again. They are
 * armed anew. Returns how many pages of the system those were. */
uint64_t ml_dirty_rescan(struct ml_marker *marker);
/* The same, world stopped, from *at on (0: the heap's begin) until it is so many
 * pages, or a few more. *at becomes where it has come to; 0: the end. */
uint64_t ml_dirty_rescan_some(struct ml_marker *marker, uintptr_t *at, uint64_t most);
/* While the program runs: remember pages that were written, a thousand at most. Returns how
 * many. */
uint64_t ml_dirty_find(void);
/* World stopped: put those onto the stack, armed anew. */
void ml_dirty_rearm_found(struct ml_marker *marker);
/* World stopped: put all there is to be looked through for written pages onto the
 * stack, in parts that can be shared. */
void ml_dirty_rescan_stopped(struct ml_marker *marker);
void ml_dirty_disarm(void);

/* What is done with a range of pages from a stack (markstack.h). Any marker. */
void ml_dirty_look_again(struct ml_marker *marker, uintptr_t begin, uintptr_t end);
void ml_dirty_find_written(struct ml_marker *marker, uintptr_t begin, uintptr_t end);

/* Put all uncollectable objects onto the stack, or look at them: the roots that
 * are tracked like the rest. Returns their bytes. */
uint64_t ml_dirty_mark_uncollectable(struct ml_marker *marker);
/* Take back all marks, of a cycle that came to nothing. No marker runs. */
void ml_dirty_forget_marks(void);

/* The child's descriptors speak of its parent. */
void ml_dirty_after_fork_child(void);

#endif
