/* SPDX-License-Identifier: MIT */
/* addresses.h - a set of addresses that grows as it is filled, for the length of one
 * writing, in memory of where that goes to. 0 is never in it.
 */
#ifndef ML_PROFILE_ADDRESSES_H
#define ML_PROFILE_ADDRESSES_H

#include <stddef.h>
#include <stdint.h>

#include "profile/out.h"

struct ml_addresses {
    uintptr_t *places; /* open addressing; 0: free */
    size_t capacity, count;
};

/* 1: it is new; 0: it was there; -ENOMEM. The set begins as all zeros. */
int ml_addresses_add(struct ml_addresses *set, const struct ml_out *out, uintptr_t address);
void ml_addresses_drop(struct ml_addresses *set, const struct ml_out *out);

#endif
