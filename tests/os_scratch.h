/* SPDX-License-Identifier: MIT */
/* os_scratch.h - a directory to write in, for the tests of files. */
#ifndef MEMLOG_TESTS_OS_SCRATCH_H
#define MEMLOG_TESTS_OS_SCRATCH_H

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "unit.h"

static char directory[PATH_MAX / 2];

static inline void make_directory(void)
{
    const char *parent = getenv("TMPDIR");
    snprintf(directory, sizeof(directory), "%s/memlog-os-XXXXXX", parent ? parent : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(directory));
}

static inline void remove_directory(void)
{
    char command[PATH_MAX];
    snprintf(command, sizeof(command), "rm -rf '%s'", directory);
    ck_assert_int_eq(system(command), 0);
}

static inline const char *path_of(const char *name)
{
    static char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/%s", directory, name);
    return path;
}

static inline void write_file(const char *name, const char *content)
{
    char command[PATH_MAX];
    snprintf(command, sizeof(command), "mkdir -p \"$(dirname '%s/%s')\"", directory, name);
    ck_assert_int_eq(system(command), 0);
    FILE *file = fopen(path_of(name), "w");
    ck_assert_ptr_nonnull(file);
    fputs(content, file);
    fclose(file);
}

#endif
