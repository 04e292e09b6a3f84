/* SPDX-License-Identifier: MIT */
#include "http/buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/utf8.h"

/* Room for so many more, and a NUL. */
static bool need(struct ml_buffer *buffer, size_t count)
{
    enum { FIRST = 4096 };
    size_t wanted = buffer->length + count + 1;
    if (wanted <= buffer->capacity)
        return !buffer->failed;
    size_t capacity = buffer->capacity < FIRST ? FIRST : buffer->capacity * 2;
    if (capacity < wanted)
        capacity = wanted;
    char *larger = buffer->failed ? NULL : realloc(buffer->bytes, capacity);
    if (larger == NULL) {
        buffer->failed = true;
        return false;
    }
    buffer->bytes = larger;
    buffer->capacity = capacity;
    return true;
}

void ml_buffer_put(struct ml_buffer *buffer, const void *bytes, size_t count)
{
    if (!need(buffer, count))
        return;
    memcpy(buffer->bytes + buffer->length, bytes, count);
    buffer->length += count;
    buffer->bytes[buffer->length] = '\0';
}

void ml_buffer_string(struct ml_buffer *buffer, const char *string)
{
    ml_buffer_put(buffer, string, strlen(string));
}

void ml_buffer_printf(struct ml_buffer *buffer, const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    if (length >= 0 && need(buffer, (size_t)length)) {
        vsnprintf(buffer->bytes + buffer->length, (size_t)length + 1, format, again);
        buffer->length += (size_t)length;
    }
    va_end(again);
    va_end(arguments);
}

void ml_buffer_text(struct ml_buffer *buffer, void (*write)(struct ml_text *text, void *argument),
                    void *argument)
{
    size_t length = 1024;
    bool fits = false;
    while (!fits && need(buffer, length)) {
        struct ml_text text;
        size_t room = buffer->capacity - buffer->length;
        ml_text_init(&text, buffer->bytes + buffer->length, room);
        write(&text, argument);
        length = ml_text_finish(&text);
        fits = length < room;
    }
    if (fits)
        buffer->length += length;
}

/* ---- JSON ------------------------------------------------------------------------------ */

/* As Go's encoder: what means something in HTML is escaped, too. */
void ml_buffer_json(struct ml_buffer *buffer, const char *string, size_t length)
{
    const unsigned char *at = (const unsigned char *)string, *end = at + length;
    ml_buffer_put(buffer, "\"", 1);
    while (at < end) {
        size_t bytes = ml_utf8_bytes((const char *)at, (size_t)(end - at));
        bool is_separator = bytes == 3 && at[0] == 0xe2 && at[1] == 0x80 && (at[2] & 0xfe) == 0xa8;
        if (bytes == 0)
            ml_buffer_string(buffer, "\\ufffd");
        else if (*at == '"' || *at == '\\')
            ml_buffer_printf(buffer, "\\%c", *at);
        else if (*at == '\n' || *at == '\r' || *at == '\t')
            ml_buffer_string(buffer, *at == '\n' ? "\\n" : *at == '\r' ? "\\r" : "\\t");
        else if (*at < 0x20 || *at == '<' || *at == '>' || *at == '&')
            ml_buffer_printf(buffer, "\\u%04x", *at);
        else if (is_separator)
            ml_buffer_printf(buffer, "\\u202%x", at[2] & 0xf);
        else
            ml_buffer_put(buffer, at, bytes);
        at += bytes == 0 ? 1 : bytes;
    }
    ml_buffer_put(buffer, "\"", 1);
}

/* ---- gzip ------------------------------------------------------------------------------ */

bool ml_buffer_gzip(struct ml_buffer *buffer)
{
    enum { GZIP = 16, FAST = 1, MEMORY = 8 };
    z_stream stream = { 0 };
    if (buffer->failed ||
        deflateInit2(&stream, FAST, Z_DEFLATED, MAX_WBITS + GZIP, MEMORY, Z_DEFAULT_STRATEGY) != Z_OK)
        return false;
    size_t capacity = deflateBound(&stream, buffer->length);
    char *packed = malloc(capacity);
    int result = Z_MEM_ERROR;
    if (packed != NULL) {
        stream.next_in = (Bytef *)buffer->bytes;
        stream.avail_in = (uInt)buffer->length;
        stream.next_out = (Bytef *)packed;
        stream.avail_out = (uInt)capacity;
        result = deflate(&stream, Z_FINISH);
    }
    size_t length = stream.total_out;
    deflateEnd(&stream);
    if (result != Z_STREAM_END) {
        free(packed);
        return false;
    }
    free(buffer->bytes);
    *buffer = (struct ml_buffer){ .bytes = packed, .length = length, .capacity = capacity };
    return true;
}

void ml_buffer_free(struct ml_buffer *buffer)
{
    free(buffer->bytes);
    *buffer = (struct ml_buffer){ 0 };
}
