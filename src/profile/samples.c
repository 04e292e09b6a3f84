/* SPDX-License-Identifier: MIT */
#include "profile/samples.h"

#include "base/publish.h"
#include "heap/metadata.h"
#include "heap/spanmap.h"

/* No entry holds an address: nothing here, nor what copying leaves in registers, keeps an
 * object alive. */
struct entry {
    uint64_t granule;         /* of the object, + 1 */
    struct ml_bucket *bucket; /* NULL: free */
};

static struct entry *entries; /* open addressing; a power of two, a quarter of them free */
static uint64_t capacity, count;
ML_PUBLISH("samples.entries", entries);
ML_PUBLISH("samples.capacity", capacity);
ML_PUBLISH_STRUCT(entry);
ML_PUBLISH_MEMBER(entry, granule);
ML_PUBLISH_MEMBER(entry, bucket);

/* Upper bits of a product with 2^64 divided by the golden ratio, as in gc/watch.c. */
static uint64_t home_of(uint64_t granule)
{
    return granule * UINT64_C(0x9e3779b97f4a7c15) >> 32 & (capacity - 1);
}

/* The granule's place, or the free one where it would be. */
static struct entry *place_of(uint64_t granule)
{
    uint64_t place = home_of(granule);
    while (entries[place].bucket != NULL && entries[place].granule != granule)
        place = (place + 1) & (capacity - 1);
    return &entries[place];
}

static bool grow(void)
{
    enum { FIRST = 256 };
    struct entry *before = entries;
    uint64_t places = capacity, wanted = capacity == 0 ? FIRST : capacity * 2;
    struct entry *larger = ml_profile_memory(wanted * sizeof(*larger));
    if (larger == NULL)
        return false;
    entries = larger;
    capacity = wanted;
    for (uint64_t i = 0; i < places; i++)
        if (before[i].bucket != NULL)
            *place_of(before[i].granule) = before[i];
    ml_metadata_free(ML_POOL_PROFILE, before, places * sizeof(*before));
    return true;
}

bool ml_samples_add(const void *object, struct ml_bucket *bucket, struct ml_bucket **was)
{
    *was = NULL;
    if (count + 1 > capacity / 4 * 3 && !grow())
        return false;
    struct entry *entry = place_of(ml_granule_of(object) + 1);
    *was = entry->bucket;
    count += entry->bucket == NULL;
    *entry = (struct entry){ ml_granule_of(object) + 1, bucket };
    return true;
}

/* Free a place: what was put further on because of it moves up, so that a search may end
 * at the first free one. */
static void free_place(uint64_t hole)
{
    uint64_t mask = capacity - 1;
    for (uint64_t at = (hole + 1) & mask; entries[at].bucket != NULL; at = (at + 1) & mask) {
        uint64_t from_home = (at - home_of(entries[at].granule)) & mask;
        if (from_home < ((at - hole) & mask))
            continue;
        entries[hole] = entries[at];
        hole = at;
    }
    entries[hole] = (struct entry){ 0 };
}

struct ml_bucket *ml_samples_remove(const void *object)
{
    struct entry *entry = capacity == 0 ? NULL : place_of(ml_granule_of(object) + 1);
    struct ml_bucket *bucket = entry == NULL ? NULL : entry->bucket;
    if (bucket == NULL)
        return NULL;
    count--;
    free_place((uint64_t)(entry - entries));
    return bucket;
}
