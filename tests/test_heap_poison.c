/* SPDX-License-Identifier: MIT */
/* test_heap_poison.c - freed memory is poisoned, and a write to it is found
 * when it is used again: in slots and in pages, whoever had them before. */
#include "heap/poison.h"

#include <stdio.h>

#include "heap/central.h"
#include "heap/large.h"
#include "heap_unit.h"

enum { BIN_64 = 3 };

static void start(void) { ck_assert(ml_poison_start()); }

static bool is_full_of(const void *at, size_t bytes, uint8_t byte)
{
    const uint8_t *each = at;
    for (size_t i = 0; i < bytes; i++)
        if (each[i] != byte)
            return false;
    return true;
}

START_TEST(it_is_off_by_default)
{
    ck_assert(!ml_poison_on);
    char *object = allocate(64, ML_SCAN);
    memset(object, 7, 64);
    ml_heap_free(object);
    ck_assert(is_full_of(object, 64, 7));
    ck_assert_ptr_eq(allocate(64, ML_SCAN), object);
}
END_TEST

START_TEST(it_can_not_be_started_when_there_is_a_heap)
{
    ck_assert_int_eq(ml_heap_init(), 0);
    ck_assert(!ml_poison_start());
    ck_assert(!ml_poison_on);
}
END_TEST

START_TEST(freed_objects_are_full_of_it)
{
    start();
    for (size_t bytes = 1; bytes <= 200000; bytes = bytes * 3 / 2 + 1)
        for (int kind = 0; kind < ML_KINDS; kind++) {
            char *object = allocate(bytes, (enum ml_kind)kind);
            size_t block = ml_heap_block_bytes(object);
            memset(object, 7, block);
            ml_heap_free(object);
            ck_assert_msg(is_full_of(object, block, ML_POISON_BYTE), "%zu bytes", bytes);
            assert_heap_is_whole();
        }
}
END_TEST

START_TEST(magazines_stay_empty)
{
    start();
    void *objects[100];
    for (int i = 0; i < 100; i++)
        objects[i] = allocate(64, ML_SCAN);
    for (int i = 0; i < 100; i++)
        ml_heap_free(objects[i]);
    const struct ml_magazine *magazine = &ml_thread_self->magazines[BIN_64];
    ck_assert_ptr_eq(magazine->top, magazine->bottom);
    ck_assert_ptr_eq(magazine->top, magazine->limit);
    ck_assert_uint_eq(magazine->mallocs, 100);
    ck_assert_uint_eq(magazine->frees, 100);
    ck_assert_int_eq(magazine->held, 0);
    assert_heap_is_whole();
}
END_TEST

START_TEST(swept_objects_are_full_of_it)
{
    start();
    char *object = allocate(64, ML_SCAN);
    char *large = allocate(100000, ML_NOSCAN);
    memset(object, 7, 64);
    memset(large, 7, 100000);
    ml_central_begin_sweep(); /* nothing is marked */
    ml_large_begin_sweep();
    ck_assert_uint_ne(ml_central_sweep(ml_thread_self, BIN_64, 100), 0);
    ck_assert_uint_eq(ml_large_sweep(100), 1);
    ck_assert(is_full_of(object, 64, ML_POISON_BYTE));
    ck_assert(is_full_of(large, 100000, ML_POISON_BYTE));
    assert_heap_is_whole();
}
END_TEST

START_TEST(of_a_huge_object_only_the_beginning_is_kept)
{
    enum { BYTES = 64 << 20 };
    struct ml_pageheap_figures before, after;
    start();
    char *huge = allocate(BYTES, ML_NOSCAN);
    memset(huge, 7, BYTES);
    ml_pageheap_read(&before);
    ml_heap_free(huge);
    ml_pageheap_read(&after);
    ck_assert(is_full_of(huge, 1 << 20, ML_POISON_BYTE));
    ck_assert(is_full_of(huge + BYTES / 2, BYTES / 2, 0));
    ck_assert_uint_ge(after.released_bytes - before.released_bytes, BYTES / 2);
    assert_pageheap_is_whole();
    ck_assert_ptr_eq(allocate(BYTES, ML_NOSCAN), huge);
    assert_heap_is_whole();
}
END_TEST

/* Memory that comes and goes in all sizes, is written to while it is allocated
 * and released in between, is never mistaken for a write after the free. */
START_TEST(rightful_use_passes)
{
    enum { LIVE = 200, STEPS = 20000 };
    static void *objects[LIVE];
    uint64_t state = 1;
    start();
    for (int step = 0; step < STEPS; step++) {
        unsigned at = (unsigned)random_below(&state, LIVE);
        if (objects[at] != NULL)
            ml_heap_free(objects[at]);
        unsigned bits = random_below(&state, 16) == 0 ? 18 : 10;
        size_t bytes = random_below(&state, UINT64_C(1) << bits);
        objects[at] = allocate(bytes, (enum ml_kind)random_below(&state, ML_KINDS));
        memset(objects[at], (int)step, bytes);
        bool zeroed;
        if (bytes > ML_SMALL_MAX)
            ml_large_resize(objects[at], ML_SMALL_MAX + 1 + random_below(&state, 1 << 18), &zeroed);
        if (step % 1000 == 0) {
            ml_heap_enter(ml_thread_self);
            ml_pageheap_release(UINT32_MAX / 2, UINT64_MAX);
            ml_heap_leave(ml_thread_self);
        }
    }
    assert_heap_is_whole();
}
END_TEST

/* ---- writes to freed memory ------------------------------------------------ */

struct late_write {
    size_t object, offset; /* bytes; where in the freed object is written */
};

static void write_after_free(void *argument)
{
    const struct late_write *late = argument;
    char *other = allocate(late->object, ML_NOSCAN); /* its span stays */
    char *object = allocate(late->object, ML_NOSCAN);
    child_asserts(other != NULL && object != NULL);
    ml_heap_free(object);
    object[late->offset] = 1;
    for (int i = 0; i < 100; i++)
        child_asserts(allocate(late->object, ML_NOSCAN) != NULL);
}

/* A child that does this ends with a line that says so, in the middle and at
 * its end. */
static void assert_child_is_found(void (*body)(void *), void *argument, const char *middle,
                                  const char *end)
{
    char said[4096];
    int status = child_says(body, argument, said, sizeof(said));
    ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT, "status %d: %s", status, said);
    ck_assert_msg(strncmp(said, "memlog: MEMLOG_GC_STRESS: 0x", 28) == 0, "%s", said);
    ck_assert_msg(strstr(said, middle) != NULL, "%s", said);
    ck_assert_msg(strstr(said, end) != NULL, "%s", said);
}

static void assert_found(size_t object, size_t offset, const char *middle, const char *end)
{
    struct late_write late = { .object = object, .offset = offset };
    assert_child_is_found(write_after_free, &late, middle, end);
}

START_TEST(a_write_to_a_freed_object_is_found)
{
    start();
    assert_found(64, 0, " is a freed object of 64 bytes: somebody wrote to it, at offset 0;",
                 "; the word there is 0xdfdfdfdfdfdfdf01\n");
    assert_found(64, 63, " is a freed object of 64 bytes: somebody wrote to it, at offset 63;",
                 "; the word there is 0x1dfdfdfdfdfdfdf\n");
    assert_found(5000, 2000, " is a freed object of 5120 bytes: somebody wrote to it, at offset 2000;",
                 "; the word there is 0xdfdfdfdfdfdfdf01\n");
}
END_TEST

START_TEST(a_write_to_a_freed_large_object_is_found)
{
    start();
    assert_found(100000, 10, " is a free page of 8192 bytes: somebody wrote to it, at offset 10;",
                 "; the word there is 0xdfdfdfdfdf01dfdf\n");
    assert_found(100000, 90000, " is a free page of 8192 bytes: somebody wrote to it, at offset 8080;",
                 "; the word there is 0xdfdfdfdfdfdfdf01\n");
}
END_TEST

static void write_before_span_goes(void *unused)
{
    enum { COUNT = 2000 };
    static char *objects[COUNT];
    (void)unused;
    for (int i = 0; i < COUNT; i++)
        objects[i] = allocate(64, ML_SCAN);
    ml_heap_free(objects[COUNT - 1]); /* an empty span goes when there is another with room */
    ml_heap_free(objects[5]);
    objects[5][8] = 1;
    for (int i = 0; i < COUNT / 2; i++)
        if (i != 5)
            ml_heap_free(objects[i]);
}

START_TEST(a_write_is_found_when_the_whole_span_is_free)
{
    start();
    assert_child_is_found(write_before_span_goes, NULL,
                          " is a freed object of 64 bytes: somebody wrote to it, at offset 8;",
                          "; the word there is 0xdfdfdfdfdfdfdf01\n");
}
END_TEST

static void write_behind_shrunk(void *unused)
{
    bool zeroed;
    (void)unused;
    char *object = allocate(400000, ML_NOSCAN);
    child_asserts(ml_large_resize(object, 100000, &zeroed));
    object[200000] = 1;
    ml_large_resize(object, 400000, &zeroed);
}

START_TEST(a_write_behind_a_large_object_that_shrank_is_found)
{
    start();
    assert_child_is_found(write_behind_shrunk, NULL,
                          " is a free page of 8192 bytes: somebody wrote to it",
                          "; the word there is 0xdfdfdfdfdfdfdf01\n");
}
END_TEST

static void write_to_fresh_page(void *unused)
{
    (void)unused;
    char *object = allocate(100000, ML_NOSCAN);
    object[120000] = 1; /* behind its end: the heap's next page, never used */
    ml_heap_free(allocate(100000, ML_NOSCAN));
}

START_TEST(a_write_to_a_page_never_used_is_found)
{
    start();
    assert_child_is_found(write_to_fresh_page, NULL,
                          " is a free page of 8192 bytes: somebody wrote to it",
                          "; the word there is 0x1\n");
}
END_TEST

UNIT_MAIN("heap poison", it_is_off_by_default, it_can_not_be_started_when_there_is_a_heap,
          freed_objects_are_full_of_it, magazines_stay_empty, swept_objects_are_full_of_it,
          of_a_huge_object_only_the_beginning_is_kept, rightful_use_passes,
          a_write_to_a_freed_object_is_found, a_write_to_a_freed_large_object_is_found,
          a_write_is_found_when_the_whole_span_is_free,
          a_write_behind_a_large_object_that_shrank_is_found,
          a_write_to_a_page_never_used_is_found)
