/* SPDX-License-Identifier: MIT */
/* collapsed.c - a profile as a line for each stack. */
#include <errno.h>
#include <stdlib.h>

#include "http/folded.h"
#include "http/profile.h"
#include "profile/encoder.h"

/* Each address is named once. */
struct places {
    uintptr_t *addresses; /* sorted */
    struct ml_folded_place *places;
    size_t count;
};

static int compare(const void *left, const void *right)
{
    uintptr_t a = *(const uintptr_t *)left, b = *(const uintptr_t *)right;
    return a < b ? -1 : a > b;
}

static void collect_addresses(const struct ml_profile *profile, struct places *places)
{
    size_t all = 0, count = 0;
    for (size_t i = 0; i < profile->count; i++)
        for (uint32_t k = 0; k < profile->samples[i].bucket->depth; k++)
            places->addresses[all++] = profile->samples[i].bucket->pcs[k] - 1;
    qsort(places->addresses, all, sizeof(places->addresses[0]), compare);
    for (size_t i = 0; i < all; i++)
        if (count == 0 || places->addresses[i] != places->addresses[count - 1])
            places->addresses[count++] = places->addresses[i];
    places->count = count;
}

static int name_places(const struct ml_profile *profile, const struct ml_namer *namer,
                       struct ml_folded *folded, struct places *places)
{
    size_t most = 1;
    for (size_t i = 0; i < profile->count; i++)
        most += profile->samples[i].bucket->depth;
    places->addresses = malloc(most * sizeof(places->addresses[0]));
    if (places->addresses == NULL)
        return -ENOMEM;
    collect_addresses(profile, places);
    places->places = calloc(places->count + 1, sizeof(places->places[0]));
    if (places->places == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < places->count; i++) {
        const struct ml_snapshot_mapping *mapping =
            ml_snapshot_mapping_of(profile->snapshot, places->addresses[i]);
        places->places[i] = ml_folded_place(folded, namer, places->addresses[i],
                                            mapping == NULL ? NULL : mapping->name);
    }
    return 0;
}

static void add_sample(struct ml_folded *folded, const struct places *places,
                       const struct ml_profile_sample *sample, int64_t value)
{
    const struct ml_folded_place *stack[ML_STACK_MOST];
    for (uint32_t i = 0; i < sample->bucket->depth; i++) {
        uintptr_t address = sample->bucket->pcs[i] - 1;
        const uintptr_t *found = bsearch(&address, places->addresses, places->count,
                                         sizeof(address), compare);
        stack[i] = &places->places[found - places->addresses];
    }
    ml_folded_add(folded, stack, sample->bucket->depth, value);
}

int ml_profile_collapse(const struct ml_profile *profile, enum ml_value type,
                        const struct ml_namer *namer, struct ml_buffer *buffer)
{
    struct ml_folded folded;
    struct places places = { 0 };
    int error = ml_folded_begin(&folded, ml_encoder_drop_frames);
    if (error != 0)
        return error;
    error = name_places(profile, namer, &folded, &places);
    for (size_t i = 0; error == 0 && i < profile->count; i++)
        add_sample(&folded, &places, &profile->samples[i], profile->samples[i].values[type]);
    for (size_t i = 0; places.places != NULL && i < places.count; i++)
        ml_folded_place_free(&places.places[i]);
    free(places.places);
    free(places.addresses);
    int ended = ml_folded_end(&folded, buffer);
    return error != 0 ? error : ended;
}
