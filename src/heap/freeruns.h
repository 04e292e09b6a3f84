/* SPDX-License-Identifier: MIT */
/* freeruns.h - the page heap's free runs, in lists by length: one for each
 * length below 128 pages, one for each doubling above, and a bit for each
 * list that is not empty. Guarded by the page heap's lock.
 */
#ifndef ML_HEAP_FREERUNS_H
#define ML_HEAP_FREERUNS_H

#include "heap/span.h"

/* List 128 + i: 2^(7 + i) pages and more. List 0 is empty. */
enum { ML_FREERUNS_LISTS = 128 + 25 };
extern struct ml_span_list ml_freeruns_lists[ML_FREERUNS_LISTS];

/* Hang a run that is in no list, as free; its first and last page point at it. */
void ml_freeruns_hang(struct ml_span *run);
void ml_freeruns_unhang(struct ml_span *run);

/* Pages of slack in front of the run's first page that is a multiple of
 * align_pages (a power of two). */
uint32_t ml_freeruns_slack(const struct ml_span *run, uint32_t align_pages);
/* A run that has so many pages behind its slack, of the short ones that do
 * the shortest; it stays where it hangs. NULL: none. */
struct ml_span *ml_freeruns_search(uint32_t pages, uint32_t align_pages);

/* NULL, or the name of the broken rule; adds the number of runs to *hanging. */
const char *ml_freeruns_check(uint64_t *hanging);

#endif
