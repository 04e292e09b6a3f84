/* SPDX-License-Identifier: MIT */
/* encoded.c - a profile as pprof's protocol buffer. */
#include <errno.h>
#include <string.h>

#include "http/out.h"
#include "http/profile.h"
#include "profile/encoder.h"

static void put_mapping(struct ml_encoder *encoder, const struct ml_snapshot_mapping *mapping)
{
    ml_encoder_mapping(encoder, &(struct ml_encoder_mapping){
        .begin = mapping->begin, .end = mapping->end, .offset = mapping->offset,
        .name = mapping->name, .name_length = strlen(mapping->name),
        .build_id = mapping->build_id, .build_id_length = strlen(mapping->build_id) });
}

int ml_profile_encode(const struct ml_profile *profile, enum ml_value default_type,
                      const char *comment, struct ml_buffer *buffer)
{
    const struct ml_snapshot *snapshot = profile->snapshot;
    const struct ml_out out = ml_buffer_out(buffer);
    struct ml_encoder encoder;
    int error = ml_encoder_begin(&encoder, &out, &(struct ml_encoder_head){
        .comment = comment, .rate = snapshot->rate, .time_ns = snapshot->time_ns,
        .duration_ns = profile->duration_ns, .default_type = default_type });
    if (error != 0)
        return error;
    for (size_t i = 0; i < snapshot->mappings_count; i++)
        put_mapping(&encoder, &snapshot->mappings[i]);
    for (size_t i = 0; i < profile->count; i++) {
        const struct ml_profile_sample *sample = &profile->samples[i];
        ml_encoder_sample(&encoder, sample->bucket->pcs, sample->bucket->depth, sample->values,
                          sample->object_bytes);
    }
    error = ml_encoder_end(&encoder);
    return buffer->failed ? -ENOMEM : error;
}
