/* SPDX-License-Identifier: MIT */
/* format.h - numbers and text into a caller's buffer.
 *
 * What snprintf does for others, without locale, without allocation, without
 * stdio: memlog writes lines while the program's own heap is in any state.
 * Pure; no state but the struct the caller holds.
 */
#ifndef ML_BASE_FORMAT_H
#define ML_BASE_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A text being built. `length` counts what the whole text has, also beyond
 * the buffer's end, so that the caller can tell that it was cut. */
struct ml_text {
    char *buffer;
    size_t capacity; /* bytes in buffer, the NUL included */
    size_t length;   /* of the whole text, without the NUL */
};

/* buffer may be NULL when capacity is 0: then the text is only measured. */
void ml_text_init(struct ml_text *text, char *buffer, size_t capacity);
void ml_text_char(struct ml_text *text, char c);
void ml_text_string(struct ml_text *text, const char *string);
void ml_text_bytes(struct ml_text *text, const char *bytes, size_t count);
void ml_text_u64(struct ml_text *text, uint64_t value);
void ml_text_i64(struct ml_text *text, int64_t value);
/* Decimal with leading zeros to at least width digits. */
void ml_text_u64_padded(struct ml_text *text, uint64_t value, unsigned width);
/* "0x7f12" */
void ml_text_hex(struct ml_text *text, uint64_t value);
/* The shortest decimal that reads back as value, styled as Go's encoding/json
 * does: plain from 1e-6 to below 1e21, else exponent form ("1e-7", "1e+21").
 * Not-a-number and infinities, which JSON has not, become 0. */
void ml_text_double_json(struct ml_text *text, double value);
/* The same digits in the style of Go's %v: exponent form below 1e-4 and from
 * 1e6 up, with two exponent digits at least ("1.5e-05"); NaN, +Inf, -Inf. */
void ml_text_double_go(struct ml_text *text, double value);
/* "2026-11-21T08:00:00Z" from seconds since 1970. */
void ml_text_utc(struct ml_text *text, int64_t seconds);
/* NUL-terminate (when capacity allows) and return the whole length. */
size_t ml_text_finish(struct ml_text *text);

/* "0x7f12" into a small buffer of the caller's; returns it. */
enum { ML_HEX_BYTES = 19 };
static inline const char *ml_hex(char buffer[ML_HEX_BYTES], uint64_t value)
{
    struct ml_text text;
    ml_text_init(&text, buffer, ML_HEX_BYTES);
    ml_text_hex(&text, value);
    ml_text_finish(&text);
    return buffer;
}

#endif
