/* SPDX-License-Identifier: MIT */
#include "profile/addresses.h"

#include <errno.h>
#include <stdbool.h>

static uintptr_t *place_of(const struct ml_addresses *set, uintptr_t address)
{
    size_t mask = set->capacity - 1;
    size_t place = (size_t)(address * UINT64_C(0x9e3779b97f4a7c15) >> 32) & mask;
    while (set->places[place] != 0 && set->places[place] != address)
        place = (place + 1) & mask;
    return &set->places[place];
}

static bool grow(struct ml_addresses *set, const struct ml_out *out)
{
    enum { FIRST = 1024 };
    struct ml_addresses larger = { .capacity = set->capacity == 0 ? FIRST : set->capacity * 2,
                                   .count = set->count };
    larger.places = out->take(larger.capacity * sizeof(*larger.places));
    if (larger.places == NULL)
        return false;
    for (size_t i = 0; i < set->capacity; i++)
        if (set->places[i] != 0)
            *place_of(&larger, set->places[i]) = set->places[i];
    ml_addresses_drop(set, out);
    *set = larger;
    return true;
}

int ml_addresses_add(struct ml_addresses *set, const struct ml_out *out, uintptr_t address)
{
    if (set->count >= set->capacity / 2 && !grow(set, out))
        return -ENOMEM;
    uintptr_t *place = place_of(set, address);
    if (*place == address)
        return 0;
    *place = address;
    set->count++;
    return 1;
}

void ml_addresses_drop(struct ml_addresses *set, const struct ml_out *out)
{
    if (set->capacity != 0)
        out->give(set->places, set->capacity * sizeof(*set->places));
    *set = (struct ml_addresses){ 0 };
}
