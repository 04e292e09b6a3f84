/* SPDX-License-Identifier: MIT */
/* program.h - the program that is to run: where it is, and whether a preloaded
 * library gets into it. What would go wrong is said before anything starts.
 */
#ifndef ML_CLI_PROGRAM_H
#define ML_CLI_PROGRAM_H

#include <limits.h>

struct ml_program {
    char path[PATH_MAX];
    char why[2 * PATH_MAX]; /* for a message: what is wrong with it */
};

/* Find name as a shell would. 0; 127 when there is none, 126 when it can't be run, or
 * not with memlog in it: `why` says what and what to do. */
int ml_program_find(struct ml_program *program, const char *name);

#endif
