/* SPDX-License-Identifier: MIT */
#include "profile/encoder.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "profile/proto.h"

/* Numbers of fields, as profile.proto has them. */
enum profile_field {
    PROFILE_SAMPLE_TYPE = 1,
    PROFILE_SAMPLE = 2,
    PROFILE_MAPPING = 3,
    PROFILE_LOCATION = 4,
    PROFILE_STRING = 6,
    PROFILE_DROP_FRAMES = 7,
    PROFILE_TIME = 9,
    PROFILE_DURATION = 10,
    PROFILE_PERIOD_TYPE = 11,
    PROFILE_PERIOD = 12,
    PROFILE_COMMENT = 13,
    PROFILE_DEFAULT_TYPE = 14
};
enum { TYPE_TYPE = 1, TYPE_UNIT = 2 };
enum { SAMPLE_LOCATION = 1, SAMPLE_VALUE = 2, SAMPLE_LABEL = 3 };
enum { LABEL_KEY = 1, LABEL_NUMBER = 3 };
enum {
    MAPPING_ID = 1,
    MAPPING_START,
    MAPPING_LIMIT,
    MAPPING_OFFSET,
    MAPPING_FILE,
    MAPPING_BUILD_ID
};
enum { LOCATION_ID = 1, LOCATION_MAPPING = 2, LOCATION_ADDRESS = 3 };

/* The table of strings: those that are there each time, and behind them the mappings'. */
enum string {
    EMPTY, /* has to be the first */
    TYPES, /* of the values, in their order */
    COUNT = TYPES + ML_VALUES, BYTES, SPACE, DROP, COMMENT,
    STRINGS
};

/* What libraries have between a program's function and the heap; memlog leaves itself out. */
const char ml_encoder_drop_frames[] =
    "malloc|calloc|realloc|reallocarray|aligned_alloc|memalign|posix_memalign|valloc|pvalloc|"
    "operator new.*|_Zn[wa].*";

enum { MAPPINGS_MOST = 4096 };

/* ---- fields of the outermost message ----------------------------------------------------- */

static void put_bytes(struct ml_encoder *encoder, unsigned field, const void *bytes, size_t count)
{
    uint8_t buffer[2 * ML_VARINT_MOST];
    struct ml_proto head;
    ml_proto_init(&head, buffer, sizeof(buffer));
    ml_proto_head(&head, field, count);
    ml_out_put(encoder->out, head.bytes, head.length);
    ml_out_put(encoder->out, bytes, count);
}

static void put_message(struct ml_encoder *encoder, unsigned field, const struct ml_proto *message)
{
    put_bytes(encoder, field, message->bytes, message->length);
}

static void put_number(struct ml_encoder *encoder, unsigned field, uint64_t value)
{
    uint8_t buffer[2 * ML_VARINT_MOST];
    struct ml_proto message;
    ml_proto_init(&message, buffer, sizeof(buffer));
    ml_proto_number(&message, field, value);
    ml_out_put(encoder->out, message.bytes, message.length);
}

/* The new string's number. */
static uint64_t put_string(struct ml_encoder *encoder, const char *string, size_t length)
{
    put_bytes(encoder, PROFILE_STRING, string, length);
    return encoder->strings_count++;
}

static void put_type(struct ml_encoder *encoder, unsigned field, uint64_t type, enum string unit)
{
    uint8_t buffer[4 * ML_VARINT_MOST];
    struct ml_proto message;
    ml_proto_init(&message, buffer, sizeof(buffer));
    ml_proto_number(&message, TYPE_TYPE, type);
    ml_proto_number(&message, TYPE_UNIT, unit);
    put_message(encoder, field, &message);
}

static const char *string_of(unsigned number, const char *comment)
{
    switch (number) {
    case EMPTY: return "";
    case COUNT: return "count";
    case BYTES: return "bytes";
    case SPACE: return "space";
    case DROP: return ml_encoder_drop_frames;
    case COMMENT: return comment;
    default: return ml_value_names[number - TYPES];
    }
}

static void put_head(struct ml_encoder *encoder, const struct ml_encoder_head *head)
{
    for (unsigned i = 0; i < STRINGS; i++) {
        const char *string = string_of(i, head->comment);
        put_string(encoder, string, strlen(string));
    }
    for (unsigned i = 0; i < ML_VALUES; i++) {
        bool is_space = i == ML_ALLOC_SPACE || i == ML_INUSE_SPACE;
        put_type(encoder, PROFILE_SAMPLE_TYPE, TYPES + i, is_space ? BYTES : COUNT);
    }
    put_type(encoder, PROFILE_PERIOD_TYPE, SPACE, BYTES);
    put_number(encoder, PROFILE_PERIOD, head->rate);
    put_number(encoder, PROFILE_TIME, head->time_ns);
    put_number(encoder, PROFILE_DURATION, head->duration_ns);
    put_number(encoder, PROFILE_DROP_FRAMES, DROP);
    put_number(encoder, PROFILE_COMMENT, COMMENT);
    put_number(encoder, PROFILE_DEFAULT_TYPE, TYPES + head->default_type);
}

/* ---- mappings ------------------------------------------------------------------------------ */

static void put_mapping(struct ml_encoder *encoder, unsigned number,
                        const struct ml_encoder_mapping *mapping)
{
    uint8_t buffer[12 * ML_VARINT_MOST];
    struct ml_proto message;
    ml_proto_init(&message, buffer, sizeof(buffer));
    ml_proto_number(&message, MAPPING_ID, number);
    ml_proto_number(&message, MAPPING_START, mapping->begin);
    ml_proto_number(&message, MAPPING_LIMIT, mapping->end);
    ml_proto_number(&message, MAPPING_OFFSET, mapping->offset);
    ml_proto_number(&message, MAPPING_FILE,
                    put_string(encoder, mapping->name, mapping->name_length));
    if (mapping->build_id_length != 0)
        ml_proto_number(&message, MAPPING_BUILD_ID,
                        put_string(encoder, mapping->build_id, mapping->build_id_length));
    put_message(encoder, PROFILE_MAPPING, &message);
}

void ml_encoder_mapping(struct ml_encoder *encoder, const struct ml_encoder_mapping *mapping)
{
    if (encoder->mappings_count == MAPPINGS_MOST)
        return;
    encoder->mappings[encoder->mappings_count++] =
        (struct ml_encoder_range){ mapping->begin, mapping->end };
    put_mapping(encoder, encoder->mappings_count, mapping);
}

/* By its brackets readers know that there is no such file. */
static unsigned need_unknown(struct ml_encoder *encoder)
{
    static const char name[] = "[unknown]";
    const struct ml_encoder_mapping all = { .end = UINTPTR_MAX >> 1, .name = name,
                                            .name_length = sizeof(name) - 1 };
    if (encoder->unknown == 0) {
        encoder->unknown = encoder->mappings_count + 1;
        put_mapping(encoder, encoder->unknown, &all);
    }
    return encoder->unknown;
}

static unsigned mapping_of(struct ml_encoder *encoder, uintptr_t address)
{
    unsigned low = 0, high = encoder->mappings_count;
    while (low < high) {
        unsigned middle = (low + high) / 2;
        if (encoder->mappings[middle].end <= address)
            low = middle + 1;
        else
            high = middle;
    }
    bool in = low < encoder->mappings_count && encoder->mappings[low].begin <= address;
    return in ? low + 1 : need_unknown(encoder);
}

/* ---- samples ------------------------------------------------------------------------------ */

static void need_location(struct ml_encoder *encoder, uintptr_t address)
{
    uint8_t buffer[6 * ML_VARINT_MOST];
    struct ml_proto message;
    int is_new = ml_addresses_add(&encoder->locations, encoder->out, address);
    if (is_new < 0)
        encoder->error = is_new;
    if (is_new <= 0)
        return;
    ml_proto_init(&message, buffer, sizeof(buffer));
    ml_proto_number(&message, LOCATION_ID, address);
    ml_proto_number(&message, LOCATION_MAPPING, mapping_of(encoder, address));
    ml_proto_number(&message, LOCATION_ADDRESS, address);
    put_message(encoder, PROFILE_LOCATION, &message);
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

void ml_encoder_sample(struct ml_encoder *encoder, const uintptr_t *pcs, unsigned depth,
                       const int64_t values[ML_VALUES], uint64_t object_bytes)
{
    uint8_t buffer[(ML_STACK_MOST + 16) * ML_VARINT_MOST];
    uint64_t locations[ML_STACK_MOST], numbers[ML_VALUES];
    struct ml_proto message;
    for (unsigned i = 0; i < depth; i++) {
        locations[i] = pcs[i] <= 1 ? 1 : pcs[i] - 1; /* 0 is no number of a location */
        need_location(encoder, locations[i]);
    }
    for (unsigned i = 0; i < ML_VALUES; i++)
        numbers[i] = (uint64_t)values[i];
    ml_proto_init(&message, buffer, sizeof(buffer));
    ml_proto_packed(&message, SAMPLE_LOCATION, locations, depth);
    ml_proto_packed(&message, SAMPLE_VALUE, numbers, ML_VALUES);
    put_label(&message, object_bytes);
    put_message(encoder, PROFILE_SAMPLE, &message);
}

/* ---- all of it ---------------------------------------------------------------------------- */

static const size_t MAPPINGS_BYTES = MAPPINGS_MOST * sizeof(struct ml_encoder_range);

int ml_encoder_begin(struct ml_encoder *encoder, const struct ml_out *out,
                     const struct ml_encoder_head *head)
{
    *encoder = (struct ml_encoder){ .out = out, .mappings = out->take(MAPPINGS_BYTES) };
    if (encoder->mappings == NULL)
        return -ENOMEM;
    put_head(encoder, head);
    return 0;
}

int ml_encoder_end(struct ml_encoder *encoder)
{
    ml_addresses_drop(&encoder->locations, encoder->out);
    encoder->out->give(encoder->mappings, MAPPINGS_BYTES);
    return encoder->error;
}
