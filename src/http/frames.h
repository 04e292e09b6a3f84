/* SPDX-License-Identifier: MIT */
/* frames.h - the frames of a process's threads that stand still: unwound by libdwfl, with its memory,
 * the registers, and the tables in its files. For one thread at a time.
 *
 * Memory and files may hold anything: a stack that leads nowhere has fewer frames.
 */
#ifndef ML_HTTP_FRAMES_H
#define ML_HTTP_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/user.h>

#include "image/memory.h"

struct ml_frames;

/* A file with code that is mapped. bias: what was added to the addresses in it. */
struct ml_frames_file {
    const char *path;
    uintptr_t bias;
};

/* Files are opened as the first frame is asked for: they, and what the memory's context is, stay the
 * caller's and must live as long. NULL: no memory. */
struct ml_frames *ml_frames_open(const struct ml_memory *memory, const struct ml_frames_file *files,
                                 size_t files_count);
void ml_frames_close(struct ml_frames *frames);

/* A thread, and one of the stacks that it is on. */
struct ml_frames_stack {
    const struct user_regs_struct *registers; /* the thread is known by them: they stay where they are */
    uintptr_t begin, end;
};

/* "frame #2 main", or, where it has no name, "frame #2 at 0x1140 of /usr/bin/prog": the one on that stack
 * that the address lies in; with " or above" behind the last one that is known. False: none is known
 * there. */
bool ml_frames_over(struct ml_frames *frames, const struct ml_frames_stack *stack, uintptr_t address,
                    char *text, size_t bytes);

#endif
