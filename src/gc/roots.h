/* SPDX-License-Identifier: MIT */
/* roots.h - where a collection begins: data segments, stacks, registers,
 * thread-local blocks, uncollectable objects, arguments and results of
 * threads, what finalizers are given, and the ranges the program added.
 */
#ifndef ML_GC_ROOTS_H
#define ML_GC_ROOTS_H

#include "gc/mark.h"

/* Kinds that can be left out, so that a test can show that each is needed. */
enum ml_root_kind {
    ML_ROOT_SEGMENTS = 1,
    ML_ROOT_STACKS = 2, /* registers with them */
    ML_ROOT_TLS = 4,
    ML_ROOT_UNCOLLECTABLE = 8,
    ML_ROOT_ADDED = 16,
    ML_ROOT_THREADS = 32, /* arguments and results */
    ML_ROOT_FINALIZERS = 64, /* what they are given */
    ML_ROOT_ALL = 127
};
extern unsigned ml_roots_scanned; /* ML_ROOT_ALL but in tests */

struct ml_root_bytes {
    uint64_t stack, data, added; /* data: segments, thread-local and uncollectable */
    uint64_t uncollectable;      /* objects that were taken, with those in magazines */
};

/* Mark from the roots of these kinds; what they lead to is not looked for to
 * its end. World stopped, or segments alone; inside the loader's lock; the caller
 * has put its registers on its stack. Returns the bytes scanned. */
struct ml_root_bytes ml_roots_mark(struct ml_marker *marker, unsigned kinds);

/* As memlog_add_roots and memlog_remove_roots; the arguments are checked. */
int ml_roots_add(uintptr_t begin, uintptr_t end);
int ml_roots_remove(uintptr_t begin, uintptr_t end);

void ml_roots_before_fork(void);
void ml_roots_after_fork(void);

#endif
