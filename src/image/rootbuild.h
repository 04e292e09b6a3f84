/* SPDX-License-Identifier: MIT */
/* rootbuild.h - the places of roots.h while they are being found. */
#ifndef ML_IMAGE_ROOTBUILD_H
#define ML_IMAGE_ROOTBUILD_H

#include "image/roots.h"

struct ml_root_build {
    struct ml_root_places *places;
    struct ml_core *core;
    const struct ml_heap_view *view;
    uintptr_t root;
    bool out_of_memory;
};

/* A list that was overwritten may lead round and round. Where it is at each of its items, by their
 * numbers from 0 on, is compared with where it was: the second time round that is met. */
struct ml_round {
    uintptr_t seen;
    size_t next; /* number at which another item is seen */
};
static inline bool ml_round_is_closed(struct ml_round *round, size_t number, uintptr_t at)
{
    if (number != 0 && at == round->seen)
        return true;
    if (number == round->next)
        *round = (struct ml_round){ at, 2 * number + 1 };
    return false;
}

/* The whole words of [begin, end), but what is in the heap, which is looked at as such: of that only
 * ranges that the program has added, since those may be in objects that are not looked at. */
void ml_root_add(struct ml_root_build *build, uintptr_t begin, uintptr_t end,
                 enum ml_image_root kind, size_t which);
bool ml_root_read(const struct ml_root_build *build, uintptr_t address, void *to, size_t bytes);

/* Data segments. */
void ml_root_add_data(struct ml_root_build *build);
/* Stacks, thread-local variables. */
void ml_root_add_threads(struct ml_root_build *build);

#endif
