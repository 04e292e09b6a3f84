/* SPDX-License-Identifier: MIT */
#include "profile/frames.h"

#include "base/bits.h"

/* | pc, 48 bits | distance / 8, 16 bits |   0: free */
enum { DISTANCE_BITS = 16, PLACES = 1 << 12, VARIES = (1 << DISTANCE_BITS) - 1 };

static uint64_t places[PLACES] ML_NO_ROOT;

static uint64_t *place_of(uintptr_t pc)
{
    uint64_t spread = pc * UINT64_C(0x9e3779b97f4a7c15);
    return &places[spread >> 32 & (PLACES - 1)];
}

uintptr_t ml_frame_distance(uintptr_t pc)
{
    uint64_t place = __atomic_load_n(place_of(pc), __ATOMIC_RELAXED);
    uint64_t words = place & VARIES;
    if (place >> DISTANCE_BITS != pc || words == VARIES || pc == 0)
        return ML_FRAME_UNKNOWN;
    return words * sizeof(uintptr_t);
}

void ml_frame_learn(uintptr_t pc, uintptr_t distance)
{
    uint64_t *place = place_of(pc), before = __atomic_load_n(place, __ATOMIC_RELAXED);
    uint64_t words = distance / sizeof(uintptr_t);
    if (distance % sizeof(uintptr_t) != 0 || words >= VARIES)
        words = VARIES;
    if (before >> DISTANCE_BITS == pc && (before & VARIES) != words)
        words = VARIES; /* for good */
    uint64_t after = (uint64_t)pc << DISTANCE_BITS | words;
    if (after != before)
        __atomic_store_n(place, after, __ATOMIC_RELAXED);
}
