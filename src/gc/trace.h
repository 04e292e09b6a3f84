/* SPDX-License-Identifier: MIT */
/* trace.h - MEMLOG_GCTRACE=1: a line on stderr for each collection.
 *
 *   memlog: gc 7 at 3.204 s: along, 0.171+0.612 ms stopped of 312.204 ms,
 *   412->301 MiB, goal 602 MiB, 5 rounds; last stop 84 us to stand, 41 roots,
 *   318 for 76 pages written, 102 to finish
 *
 * in one line. "412->301": in use when it began, and alive at its end. Read
 * by people; the wording may change.
 */
#ifndef ML_GC_TRACE_H
#define ML_GC_TRACE_H

#include <stdbool.h>

#include "gc/history.h"

extern bool ml_trace_on; /* before there is a heap */

/* A cycle is complete. */
void ml_trace_cycle(const struct ml_gc_record *record);
/* Cycles stop the program although nobody asked for that: why. Once. */
void ml_trace_why_stopped(void);

#endif
