/* SPDX-License-Identifier: MIT */
/* corefiles.h - what a core file leaves out because it stands in the files that were mapped. */
#ifndef ML_IMAGE_COREFILES_H
#define ML_IMAGE_COREFILES_H

#include <sys/types.h>

#include "image/core.h"

/* As far as one mapping goes. Returns the bytes read; 0: no file has them. A file that has another
 * build id than the one that was mapped, or other program headers where there is none, is not read. */
ssize_t ml_corefiles_read(struct ml_core *core, uintptr_t address, void *to, size_t bytes);
void ml_corefiles_close(struct ml_core *core);

#endif
