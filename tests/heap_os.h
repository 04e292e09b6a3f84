/* SPDX-License-Identifier: MIT */
/* heap_os.h - the operating system refuses: ml_os_reserve, _commit, _map and
 * _release wrapped by the linker (--wrap), so that a test says which call
 * fails, and what happens in the middle of a release. Once per program.
 */
#ifndef MEMLOG_TESTS_HEAP_OS_H
#define MEMLOG_TESTS_HEAP_OS_H

#include <errno.h>
#include <stdint.h>

#include "os/pages.h"

void *__real_ml_os_reserve(size_t bytes);
int __real_ml_os_commit(void *address, size_t bytes);
void *__real_ml_os_map(size_t bytes);
int __real_ml_os_release(void *address, size_t bytes);
void *__wrap_ml_os_reserve(size_t bytes);
int __wrap_ml_os_commit(void *address, size_t bytes);
void *__wrap_ml_os_map(size_t bytes);
int __wrap_ml_os_release(void *address, size_t bytes);

static size_t os_reserve_most = SIZE_MAX;    /* more address space is refused */
static uint64_t os_commits, os_maps, os_releases; /* calls so far */
static uint64_t os_commits_granted = UINT64_MAX;  /* so many more, then none */
static uint64_t os_maps_granted = UINT64_MAX;
static uint64_t os_releases_granted = UINT64_MAX;
static uint64_t os_released_bytes;
static uint64_t (*os_refuses)(void);              /* asked before each commit, when set */
static void (*os_during_release)(uintptr_t base, size_t bytes);

void *__wrap_ml_os_reserve(size_t bytes)
{
    return bytes > os_reserve_most ? NULL : __real_ml_os_reserve(bytes);
}

int __wrap_ml_os_commit(void *address, size_t bytes)
{
    os_commits++;
    if (os_commits_granted == 0 || (os_refuses != NULL && os_refuses()))
        return -ENOMEM;
    os_commits_granted--;
    return __real_ml_os_commit(address, bytes);
}

void *__wrap_ml_os_map(size_t bytes)
{
    os_maps++;
    if (os_maps_granted == 0)
        return NULL;
    os_maps_granted--;
    return __real_ml_os_map(bytes);
}

int __wrap_ml_os_release(void *address, size_t bytes)
{
    os_releases++;
    if (os_during_release != NULL)
        os_during_release((uintptr_t)address, bytes);
    if (os_releases_granted == 0)
        return -EAGAIN;
    os_releases_granted--;
    int error = __real_ml_os_release(address, bytes);
    if (error == 0)
        os_released_bytes += bytes;
    return error;
}

#endif
