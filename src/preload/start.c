/* SPDX-License-Identifier: MIT */
/* start.c - whose program it is: one that is linked with libmemlog, where the
 * collector is there from the start, or one that has never heard of it.
 *
 * The library's constructor (api/init.c) asks; it runs before those of all other
 * libraries, and before the C library has set `environ`.
 */
#include <link.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "gc/asleep.h"
#include "preload/board.h"
#include "preload/log.h"

/* libmemlog itself was loaded with the program: for it, or for a library of its. */
static int is_libmemlog(struct dl_phdr_info *object, size_t size, void *unused)
{
    static const char name[] = "libmemlog.so";
    (void)size, (void)unused;
    const char *slash = strrchr(object->dlpi_name, '/');
    const char *base = slash == NULL ? object->dlpi_name : slash + 1;
    return strncmp(base, name, sizeof(name) - 1) == 0;
}

bool ml_asleep_at_start(void) { return dl_iterate_phdr(is_libmemlog, NULL) == 0; }

/* The C library sets environ to the same a moment later. */
static void begin(int argc, char **argv, char **environment)
{
    (void)argc, (void)argv;
    if (environ == NULL)
        environ = environment;
    if (!ml_preload_board_take())
        ml_preload_log_prepare();
}

/* Before the constructor that reads MEMLOG_*, which has the first number there is
 * for programs. */
__attribute__((section(".init_array.00100"), used)) static void (*const first)(
    int, char **, char **) = begin;
