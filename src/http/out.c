/* SPDX-License-Identifier: MIT */
#include "http/out.h"

#include <stdlib.h>

static void put(void *buffer, const void *bytes, size_t count)
{
    ml_buffer_put(buffer, bytes, count);
}

static void *take(size_t bytes) { return calloc(1, bytes); }

static void give(void *memory, size_t bytes)
{
    (void)bytes;
    free(memory);
}

struct ml_out ml_buffer_out(struct ml_buffer *buffer)
{
    return (struct ml_out){ buffer, put, take, give };
}
