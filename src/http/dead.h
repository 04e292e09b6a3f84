/* SPDX-License-Identifier: MIT */
/* dead.h - for memlog core: a heap profile that was found in a core file, and the names of
 * variables. */
#ifndef ML_HTTP_DEAD_H
#define ML_HTTP_DEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "image/snapshot.h"

/* In pprof's form, compressed, to the descriptor. 0 or -errno. */
int ml_dead_write_profile(const struct ml_snapshot *snapshot, int fd);
/* What is in use by stack: "main;serve;parse 4096", a line each, to be freed. 0 or -errno. */
int ml_dead_stacks(const struct ml_snapshot *snapshot, char **lines);
/* "table+8": the variable of that file at that address, as the file counts addresses. False: none
 * is known. */
bool ml_dead_variable(const char *file, uint64_t address, char *text, size_t bytes);

#endif
