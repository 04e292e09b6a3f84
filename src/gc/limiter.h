/* SPDX-License-Identifier: MIT */
/* limiter.h - collections get no more than half of the time.
 *
 * A bucket that collections fill, with the time they take, and the program
 * drains, with the time it has between them. It holds a second: so much may come
 * in a row. When it is full, a collection is followed by as long without one.
 */
#ifndef ML_GC_LIMITER_H
#define ML_GC_LIMITER_H

#include <stdint.h>

struct ml_limiter {
    uint64_t fill_ns; /* when the last collection ended */
    uint64_t end_ns;
};

/* What the bucket holds, unless one collection takes longer; tests have it smaller. */
extern uint64_t ml_limiter_capacity_ns;

/* A collection has ended now (monotonic) that took so much time from the
 * program. Returns how long the program has to run before there is room for
 * another one like it; 0: not at all. */
uint64_t ml_limiter_note(struct ml_limiter *limiter, uint64_t now_ns, uint64_t taken_ns);

#endif
