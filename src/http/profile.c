/* SPDX-License-Identifier: MIT */
#include "http/profile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct ml_profile_sample sample_of(const struct ml_snapshot *snapshot,
                                          const struct ml_snapshot_bucket *bucket)
{
    struct ml_profile_sample sample = { .bucket = bucket };
    ml_values_of(&bucket->counts, snapshot->rate, sample.values);
    sample.object_bytes = ml_values_average(&bucket->counts);
    return sample;
}

static bool is_something(const struct ml_profile_sample *sample)
{
    for (unsigned i = 0; i < ML_VALUES; i++)
        if (sample->values[i] != 0)
            return true;
    return false;
}

static void add(struct ml_profile *profile, const struct ml_profile_sample *sample)
{
    if (is_something(sample))
        profile->samples[profile->count++] = *sample;
}

static int begin(struct ml_profile *profile, const struct ml_snapshot *snapshot)
{
    *profile = (struct ml_profile){
        .snapshot = snapshot,
        .samples = malloc((snapshot->buckets_count + 1) * sizeof(*profile->samples))
    };
    return profile->samples == NULL ? -ENOMEM : 0;
}

int ml_profile_of(struct ml_profile *profile, const struct ml_snapshot *snapshot)
{
    int error = begin(profile, snapshot);
    for (size_t i = 0; error == 0 && i < snapshot->buckets_count; i++) {
        struct ml_profile_sample sample = sample_of(snapshot, &snapshot->buckets[i]);
        add(profile, &sample);
    }
    return error;
}

/* ---- differences -------------------------------------------------------------------------- */

static int compare_addresses(const void *left, const void *right)
{
    const struct ml_snapshot_bucket *a = *(const struct ml_snapshot_bucket *const *)left;
    const struct ml_snapshot_bucket *b = *(const struct ml_snapshot_bucket *const *)right;
    return a->address < b->address ? -1 : a->address > b->address;
}

/* Pointers to all buckets, by address; NULL: no memory. */
static const struct ml_snapshot_bucket **by_address(const struct ml_snapshot *snapshot)
{
    const struct ml_snapshot_bucket **sorted;
    sorted = malloc((snapshot->buckets_count + 1) * sizeof(*sorted));
    if (sorted == NULL)
        return NULL;
    for (size_t i = 0; i < snapshot->buckets_count; i++)
        sorted[i] = &snapshot->buckets[i];
    qsort(sorted, snapshot->buckets_count, sizeof(*sorted), compare_addresses);
    return sorted;
}

/* What was at the same address is the same bucket, unless the process has become another
 * program. */
static bool is_same(const struct ml_snapshot_bucket *before, const struct ml_snapshot_bucket *after)
{
    return before->depth == after->depth && after->counts.allocs >= before->counts.allocs &&
           memcmp(before->pcs, after->pcs, after->depth * sizeof(after->pcs[0])) == 0;
}

static void subtract(struct ml_profile_sample *sample, const struct ml_snapshot *snapshot,
                     const struct ml_snapshot_bucket *before)
{
    int64_t values[ML_VALUES];
    ml_values_of(&before->counts, snapshot->rate, values);
    for (unsigned i = 0; i < ML_VALUES; i++)
        sample->values[i] = (int64_t)((uint64_t)sample->values[i] - (uint64_t)values[i]);
}

int ml_profile_between(struct ml_profile *profile, const struct ml_snapshot *before,
                       const struct ml_snapshot *after)
{
    const struct ml_snapshot_bucket *at, **found;
    const struct ml_snapshot_bucket **earlier = by_address(before);
    int error = earlier == NULL ? -ENOMEM : begin(profile, after);
    for (size_t i = 0; error == 0 && i < after->buckets_count; i++) {
        struct ml_profile_sample sample = sample_of(after, &after->buckets[i]);
        at = &after->buckets[i];
        found = bsearch(&at, earlier, before->buckets_count, sizeof(*earlier), compare_addresses);
        if (found != NULL && is_same(*found, at))
            subtract(&sample, before, *found);
        add(profile, &sample);
    }
    free(earlier);
    if (error == 0 && after->time_ns > before->time_ns)
        profile->duration_ns = after->time_ns - before->time_ns;
    return error;
}

void ml_profile_free(struct ml_profile *profile)
{
    free(profile->samples);
    *profile = (struct ml_profile){ 0 };
}

bool ml_value_parse(const char *name, enum ml_value *type)
{
    for (unsigned i = 0; i < ML_VALUES; i++)
        if (strcmp(name, ml_value_names[i]) == 0) {
            *type = (enum ml_value)i;
            return true;
        }
    return false;
}
