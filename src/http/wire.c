/* SPDX-License-Identifier: MIT */
#include "http/wire.h"

#include <string.h>

enum { WIRE_VARINT, WIRE_8_BYTES, WIRE_BYTES, WIRE_4_BYTES = 5, WIRE_BITS = 3 };

bool ml_wire_varint(struct ml_wire *wire, uint64_t *value)
{
    enum { BITS = 7, BITS_MOST = 64 };
    unsigned shift = 0;
    *value = 0;
    for (; wire->at < wire->end && shift < BITS_MOST; shift += BITS) {
        uint8_t byte = *wire->at++;
        *value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return true;
    }
    wire->is_bad |= shift != 0; /* it begins, and does not end */
    return false;
}

static bool take_bytes(struct ml_wire *wire, size_t length, struct ml_wire_field *field)
{
    if (length > (size_t)(wire->end - wire->at)) {
        wire->is_bad = true;
        return false;
    }
    field->bytes = wire->at;
    field->length = length;
    wire->at += length;
    return true;
}

/* Least significant byte first, as this machine has them. */
static bool take_fixed(struct ml_wire *wire, size_t length, struct ml_wire_field *field)
{
    if (!take_bytes(wire, length, field))
        return false;
    memcpy(&field->value, field->bytes, length);
    return true;
}

bool ml_wire_next(struct ml_wire *wire, struct ml_wire_field *field)
{
    uint64_t head, length;
    *field = (struct ml_wire_field){ 0 };
    if (wire->is_bad || wire->at == wire->end || !ml_wire_varint(wire, &head))
        return false;
    field->number = head >> WIRE_BITS;
    switch (head & ((1 << WIRE_BITS) - 1)) {
    case WIRE_VARINT:
        if (ml_wire_varint(wire, &field->value))
            return true;
        break;
    case WIRE_8_BYTES: return take_fixed(wire, 8, field);
    case WIRE_4_BYTES: return take_fixed(wire, 4, field);
    case WIRE_BYTES:
        field->is_bytes = true;
        if (ml_wire_varint(wire, &length))
            return take_bytes(wire, length, field);
        break;
    default: break;
    }
    wire->is_bad = true;
    return false;
}
