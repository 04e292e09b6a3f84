/* SPDX-License-Identifier: MIT */
#include "profile/proto.h"

#include <string.h>

enum { WIRE_VARINT = 0, WIRE_BYTES = 2, WIRE_BITS = 3 };

void ml_proto_init(struct ml_proto *proto, uint8_t *buffer, size_t capacity)
{
    *proto = (struct ml_proto){ .bytes = buffer, .capacity = capacity };
}

static void put(struct ml_proto *proto, const void *bytes, size_t count)
{
    if (count > proto->capacity - proto->length) {
        proto->is_cut = true;
        return;
    }
    memcpy(proto->bytes + proto->length, bytes, count);
    proto->length += count;
}

static size_t encode(uint64_t value, uint8_t varint[ML_VARINT_MOST])
{
    size_t count = 0;
    for (; value >= 0x80; value >>= 7)
        varint[count++] = (uint8_t)(value | 0x80);
    varint[count++] = (uint8_t)value;
    return count;
}

static void put_varint(struct ml_proto *proto, uint64_t value)
{
    uint8_t varint[ML_VARINT_MOST];
    put(proto, varint, encode(value, varint));
}

void ml_proto_number(struct ml_proto *proto, unsigned field, uint64_t value)
{
    if (value == 0)
        return;
    put_varint(proto, (uint64_t)field << WIRE_BITS | WIRE_VARINT);
    put_varint(proto, value);
}

void ml_proto_head(struct ml_proto *proto, unsigned field, size_t count)
{
    put_varint(proto, (uint64_t)field << WIRE_BITS | WIRE_BYTES);
    put_varint(proto, count);
}

void ml_proto_bytes(struct ml_proto *proto, unsigned field, const void *bytes, size_t count)
{
    ml_proto_head(proto, field, count);
    put(proto, bytes, count);
}

void ml_proto_packed(struct ml_proto *proto, unsigned field, const uint64_t *values, size_t count)
{
    uint8_t varint[ML_VARINT_MOST];
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++)
        bytes += encode(values[i], varint);
    ml_proto_head(proto, field, bytes);
    for (size_t i = 0; i < count; i++)
        put_varint(proto, values[i]);
}
