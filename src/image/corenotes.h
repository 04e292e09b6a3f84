/* SPDX-License-Identifier: MIT */
/* corenotes.h - what a core file's notes say: the threads and their registers, the signal, the
 * command, the files that were mapped. */
#ifndef ML_IMAGE_CORENOTES_H
#define ML_IMAGE_CORENOTES_H

#include "image/core.h"

/* Out of core->notes, which the mappings' names stay in. 0 or -ENOMEM. */
int ml_corenotes_read(struct ml_core *core);

#endif
