/* SPDX-License-Identifier: MIT */
/* unpack.h - a profile in pprof's form out of a file of anybody's: its samples, and where its
 * addresses are. The file may hold anything: whatever is not as it has to be makes it no
 * profile, and what it takes of memory is bounded by its size.
 */
#ifndef ML_HTTP_UNPACK_H
#define ML_HTTP_UNPACK_H

#include <stddef.h>
#include <stdint.h>

struct ml_unpacked {
    char *bytes; /* strings are in it */
    size_t length;

    struct ml_unpacked_string {
        const char *bytes; /* not NUL-terminated */
        size_t length;
    } *strings; /* of the first there is nothing */
    size_t strings_count;

    struct ml_unpacked_type {
        uint64_t type, unit; /* strings */
    } *types;
    size_t types_count;

    struct ml_unpacked_mapping {
        uint64_t id, begin, end, offset;
        uint64_t file, build_id; /* strings */
    } *mappings;
    size_t mappings_count;

    struct ml_unpacked_function {
        uint64_t id;
        uint64_t name; /* a string */
    } *functions;
    size_t functions_count;

    struct ml_unpacked_location {
        uint64_t id, address;
        uint64_t mapping;    /* + 1; 0: none */
        size_t first, lines; /* of `lines`: the innermost first */
    } *locations;
    size_t locations_count;
    uint64_t *lines; /* functions */
    size_t lines_count;

    struct ml_unpacked_sample {
        size_t first, depth; /* of `stacks`: the innermost first */
        size_t values;       /* in `values`: as many as there are types */
    } *samples;
    size_t samples_count;
    uint64_t *stacks; /* locations */
    size_t stacks_count;
    int64_t *values;
    size_t values_count;

    uint64_t drop_frames, default_type; /* strings */
};

/* 0; -EBADMSG: it is none; -EFBIG: too much of one; -ENOMEM. With a number other than 0 there is
 * nothing to free. Indices are those of the arrays above, and in range. */
int ml_unpack(struct ml_unpacked *profile, const void *file, size_t length);
void ml_unpacked_free(struct ml_unpacked *profile);

#endif
