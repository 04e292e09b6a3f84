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
    __atomic_fetch_add(&os_commits, 1, __ATOMIC_RELAXED);
    if (__atomic_load_n(&os_commits_granted, __ATOMIC_RELAXED) == 0 ||
         (os_refuses != NULL && os_refuses()))
        return -ENOMEM;
    __atomic_fetch_sub(&os_commits_granted, 1, __ATOMIC_RELAXED);
    return __real_ml_os_commit(address, bytes);
}

void *__wrap_ml_os_map(size_t bytes)
{
    __atomic_fetch_add(&os_maps, 1, __ATOMIC_RELAXED);
    if (__atomic_load_n(&os_maps_granted, __ATOMIC_RELAXED) == 0)
        return NULL;
    __atomic_fetch_sub(&os_maps_granted, 1, __ATOMIC_RELAXED);
    return __real_ml_os_map(bytes);
}

int __wrap_ml_os_release(void *address, size_t bytes)
{
    __atomic_fetch_add(&os_releases, 1, __ATOMIC_RELAXED);
    if (os_during_release != NULL)
        os_during_release((uintptr_t)address, bytes);
    if (__atomic_load_n(&os_releases_granted, __ATOMIC_RELAXED) == 0)
        return -EAGAIN;
    __atomic_fetch_sub(&os_releases_granted, 1, __ATOMIC_RELAXED);
    int error = __real_ml_os_release(address, bytes);
    if (error == 0)
        __atomic_fetch_add(&os_released_bytes, bytes, __ATOMIC_RELAXED);
    return error;
}

#endif
