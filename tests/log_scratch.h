/* SPDX-License-Identifier: MIT */
/* log_scratch.h - a directory for one case of the log's unit tests, with the
 * file memory.log in it that the case may write and read back.
 */
#ifndef MEMLOG_TESTS_LOG_SCRATCH_H
#define MEMLOG_TESTS_LOG_SCRATCH_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit.h"

static char scratch_directory[64];
static char scratch_log[128]; /* the path of memory.log in it */
static pid_t scratch_owner;

static void scratch_remove(void)
{
    char command[160];
    if (getpid() != scratch_owner) /* a child that a case has forked */
        return;
    snprintf(command, sizeof(command), "rm -rf %s %s.moved", scratch_directory, scratch_directory);
    if (system(command) != 0)
        fprintf(stderr, "%s was left behind\n", scratch_directory);
}

static inline void scratch_begin(void)
{
    strcpy(scratch_directory, "/tmp/memlog-log-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(scratch_directory));
    scratch_owner = getpid();
    atexit(scratch_remove);
    snprintf(scratch_log, sizeof(scratch_log), "%s/memory.log", scratch_directory);
}

static inline void scratch_put(const char *path, const char *text)
{
    FILE *out = fopen(path, "w");
    ck_assert_msg(out != NULL, "%s can't be made", path);
    ck_assert_int_ge(fputs(text, out), 0);
    ck_assert_int_eq(fclose(out), 0);
}

/* The file's text, good until the next call. */
static inline const char *scratch_contents(const char *path)
{
    static char text[1 << 20];
    FILE *in = fopen(path, "r");
    ck_assert_msg(in != NULL, "%s is not there", path);
    text[fread(text, 1, sizeof(text) - 1, in)] = '\0';
    fclose(in);
    return text;
}

#endif
