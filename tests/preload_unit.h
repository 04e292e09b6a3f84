/* SPDX-License-Identifier: MIT */
/* preload_unit.h - for unit tests of the preload library: a program that knows
 * nothing of memlog. Before main it starts itself again, with the library in
 * LD_PRELOAD. What memlog says of itself is looked up by weak names.
 */
#ifndef MEMLOG_TESTS_PRELOAD_UNIT_H
#define MEMLOG_TESTS_PRELOAD_UNIT_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "memlog_stats.h"
#include "unit.h"

#pragma weak memlog_read_memstats
#pragma weak memlog_read_extra

enum { EXIT_SKIPPED = 77 };

__attribute__((constructor)) static void come_back_preloaded(int argc, char **argv)
{
    (void)argc;
    if (SANITIZED) /* two that stand before malloc don't go together */
        _exit(EXIT_SKIPPED);
    if (getenv("LD_PRELOAD") == NULL) {
        setenv("LD_PRELOAD", PRELOAD, 1);
        execv("/proc/self/exe", argv);
        _exit(99);
    }
    if (memlog_read_memstats == NULL)
        _exit(98);
}

/* What the compiler must not see through. */
static inline void *hide(void *pointer)
{
    __asm__ volatile("" : "+r"(pointer) : : "memory");
    return pointer;
}

/* Without an assertion of check's, which allocates. */
static inline struct memlog_memstats stats_now(void)
{
    struct memlog_memstats stats;
    if (memlog_read_memstats(&stats) != 0)
        abort();
    return stats;
}

static inline struct memlog_extra extra_now(void)
{
    struct memlog_extra extra = { .size = sizeof(extra) };
    if (memlog_read_extra(&extra) != 0)
        abort();
    return extra;
}

#endif
