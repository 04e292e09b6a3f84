/* SPDX-License-Identifier: MIT */
#include "http/symbolz.h"

#include <inttypes.h>

static int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 'a' ^ 'A';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool ml_symbolz_next(const char **at, const char *end, uint64_t *address)
{
    enum { DIGITS_MOST = 16, BITS = 4 };
    const char *from = *at;
    while (end - from > 2) {
        if (from[0] != '0' || (from[1] | ('x' ^ 'X')) != 'x') {
            from++;
            continue;
        }
        unsigned digits = 0;
        *address = 0;
        for (from += 2; from < end && digit(*from) >= 0; from++, digits++)
            *address = *address << BITS | (uint64_t)digit(*from);
        if (digits == 0 || digits > DIGITS_MOST)
            continue;
        *at = from;
        return true;
    }
    *at = end;
    return false;
}

/* ---- the answer --------------------------------------------------------------------------- */

struct found {
    struct ml_buffer *buffer;
    uint64_t address;
};

static void take(const struct ml_name *name, void *argument)
{
    struct found *found = argument;
    if (name->function == NULL)
        return;
    ml_buffer_printf(found->buffer, "0x%" PRIx64 " ", found->address);
    for (const char *c = name->function; *c != '\0'; c++)
        ml_buffer_put(found->buffer, (unsigned char)*c < ' ' ? "?" : c, 1);
    ml_buffer_string(found->buffer, "\n");
}

void ml_symbolz_write(const char *query, size_t length, const struct ml_namer *namer,
                      struct ml_buffer *buffer)
{
    const char *at = query, *end = query + length;
    struct found found = { .buffer = buffer };
    ml_buffer_string(buffer, "num_symbols: 1\n");
    while (ml_symbolz_next(&at, end, &found.address))
        namer->each(namer->context, (uintptr_t)found.address, take, &found);
}
