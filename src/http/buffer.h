/* SPDX-License-Identifier: MIT */
/* buffer.h - bytes that grow as they are written: what becomes a page. Memory is the C library's;
 * where there is none `failed` says so, once, at the end.
 */
#ifndef ML_HTTP_BUFFER_H
#define ML_HTTP_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/format.h"

struct ml_buffer {
    char *bytes;
    size_t length, capacity;
    bool failed; /* no memory: what is in it is not all */
};

/* A buffer begins as all zeros. */
void ml_buffer_put(struct ml_buffer *buffer, const void *bytes, size_t count);
void ml_buffer_string(struct ml_buffer *buffer, const char *string);
void ml_buffer_printf(struct ml_buffer *buffer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* What write(text, argument) writes, of any length: it is called once or twice. */
void ml_buffer_text(struct ml_buffer *buffer, void (*write)(struct ml_text *text, void *argument),
                    void *argument);
/* As a JSON string, with its quotes; what is no UTF-8 becomes U+FFFD. */
void ml_buffer_json(struct ml_buffer *buffer, const char *string, size_t length);
/* All of it as a gzip file (zlib, the fast level). False, and nothing changed: no memory. */
bool ml_buffer_gzip(struct ml_buffer *buffer);
void ml_buffer_free(struct ml_buffer *buffer);

#endif
