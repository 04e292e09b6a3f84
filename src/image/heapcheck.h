/* SPDX-License-Identifier: MIT */
/* heapcheck.h - whether the heap of a process that stands still is as it should be: the rules of
 * heap/audit.c, out of its memory.
 */
#ifndef ML_IMAGE_HEAPCHECK_H
#define ML_IMAGE_HEAPCHECK_H

#include "image/heapview.h"

struct ml_heap_check {
    const char *broken; /* the name of the first rule that is; NULL: none */
    uint32_t span;      /* number of the span that shows it; 0: none does */
    uintptr_t address;  /* likewise; 0: none */
    uint64_t spans, objects; /* that were looked at */
};

/* is_amid: a thread was in the middle of an update, and sums need not agree. 0 or -errno: then
 * what is in check->broken, if anything, was found before. */
int ml_heap_check(struct ml_heap_check *check, const struct ml_heap_view *view, bool is_amid);

#endif
