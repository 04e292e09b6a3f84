/* SPDX-License-Identifier: MIT */
/* coreframes.h - which function's frame in a core file an address on a stack is in, where the files that
 * say it are here. */
#ifndef ML_CLI_COREFRAMES_H
#define ML_CLI_COREFRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "image/core.h"
#include "image/roots.h"

struct ml_core_frames;

/* The core stays the caller's, and must live as long. NULL: there are no names, or no memory. */
struct ml_core_frames *ml_core_frames_open(struct ml_core *core);
void ml_core_frames_close(struct ml_core_frames *frames);

/* "frame #2 main", as frames.h. False: none is known. frames: may be NULL. */
bool ml_core_frames_over(struct ml_core_frames *frames, const struct ml_root_place *stack,
                         uintptr_t address, char *text, size_t bytes);

#endif
