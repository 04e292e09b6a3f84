/* SPDX-License-Identifier: MIT */
/* place.h - where the log is: from "memory.%p.log" to the path of the file
 * that belongs to this process.
 *
 * The pattern and what it is filled in with are remembered from the start, so
 * that a forked child, which may be in another directory by then, finds the
 * place for a log of its own beside its parent's.
 */
#ifndef ML_LOG_PLACE_H
#define ML_LOG_PLACE_H

#include <stddef.h>
#include <sys/types.h>

#include "base/bits.h"

enum {
    ML_PATH_BYTES = 4096, /* the kernel's PATH_MAX */
    ML_PLACE_PROGRAM_BYTES = 64
};

struct ml_place {
    char pattern[ML_PATH_BYTES];
    char directory[ML_PATH_BYTES]; /* working directory at the start; "" when not needed */
    char program[ML_PLACE_PROGRAM_BYTES];
    char name[ML_PATH_BYTES];  /* the pattern filled in, as the user would write it */
    char path[ML_PATH_BYTES];  /* absolute: this process's file */
    char shared[ML_PATH_BYTES]; /* the same before a pid was put behind it */
    char taken[ML_PATH_BYTES];  /* in a forked child: the `shared` of its parent */
};

/* Fill in a pattern's %p (pid), %e (program) and %%. 0; -EINVAL for another %
 * sequence, which is then at *bad; -ENAMETOOLONG. Pure. */
int ml_place_expand(const char *pattern, const char *program, pid_t pid, char *name,
                    size_t capacity, const char **bad) ML_MUST_CHECK;

/* Remember pattern, working directory and program. 0 or -errno, with the name
 * that was meant in place->name. */
int ml_place_remember(struct ml_place *place, const char *pattern) ML_MUST_CHECK;

/* Set name, path and shared for the process pid. Where path would be the file
 * of its parent, ".PID" is put behind it. 0, or as ml_place_expand. */
int ml_place_choose(struct ml_place *place, pid_t pid, const char **bad) ML_MUST_CHECK;

/* In a forked child of a process that logs here: that file is taken. */
void ml_place_leave_to_parent(struct ml_place *place);

#endif
