/* SPDX-License-Identifier: MIT */
/* sink.h - bytes on their way into a descriptor: gathered, and, if wanted, in the frame of
 * a gzip file (RFC 1952) whose blocks are stored as they are (RFC 1951, 3.2.4). Readers
 * want the frame; to compress is what their tools are for.
 */
#ifndef ML_PROFILE_SINK_H
#define ML_PROFILE_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "profile/out.h"

struct ml_sink {
    int fd;
    int error; /* the first: -errno; nothing is written any more */
    bool gzip;
    uint32_t crc, length; /* of what the frame holds */
    size_t used;
    char *buffer;
};

/* 0, or -ENOMEM. The calling thread has its cache. */
int ml_sink_begin(struct ml_sink *sink, int fd, bool gzip);
void ml_sink_put(struct ml_sink *sink, const void *bytes, size_t count);
/* Whatever is left. 0, or what went wrong first. */
int ml_sink_end(struct ml_sink *sink);

/* The same as others see it, who put and need memory. */
struct ml_out ml_sink_out(struct ml_sink *sink);

/* The CRC of RFC 1952 of what `crc` (0: nothing) is that of, and these bytes behind it. */
uint32_t ml_crc32(uint32_t crc, const void *bytes, size_t count);

/* Memory to write with, booked with the profile's: zero, or NULL. */
void *ml_scratch_take(size_t bytes);
void ml_scratch_give(void *scratch, size_t bytes);

#endif
