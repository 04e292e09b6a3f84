/* SPDX-License-Identifier: MIT */
/* test_heap_alloc.c - the heap's door: bad pointers and what is said about
 * them, limits on memory, forks in the middle, and a shadow of every object. */
#include "heap/alloc.h"

#include <pthread.h>
#include <stdio.h>

#include "base/format.h"
#include "heap/large.h"
#include "heap_os.h"
#include "heap_unit.h"
#include "os/process.h"

/* ---- bad pointers --------------------------------------------------------------- */

static void free_it(void *pointer) { ml_heap_free(pointer); }

/* The line, with %s for the address and for another one. */
static void assert_said(void *pointer, const char *format, const void *other)
{
    char line[400], where[ML_HEX_BYTES], there[ML_HEX_BYTES];
    snprintf(line, sizeof(line), format, ml_hex(where, (uintptr_t)pointer),
             ml_hex(there, (uintptr_t)other));
    assert_child_dies(free_it, pointer, line);
}

START_TEST(a_double_free_is_named_with_its_size)
{
    void *object = allocate(100, ML_SCAN);
    ml_heap_free(object);
    assert_said(object, "memlog: memlog_free: %s: double free of an object of 112 bytes\n", NULL);
    allocate(100, ML_SCAN); /* the same slot: now it may be freed once more */
    ml_heap_free(object);
    allocate(200, ML_SCAN);
    assert_said(object, "memlog: memlog_free: %s: double free of an object of 112 bytes\n", NULL);
}
END_TEST

START_TEST(a_foreign_pointer_is_named)
{
    static const char format[] =
        "memlog: memlog_free: %s is not memlog's: it did not come from memlog_malloc\n";
    long local[4];
    assert_said(local, format, NULL); /* before there is a heap */
    allocate(100, ML_SCAN);
    assert_said(local, format, NULL);
    assert_said((void *)16, format, NULL);
    assert_said((void *)(ml_map.base - 16), format, NULL);
    assert_said((void *)(ml_map.base + ml_heap_bytes()), format, NULL);
}
END_TEST

START_TEST(an_interior_pointer_is_named_with_its_object)
{
    char *object = allocate(100, ML_SCAN), *freed = allocate(100, ML_SCAN);
    char *big = allocate(100000, ML_SCAN);
    ml_heap_free(freed);
    static const char inside[] =
        "memlog: memlog_free: %s points into the middle of the object at %s (112 bytes)\n";
    assert_said(object + 1, inside, object);
    assert_said(object + 16, inside, object);
    assert_said(object + 111, inside, object);
    assert_said(freed + 48,
                "memlog: memlog_free: %s points into the middle of a freed object at %s "
                "(112 bytes)\n", freed);
    static const char inside_large[] =
        "memlog: memlog_free: %s points into the middle of the object at %s (106496 bytes)\n";
    assert_said(big + 16, inside_large, big);
    assert_said(big + 99999, inside_large, big);
}
END_TEST

START_TEST(a_pointer_behind_the_last_slot_is_named)
{
    static const char format[] =
        "memlog: memlog_free: %s points behind the last object of its span\n";
    char *object = allocate(48, ML_SCAN);
    struct ml_span *span = ml_span_over((uintptr_t)object);
    uintptr_t end = ml_span_slot_address(span, span->slots);
    ck_assert_uint_lt(end, span->base + ml_span_bytes(span));
    assert_said((void *)end, format, NULL);
    assert_said((void *)(span->base + ml_span_bytes(span) - 8), format, NULL);
}
END_TEST

START_TEST(a_pointer_into_free_memory_is_named)
{
    static const char format[] =
        "memlog: memlog_free: %s points into free memory: its object was freed before\n";
    char *object = allocate(100000, ML_SCAN), *wall = allocate(100000, ML_SCAN);
    ml_heap_free(object);
    assert_said(object, format, NULL);
    assert_said(object + 5000, format, NULL);
    assert_said((void *)(ml_map.base + ml_heap_bytes() - 16), format, NULL);
    ml_heap_free(wall);
    assert_said(wall, format, NULL);
}
END_TEST

/* ---- the door --------------------------------------------------------------------- */

START_TEST(a_block_knows_its_size_and_kind)
{
    for (int kind = 0; kind < ML_KINDS; kind++)
        for (size_t bytes = 0; bytes < 100000; bytes += 1 + bytes / 3) {
            void *object = allocate(bytes, (enum ml_kind)kind);
            ck_assert(ml_heap_is_object(object));
            ck_assert(!ml_heap_is_object((char *)object + 8));
            ck_assert(!ml_heap_is_object((char *)object + 16) || bytes <= 16);
            ck_assert_uint_ge(ml_heap_block_bytes(object), bytes);
            ck_assert_int_eq(ml_heap_kind(object), kind);
            ck_assert_uint_eq((uintptr_t)object % 16, 0);
        }
    assert_heap_is_whole();
}
END_TEST

/* Until there is no more; then free all of it, and again. */
static void use_all_memory(size_t bytes)
{
    for (int round = 0; round < 2; round++) {
        void **last = NULL, **object;
        uint64_t count = 0;
        while ((object = allocate(bytes, ML_SCAN)) != NULL) {
            *object = last;
            last = object;
            child_asserts(++count < 100 * 1000 * 1000);
        }
        child_asserts(count > 10);
        child_asserts(ml_heap_audit() == NULL);
        while ((object = last) != NULL) {
            last = *object;
            ml_heap_free(object);
        }
        child_asserts(ml_heap_audit() == NULL);
    }
}

static void use_all_commits(void *bytes)
{
    os_commits_granted = 14; /* of tables, two times, and of heap */
    use_all_memory((size_t)bytes);
    os_commits_granted = UINT64_MAX;
    child_asserts(allocate((size_t)bytes, ML_SCAN) != NULL);
}

START_TEST(when_no_memory_is_left_there_is_null_and_the_heap_is_whole)
{
    assert_child_is_fine(use_all_commits, (void *)64);
    assert_child_is_fine(use_all_commits, (void *)10000);
    assert_child_is_fine(use_all_commits, (void *)300000);
}
END_TEST

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) /* whose shadows need more */
struct limited {
    int resource;
    size_t bytes;
};

static void use_all_within(void *argument)
{
    const struct limited *limited = argument;
    struct rlimit limit;
    getrlimit(limited->resource, &limit);
    limit.rlim_cur = (limited->resource == RLIMIT_AS ? ml_os_mapped_bytes() : 0) + (48 << 20);
    child_asserts(setrlimit(limited->resource, &limit) == 0);
    use_all_memory(limited->bytes);
}

START_TEST(under_a_limit_of_the_system_there_is_null_and_the_heap_is_whole)
{
    static const int resources[] = { RLIMIT_AS, RLIMIT_DATA };
    static const size_t sizes[] = { 200, 5000, 700000 };
    for (unsigned r = 0; r < 2; r++)
        for (unsigned s = 0; s < 3; s++) {
            struct limited limited = { resources[r], sizes[s] };
            assert_child_is_fine(use_all_within, &limited);
        }
}
END_TEST
#endif

/* ---- fork ---------------------------------------------------------------------------- */

static uint32_t stop_now;

static void *churn(void *argument)
{
    uint64_t seed = (uintptr_t)argument;
    void *objects[200] = { NULL };
    while (!__atomic_load_n(&stop_now, __ATOMIC_RELAXED)) {
        size_t i = random_below(&seed, 200);
        if (objects[i] != NULL)
            ml_heap_free(objects[i]);
        objects[i] = allocate(random_below(&seed, 50) == 0 ? 80000 : 8192 + (i & 1) * 8192, ML_SCAN);
    }
    for (size_t i = 0; i < 200; i++)
        if (objects[i] != NULL)
            ml_heap_free(objects[i]);
    detach_self();
    return NULL;
}

static void use_the_childs_heap(void *unused)
{
    (void)unused;
    static void *objects[3000];
    ml_heap_after_fork_child();
    for (int round = 0; round < 2; round++) {
        for (unsigned i = 0; i < 3000; i++)
            child_asserts((objects[i] = allocate(8192 + (i & 1) * 8192, ML_SCAN)) != NULL);
        for (unsigned i = 0; i < 3000; i++)
            ml_heap_free(objects[i]);
    }
    ml_thread_flush_all(ml_thread_self);
    child_asserts(pageheap_checked() == NULL);
}

START_TEST(a_child_forked_while_threads_allocate_has_a_heap_that_works)
{
    pthread_t threads[3];
    allocate(8192, ML_SCAN);
    for (uintptr_t i = 0; i < 3; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, churn, (void *)(i + 1)), 0);
    for (int i = 0; i < 40; i++) {
        ml_heap_before_fork();
        assert_child_is_fine(use_the_childs_heap, NULL);
        ml_heap_after_fork_parent();
    }
    __atomic_store_n(&stop_now, 1, __ATOMIC_RELAXED);
    for (unsigned i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    assert_heap_is_whole();
}
END_TEST

/* ---- a shadow of every object --------------------------------------------------------- */

enum { SHADOWS = 3000, STEPS = 60000 };

static struct shadow {
    unsigned char *object;
    size_t bytes;
    unsigned char pattern;
} shadows[SHADOWS];
static uint64_t seed = 77;

static size_t random_size(void)
{
    switch (random_below(&seed, 16)) {
    case 0:
        return random_below(&seed, 300000);
    case 1:
    case 2:
        return random_below(&seed, ML_SMALL_MAX + 100);
    default:
        return random_below(&seed, (uint64_t)16 << random_below(&seed, 8));
    }
}

static void verify(const struct shadow *s, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        if (s->object[i] != s->pattern)
            ck_abort_msg("byte %zu of an object of %zu was written to by another", i, s->bytes);
}

static void fill(struct shadow *s)
{
    s->pattern = (unsigned char)random_next(&seed);
    memset(s->object, s->pattern, s->bytes);
}

/* As realloc does it: where it is, or moved. */
static void resize(struct shadow *s, size_t bytes)
{
    bool zeroed, large = ml_heap_block_bytes(s->object) > ML_SMALL_MAX;
    if (large && bytes > ML_SMALL_MAX && ml_large_resize(s->object, bytes, &zeroed)) {
        verify(s, ml_min(bytes, s->bytes));
    } else {
        unsigned char *moved = allocate(bytes, ml_heap_kind(s->object));
        memcpy(moved, s->object, ml_min(bytes, s->bytes));
        ml_heap_free(s->object);
        s->object = moved;
        verify(s, ml_min(bytes, s->bytes));
    }
    s->bytes = bytes;
    fill(s);
}

START_TEST(objects_never_overlap_whatever_comes_and_goes)
{
    for (int step = 0; step < STEPS; step++) {
        struct shadow *s = &shadows[random_below(&seed, SHADOWS)];
        if (s->object == NULL) {
            s->bytes = random_size();
            s->object = allocate(s->bytes, (enum ml_kind)random_below(&seed, ML_KINDS));
            ck_assert_ptr_nonnull(s->object);
            ck_assert_uint_ge(ml_heap_block_bytes(s->object), s->bytes);
            fill(s);
        } else if (random_below(&seed, 3) == 0) {
            verify(s, s->bytes);
            resize(s, random_size());
        } else {
            verify(s, s->bytes);
            ml_heap_free(s->object);
            s->object = NULL;
        }
        if (step % 3000 == 0) {
            assert_heap_is_whole();
            ml_pageheap_release(1, random_below(&seed, 4 << 20));
        }
    }
    for (unsigned i = 0; i < SHADOWS; i++)
        if (shadows[i].object != NULL) {
            verify(&shadows[i], shadows[i].bytes);
            ml_heap_free(shadows[i].object);
        }
    detach_self();
    assert_heap_is_whole();
}
END_TEST

UNIT_MAIN("heap alloc", a_double_free_is_named_with_its_size, a_foreign_pointer_is_named,
          an_interior_pointer_is_named_with_its_object, a_pointer_behind_the_last_slot_is_named,
          a_pointer_into_free_memory_is_named, a_block_knows_its_size_and_kind,
          when_no_memory_is_left_there_is_null_and_the_heap_is_whole,
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
          under_a_limit_of_the_system_there_is_null_and_the_heap_is_whole,
#endif
          a_child_forked_while_threads_allocate_has_a_heap_that_works,
          objects_never_overlap_whatever_comes_and_goes)
