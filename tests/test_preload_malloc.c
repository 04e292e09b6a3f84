/* SPDX-License-Identifier: MIT */
/* test_preload_malloc.c - what the C standard, POSIX and glibc's manual promise of
 * malloc and its kin. */
#include <errno.h>
#include <malloc.h>
#include <sys/mman.h>

#include "preload_unit.h"

enum { ALL_SIZES = 64 << 10 };

static bool is_aligned(const void *pointer, size_t alignment)
{
    return (uintptr_t)pointer % alignment == 0;
}

/* Some of it and its ends: all of each size would take long. */
static void fill(char *object, size_t bytes, int value)
{
    memset(object, value, bytes < 64 ? bytes : 64);
    if (bytes >= 64)
        memset(object + bytes - 64, value, 64);
}

START_TEST(every_size_is_aligned_and_writable)
{
    static char *kept[ALL_SIZES / 64 + 1];
    for (size_t size = 0; size <= ALL_SIZES; size++) {
        char *object = hide(malloc(size));
        ck_assert_ptr_nonnull(object);
        ck_assert_msg(is_aligned(object, 16), "malloc(%zu) = %p", size, (void *)object);
        size_t usable = malloc_usable_size(object);
        ck_assert_uint_ge(usable, size);
        ck_assert_uint_ge(usable, 1);
        fill(object, usable, (int)(size & 0x7f));
        ck_assert_uint_eq(malloc_usable_size(object), usable);
        if (size % 64 == 0)
            kept[size / 64] = object;
        else
            free(object);
    }
    /* Nobody's bytes were anybody else's. */
    for (size_t size = 0; size <= ALL_SIZES; size += 64) {
        char *object = kept[size / 64];
        size_t usable = malloc_usable_size(object);
        ck_assert_int_eq(object[0], (char)(size & 0x7f));
        ck_assert_int_eq(object[usable - 1], (char)(size & 0x7f));
        free(object);
    }
}
END_TEST

START_TEST(every_alignment_is_kept)
{
    static const size_t sizes[] = { 0, 1, 15, 16, 17, 100, 1000, 4095, 4096, 5000, 32768, 65535, 65536, 65537,
                                    32769, 70000, 1 << 20 };
    for (size_t alignment = 1; alignment <= 16 << 20; alignment *= 2)
        for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
            void *objects[3] = { aligned_alloc(alignment, sizes[i]),
                                 memalign(alignment, sizes[i]), NULL };
            if (alignment >= sizeof(void *))
                ck_assert_int_eq(posix_memalign(&objects[2], alignment, sizes[i]), 0);
            for (int k = 0; k < 3 - (alignment < sizeof(void *)); k++) {
                ck_assert_msg(objects[k] != NULL && is_aligned(objects[k], alignment) &&
                                  is_aligned(objects[k], 16),
                              "%d: alignment %zu, %zu bytes: %p", k, alignment, sizes[i],
                              objects[k]);
                ck_assert_uint_ge(malloc_usable_size(objects[k]), sizes[i]);
                fill(objects[k], malloc_usable_size(objects[k]), 7);
                free(objects[k]);
            }
        }
}
END_TEST

START_TEST(every_size_is_aligned_as_asked)
{
    for (size_t alignment = 32; alignment <= 16384; alignment *= 2)
        for (size_t size = 1; size <= 40000; size += size < 2000 ? 15 : 127) {
            void *objects[2] = { aligned_alloc(alignment, size), aligned_alloc(alignment, size) };
            for (int i = 0; i < 2; i++)
                ck_assert_msg(objects[i] != NULL && is_aligned(objects[i], alignment) &&
                                  malloc_usable_size(objects[i]) >= size,
                              "alignment %zu, %zu bytes: %p", alignment, size, objects[i]);
            free(objects[0]);
            free(objects[1]);
        }
}
END_TEST

START_TEST(nothing_is_a_pointer_of_its_own)
{
    char *first = hide(malloc(0)), *second = hide(malloc(0)), *third = hide(calloc(0, 8));
    ck_assert_ptr_nonnull(first);
    ck_assert_ptr_nonnull(third);
    ck_assert_ptr_ne(first, second);
    ck_assert_ptr_ne(second, third);
    free(first);
    free(second);
    free(third);
}
END_TEST

START_TEST(calloc_is_zero)
{
    for (int round = 0; round < 3; round++)
        for (size_t size = 1; size <= 300000; size = size * 5 / 4 + 1) {
            char *object = hide(calloc(1, size));
            for (size_t i = 0; i < size; i++)
                ck_assert_int_eq(object[i], 0);
            memset(object, 0xff, malloc_usable_size(object));
            free(object);
        }
}
END_TEST

START_TEST(what_overflows_is_refused)
{
    void *volatile object = malloc(100);
    volatile size_t huge = SIZE_MAX, half = SIZE_MAX / 2 + 2;
    static void *(*volatile allocate)(size_t) = malloc;
    for (size_t size = PTRDIFF_MAX; size < SIZE_MAX - (SIZE_MAX >> 4); size += SIZE_MAX >> 5) {
        errno = 0;
        ck_assert_ptr_null(allocate(size + 1));
        ck_assert_int_eq(errno, ENOMEM);
    }
    errno = 0;
    ck_assert_ptr_null(hide(calloc(half, 2)));
    ck_assert_int_eq(errno, ENOMEM);
    errno = 0;
    ck_assert_ptr_null(hide(reallocarray(hide(object), half, 2)));
    ck_assert_int_eq(errno, ENOMEM);
    errno = 0;
    ck_assert_ptr_null(hide(realloc(hide(object), huge)));
    ck_assert_int_eq(errno, ENOMEM);
    errno = 0;
    ck_assert_ptr_null(hide(valloc(huge)));
    ck_assert_int_eq(errno, ENOMEM);
    errno = 0;
    ck_assert_ptr_null(hide(pvalloc(huge - 1)));
    ck_assert_int_eq(errno, ENOMEM);
    errno = 0;
    ck_assert_ptr_null(hide(aligned_alloc(4096, huge - 100)));
    ck_assert_int_eq(errno, ENOMEM);
    free(object);
}
END_TEST

/* More than the machine has, and less than there are addresses. */
START_TEST(more_than_there_is_is_refused)
{
    static const unsigned shifts[] = { 43, 46, 50, 62 };
    for (size_t i = 0; i < sizeof(shifts) / sizeof(shifts[0]); i++) {
        errno = 0;
        ck_assert_ptr_null(hide(malloc((size_t)1 << shifts[i])));
        ck_assert_int_eq(errno, ENOMEM);
        ck_assert_ptr_null(hide(calloc((size_t)1 << shifts[i], 1)));
    }
    void *object = hide(malloc(100));
    ck_assert_ptr_nonnull(object);
    free(object);
    /* The heap has so many addresses; whether there is so much is the kernel's to say. */
    size_t much = (size_t)600 << 30;
    void *mapping = mmap(NULL, much, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    object = hide(malloc(much));
    ck_assert_int_eq(object != NULL, mapping != MAP_FAILED);
    free(object);
}
END_TEST

START_TEST(posix_memalign_returns_its_errors)
{
    static const size_t bad[] = { 0, 1, 2, 4, 3, 7, 12, 24, 48, 100, SIZE_MAX };
    void *untouched = &untouched, *pointer = untouched;
    errno = 4711;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ck_assert_int_eq(posix_memalign(&pointer, bad[i], 100), EINVAL);
        ck_assert_ptr_eq(pointer, untouched);
    }
    ck_assert_int_eq(posix_memalign(&pointer, 64, SIZE_MAX - 64), ENOMEM);
    ck_assert_ptr_eq(pointer, untouched);
    ck_assert_int_eq(posix_memalign(&pointer, (size_t)1 << 62, 1), ENOMEM);
    ck_assert_ptr_eq(pointer, untouched);
    ck_assert_int_eq(errno, 4711);
    ck_assert_int_eq(posix_memalign(&pointer, 64, 100), 0);
    ck_assert_int_eq(errno, 4711);
    free(pointer);
}
END_TEST

START_TEST(other_alignments)
{
    volatile size_t three = 3, most = SIZE_MAX;
    errno = 0;
    ck_assert_ptr_null(hide(aligned_alloc(three, 30)));
    ck_assert_int_eq(errno, EINVAL);
    void *object = hide(memalign(three * 100, 30)); /* rounds up */
    ck_assert(object != NULL && is_aligned(object, 512));
    free(object);
    errno = 0;
    ck_assert_ptr_null(hide(memalign(most, 30)));
    ck_assert_int_eq(errno, EINVAL);
    object = valloc(10);
    ck_assert(object != NULL && is_aligned(object, 4096));
    free(object);
    object = pvalloc(4097);
    ck_assert(object != NULL && is_aligned(object, 4096));
    ck_assert_uint_ge(malloc_usable_size(object), 8192);
    free(object);
}
END_TEST

START_TEST(realloc_keeps_what_is_there)
{
    static const size_t steps[] = { 1, 16, 17, 100, 64, 1000, 999, 5000, 32768, 65536, 65537, 80000,
                                    200000, 199000, 3000000, 100000, 32768, 500, 20, 8000000, 3 };
    unsigned char *object = hide(realloc(NULL, 1));
    size_t size = 1;
    object[0] = 0;
    for (size_t i = 1; i < sizeof(steps) / sizeof(steps[0]); i++) {
        object = hide(realloc(object, steps[i]));
        ck_assert_ptr_nonnull(object);
        ck_assert(is_aligned(object, 16));
        size_t kept = size < steps[i] ? size : steps[i];
        for (size_t k = 0; k < kept; k++)
            ck_assert_uint_eq(object[k], (unsigned char)(k * 7));
        size = steps[i];
        for (size_t k = 0; k < size; k++)
            object[k] = (unsigned char)(k * 7);
    }
    free(object);
}
END_TEST

/* A program may use all of it, and keeps all of it. */
START_TEST(realloc_copies_all_that_is_usable)
{
    for (size_t size = 1; size < 100000; size = size * 3 / 2 + 1) {
        char *object = hide(malloc(size));
        size_t usable = malloc_usable_size(object);
        memset(object, 0x3c, usable);
        object = hide(realloc(object, usable * 4));
        for (size_t i = 0; i < usable; i++)
            ck_assert_int_eq(object[i], 0x3c);
        free(object);
    }
}
END_TEST

START_TEST(realloc_stays_in_place_where_it_can)
{
    char *object = hide(malloc(100));
    ck_assert_ptr_eq(hide(realloc(object, malloc_usable_size(object))), object);
    ck_assert_ptr_eq(hide(realloc(object, 90)), object);
    free(object);
    char *large = hide(malloc(10 << 20));
    ck_assert_ptr_eq(hide(realloc(large, 1 << 20)), large);
    ck_assert_ptr_eq(hide(realloc(large, 2 << 20)), large); /* what was cut off is free */
    free(large);
}
END_TEST

START_TEST(realloc_to_nothing_frees)
{
    volatile size_t zero = 0;
    struct memlog_memstats before = stats_now();
    void *first = hide(realloc(hide(malloc(100)), zero));
    void *second = hide(reallocarray(hide(malloc(100)), zero, 10));
    struct memlog_memstats after = stats_now();
    ck_assert_ptr_null(first);
    ck_assert_ptr_null(second);
    ck_assert_uint_eq(after.frees - before.frees, 2);
    void *of_nothing = hide(realloc(NULL, zero));
    ck_assert_ptr_nonnull(of_nothing);
    free(of_nothing);
}
END_TEST

START_TEST(a_failing_realloc_changes_nothing)
{
    static const size_t sizes[] = { 10, 30000, 500000 };
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        char *object = hide(malloc(sizes[i]));
        memset(object, 0x77, sizes[i]);
        errno = 0;
        ck_assert_ptr_null(hide(realloc(object, (size_t)1 << 45)));
        ck_assert_int_eq(errno, ENOMEM);
        for (size_t k = 0; k < sizes[i]; k++)
            ck_assert_int_eq(object[k], 0x77);
        free(object);
    }
}
END_TEST

/* Also where pages go back to the system. */
START_TEST(errno_stays)
{
    errno = 4711;
    void *small = hide(malloc(10)), *large = hide(malloc(200 << 20));
    memset(large, 1, 100 << 20);
    ck_assert_int_eq(errno, 4711);
    free(large);
    free(small);
    free(NULL);
    ck_assert_int_eq(errno, 4711);
    malloc_trim(0);
    ck_assert_int_eq(errno, 4711);
}
END_TEST

START_TEST(usable_size_of_nothing_is_0)
{
    ck_assert_uint_eq(malloc_usable_size(NULL), 0);
}
END_TEST

UNIT_MAIN("preload malloc", every_size_is_aligned_and_writable, every_alignment_is_kept,
          every_size_is_aligned_as_asked, nothing_is_a_pointer_of_its_own, calloc_is_zero, what_overflows_is_refused,
          more_than_there_is_is_refused, posix_memalign_returns_its_errors, other_alignments,
          realloc_keeps_what_is_there, realloc_copies_all_that_is_usable,
          realloc_stays_in_place_where_it_can, realloc_to_nothing_frees,
          a_failing_realloc_changes_nothing, errno_stays, usable_size_of_nothing_is_0)
