/* SPDX-License-Identifier: MIT */
/* pages_linux.c - address space from mmap, memory by making it accessible.
 *
 * The calls are made through the C library, since sanitizers keep their own
 * books of mappings; errno is put back after each, since free() and signal
 * handlers come through here. No state but the cached page size, no lock.
 */
#include "os/pages.h"

#include <errno.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/resource.h>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#endif

#include "base/bits.h"
#include "os/process.h"

/* A heap that begins on such a boundary can be made of transparent huge pages
 * from its first byte. */
#define RESERVE_ALIGNMENT ((size_t)ML_OS_HUGE_PAGE_BYTES)

/* madvise gives EAGAIN when the kernel is short of memory itself for a moment. */
enum { RELEASE_ATTEMPTS = 4 };

/* New memory is free of what ASan knows of an older mapping at its address: in a
 * forked child that may be the stack of a thread that was left behind, whose
 * frames are never taken down. */
static void forget_what_was_there(void *address, size_t bytes)
{
#if defined(__SANITIZE_ADDRESS__)
    if (__asan_region_is_poisoned(address, bytes) != NULL) /* to write all of it takes memory */
        __asan_unpoison_memory_region(address, bytes);
#else
    (void)address;
    (void)bytes;
#endif
}

static void *map_anonymous(size_t bytes, int protection, int flags)
{
    int saved = errno;
    void *address = mmap(NULL, bytes, protection, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
    errno = saved;
    return address == MAP_FAILED ? NULL : address;
}

void ml_os_unmap(void *address, size_t bytes)
{
    if (bytes == 0)
        return;
    int saved = errno;
    munmap(address, ml_align_up(bytes, ml_os_page_bytes()));
    errno = saved;
}

/* Cut a reservation of bytes + RESERVE_ALIGNMENT down to bytes that begin aligned. */
static void *trim_to_alignment(uintptr_t begin, size_t bytes)
{
    uintptr_t aligned = ml_align_up(begin, RESERVE_ALIGNMENT);
    uintptr_t end = begin + bytes + RESERVE_ALIGNMENT;
    ml_os_unmap((void *)begin, aligned - begin);
    ml_os_unmap((void *)(aligned + bytes), end - (aligned + bytes));
    return (void *)aligned;
}

/* A wish: that it fails changes nothing but what it is about. */
static void advise(void *address, size_t bytes, int advice)
{
    int saved = errno;
    (void)madvise(address, bytes, advice);
    errno = saved;
}

void *ml_os_reserve(size_t bytes)
{
    size_t page = ml_os_page_bytes();
    if (bytes == 0 || bytes > SIZE_MAX - RESERVE_ALIGNMENT - page)
        return NULL;
    bytes = ml_align_up(bytes, page);
    void *begin = map_anonymous(bytes + RESERVE_ALIGNMENT, PROT_NONE, MAP_NORESERVE);
    void *range = begin == NULL ? NULL : trim_to_alignment((uintptr_t)begin, bytes);
    if (range != NULL)
        advise(range, bytes, MADV_DONTDUMP);
    return range;
}

int ml_os_commit_scratch(void *address, size_t bytes)
{
    int saved = errno;
    int result = mprotect(address, bytes, PROT_READ | PROT_WRITE) == 0 ? 0 : -errno;
    errno = saved;
    if (result == 0)
        forget_what_was_there(address, bytes);
    return result;
}

int ml_os_commit(void *address, size_t bytes)
{
    int result = ml_os_commit_scratch(address, bytes);
    if (result == 0)
        advise(address, bytes, MADV_DODUMP);
    return result;
}

int ml_os_release(void *address, size_t bytes)
{
    int saved = errno;
    int result = -EAGAIN;
    for (int attempt = 0; attempt < RELEASE_ATTEMPTS && result == -EAGAIN; attempt++)
        result = madvise(address, bytes, MADV_DONTNEED) == 0 ? 0 : -errno;
    errno = saved;
    return result;
}

void ml_os_prefer_huge_pages(void *address, size_t bytes)
{
    advise(address, bytes, MADV_HUGEPAGE);
}

void *ml_os_map(size_t bytes)
{
    if (bytes == 0 || bytes > SIZE_MAX - ml_os_page_bytes())
        return NULL;
    bytes = ml_align_up(bytes, ml_os_page_bytes());
    void *address = map_anonymous(bytes, PROT_READ | PROT_WRITE, 0);
    if (address != NULL)
        forget_what_was_there(address, bytes);
    return address;
}

size_t ml_os_page_bytes(void)
{
    /* Every thread that finds it empty stores the same value. */
    static size_t cached;
    size_t bytes = __atomic_load_n(&cached, __ATOMIC_RELAXED);
    if (ml_unlikely(bytes == 0)) {
        bytes = getauxval(AT_PAGESZ);
        __atomic_store_n(&cached, bytes, __ATOMIC_RELAXED);
    }
    return bytes;
}

size_t ml_os_address_space_left(void)
{
    struct rlimit limit;
    int saved = errno;
    bool limited = getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
    errno = saved;
    if (!limited)
        return SIZE_MAX;
    uint64_t mapped = ml_os_mapped_bytes();
    return limit.rlim_cur > mapped ? limit.rlim_cur - mapped : 0;
}
