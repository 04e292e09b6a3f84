/* SPDX-License-Identifier: MIT */
#include "profile/pprof.h"

#include "heap/sample.h"
#include "os/clock.h"
#include "os/maps.h"
#include "profile/buckets.h"
#include "profile/encoder.h"
#include "profile/sink.h"

static void put_mapping(const char *line, size_t length, void *argument)
{
    uint8_t id[ML_OS_BUILD_ID_MOST];
    char hex[2 * ML_OS_BUILD_ID_MOST];
    struct ml_os_mapping mapping;
    ml_os_parse_mapping(line, length, &mapping);
    if (mapping.name_length == 0)
        return;
    size_t id_bytes = ml_os_build_id(mapping.begin, id);
    for (size_t i = 0; i < 2 * id_bytes; i++)
        hex[i] = "0123456789abcdef"[i % 2 == 0 ? id[i / 2] >> 4 : id[i / 2] & 15];
    ml_encoder_mapping(argument, &(struct ml_encoder_mapping){
        .begin = mapping.begin, .end = mapping.end, .offset = mapping.offset,
        .name = mapping.name, .name_length = mapping.name_length,
        .build_id = hex, .build_id_length = 2 * id_bytes });
}

static void put_sample(struct ml_encoder *encoder, const struct ml_bucket *bucket)
{
    struct ml_bucket_counts counts = ml_bucket_read(bucket);
    int64_t values[ML_VALUES];
    if (counts.allocs == 0)
        return;
    ml_values_of(&counts, ml_sample_rate(), values);
    ml_encoder_sample(encoder, bucket->pcs, bucket->depth, values, ml_values_average(&counts));
}

static int encode(const struct ml_out *out, const char *comment)
{
    struct ml_encoder encoder;
    int error = ml_encoder_begin(&encoder, out, &(struct ml_encoder_head){
        .comment = comment, .rate = ml_sample_rate(), .time_ns = ml_os_realtime_ns(),
        .default_type = ML_INUSE_SPACE });
    if (error != 0)
        return error;
    error = ml_os_each_code_mapping(put_mapping, &encoder);
    for (const struct ml_bucket *at = ml_bucket_first(); at != NULL; at = at->next)
        put_sample(&encoder, at);
    int ended = ml_encoder_end(&encoder);
    return error != 0 ? error : ended;
}

int ml_pprof_write(int fd, const char *comment)
{
    struct ml_sink sink;
    int error = ml_sink_begin(&sink, fd, true);
    if (error != 0)
        return error;
    const struct ml_out out = ml_sink_out(&sink);
    error = encode(&out, comment);
    int written = ml_sink_end(&sink);
    return written != 0 ? written : error;
}
