/* SPDX-License-Identifier: MIT */
/* out.h - where those who write a profile put its bytes, and take memory from meanwhile: in the
 * process itself a descriptor and the profile's own pool (sink.h), for the pages a buffer
 * and the C library's (http/out.h).
 */
#ifndef ML_PROFILE_OUT_H
#define ML_PROFILE_OUT_H

#include <stddef.h>

struct ml_out {
    void *context;
    void (*put)(void *context, const void *bytes, size_t count);
    void *(*take)(size_t bytes); /* all zeros; NULL: there is none */
    void (*give)(void *memory, size_t bytes);
};

static inline void ml_out_put(const struct ml_out *out, const void *bytes, size_t count)
{
    out->put(out->context, bytes, count);
}

#endif
