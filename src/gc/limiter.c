/* SPDX-License-Identifier: MIT */
#include "gc/limiter.h"

#include "base/bits.h"
#include "os/clock.h"

uint64_t ml_limiter_capacity_ns = ML_NS_PER_SECOND;

uint64_t ml_limiter_note(struct ml_limiter *limiter, uint64_t now_ns, uint64_t taken_ns)
{
    uint64_t capacity = ml_max(ml_limiter_capacity_ns, taken_ns);
    uint64_t passed = now_ns - limiter->end_ns;
    uint64_t had = passed - ml_min(passed, taken_ns); /* the program's */
    limiter->fill_ns -= ml_min(limiter->fill_ns, had);
    limiter->fill_ns = ml_min(limiter->fill_ns + taken_ns, capacity);
    limiter->end_ns = now_ns;
    uint64_t next = limiter->fill_ns + taken_ns;
    return next - ml_min(next, capacity);
}
