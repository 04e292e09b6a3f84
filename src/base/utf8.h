/* SPDX-License-Identifier: MIT */
/* utf8.h - where a character ends, in bytes that may be anything. Pure. */
#ifndef ML_BASE_UTF8_H
#define ML_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of the character at `text`, of which `left` are there (1 or more); 0: it is none in UTF-8. */
static inline size_t ml_utf8_bytes(const char *text, size_t left)
{
    static const struct {
        unsigned char mask, lead;
        uint32_t least;
    } forms[] = { { 0x80, 0x00, 0 }, { 0xe0, 0xc0, 0x80 }, { 0xf0, 0xe0, 0x800 }, { 0xf8, 0xf0, 0x10000 } };
    const unsigned char *at = (const unsigned char *)text;
    for (size_t bytes = 1; bytes <= 4; bytes++) {
        if ((*at & forms[bytes - 1].mask) != forms[bytes - 1].lead)
            continue;
        uint32_t code = *at & (unsigned char)~forms[bytes - 1].mask;
        for (size_t i = 1; i < bytes; i++) {
            if (i >= left || (at[i] & 0xc0) != 0x80)
                return 0;
            code = code << 6 | (at[i] & 0x3f);
        }
        bool is_surrogate = code >= 0xd800 && code <= 0xdfff;
        return code < forms[bytes - 1].least || code > 0x10ffff || is_surrogate ? 0 : bytes;
    }
    return 0;
}

/* Of a good character of as many bytes. */
static inline uint32_t ml_utf8_code(const char *text, size_t bytes)
{
    uint32_t code = (unsigned char)*text & (0xffu >> (bytes == 1 ? 1 : bytes + 1));
    for (size_t i = 1; i < bytes; i++)
        code = code << 6 | ((unsigned char)text[i] & 0x3f);
    return code;
}

/* Whether the character, of as many bytes, is one that terminals obey: also those of U+0080 to
 * U+009F, of which U+009B begins what Escape and [ begin, and those that turn the direction of what
 * comes after them, or begin a line. */
static inline bool ml_utf8_is_control(const char *text, size_t bytes)
{
    uint32_t code = ml_utf8_code(text, bytes);
    return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x061c || code == 0x200e ||
           code == 0x200f || (code >= 0x2028 && code <= 0x202e) ||
           (code >= 0x2066 && code <= 0x2069);
}

#endif
