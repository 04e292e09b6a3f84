/* SPDX-License-Identifier: MIT */
/* notes.h - the ELF notes of an object that a process has mapped, or of its file: by way of the
 * program headers. In memory they stand at the beginning of the file's first mapping.
 */
#ifndef ML_IMAGE_NOTES_H
#define ML_IMAGE_NOTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "image/memory.h"

/* One part of them: so many bytes, which stand at `place` in memory or in the file. True: enough. */
typedef bool ml_notes_visitor(const char *notes, size_t bytes, uintptr_t place, void *argument);

/* begin: where the start of the object's file is mapped. */
void ml_notes_in_memory(const struct ml_memory *memory, uintptr_t begin, ml_notes_visitor *visit,
                        void *argument);
void ml_notes_in_file(int fd, ml_notes_visitor *visit, void *argument);

/* Whether both have the same program headers: what says most without a build id. */
bool ml_notes_same_parts(const struct ml_memory *memory, uintptr_t begin, int fd);

/* What was added to the addresses in the file; 0: that can't be read. */
uintptr_t ml_notes_bias(const struct ml_memory *memory, uintptr_t begin);

/* What the first note of that owner and type holds, if it is so many bytes. NULL: there is none. */
const char *ml_note_find(const char *notes, size_t bytes, const char *owner, uint32_t type,
                         size_t contents);

/* The address of memlog's root (stats/root.h), as the notes of an object in memory tell it; 0:
 * memlog is not in it. */
uintptr_t ml_notes_root(const struct ml_memory *memory, uintptr_t begin);

/* Which of several objects with such notes is the one that is used. A file may also be mapped to
 * be read, as debuggers and profilers do: its note leads to something else. root 0: none so far. */
struct ml_root_choice {
    uintptr_t root;
    unsigned rank;
};
void ml_root_consider(struct ml_root_choice *choice, const struct ml_memory *memory,
                      uintptr_t begin, bool is_preload);

#endif
