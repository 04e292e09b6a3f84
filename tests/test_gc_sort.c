/* SPDX-License-Identifier: MIT */
/* test_gc_sort.c - objects that only an array refers to live while it is
 * sorted, wherever the C library has put them meanwhile. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdlib.h>
#include <unistd.h>

#include "gc_objects.h"
#include "unit.h"

enum { COUNT = 1000, BYTES = 48, WIDE = 5 }; /* words of a wide element */

static hidden_t hidden[COUNT];
static void *array[COUNT * WIDE];
static size_t words; /* of an element; the pointer is the first */
static unsigned comparisons, collect_at;
static jmp_buf out;
static bool jump;

static uint64_t number_of(const void *element) { return *(const uint64_t *)*(void *const *)element; }

/* In the middle of it the array is empty for a while, as parts of it are while
 * the C library's buffer is copied back. */
static __attribute__((noinline)) void collect_while_empty(void)
{
    static uintptr_t aside[COUNT * WIDE];
    for (size_t i = 0; i < COUNT * words; i++) {
        aside[i] = ~(uintptr_t)array[i];
        array[i] = NULL;
    }
    collect();
    collect();
    for (size_t i = 0; i < COUNT * words; i++)
        array[i] = (void *)~aside[i];
}

static int compare(const void *a, const void *b)
{
    uint64_t left = number_of(a), right = number_of(b);
    if (++comparisons == collect_at && jump)
        longjmp(out, 1);
    if (comparisons == collect_at)
        collect_while_empty();
    return (left > right) - (left < right);
}

static int compare_with(const void *a, const void *b, void *argument)
{
    ck_assert_ptr_eq(argument, &comparisons);
    return compare(a, b);
}

static __attribute__((noinline)) void make_array(size_t element_words, size_t count)
{
    words = element_words;
    comparisons = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t *object = ml_gc_alloc(BYTES, ML_SCAN);
        *object = i * 7919 % count;
        hidden[i] = hide(object);
        array[i * words] = object;
    }
    clear_stack();
}

static void assert_sorted(size_t count)
{
    ck_assert_uint_gt(comparisons, collect_at);
    assert_all_alive(hidden, count);
    for (size_t i = 0; i < count; i++)
        ck_assert_uint_eq(number_of(&array[i * words]), i);
}

static uint64_t allocated_now(void)
{
    struct memlog_memstats stats;
    memlog_read_memstats(&stats);
    return stats.heap_objects;
}

/* The sanitizers' libraries stand before memlog with a qsort of their own. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define NEED_OWN_QSORT return
#else
#define NEED_OWN_QSORT
#endif

START_TEST(what_is_being_sorted_lives)
{
    NEED_OWN_QSORT;
    collect_at = 5000;
    for (size_t element_words = 1; element_words <= WIDE; element_words += WIDE - 1) {
        make_array(element_words, COUNT);
        qsort(array, COUNT, words * sizeof(*array), compare);
        assert_sorted(COUNT);
        make_array(element_words, COUNT);
        qsort_r(array, COUNT, words * sizeof(*array), compare_with, &comparisons);
        assert_sorted(COUNT);
    }
    assert_whole();
}
END_TEST

/* Elements begin between two words, and their pointers do not. */
struct between {
    uint32_t before;
    void *object;
    uint32_t after;
} __attribute__((packed));

enum { SKEW = 4 };
static _Alignas(8) char skewed[SKEW + COUNT * sizeof(struct between)];

static __attribute__((noinline)) void collect_while_skewed_is_empty(void)
{
    static char aside[sizeof(skewed)];
    for (size_t i = 0; i < sizeof(skewed); i++)
        aside[i] = (char)~skewed[i];
    memset(skewed, 0, sizeof(skewed));
    collect();
    collect();
    for (size_t i = 0; i < sizeof(skewed); i++)
        skewed[i] = (char)~aside[i];
}

static int compare_between(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)((const struct between *)a)->object;
    uint64_t right = *(const uint64_t *)((const struct between *)b)->object;
    if (++comparisons == collect_at)
        collect_while_skewed_is_empty();
    return (left > right) - (left < right);
}

START_TEST(what_is_sorted_in_an_array_between_words_lives)
{
    NEED_OWN_QSORT;
    struct between *elements = (struct between *)(skewed + SKEW);
    make_array(1, COUNT);
    for (size_t i = 0; i < COUNT; i++)
        elements[i].object = array[i];
    memset(array, 0, sizeof(array));
    clear_stack();
    collect_at = 5000;
    qsort(elements, COUNT, sizeof(*elements), compare_between);
    ck_assert_uint_gt(comparisons, collect_at);
    assert_all_alive(hidden, COUNT);
    for (size_t i = 0; i < COUNT; i++)
        ck_assert_uint_eq(*(const uint64_t *)elements[i].object, i);
    assert_whole();
}
END_TEST

START_TEST(nothing_is_left_of_a_sort)
{
    make_array(1, COUNT);
    uint64_t before = allocated_now();
    errno = EDOM;
    qsort(array, COUNT, sizeof(*array), compare);
    ck_assert_int_eq(errno, EDOM);
    ck_assert_uint_eq(allocated_now(), before);
}
END_TEST

START_TEST(a_sort_that_is_left_by_a_jump_leaves_garbage_only)
{
    static hidden_t dropped[COUNT];
    make_array(1, COUNT);
    jump = true;
    collect_at = 5000;
    if (setjmp(out) == 0)
        qsort(array, COUNT, sizeof(*array), compare);
    memcpy(dropped, hidden, sizeof(hidden));
    memset(array, 0, sizeof(array));
    collect();
    collect();
    ck_assert_uint_le(count_alive(dropped, COUNT), SPARED * COUNT / 100);
}
END_TEST

static int compare_pairs(const void *a, const void *b) { return memcmp(a, b, 2); }

START_TEST(nothing_and_little_and_what_holds_no_pointers_is_sorted_too)
{
    unsigned char bytes[5000];
    qsort(array, 0, sizeof(*array), compare);
    qsort(array, 1, sizeof(*array), compare);
    ck_assert_uint_eq(comparisons, 0);
    make_array(1, 3);
    qsort(array, 3, sizeof(*array), compare);
    ck_assert_uint_eq(number_of(&array[2]), 2);
    for (unsigned i = 0; i < sizeof(bytes); i++)
        bytes[i] = (unsigned char)(i * 31);
    uint64_t before = allocated_now();
    qsort(bytes, sizeof(bytes) / 2, 2, compare_pairs);
    ck_assert_uint_eq(allocated_now(), before);
}
END_TEST

/* ---- for real -------------------------------------------------------------------- */

static uint32_t over;

static void *collect_on(void *unused)
{
    while (!__atomic_load_n(&over, __ATOMIC_ACQUIRE)) {
        memlog_gc();
        usleep(1000);
    }
    return unused;
}

static int compare_numbers(const void *a, const void *b)
{
    uint64_t left = number_of(a), right = number_of(b);
    return (left > right) - (left < right);
}

START_TEST(a_long_sort_while_others_collect)
{
    NEED_OWN_QSORT;
    enum { MANY = 300000 };
    const char *full = getenv("MEMLOG_FULL");
    int rounds = full != NULL && full[0] == '1' ? 40 : 4;
    uint64_t **many = memlog_malloc(MANY * sizeof(*many)), state = 1;
    pthread_t collector;
    for (uint64_t i = 0; i < MANY; i++) {
        many[i] = memlog_malloc(16);
        many[i][0] = i;
        many[i][1] = ~i;
    }
    ck_assert_int_eq(pthread_create(&collector, NULL, collect_on, NULL), 0);
    for (int round = 0; round < rounds; round++) {
        for (size_t i = MANY - 1; i > 0; i--) {
            state = state * UINT64_C(6364136223846793005) + 1442695040888963407;
            size_t other = (state >> 33) % (i + 1);
            uint64_t *volatile held = many[i];
            many[i] = many[other];
            many[other] = held;
        }
        qsort(many, MANY, sizeof(*many), compare_numbers);
        for (int i = 0; i < MANY / 4; i++) /* takes what was freed */
            memlog_keep_alive(memlog_malloc(16));
        for (uint64_t i = 0; i < MANY; i++)
            if (many[i][0] != i || many[i][1] != ~i)
                ck_abort_msg("object %u was lost in round %d", (unsigned)i, round);
    }
    __atomic_store_n(&over, 1, __ATOMIC_RELEASE);
    pthread_join(collector, NULL);
    assert_whole();
}
END_TEST

UNIT_MAIN("gc sort", what_is_being_sorted_lives, what_is_sorted_in_an_array_between_words_lives,
          nothing_is_left_of_a_sort,
          a_sort_that_is_left_by_a_jump_leaves_garbage_only,
          nothing_and_little_and_what_holds_no_pointers_is_sorted_too,
          a_long_sort_while_others_collect)
