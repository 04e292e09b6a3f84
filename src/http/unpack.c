/* SPDX-License-Identifier: MIT */
#include "http/unpack.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "http/wire.h"

/* Some hundred times what a large program's profile has. */
enum { BYTES_MOST = 256 << 20, OF_EACH_MOST = 1 << 23, STACKS_MOST = 1 << 27 };

/* Numbers of fields, as profile.proto has them. */
enum {
    TYPES = 1,
    SAMPLES,
    MAPPINGS,
    LOCATIONS,
    FUNCTIONS,
    STRINGS,
    DROP_FRAMES,
    DEFAULT_TYPE = 14
};

/* ---- bytes ---------------------------------------------------------------------------------- */

static int inflate_all(struct ml_unpacked *profile, const void *file, size_t length)
{
    enum { FIRST = 1 << 16, GZIP = 16 };
    z_stream stream = { .next_in = (Bytef *)file, .avail_in = (uInt)length };
    size_t room = 0;
    int result = inflateInit2(&stream, MAX_WBITS + GZIP) == Z_OK ? Z_OK : Z_MEM_ERROR;
    while (result == Z_OK && profile->length < BYTES_MOST) {
        if (profile->length == room) {
            room = room == 0 ? FIRST : room * 2;
            char *larger = realloc(profile->bytes, room);
            if (larger == NULL) {
                result = Z_MEM_ERROR;
                break;
            }
            profile->bytes = larger;
        }
        stream.next_out = (Bytef *)profile->bytes + profile->length;
        stream.avail_out = (uInt)(room - profile->length);
        result = inflate(&stream, Z_NO_FLUSH);
        profile->length = room - stream.avail_out;
    }
    (void)inflateEnd(&stream);
    return result == Z_STREAM_END  ? 0
           : result == Z_MEM_ERROR ? -ENOMEM
           : result == Z_OK        ? -EFBIG
                                   : -EBADMSG;
}

static int take_bytes(struct ml_unpacked *profile, const void *file, size_t length)
{
    if (length > BYTES_MOST)
        return -EFBIG;
    if (length >= 2 && memcmp(file, "\x1f\x8b", 2) == 0)
        return inflate_all(profile, file, length);
    profile->bytes = malloc(length + 1);
    if (profile->bytes == NULL)
        return -ENOMEM;
    memcpy(profile->bytes, file, length);
    profile->length = length;
    return 0;
}

/* ---- arrays --------------------------------------------------------------------------------- */

/* One more element of an array that has count: room doubles where count is a power of two.
 * NULL, and *error: there is none. */
static void *add(void *array, size_t *count, size_t most, size_t bytes, int *error)
{
    void *elements;
    memcpy(&elements, array, sizeof(elements));
    if (*count >= most) {
        *error = -EFBIG;
        return NULL;
    }
    if ((*count & (*count - 1)) == 0) {
        elements = realloc(elements, (*count == 0 ? 1 : *count * 2) * bytes);
        if (elements == NULL) {
            *error = -ENOMEM;
            return NULL;
        }
        memcpy(array, &elements, sizeof(elements));
    }
    void *element = (char *)elements + *count * bytes;
    memset(element, 0, bytes);
    ++*count;
    return element;
}

#define ADD(profile, array, most, error) \
    add(&(profile)->array, &(profile)->array##_count, most, sizeof(*(profile)->array), error)

/* Numbers that are there one by one, or packed. */
static int add_numbers(struct ml_unpacked *profile, const struct ml_wire_field *field,
                       int (*add_one)(struct ml_unpacked *profile, uint64_t number))
{
    struct ml_wire wire = ml_wire_of(field->bytes, field->length);
    uint64_t number;
    int error = 0;
    if (!field->is_bytes)
        return add_one(profile, field->value);
    while (error == 0 && ml_wire_varint(&wire, &number))
        error = add_one(profile, number);
    return wire.is_bad ? -EBADMSG : error;
}

static int add_to_stack(struct ml_unpacked *profile, uint64_t number)
{
    int error = 0;
    uint64_t *element = ADD(profile, stacks, STACKS_MOST, &error);
    if (element != NULL)
        *element = number;
    return error;
}

static int add_value(struct ml_unpacked *profile, uint64_t number)
{
    int error = 0;
    int64_t *element = ADD(profile, values, STACKS_MOST, &error);
    if (element != NULL)
        *element = (int64_t)number;
    return error;
}

/* ---- messages within ------------------------------------------------------------------------ */

static int take_type(struct ml_unpacked *profile, struct ml_wire wire)
{
    int error = 0;
    struct ml_wire_field field;
    struct ml_unpacked_type *type = ADD(profile, types, OF_EACH_MOST, &error);
    while (error == 0 && ml_wire_next(&wire, &field))
        switch (field.number) {
        case 1: type->type = field.value; break;
        case 2: type->unit = field.value; break;
        default: break;
        }
    return wire.is_bad ? -EBADMSG : error;
}

static int take_sample(struct ml_unpacked *profile, struct ml_wire wire)
{
    enum { LOCATION = 1, VALUE = 2 };
    int error = 0;
    struct ml_wire_field field;
    struct ml_unpacked_sample *sample = ADD(profile, samples, OF_EACH_MOST, &error);
    if (sample == NULL)
        return error;
    sample->first = profile->stacks_count;
    sample->values = profile->values_count;
    while (error == 0 && ml_wire_next(&wire, &field))
        if (field.number == LOCATION)
            error = add_numbers(profile, &field, add_to_stack);
        else if (field.number == VALUE)
            error = add_numbers(profile, &field, add_value);
    sample->depth = profile->stacks_count - sample->first;
    return wire.is_bad ? -EBADMSG : error;
}

static int take_mapping(struct ml_unpacked *profile, struct ml_wire wire)
{
    int error = 0;
    struct ml_wire_field field;
    struct ml_unpacked_mapping *mapping = ADD(profile, mappings, OF_EACH_MOST, &error);
    while (error == 0 && ml_wire_next(&wire, &field))
        switch (field.number) {
        case 1: mapping->id = field.value; break;
        case 2: mapping->begin = field.value; break;
        case 3: mapping->end = field.value; break;
        case 4: mapping->offset = field.value; break;
        case 5: mapping->file = field.value; break;
        case 6: mapping->build_id = field.value; break;
        default: break;
        }
    return wire.is_bad ? -EBADMSG : error;
}

static int take_line(struct ml_unpacked *profile, const struct ml_wire_field *line)
{
    enum { FUNCTION = 1 };
    struct ml_wire wire = ml_wire_of(line->bytes, line->length);
    struct ml_wire_field field;
    int error = 0;
    uint64_t *function = ADD(profile, lines, STACKS_MOST, &error);
    while (error == 0 && ml_wire_next(&wire, &field))
        if (field.number == FUNCTION)
            *function = field.value;
    return wire.is_bad ? -EBADMSG : error;
}

static int take_location(struct ml_unpacked *profile, struct ml_wire wire)
{
    enum { ID = 1, MAPPING, ADDRESS, LINE };
    int error = 0;
    struct ml_wire_field field;
    struct ml_unpacked_location *location = ADD(profile, locations, OF_EACH_MOST, &error);
    if (location == NULL)
        return error;
    location->first = profile->lines_count;
    while (error == 0 && ml_wire_next(&wire, &field))
        switch (field.number) {
        case ID: location->id = field.value; break;
        case MAPPING: location->mapping = field.value; break;
        case ADDRESS: location->address = field.value; break;
        case LINE: error = field.is_bytes ? take_line(profile, &field) : -EBADMSG; break;
        default: break;
        }
    location->lines = profile->lines_count - location->first;
    return wire.is_bad ? -EBADMSG : error;
}

static int take_function(struct ml_unpacked *profile, struct ml_wire wire)
{
    int error = 0;
    struct ml_wire_field field;
    struct ml_unpacked_function *function = ADD(profile, functions, OF_EACH_MOST, &error);
    while (error == 0 && ml_wire_next(&wire, &field))
        switch (field.number) {
        case 1: function->id = field.value; break;
        case 2: function->name = field.value; break;
        default: break;
        }
    return wire.is_bad ? -EBADMSG : error;
}

static int take_string(struct ml_unpacked *profile, const struct ml_wire_field *field)
{
    int error = 0;
    struct ml_unpacked_string *string = ADD(profile, strings, OF_EACH_MOST, &error);
    if (string != NULL)
        *string = (struct ml_unpacked_string){ (const char *)field->bytes, field->length };
    return error;
}

static int take_field(struct ml_unpacked *profile, const struct ml_wire_field *field)
{
    struct ml_wire within = ml_wire_of(field->bytes, field->length);
    bool is_message = field->number >= TYPES && field->number <= STRINGS;
    if (is_message && !field->is_bytes)
        return -EBADMSG;
    switch (field->number) {
    case TYPES: return take_type(profile, within);
    case SAMPLES: return take_sample(profile, within);
    case MAPPINGS: return take_mapping(profile, within);
    case LOCATIONS: return take_location(profile, within);
    case FUNCTIONS: return take_function(profile, within);
    case STRINGS: return take_string(profile, field);
    case DROP_FRAMES: profile->drop_frames = field->value; return 0;
    case DEFAULT_TYPE: profile->default_type = field->value; return 0;
    default: return 0;
    }
}

/* ---- what refers to what -------------------------------------------------------------------- */

/* All of these begin with their numbers. */
static int compare_ids(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return a < b ? -1 : a > b;
}

/* By their numbers, of which none is 0 and none is there twice. */
static bool sort(void *elements, size_t count, size_t bytes)
{
    if (count != 0)
        qsort(elements, count, bytes, compare_ids);
    for (size_t i = 0; i < count; i++) {
        const char *at = (const char *)elements + i * bytes;
        if (i == 0 ? *(const uint64_t *)at == 0 : compare_ids(at, at - bytes) == 0)
            return false;
    }
    return true;
}

/* A number becomes an index. */
static bool find(uint64_t *number, const void *elements, size_t count, size_t bytes)
{
    const char *found = count == 0 ? NULL : bsearch(number, elements, count, bytes, compare_ids);
    if (found == NULL)
        return false;
    *number = (size_t)(found - (const char *)elements) / bytes;
    return true;
}

static bool link_locations(struct ml_unpacked *profile)
{
    for (size_t i = 0; i < profile->locations_count; i++) {
        uint64_t *mapping = &profile->locations[i].mapping;
        if (*mapping == 0)
            continue;
        if (!find(mapping, profile->mappings, profile->mappings_count, sizeof(*profile->mappings)))
            return false;
        ++*mapping;
    }
    for (size_t i = 0; i < profile->lines_count; i++)
        if (!find(&profile->lines[i], profile->functions, profile->functions_count,
                  sizeof(*profile->functions)))
            return false;
    for (size_t i = 0; i < profile->stacks_count; i++)
        if (!find(&profile->stacks[i], profile->locations, profile->locations_count,
                  sizeof(*profile->locations)))
            return false;
    return true;
}

static bool has_strings(const struct ml_unpacked *profile)
{
    size_t count = profile->strings_count;
    bool are_there = count != 0 && profile->strings[0].length == 0 &&
                     profile->drop_frames < count && profile->default_type < count;
    for (size_t i = 0; i < profile->types_count; i++)
        are_there &= profile->types[i].type < count && profile->types[i].unit < count;
    for (size_t i = 0; i < profile->mappings_count; i++)
        are_there &= profile->mappings[i].file < count && profile->mappings[i].build_id < count;
    for (size_t i = 0; i < profile->functions_count; i++)
        are_there &= profile->functions[i].name < count;
    return are_there;
}

static bool has_values(const struct ml_unpacked *profile)
{
    for (size_t i = 0; i < profile->samples_count; i++) {
        size_t next = i + 1 < profile->samples_count ? profile->samples[i + 1].values
                                                     : profile->values_count;
        if (next - profile->samples[i].values != profile->types_count)
            return false;
    }
    return profile->types_count != 0;
}

static int link_up(struct ml_unpacked *profile)
{
    bool are_sorted =
        sort(profile->mappings, profile->mappings_count, sizeof(*profile->mappings)) &&
        sort(profile->functions, profile->functions_count, sizeof(*profile->functions)) &&
        sort(profile->locations, profile->locations_count, sizeof(*profile->locations));
    bool is_whole = are_sorted && has_strings(profile) && has_values(profile) &&
                    link_locations(profile);
    return is_whole ? 0 : -EBADMSG;
}

/* ---- all of it ------------------------------------------------------------------------------ */

int ml_unpack(struct ml_unpacked *profile, const void *file, size_t length)
{
    struct ml_wire_field field;
    *profile = (struct ml_unpacked){ 0 };
    int error = take_bytes(profile, file, length);
    struct ml_wire wire = ml_wire_of(profile->bytes, profile->length);
    while (error == 0 && ml_wire_next(&wire, &field))
        error = take_field(profile, &field);
    if (error == 0)
        error = wire.is_bad ? -EBADMSG : link_up(profile);
    if (error != 0)
        ml_unpacked_free(profile);
    return error;
}

void ml_unpacked_free(struct ml_unpacked *profile)
{
    free(profile->bytes);
    free(profile->strings);
    free(profile->types);
    free(profile->mappings);
    free(profile->functions);
    free(profile->locations);
    free(profile->lines);
    free(profile->samples);
    free(profile->stacks);
    free(profile->values);
    *profile = (struct ml_unpacked){ 0 };
}
