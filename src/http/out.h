/* SPDX-License-Identifier: MIT */
/* out.h - a buffer as those who write profiles see it (profile/out.h). */
#ifndef ML_HTTP_OUT_H
#define ML_HTTP_OUT_H

#include "http/buffer.h"
#include "profile/out.h"

/* The buffer lives as long. */
struct ml_out ml_buffer_out(struct ml_buffer *buffer);

#endif
