/* SPDX-License-Identifier: MIT */
/* captured.h - what a case, or a child of it, writes to standard error. */
#ifndef MEMLOG_TESTS_CAPTURED_H
#define MEMLOG_TESTS_CAPTURED_H

#include <sys/mman.h>
#include <unistd.h>

#include "unit.h"

static int captured_fd = -1;
static int captured_before;

static inline void capture_begin(void)
{
    captured_before = dup(STDERR_FILENO);
    captured_fd = memfd_create("captured", 0);
    ck_assert_int_ge(captured_fd, 0);
    ck_assert_int_ge(dup2(captured_fd, STDERR_FILENO), 0);
}

/* What was written since capture_begin, good until the next call. */
static inline const char *capture_end(void)
{
    static char text[4096];
    ck_assert_int_ge(dup2(captured_before, STDERR_FILENO), 0);
    close(captured_before);
    ssize_t length = pread(captured_fd, text, sizeof(text) - 1, 0);
    ck_assert_int_ge(length, 0);
    text[length] = '\0';
    close(captured_fd);
    return text;
}

#endif
