/* SPDX-License-Identifier: MIT */
/* os_ranges.h - for the tests of where a program keeps pointers: looking for an
 * address among the ranges that are visited, and libraries that come and go. */
#ifndef MEMLOG_TESTS_OS_RANGES_H
#define MEMLOG_TESTS_OS_RANGES_H

#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>

#include "base/bits.h"
#include "unit.h"

typedef void visitor(uintptr_t begin, uintptr_t end, void *argument);

/* --- looking for an address among ranges ----------------------------------- */

struct search {
    uintptr_t wanted;
    unsigned times;  /* ranges that contain it */
    unsigned ranges;
    bool misaligned;
    uint64_t sum;    /* of all words: reading them is the point */
};

static inline void note(uintptr_t begin, uintptr_t end, void *argument)
{
    struct search *search = argument;
    search->ranges++;
    search->times += search->wanted >= begin && search->wanted < end;
    search->misaligned |= begin % sizeof(uintptr_t) != 0 || end % sizeof(uintptr_t) != 0;
}

/* Reads every word too, as the collector will. */
ML_SCANS_FOREIGN_MEMORY __attribute__((unused))
static void look(uintptr_t begin, uintptr_t end, void *argument)
{
    struct search *search = argument;
    note(begin, end, argument);
    for (const uintptr_t *word = (const uintptr_t *)begin; word < (const uintptr_t *)end; word++)
        search->sum += *word;
}

/* --- a library, loaded ------------------------------------------------------- */

struct library {
    void *handle;
    long *(*data_address)(void);
    void *(*tls_address)(void);
};

static inline struct library load(const char *name)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s/%s.so", LIBRARIES, name);
    struct library library = { .handle = dlopen(path, RTLD_NOW) };
    ck_assert_msg(library.handle != NULL, "%s", dlerror());
    *(void **)&library.data_address = dlsym(library.handle, "library_data_address");
    *(void **)&library.tls_address = dlsym(library.handle, "library_tls_address");
    return library;
}

#endif
