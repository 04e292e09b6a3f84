/* SPDX-License-Identifier: MIT */
/* profile.h - a heap profile, or the difference of two, out of snapshots (image/snapshot.h): what
 * the samples stand for, in the order of the snapshot's buckets.
 *
 *   encoded.c    pprof's protocol buffer
 *   collapsed.c  a line for each stack, for flame graphs
 *   heaptext.h   the older text, which has the samples as they are
 */
#ifndef ML_HTTP_PROFILE_H
#define ML_HTTP_PROFILE_H

#include "http/buffer.h"
#include "http/names.h"
#include "image/snapshot.h"
#include "profile/values.h"

struct ml_profile {
    const struct ml_snapshot *snapshot; /* of mappings and stacks; not the profile's */
    uint64_t duration_ns;               /* 0: it is of one moment */
    struct ml_profile_sample {
        const struct ml_snapshot_bucket *bucket;
        int64_t values[ML_VALUES];
        uint64_t object_bytes; /* of the mean object */
    } *samples;
    size_t count;
};

/* 0 or -ENOMEM. The snapshot stays where it is until the profile is freed. */
int ml_profile_of(struct ml_profile *profile, const struct ml_snapshot *snapshot);
/* What came from `before` to `after`, of the same process: each value is the difference of what
 * both say, so that what is in use may be less than 0. What did not change is left out. */
int ml_profile_between(struct ml_profile *profile, const struct ml_snapshot *before,
                       const struct ml_snapshot *after);
void ml_profile_free(struct ml_profile *profile);

/* As pprof's protocol buffer (profile/encoder.h), not compressed. 0 or -ENOMEM. */
int ml_profile_encode(const struct ml_profile *profile, enum ml_value default_type,
                      const char *comment, struct ml_buffer *buffer);
/* Collapsed: "main;serve;parse 4096", the outermost function first; what stands between a program's
 * function and the heap is left out as pprof does (profile/encoder.h). Of a difference
 * only what became more. 0 or -ENOMEM. */
int ml_profile_collapse(const struct ml_profile *profile, enum ml_value type,
                        const struct ml_namer *namer, struct ml_buffer *buffer);

/* The type of that name ("inuse_space"). False: there is none. */
bool ml_value_parse(const char *name, enum ml_value *type);

#endif
