/* SPDX-License-Identifier: MIT */
#include "profile/sink.h"

#include <errno.h>
#include <string.h>

#include "base/bits.h"
#include "heap/metadata.h"
#include "heap/threadcache.h"
#include "os/process.h"

enum { BUFFER_BYTES = 1 << 15, BLOCK_HEAD = 5, ROOM = BUFFER_BYTES - BLOCK_HEAD };
_Static_assert(ROOM <= UINT16_MAX, "a stored block's length has 16 bits");

/* The pool's lock is taken inside the heap, where nobody stops the thread. */
void *ml_scratch_take(size_t bytes)
{
    ml_heap_enter(ml_thread_self);
    void *scratch = ml_metadata_alloc(ML_POOL_PROFILE, bytes);
    ml_heap_leave(ml_thread_self);
    return scratch;
}

void ml_scratch_give(void *scratch, size_t bytes)
{
    ml_heap_enter(ml_thread_self);
    ml_metadata_free(ML_POOL_PROFILE, scratch, bytes);
    ml_heap_leave(ml_thread_self);
}

/* Four bits at a time: a table of 16 is enough for what is no more than some MiB. */
uint32_t ml_crc32(uint32_t crc, const void *bytes, size_t count)
{
    static const uint32_t by_nibble[16] = {
        0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4,
        0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
        0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
    };
    const uint8_t *at = bytes;
    crc = ~crc;
    for (size_t i = 0; i < count; i++) {
        crc ^= at[i];
        crc = crc >> 4 ^ by_nibble[crc & 15];
        crc = crc >> 4 ^ by_nibble[crc & 15];
    }
    return ~crc;
}

static void write_out(struct ml_sink *sink, const void *bytes, size_t count)
{
    if (sink->error == 0 && count != 0)
        sink->error = ml_os_write_all(sink->fd, bytes, count);
}

/* The buffer begins with room for the head of its block. */
static void flush(struct ml_sink *sink, bool last)
{
    uint8_t *head = (uint8_t *)sink->buffer;
    if (!sink->gzip) {
        write_out(sink, sink->buffer + BLOCK_HEAD, sink->used);
    } else {
        uint16_t length = (uint16_t)sink->used, inverse = (uint16_t)~length;
        head[0] = last; /* stored */
        memcpy(head + 1, &length, sizeof(length));
        memcpy(head + 3, &inverse, sizeof(inverse));
        write_out(sink, head, BLOCK_HEAD + sink->used);
    }
    sink->used = 0;
}

int ml_sink_begin(struct ml_sink *sink, int fd, bool gzip)
{
    static const uint8_t head[10] = { 0x1f, 0x8b, 8, [9] = 255 }; /* no time, system unknown */
    *sink = (struct ml_sink){ .fd = fd, .gzip = gzip, .buffer = ml_scratch_take(BUFFER_BYTES) };
    if (sink->buffer == NULL)
        return -ENOMEM;
    if (gzip)
        write_out(sink, head, sizeof(head));
    return 0;
}

void ml_sink_put(struct ml_sink *sink, const void *bytes, size_t count)
{
    const char *at = bytes;
    if (sink->gzip)
        sink->crc = ml_crc32(sink->crc, bytes, count);
    sink->length += (uint32_t)count;
    while (count != 0) {
        size_t some = ml_min(count, ROOM - sink->used);
        memcpy(sink->buffer + BLOCK_HEAD + sink->used, at, some);
        sink->used += some;
        at += some;
        count -= some;
        if (sink->used == ROOM)
            flush(sink, false);
    }
}

static void put_from_others(void *sink, const void *bytes, size_t count)
{
    ml_sink_put(sink, bytes, count);
}

struct ml_out ml_sink_out(struct ml_sink *sink)
{
    return (struct ml_out){ sink, put_from_others, ml_scratch_take, ml_scratch_give };
}

int ml_sink_end(struct ml_sink *sink)
{
    flush(sink, true);
    if (sink->gzip) {
        uint32_t trailer[2] = { sink->crc, sink->length };
        write_out(sink, trailer, sizeof(trailer));
    }
    ml_scratch_give(sink->buffer, BUFFER_BYTES);
    return sink->error;
}
