/* SPDX-License-Identifier: MIT */
/* buildid.h - the build id of an object that another process has mapped: out of its
 * memory, where its ELF header is, by way of the program headers and the notes.
 */
#ifndef ML_IMAGE_BUILDID_H
#define ML_IMAGE_BUILDID_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "image/memory.h"
#include "os/maps.h"

/* Hexadecimal; "": none. */
typedef char ml_build_id[2 * ML_OS_BUILD_ID_MOST + 1];

/* begin: where the start of the object's file is mapped. */
void ml_build_id_in_memory(ml_build_id id, const struct ml_memory *memory, uintptr_t begin);
void ml_build_id_of_file(ml_build_id id, int fd);
/* The same by the name that the process has for it. */
void ml_build_id_in_file(ml_build_id id, pid_t pid, const char *name);

#endif
