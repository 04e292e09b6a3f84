/* SPDX-License-Identifier: MIT */
/* proto.h - a protocol buffers message, built in a buffer of the caller's. Pure.
 *
 * A field is its number and the way it is written in one varint, then the value: a varint,
 * or a length and so many bytes. Numbers are written seven bits at a time, the low ones
 * first, each byte but the last with its top bit set.
 */
#ifndef ML_PROFILE_PROTO_H
#define ML_PROFILE_PROTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ML_VARINT_MOST = 10 };

struct ml_proto {
    uint8_t *bytes;
    size_t capacity;
    size_t length; /* what does not fit is left out, and is_cut */
    bool is_cut;
};

void ml_proto_init(struct ml_proto *proto, uint8_t *buffer, size_t capacity);
/* A number; 0 is what is not written, too. */
void ml_proto_number(struct ml_proto *proto, unsigned field, uint64_t value);
/* Text, bytes or a message. */
void ml_proto_bytes(struct ml_proto *proto, unsigned field, const void *bytes, size_t count);
/* Numbers in one field; with all zeros. */
void ml_proto_packed(struct ml_proto *proto, unsigned field, const uint64_t *values, size_t count);
/* What stands before bytes that are written elsewhere. */
void ml_proto_head(struct ml_proto *proto, unsigned field, size_t count);

#endif
