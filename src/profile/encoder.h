/* SPDX-License-Identifier: MIT */
/* encoder.h - a profile as pprof's protocol buffer, a piece at a time, to wherever it goes:
 * the head, the mappings, the samples.
 *
 *   sample    4 values, the addresses, a label with the size of its objects
 *   location  one for each address, which is its own number: the byte before the return
 *             address, which is in the call
 *   mapping   one for each mapping of code, and one more for all addresses that are in
 *             none: some readers don't bear a location without
 *
 * Functions there are none. As long as a profile names no function pprof finds names, files,
 * lines and inlined calls itself, by way of the files and their build ids.
 */
#ifndef ML_PROFILE_ENCODER_H
#define ML_PROFILE_ENCODER_H

#include <stddef.h>
#include <stdint.h>

#include "profile/addresses.h"
#include "profile/out.h"
#include "profile/values.h"

struct ml_encoder_head {
    const char *comment;
    uint64_t rate;                   /* as ml_sample_rate */
    uint64_t time_ns, duration_ns;   /* since 1970; 0: one moment */
    enum ml_value default_type;      /* what readers show when nobody asks */
};

struct ml_encoder_mapping {
    uintptr_t begin, end;
    uint64_t offset;
    const char *name, *build_id; /* a file's; hexadecimal */
    size_t name_length, build_id_length; /* no id: 0 */
};

struct ml_encoder {
    const struct ml_out *out;
    struct ml_addresses locations;
    struct ml_encoder_range {
        uintptr_t begin, end;
    } *mappings; /* in order of their addresses; numbered from 1 */
    unsigned mappings_count;
    unsigned unknown; /* the number of the one for what is in none; 0: there is none yet */
    uint64_t strings_count;
    int error;
};

/* 0, or -ENOMEM, and there is nothing to end. `out` lives until the end. */
int ml_encoder_begin(struct ml_encoder *encoder, const struct ml_out *out,
                     const struct ml_encoder_head *head);
/* In order of their addresses, before the first sample; some thousands at most, others are left
 * out. */
void ml_encoder_mapping(struct ml_encoder *encoder, const struct ml_encoder_mapping *mapping);
/* pcs: return addresses, innermost first, ML_STACK_MOST at most. object_bytes: of one. */
void ml_encoder_sample(struct ml_encoder *encoder, const uintptr_t *pcs, unsigned depth,
                       const int64_t values[ML_VALUES], uint64_t object_bytes);
/* 0, or -ENOMEM: not all samples are whole. */
int ml_encoder_end(struct ml_encoder *encoder);

/* The regular expression of the functions that a profile says are to be left out, with all that
 * they call: what stands between a program's function and the heap. */
extern const char ml_encoder_drop_frames[];

#endif
