/* SPDX-License-Identifier: MIT */
/* wire.h - the fields of a protocol buffers message that somebody else has written (profile/proto.h
 * writes ours). Pure; no byte outside of the message is looked at.
 */
#ifndef ML_HTTP_WIRE_H
#define ML_HTTP_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ml_wire {
    const uint8_t *at, *end;
    bool is_bad; /* it is cut, or no message */
};

/* One field: a number, or bytes (a string, a message, packed numbers). */
struct ml_wire_field {
    uint64_t number; /* which field */
    bool is_bytes;
    uint64_t value;
    const uint8_t *bytes;
    size_t length;
};

/* A number as it stands in the message, seven bits a byte. False: bad, or there is none left. */
bool ml_wire_varint(struct ml_wire *wire, uint64_t *value);
/* False: bad, or there is none left. */
bool ml_wire_next(struct ml_wire *wire, struct ml_wire_field *field);

static inline struct ml_wire ml_wire_of(const void *bytes, size_t length)
{
    return (struct ml_wire){ bytes, (const uint8_t *)bytes + length, false };
}

#endif
