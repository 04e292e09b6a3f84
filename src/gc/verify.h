/* SPDX-License-Identifier: MIT */
/* verify.h - MEMLOG_GC_VERIFY=1: each mark that ran along with the program is
 * checked against one that did not.
 *
 * In the last stop, when all that is reachable should be marked, the marks are
 * put aside, everything is marked once more from the roots, and what only the
 * second mark reached was about to be freed while in use: memlog says where it
 * is and ends the program. Pauses are as long as without running along, and
 * longer.
 *
 * Where they differ without a fault of the collector: a word that nobody has
 * written since the first stop and that means nothing may be the address of an
 * object that was made since and that nothing else refers to any more. Memory that
 * a stopped thread is about to zero holds such words, and is left out. What remains
 * is a program that leaves addresses of freed objects where it does not use them.
 */
#ifndef ML_GC_VERIFY_H
#define ML_GC_VERIFY_H

#include <stdbool.h>

#include "gc/mark.h"

extern bool ml_verify_on; /* before there is a heap */

/* Memory for that, before any stack is looked at: what is mapped between two marks
 * may join the mapping of a stack of the program's own with what lies above it, and
 * the second would look at more. False when there is none: then there is no check.
 * World stopped. */
bool ml_verify_prepare(void);
/* The marks are put aside and there are none. */
void ml_verify_begin(struct ml_marker *marker);
/* All is marked again. The marks, and what the marker had counted, are as
 * before. */
void ml_verify_end(struct ml_marker *marker);

#endif
