/* SPDX-License-Identifier: MIT */
/* root.h - where a reader outside of the process begins: one exported symbol.
 *
 *   an ELF note --> memlog_root --> the entries of publish.h --> the variables themselves
 *
 * The note is among the headers of whatever memlog is linked into, a library or a program, however
 * stripped. They are in memory, at the beginning of the file's mapping, and in its core file: so
 * that no file and no table of symbols is needed.
 *
 * What a variable holds is a struct of some floor. `layout` stands for how those
 * look: a reader that was built from other sources than the program says another
 * number, and refuses; names, sizes and places it could still read.
 */
#ifndef ML_STATS_ROOT_H
#define ML_STATS_ROOT_H

#include "base/publish.h"

#define ML_ROOT_MAGIC "memlog\x01" /* and a NUL: eight bytes */
enum { ML_ROOT_VERSION = 1 };

/* The note's owner and type. It holds an int64_t: how far from there to the root. */
#define ML_ROOT_NOTE_OWNER "memlog"
enum { ML_ROOT_NOTE_TYPE = 1 };

struct memlog_root {
    char magic[8];
    uint32_t version; /* of this struct and of struct ml_published */
    uint32_t bytes;   /* sizeof(struct memlog_root) */
    uint64_t layout;
    const struct ml_published *published, *published_end;
};

/* Constant, but where a core file has it: see publish.h. */
extern struct memlog_root memlog_root;

#endif
