/* SPDX-License-Identifier: MIT */
/* malloc.c - the C library's names for allocation.
 *
 * Each does what the C library's manual says; where versions differ, what the
 * newer ones do, but for memalign, which rounds an alignment up to a power of two
 * as it always has.
 */
#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <stdint.h>
#include <stdlib.h>

#include "os/pages.h"
#include "preload/plain.h"

/* Not all of them are declared by the C library's headers. */
void cfree(void *pointer);
void free_sized(void *pointer, size_t size);
void free_aligned_sized(void *pointer, size_t alignment, size_t size);
void *memalign(size_t alignment, size_t size);
void *pvalloc(size_t size);
void *valloc(size_t size);
size_t malloc_usable_size(void *pointer);

EXPORT void *malloc(size_t size) { return ml_plain_alloc(size); }
EXPORT void free(void *pointer) { ml_plain_free(pointer, "free"); }
EXPORT void cfree(void *pointer) { ml_plain_free(pointer, "cfree"); }
EXPORT void free_sized(void *pointer, size_t size)
{
    (void)size;
    ml_plain_free(pointer, "free_sized");
}
EXPORT void free_aligned_sized(void *pointer, size_t alignment, size_t size)
{
    (void)alignment, (void)size;
    ml_plain_free(pointer, "free_aligned_sized");
}

EXPORT void *calloc(size_t count, size_t size) { return ml_plain_calloc(count, size); }

static void *resize(void *pointer, size_t size, const char *function)
{
    if (pointer == NULL)
        return ml_plain_alloc(size);
    if (size == 0) {
        ml_plain_free(pointer, function);
        return NULL;
    }
    return ml_plain_realloc(pointer, size, function);
}

EXPORT void *realloc(void *pointer, size_t size) { return resize(pointer, size, "realloc"); }

EXPORT void *reallocarray(void *pointer, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes)) {
        errno = ENOMEM;
        return NULL;
    }
    return resize(pointer, bytes, "reallocarray");
}

EXPORT size_t malloc_usable_size(void *pointer)
{
    return pointer == NULL ? 0 : ml_plain_usable_bytes(pointer, "malloc_usable_size");
}

/* ---- with an alignment ------------------------------------------------------------ */

static void *invalid(void)
{
    errno = EINVAL;
    return NULL;
}

EXPORT void *aligned_alloc(size_t alignment, size_t size)
{
    return ml_is_power_of_two(alignment) ? ml_plain_alloc_aligned(alignment, size) : invalid();
}

EXPORT void *memalign(size_t alignment, size_t size)
{
    size_t rounded = ML_GRANULE_BYTES;
    if (alignment > SIZE_MAX / 2 + 1)
        return invalid();
    while (rounded < alignment)
        rounded *= 2;
    return ml_plain_alloc_aligned(rounded, size);
}

EXPORT int posix_memalign(void **pointer, size_t alignment, size_t size)
{
    int saved_errno = errno;
    if (!ml_is_power_of_two(alignment) || alignment % sizeof(void *) != 0)
        return EINVAL;
    void *object = ml_plain_alloc_aligned(alignment, size);
    errno = saved_errno;
    if (object == NULL)
        return ENOMEM;
    *pointer = object;
    return 0;
}

EXPORT void *valloc(size_t size) { return ml_plain_alloc_aligned(ml_os_page_bytes(), size); }

EXPORT void *pvalloc(size_t size)
{
    size_t page = ml_os_page_bytes();
    if (size > PTRDIFF_MAX) {
        errno = ENOMEM;
        return NULL;
    }
    return ml_plain_alloc_aligned(page, ml_align_up(size, page));
}

/* ---- the names that old programs reach the C library's own by ---------------------- */

#define ALIAS(name, of) \
    extern __typeof__(of) name __attribute__((visibility("default"), alias(#of), copy(of)))

ALIAS(__libc_malloc, malloc);
ALIAS(__libc_free, free);
ALIAS(__libc_cfree, cfree);
ALIAS(__libc_calloc, calloc);
ALIAS(__libc_realloc, realloc);
ALIAS(__libc_memalign, memalign);
ALIAS(__libc_valloc, valloc);
ALIAS(__libc_pvalloc, pvalloc);
ALIAS(__posix_memalign, posix_memalign);

/* ---- whether they lead here ---------------------------------------------------------- */

extern __typeof__(malloc) own_malloc
    __attribute__((visibility("hidden"), alias("malloc"), copy(malloc)));

/* A program that is not position-independent and takes malloc's address has a stub of its own for
 * it, which all know as malloc then, and which leads here. */
static bool is_stub(const void *function)
{
    Dl_info info;
    ElfW(Sym) *symbol = NULL;
    return dladdr1(function, &info, (void **)&symbol, RTLD_DL_SYMENT) != 0 && symbol != NULL &&
           symbol->st_shndx == SHN_UNDEF;
}

bool ml_plain_is_passed_by(void)
{
    void *(*volatile found)(size_t) = malloc; /* by the loader's rules */
    return found != own_malloc && !is_stub((const void *)found);
}
