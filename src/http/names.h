/* SPDX-License-Identifier: MIT */
/* names.h - what is known of an address in code, whoever finds it: symbols.h for a process,
 * objects.h for the files that a profile names.
 */
#ifndef ML_HTTP_NAMES_H
#define ML_HTTP_NAMES_H

#include <stdbool.h>
#include <stdint.h>

struct ml_name {
    const char *function; /* NULL: not known; as the linker has it, C++'s not made readable */
    uint64_t offset;      /* from its begin */
    const char *file;     /* NULL: not known */
    unsigned line;        /* 0: not known */
};

typedef void ml_name_taker(const struct ml_name *name, void *argument);

struct ml_namer {
    void *context;
    /* The function that has the address, after those that are inlined there, innermost first. Not
     * once: nothing is known. What a name points to lives until take returns. */
    void (*each)(void *context, uintptr_t address, ml_name_taker *take, void *argument);
};

#endif
