/* SPDX-License-Identifier: MIT */
#include "profile/pprof.h"

#include <errno.h>
#include <string.h>

#include "base/bits.h"
#include "base/chance.h"
#include "heap/sample.h"
#include "os/clock.h"
#include "os/maps.h"
#include "profile/addresses.h"
#include "profile/buckets.h"
#include "profile/proto.h"
#include "profile/sink.h"

/* Numbers of fields, as profile.proto has them. */
enum profile_field {
    PROFILE_SAMPLE_TYPE = 1,
    PROFILE_SAMPLE = 2,
    PROFILE_MAPPING = 3,
    PROFILE_LOCATION = 4,
    PROFILE_STRING = 6,
    PROFILE_DROP_FRAMES = 7,
    PROFILE_TIME = 9,
    PROFILE_PERIOD_TYPE = 11,
    PROFILE_PERIOD = 12,
    PROFILE_COMMENT = 13,
    PROFILE_DEFAULT_TYPE = 14
};
enum { TYPE_TYPE = 1, TYPE_UNIT = 2 };
enum { SAMPLE_LOCATION = 1, SAMPLE_VALUE = 2, SAMPLE_LABEL = 3 };
enum { LABEL_KEY = 1, LABEL_NUMBER = 3 };
enum { MAPPING_ID = 1, MAPPING_START, MAPPING_LIMIT, MAPPING_OFFSET, MAPPING_FILE, MAPPING_BUILD_ID };
enum { LOCATION_ID = 1, LOCATION_MAPPING = 2, LOCATION_ADDRESS = 3 };

/* The table of strings: those that are there each time, and behind them the mappings'. */
enum string {
    EMPTY, /* has to be the first */
    ALLOC_OBJECTS, ALLOC_SPACE, INUSE_OBJECTS, INUSE_SPACE, COUNT, BYTES, SPACE, DROP, COMMENT,
    STRINGS
};
/* What other libraries have between a program's function and the heap. */
static const char drop_frames[] =
    "malloc|calloc|realloc|reallocarray|aligned_alloc|memalign|posix_memalign|valloc|pvalloc|"
    "operator new.*|_Zn[wa].*";
static const char *const strings[STRINGS] = {
    [EMPTY] = "", [ALLOC_OBJECTS] = "alloc_objects", [ALLOC_SPACE] = "alloc_space",
    [INUSE_OBJECTS] = "inuse_objects", [INUSE_SPACE] = "inuse_space", [COUNT] = "count",
    [BYTES] = "bytes", [SPACE] = "space", [DROP] = drop_frames
};

struct mapping {
    uintptr_t begin, end;
};

enum { MAPPINGS_MOST = 4096 };
struct writer {
    struct ml_sink sink;
    struct ml_addresses locations;
    struct mapping *mappings; /* in order of their addresses; numbered from 1 */
    unsigned mappings_count;
    uint64_t strings_count;
    int error;
};

/* ---- fields of the outermost message ----------------------------------------------------- */

static void put_bytes(struct writer *writer, unsigned field, const void *bytes, size_t count)
{
    uint8_t buffer[2 * ML_VARINT_MOST];
    struct ml_proto head;
    ml_proto_init(&head, buffer, sizeof(buffer));
    ml_proto_head(&head, field, count);
    ml_sink_put(&writer->sink, head.bytes, head.length);
    ml_sink_put(&writer->sink, bytes, count);
}

static void put_message(struct writer *writer, unsigned field, const struct ml_proto *message)
{
    put_bytes(writer, field, message->bytes, message->length);
}

static void put_number(struct writer *writer, unsigned field, uint64_t value)
{
    uint8_t buffer[2 * ML_VARINT_MOST];
    struct ml_proto message;
    ml_proto_init(&message, buffer, sizeof(buffer));
    ml_proto_number(&message, field, value);
    ml_sink_put(&writer->sink, message.bytes, message.length);
}

/* The new string's number. */
static uint64_t put_string(struct writer *writer, const char *string, size_t length)
{
    put_bytes(writer, PROFILE_STRING, string, length);
    return writer->strings_count++;
}

static void put_type(struct writer *writer, unsigned field, enum string type, enum string unit)
{
    uint8_t buffer[4 * ML_VARINT_MOST];
    struct ml_proto message;
    ml_proto_init(&message, buffer, sizeof(buffer));
    ml_proto_number(&message, TYPE_TYPE, type);
    ml_proto_number(&message, TYPE_UNIT, unit);
    put_message(writer, field, &message);
}

static void put_head(struct writer *writer, const char *comment)
{
    for (unsigned i = 0; i < STRINGS; i++) {
        const char *string = i == COMMENT ? comment : strings[i];
        put_string(writer, string, strlen(string));
    }
    put_type(writer, PROFILE_SAMPLE_TYPE, ALLOC_OBJECTS, COUNT);
    put_type(writer, PROFILE_SAMPLE_TYPE, ALLOC_SPACE, BYTES);
    put_type(writer, PROFILE_SAMPLE_TYPE, INUSE_OBJECTS, COUNT);
    put_type(writer, PROFILE_SAMPLE_TYPE, INUSE_SPACE, BYTES);
    put_type(writer, PROFILE_PERIOD_TYPE, SPACE, BYTES);
    put_number(writer, PROFILE_PERIOD, ml_sample_rate());
    put_number(writer, PROFILE_TIME, ml_os_realtime_ns());
    put_number(writer, PROFILE_DROP_FRAMES, DROP);
    put_number(writer, PROFILE_COMMENT, COMMENT);
    put_number(writer, PROFILE_DEFAULT_TYPE, INUSE_SPACE);
}

/* ---- mappings ------------------------------------------------------------------------------ */

static void put_mapping(const char *line, size_t length, void *argument)
{
    struct writer *writer = argument;
    struct ml_os_mapping mapping;
    uint8_t buffer[12 * ML_VARINT_MOST], id[ML_OS_BUILD_ID_MOST];
    char hex[2 * ML_OS_BUILD_ID_MOST];
    struct ml_proto message;
    ml_os_parse_mapping(line, length, &mapping);
    if (mapping.name_length == 0 || writer->mappings_count == MAPPINGS_MOST)
        return;
    size_t id_bytes = ml_os_build_id(mapping.begin, id);
    for (size_t i = 0; i < 2 * id_bytes; i++)
        hex[i] = "0123456789abcdef"[i % 2 == 0 ? id[i / 2] >> 4 : id[i / 2] & 15];
    writer->mappings[writer->mappings_count++] = (struct mapping){ mapping.begin, mapping.end };
    ml_proto_init(&message, buffer, sizeof(buffer));
    ml_proto_number(&message, MAPPING_ID, writer->mappings_count);
    ml_proto_number(&message, MAPPING_START, mapping.begin);
    ml_proto_number(&message, MAPPING_LIMIT, mapping.end);
    ml_proto_number(&message, MAPPING_OFFSET, mapping.offset);
    ml_proto_number(&message, MAPPING_FILE,
                    put_string(writer, mapping.name, mapping.name_length));
    if (id_bytes != 0)
        ml_proto_number(&message, MAPPING_BUILD_ID, put_string(writer, hex, 2 * id_bytes));
    put_message(writer, PROFILE_MAPPING, &message);
}

/* The system lists them in order. 0: in none. */
static unsigned mapping_of(const struct writer *writer, uintptr_t address)
{
    unsigned low = 0, high = writer->mappings_count;
    while (low < high) {
        unsigned middle = (low + high) / 2;
        if (writer->mappings[middle].end <= address)
            low = middle + 1;
        else
            high = middle;
    }
    bool in = low < writer->mappings_count && writer->mappings[low].begin <= address;
    return in ? low + 1 : 0;
}

/* ---- samples ------------------------------------------------------------------------------ */

static void need_location(struct writer *writer, uintptr_t address)
{
    uint8_t buffer[6 * ML_VARINT_MOST];
    struct ml_proto message;
    int is_new = ml_addresses_add(&writer->locations, address);
    if (is_new < 0)
        writer->error = is_new;
    if (is_new <= 0)
        return;
    ml_proto_init(&message, buffer, sizeof(buffer));
    ml_proto_number(&message, LOCATION_ID, address);
    ml_proto_number(&message, LOCATION_MAPPING, mapping_of(writer, address));
    ml_proto_number(&message, LOCATION_ADDRESS, address);
    put_message(writer, PROFILE_LOCATION, &message);
}

/* So many samples of so many bytes together stand for that many of each. */
static void scale(uint64_t *objects, uint64_t *bytes)
{
    uint64_t rate = ml_sample_rate();
    if (*objects == 0 || rate <= 1)
        return;
    double average = (double)*bytes / (double)*objects;
    double factor = 1 / ml_chance_within(average / (double)rate);
    *objects = (uint64_t)((double)*objects * factor + 0.5);
    *bytes = (uint64_t)((double)*bytes * factor + 0.5);
}

static void put_label(struct ml_proto *sample, uint64_t bytes)
{
    uint8_t buffer[4 * ML_VARINT_MOST];
    struct ml_proto label;
    ml_proto_init(&label, buffer, sizeof(buffer));
    ml_proto_number(&label, LABEL_KEY, BYTES);
    ml_proto_number(&label, LABEL_NUMBER, bytes);
    ml_proto_bytes(sample, SAMPLE_LABEL, label.bytes, label.length);
}

static void put_sample(struct writer *writer, const struct ml_bucket *bucket)
{
    uint8_t buffer[(ML_STACK_MOST + 16) * ML_VARINT_MOST];
    uint64_t locations[ML_STACK_MOST];
    struct ml_proto message;
    struct ml_bucket_counts counts = ml_bucket_read(bucket);
    if (counts.allocs == 0)
        return;
    uint64_t live = counts.allocs - counts.frees, live_bytes = counts.alloc_bytes - counts.free_bytes;
    uint64_t average = counts.alloc_bytes / counts.allocs;
    scale(&counts.allocs, &counts.alloc_bytes);
    scale(&live, &live_bytes);
    for (unsigned i = 0; i < bucket->depth; i++) {
        locations[i] = bucket->pcs[i] - 1;
        need_location(writer, locations[i]);
    }
    uint64_t values[] = { counts.allocs, counts.alloc_bytes, live, live_bytes };
    ml_proto_init(&message, buffer, sizeof(buffer));
    ml_proto_packed(&message, SAMPLE_LOCATION, locations, bucket->depth);
    ml_proto_packed(&message, SAMPLE_VALUE, values, sizeof(values) / sizeof(values[0]));
    put_label(&message, average);
    put_message(writer, PROFILE_SAMPLE, &message);
}

int ml_pprof_write(int fd, const char *comment)
{
    const size_t MAPPINGS_BYTES = MAPPINGS_MOST * sizeof(struct mapping);
    struct writer writer = { .mappings = ml_scratch_take(MAPPINGS_BYTES) };
    int error = writer.mappings == NULL ? -ENOMEM : ml_sink_begin(&writer.sink, fd, true);
    if (error == 0) {
        put_head(&writer, comment);
        error = ml_os_each_code_mapping(put_mapping, &writer);
        for (const struct ml_bucket *at = ml_bucket_first(); at != NULL; at = at->next)
            put_sample(&writer, at);
        int written = ml_sink_end(&writer.sink);
        error = written != 0 ? written : error != 0 ? error : writer.error;
        ml_addresses_drop(&writer.locations);
    }
    ml_scratch_give(writer.mappings, MAPPINGS_BYTES);
    return error;
}
