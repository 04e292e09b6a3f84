/* SPDX-License-Identifier: MIT */
/* test_api_memlog.c - every public function that allocates, resizes and frees,
 * as memlog.h describes it. Linked against the shared library with the public
 * headers only. The collector's functions are in test_api_collect.c, the log's
 * in test_api_log.c, the numbers in test_api_exact.c.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "captured.h"
#include "config.h"
#include "memlog.h"

static const size_t sizes[] = { 0,   1,    8,    15,   16,    17,    31,    32,    33,     100,
                                255, 256,  257,  511,  512,   1000,  1024,  1025,  2048,   4096,
                                8191, 8192, 8193, 20000, 32768, 65535, 65536, 65537, 81920, 100000, 1000000 };
#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static struct memlog_memstats stats_now(void)
{
    struct memlog_memstats stats;
    ck_assert_int_eq(memlog_read_memstats(&stats), 0);
    return stats;
}

static bool is_zero(const void *pointer, size_t bytes)
{
    const unsigned char *at = pointer;
    for (size_t i = 0; i < bytes; i++)
        if (at[i] != 0)
            return false;
    return true;
}

/* ---- allocation -------------------------------------------------------- */

static void *aligned_64(size_t size) { return memlog_aligned_alloc(64, size); }
static void *aligned_64_noscan(size_t size) { return memlog_aligned_alloc_noscan(64, size); }
static void *array_of_1(size_t size) { return memlog_calloc(size, 1); }
static void *array_of_1_noscan(size_t size) { return memlog_calloc_noscan(1, size); }
static void *from_nothing(size_t size) { return memlog_realloc(NULL, size); }

static const struct allocator {
    void *(*allocate)(size_t);
    bool zeroes;
} allocators[] = {
    { memlog_malloc, true },           { memlog_malloc_noscan, false },
    { memlog_malloc_uncollectable, true }, { array_of_1, true },
    { array_of_1_noscan, true },       { aligned_64, true },
    { aligned_64_noscan, false },      { from_nothing, true },
};

START_TEST(memory_is_zero_where_promised_and_aligned_and_as_long_as_asked)
{
    for (size_t a = 0; a < COUNT_OF(allocators); a++)
        for (size_t i = 0; i < COUNT_OF(sizes); i++)
            /* Twice: fresh memory, and memory that was written and freed. */
            for (int round = 0; round < 2; round++) {
                unsigned char *object = allocators[a].allocate(sizes[i]);
                ck_assert_ptr_nonnull(object);
                ck_assert_uint_eq((uintptr_t)object % 16, 0);
                size_t usable = memlog_usable_size(object);
                ck_assert_uint_ge(usable, sizes[i]);
                ck_assert(!allocators[a].zeroes || is_zero(object, usable));
                memset(object, 0xff, usable);
                memlog_free(object);
            }
}
END_TEST

START_TEST(empty_objects_are_distinct)
{
    void *one = memlog_malloc(0), *other = memlog_malloc(0);
    ck_assert_ptr_nonnull(one);
    ck_assert_ptr_nonnull(other);
    ck_assert_ptr_ne(one, other);
    memlog_keep_alive(one);
}
END_TEST

START_TEST(too_much_is_refused_with_enomem)
{
    /* Not seen by the compiler, which knows that these are too large. */
    volatile size_t huge[] = { SIZE_MAX, SIZE_MAX - 1, SIZE_MAX / 2 + 1, (size_t)1 << 62 };
    void *small = memlog_malloc(100);
    for (size_t a = 0; a < COUNT_OF(allocators); a++)
        for (size_t i = 0; i < COUNT_OF(huge); i++) {
            errno = 0;
            ck_assert_ptr_null(allocators[a].allocate(huge[i]));
            ck_assert_int_eq(errno, ENOMEM);
        }
    memset(small, 7, 100);
    errno = 0;
    ck_assert_ptr_null(memlog_realloc(small, huge[3]));
    ck_assert_int_eq(errno, ENOMEM);
    ck_assert_int_eq(((char *)small)[99], 7);
    memlog_free(small);
}
END_TEST

START_TEST(overflowing_arrays_are_refused_with_enomem)
{
    volatile size_t half = (size_t)1 << 32;
    errno = 0;
    ck_assert_ptr_null(memlog_calloc(half, half));
    ck_assert_int_eq(errno, ENOMEM);
    errno = 0;
    ck_assert_ptr_null(memlog_calloc_noscan(half + 1, half));
    ck_assert_int_eq(errno, ENOMEM);
    ck_assert_ptr_nonnull(memlog_calloc(0, half));
    ck_assert_ptr_nonnull(memlog_calloc(half, 0));
}
END_TEST

START_TEST(alignments_are_powers_of_two_up_to_a_gibibyte)
{
    static const size_t wrong[] = { 0, 3, 24, 100, 4097, ((size_t)1 << 31), SIZE_MAX };
    for (size_t alignment = 1; alignment <= (size_t)1 << 21; alignment *= 2)
        for (size_t i = 0; i < COUNT_OF(sizes); i++) {
            void *scanned = memlog_aligned_alloc(alignment, sizes[i]);
            void *noscan = memlog_aligned_alloc_noscan(alignment, sizes[i]);
            ck_assert_ptr_nonnull(scanned);
            ck_assert_ptr_nonnull(noscan);
            ck_assert_uint_eq((uintptr_t)scanned % alignment, 0);
            ck_assert_uint_eq((uintptr_t)noscan % alignment, 0);
            memlog_free(scanned);
            memlog_free(noscan);
        }
    void *most = memlog_aligned_alloc((size_t)1 << 30, 1);
    ck_assert_ptr_nonnull(most);
    ck_assert_uint_eq((uintptr_t)most % ((size_t)1 << 30), 0);
    memlog_free(most);
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        errno = 0;
        ck_assert_ptr_null(memlog_aligned_alloc(wrong[i], 8));
        ck_assert_int_eq(errno, EINVAL);
        errno = 0;
        ck_assert_ptr_null(memlog_aligned_alloc_noscan(wrong[i], 8));
        ck_assert_int_eq(errno, EINVAL);
    }
}
END_TEST

START_TEST(realloc_keeps_the_contents_and_zeroes_the_rest)
{
    for (size_t from = 1; from < COUNT_OF(sizes); from++)
        for (size_t to = 1; to < COUNT_OF(sizes); to++) {
            unsigned char *object = memlog_malloc(sizes[from]);
            memset(object, 0xa5, sizes[from]);
            object = memlog_realloc(object, sizes[to]);
            ck_assert_ptr_nonnull(object);
            size_t kept = sizes[from] < sizes[to] ? sizes[from] : sizes[to];
            for (size_t i = 0; i < kept; i++)
                ck_assert_uint_eq(object[i], 0xa5);
            ck_assert_uint_ge(memlog_usable_size(object), sizes[to]);
            ck_assert(is_zero(object + kept, memlog_usable_size(object) - kept));
            memlog_free(object);
        }
}
END_TEST

START_TEST(realloc_to_nothing_frees)
{
    void *object = memlog_malloc(100);
    uint64_t frees = stats_now().frees;
    ck_assert_ptr_null(memlog_realloc(object, 0));
    ck_assert_uint_eq(stats_now().frees, frees + 1);
}
END_TEST

START_TEST(free_of_null_is_nothing_and_free_leaves_errno_alone)
{
    errno = 4711;
    memlog_free(NULL);
    memlog_free(memlog_malloc(10));
    memlog_free(memlog_malloc(1000000));
    ck_assert_int_eq(errno, 4711);
}
END_TEST

START_TEST(strdup_copies_into_an_object)
{
    char *copy = memlog_strdup("a string of some length");
    ck_assert_str_eq(copy, "a string of some length");
    ck_assert_uint_ge(memlog_usable_size(copy), 24);
    memlog_free(copy);
    copy = memlog_strdup("");
    ck_assert_str_eq(copy, "");
    memlog_free(copy);
    errno = 0;
    ck_assert_ptr_null(memlog_strdup(NULL));
    ck_assert_int_eq(errno, EINVAL);
}
END_TEST

START_TEST(nothing_is_usable_at_null)
{
    ck_assert_uint_eq(memlog_usable_size(NULL), 0);
}
END_TEST

/* ---- pointers that are none -------------------------------------------- */

static char not_from_here[64];
static void free_foreign(void) { memlog_free(not_from_here + 16); }
static void free_interior(void) { memlog_free((char *)memlog_malloc(100) + 16); }
static void free_interior_large(void) { memlog_free((char *)memlog_malloc(1000000) + 8192); }
static void free_twice(void)
{
    void *object = memlog_malloc(100);
    void *volatile again = object;
    memlog_free(object);
    memlog_free(again);
}
static void free_twice_large(void)
{
    void *object = memlog_malloc(1000000);
    void *volatile again = object;
    memlog_free(object);
    memlog_free(again);
}
static void realloc_foreign(void)
{
    if (memlog_realloc(not_from_here, 100) == NULL)
        _exit(0);
}
static void usable_size_of_freed(void)
{
    void *object = memlog_malloc(100);
    void *volatile again = object;
    memlog_free(object);
    _exit(memlog_usable_size(again) != 0);
}

/* The act ends the program by SIGABRT, after one line that names the function. */
static void check_dies(void (*act)(void), const char *function)
{
    char begin[64];
    capture_begin();
    pid_t child = fork();
    if (child == 0) {
        act();
        _exit(0);
    }
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    const char *said = capture_end();
    ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT, "%s: status %#x, said: %s",
                  function, (unsigned)status, said);
    snprintf(begin, sizeof(begin), "memlog: %s: 0x", function);
    ck_assert_msg(strncmp(said, begin, strlen(begin)) == 0, "it says: %s", said);
    ck_assert_ptr_eq(strchr(said, '\n'), said + strlen(said) - 1);
}

START_TEST(pointers_that_are_no_objects_end_the_program_by_name)
{
    check_dies(free_foreign, "memlog_free");
    check_dies(free_interior, "memlog_free");
    check_dies(free_interior_large, "memlog_free");
    check_dies(free_twice, "memlog_free");
    check_dies(free_twice_large, "memlog_free");
    check_dies(realloc_foreign, "memlog_realloc");
    check_dies(usable_size_of_freed, "memlog_usable_size");
}
END_TEST

START_TEST(version_is_the_packages)
{
    ck_assert_str_eq(memlog_version(), PACKAGE_VERSION);
}
END_TEST

UNIT_MAIN("api memlog", memory_is_zero_where_promised_and_aligned_and_as_long_as_asked,
          empty_objects_are_distinct, too_much_is_refused_with_enomem,
          overflowing_arrays_are_refused_with_enomem,
          alignments_are_powers_of_two_up_to_a_gibibyte,
          realloc_keeps_the_contents_and_zeroes_the_rest, realloc_to_nothing_frees,
          free_of_null_is_nothing_and_free_leaves_errno_alone, strdup_copies_into_an_object,
          nothing_is_usable_at_null, pointers_that_are_no_objects_end_the_program_by_name,
          version_is_the_packages)
