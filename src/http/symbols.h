/* SPDX-License-Identifier: MIT */
/* symbols.h - the names of functions in a process, this one or another: what is mapped
 * there, and the files of it (elf.h), opened as somebody asks. A file that is gone, or another
 * one than was mapped, has no names, but for the program's own, which the system keeps; one
 * that is in a container is found there. For one thread at a time.
 */
#ifndef ML_HTTP_SYMBOLS_H
#define ML_HTTP_SYMBOLS_H

#include <sys/types.h>

#include "http/names.h"

struct ml_symbols;

/* NULL: no memory. */
struct ml_symbols *ml_symbols_open(pid_t pid);
void ml_symbols_close(struct ml_symbols *symbols);
/* What is mapped now; before each use of which the last may be long ago. Files that are still the
 * same stay open. 0, or -errno: nothing has a name. */
int ml_symbols_refresh(struct ml_symbols *symbols);

/* The names, with lines and inlined functions or (which takes less time and memory) without. */
struct ml_namer ml_symbols_namer(struct ml_symbols *symbols);
struct ml_namer ml_symbols_namer_with_lines(struct ml_symbols *symbols);

#endif
