/* SPDX-License-Identifier: MIT */
/* test_heap_large.c - objects of whole pages: counted, resized in place,
 * aligned, swept. */
#include "heap/large.h"

#include <errno.h>

#include "heap/central.h"
#include "heap/counters.h"
#include "heap_unit.h"

/* ---- the OS gives no memory for descriptors ------------------------------------- */

static bool no_descriptors;

int __real_ml_spanmap_need_spans(uint32_t number);
int __wrap_ml_spanmap_need_spans(uint32_t number);
int __wrap_ml_spanmap_need_spans(uint32_t number)
{
    return no_descriptors ? -ENOMEM : __real_ml_spanmap_need_spans(number);
}

/* ---- counted ------------------------------------------------------------------------ */

static struct ml_pageheap_figures figures(void)
{
    struct ml_pageheap_figures now;
    ml_pageheap_read(&now);
    return now;
}

static void *large(size_t bytes, enum ml_kind kind)
{
    void *object = allocate(bytes, kind);
    ck_assert_ptr_nonnull(object);
    return object;
}

START_TEST(a_large_object_is_counted_with_whole_pages)
{
    void *a = large(ML_SMALL_MAX + 1, ML_SCAN), *b = large(100000, ML_NOSCAN);
    ck_assert_uint_eq(ml_large_bytes(a), 9 * ML_PAGE_BYTES);
    ck_assert_uint_eq(ml_heap_block_bytes(b), 13 * ML_PAGE_BYTES);
    ck_assert_int_eq(ml_heap_kind(b), ML_NOSCAN);
    ck_assert_uint_eq(figures().large_mallocs, 2);
    ck_assert_uint_eq(figures().large_malloc_bytes, 22 * ML_PAGE_BYTES);
    ck_assert_uint_eq(ml_heap_taken_bytes(), 22 * ML_PAGE_BYTES);
    assert_heap_is_whole();
    ml_heap_free(a);
    ck_assert(!ml_heap_is_object(a));
    ck_assert_uint_eq(figures().large_frees, 1);
    ck_assert_uint_eq(figures().large_free_bytes, 9 * ML_PAGE_BYTES);
    ck_assert_uint_eq(figures().inuse_bytes, 13 * ML_PAGE_BYTES);
    ck_assert_uint_eq(ml_heap_taken_bytes(), 13 * ML_PAGE_BYTES);
    assert_heap_is_whole();
}
END_TEST

START_TEST(fresh_memory_is_said_to_be_zero_and_used_memory_is_not)
{
    bool zeroed;
    ck_assert_int_eq(ml_heap_init(), 0);
    char *object = ml_heap_alloc_large(100000, 0, ML_SCAN, &zeroed);
    ck_assert(zeroed);
    for (size_t i = 0; i < 100000; i++)
        ck_assert_int_eq(object[i], 0);
    memset(object, 1, 100000);
    ml_heap_free(object);
    ck_assert_ptr_eq(ml_heap_alloc_large(50000, 0, ML_SCAN, &zeroed), object);
    ck_assert(!zeroed);
}
END_TEST

START_TEST(it_shrinks_and_grows_where_it_is)
{
    bool zeroed;
    char *object = large(40 * ML_PAGE_BYTES, ML_SCAN);
    memset(object, 7, 40 * ML_PAGE_BYTES);
    ck_assert(ml_large_resize(object, 10 * ML_PAGE_BYTES + 1, &zeroed));
    ck_assert_uint_eq(ml_large_bytes(object), 11 * ML_PAGE_BYTES);
    assert_heap_is_whole();
    void *wall = large(10 * ML_PAGE_BYTES, ML_SCAN);
    ck_assert_ptr_eq(wall, object + 11 * ML_PAGE_BYTES);
    ck_assert(!ml_large_resize(object, 12 * ML_PAGE_BYTES, &zeroed));
    ck_assert_uint_eq(ml_large_bytes(object), 11 * ML_PAGE_BYTES);
    assert_heap_is_whole();
    ml_heap_free(wall);
    ck_assert(ml_large_resize(object, 20 * ML_PAGE_BYTES, &zeroed));
    ck_assert(!zeroed); /* it was used before */
    ck_assert(ml_large_resize(object, 40 * ML_PAGE_BYTES, &zeroed));
    ck_assert(ml_large_resize(object, 60 * ML_PAGE_BYTES, &zeroed));
    ck_assert(zeroed);
    ck_assert_int_eq(object[11 * ML_PAGE_BYTES - 1], 7);
    assert_heap_is_whole();
    ck_assert_uint_eq(ml_heap_taken_bytes(), 60 * ML_PAGE_BYTES);
    ck_assert_uint_eq(figures().large_mallocs, 2); /* bytes move, objects don't */
    ck_assert_uint_eq(figures().large_frees, 1);
    ck_assert_uint_eq(figures().large_malloc_bytes - figures().large_free_bytes,
                      60 * ML_PAGE_BYTES);
    ck_assert(!ml_large_resize(object, (size_t)1 << 45, &zeroed));
    ck_assert(!ml_large_resize(object, SIZE_MAX, &zeroed));
    assert_heap_is_whole();
}
END_TEST

START_TEST(it_begins_where_its_alignment_says)
{
    bool zeroed;
    ck_assert_int_eq(ml_heap_init(), 0);
    for (size_t alignment = 1; alignment <= (64 << 20); alignment *= 4) {
        void *odd = large(80000, ML_SCAN);
        void *object = ml_heap_alloc_large(10, alignment, ML_SCAN, &zeroed);
        ck_assert_uint_eq((uintptr_t)object % ml_max(alignment, ML_PAGE_BYTES), 0);
        ck_assert_uint_eq(ml_large_bytes(object), ML_PAGE_BYTES);
        ml_heap_free(odd);
    }
    assert_heap_is_whole();
}
END_TEST

START_TEST(an_impossible_size_or_alignment_is_null)
{
    bool zeroed;
    ck_assert_int_eq(ml_heap_init(), 0);
    ck_assert_ptr_null(ml_heap_alloc_large(SIZE_MAX, 0, ML_SCAN, &zeroed));
    ck_assert_ptr_null(ml_heap_alloc_large((size_t)1 << 44, 0, ML_SCAN, &zeroed));
    ck_assert_ptr_null(ml_heap_alloc_large(ml_map.reserved_bytes + 1, 0, ML_SCAN, &zeroed));
    for (unsigned bit = 41; bit < 64; bit++) /* a heap has 40 bits at most */
        ck_assert_ptr_null(ml_heap_alloc_large(100, (size_t)1 << bit, ML_SCAN, &zeroed));
    assert_heap_is_whole();
    ck_assert_uint_eq(figures().large_mallocs, 0);
    ck_assert_uint_eq(figures().heap_bytes, 0);
}
END_TEST

START_TEST(of_two_frees_at_the_same_time_the_second_finds_nothing)
{
    void *object = large(100000, ML_SCAN);
    ck_assert(ml_large_free(object));
    ck_assert(!ml_large_free(object));
    assert_heap_is_whole();
    for (int i = 0; i < 100; i++) /* the pages are of small spans now */
        allocate(8, ML_SCAN);
    ck_assert(!ml_large_free(object));
    assert_heap_is_whole();
    ck_assert_uint_eq(figures().large_frees, 1);
}
END_TEST

START_TEST(what_was_not_marked_is_swept)
{
    struct ml_counts counts;
    void *kept = large(80000, ML_SCAN), *dead = large(90000, ML_NOSCAN);
    void *mine = large(70000, ML_UNCOLLECTABLE);
    ml_span_over((uintptr_t)kept)->bits[0].mark[0] = 1;
    ml_central_begin_sweep();
    ml_large_begin_sweep();
    assert_heap_is_whole();
    ck_assert_uint_eq(ml_large_unswept.count, 2);
    uint64_t taken = ml_heap_taken_bytes();
    ck_assert_uint_eq(ml_large_sweep(1), 1);
    assert_heap_is_whole();
    ck_assert_uint_eq(ml_large_sweep(10), 1);
    ck_assert_uint_eq(ml_large_sweep(10), 0);
    assert_heap_is_whole();
    ck_assert(ml_heap_is_object(kept));
    ck_assert(ml_heap_is_object(mine));
    ck_assert(!ml_heap_is_object(dead));
    ck_assert_uint_eq(ml_span_over((uintptr_t)kept)->bits[0].mark[0], 0);
    ml_counters_read(&counts);
    ck_assert_uint_eq(counts.pages.large_swept, 1);
    ck_assert_uint_eq(counts.pages.large_swept_bytes, 11 * ML_PAGE_BYTES);
    ck_assert_uint_eq(counts.pages.large_frees, 1);
    ck_assert_uint_eq(ml_heap_taken_bytes(), taken); /* taken off at the mark's end */
}
END_TEST

START_TEST(an_unswept_object_can_be_freed_and_resized)
{
    bool zeroed;
    void *a = large(100000, ML_SCAN), *b = large(110000, ML_SCAN);
    ml_span_over((uintptr_t)a)->bits[0].mark[0] = 1;
    ml_span_over((uintptr_t)b)->bits[0].mark[0] = 1;
    ml_central_begin_sweep();
    ml_large_begin_sweep();
    ml_heap_free(a);
    ck_assert(ml_large_resize(b, 80000, &zeroed));
    assert_heap_is_whole();
    ck_assert_uint_eq(ml_large_sweep(10), 1);
    assert_heap_is_whole();
    ck_assert(ml_heap_is_object(b));
}
END_TEST

START_TEST(what_cannot_be_shrunk_is_not_counted)
{
    bool zeroed;
    void *object = large(20 * ML_PAGE_BYTES, ML_SCAN);
    no_descriptors = true;
    ck_assert(!ml_large_resize(object, 10 * ML_PAGE_BYTES, &zeroed));
    no_descriptors = false;
    ck_assert_uint_eq(ml_large_bytes(object), 20 * ML_PAGE_BYTES);
    ck_assert_uint_eq(figures().large_malloc_bytes, 20 * ML_PAGE_BYTES);
    ck_assert_uint_eq(figures().large_free_bytes, 0);
    ck_assert_uint_eq(ml_heap_taken_bytes(), 20 * ML_PAGE_BYTES);
    assert_heap_is_whole();
    ck_assert(ml_large_resize(object, 10 * ML_PAGE_BYTES, &zeroed));
    ck_assert_uint_eq(figures().large_malloc_bytes, 20 * ML_PAGE_BYTES);
    ck_assert_uint_eq(figures().large_free_bytes, 10 * ML_PAGE_BYTES);
    assert_heap_is_whole();
}
END_TEST

/* An object of 10 pages that two markers have counted, as it waits for its sweep. */
static void *marked_twice(void)
{
    void *object = large(10 * ML_PAGE_BYTES, ML_SCAN);
    ml_span_over((uintptr_t)object)->bits[0].mark[0] = 1;
    ml_span_over((uintptr_t)object)->bits[0].mark[1] = 1;
    ml_heap_taken_set(2 * 10 * ML_PAGE_BYTES);
    ml_central_begin_sweep();
    ml_large_begin_sweep();
    return object;
}

static void assert_found_out(uint64_t pages_taken)
{
    ck_assert_uint_eq(ml_heap_marked_twice().objects, 1);
    ck_assert_uint_eq(ml_heap_marked_twice().bytes, 10 * ML_PAGE_BYTES);
    ck_assert_uint_eq(ml_heap_taken_bytes(), pages_taken * ML_PAGE_BYTES);
    assert_heap_is_whole();
}

START_TEST(what_both_markers_counted_is_found_out_by_the_sweep)
{
    void *object = marked_twice();
    ck_assert_uint_eq(ml_large_sweep(10), 1);
    assert_found_out(10);
    ck_assert(ml_heap_is_object(object));
    ck_assert_uint_eq(ml_span_marks(&ml_span_over((uintptr_t)object)->bits[0]), 0);
}
END_TEST

START_TEST(what_both_markers_counted_is_found_out_when_it_is_freed)
{
    ml_heap_free(marked_twice());
    assert_found_out(0);
    ck_assert_uint_eq(ml_large_sweep(10), 0);
    assert_found_out(0);
}
END_TEST

/* Counted with the size it had then. */
START_TEST(what_both_markers_counted_is_found_out_when_it_is_resized)
{
    static const size_t pages[] = { 5, 20 };
    bool zeroed;
    void *object = marked_twice();
    ck_assert(ml_large_resize(object, pages[_i] * ML_PAGE_BYTES, &zeroed));
    assert_found_out(pages[_i]);
    ck_assert_uint_eq(ml_large_sweep(10), 1);
    assert_found_out(pages[_i]);
    ck_assert(ml_heap_is_object(object));
}
END_TEST

/* Growing by a page at a time touches the new pages' entries only: each of
 * the others could be broken and would stay so. */
START_TEST(growing_writes_the_tables_for_the_new_pages_only)
{
    bool zeroed;
    char *object = large(6 * ML_PAGE_BYTES, ML_SCAN);
    size_t page = ml_page_of((uintptr_t)object);
    uint32_t number = ml_map.page_span[page + 2];
    ml_map.page_span[page + 2] = 0;
    ck_assert(ml_large_resize(object, 8 * ML_PAGE_BYTES, &zeroed));
    ck_assert_uint_eq(ml_map.page_span[page + 2], 0);
    ck_assert_uint_eq(ml_map.page_span[page + 6], number);
    ck_assert_uint_eq(ml_map.page_span[page + 7], number);
}
END_TEST

UNIT_MAIN_TIMES("heap large", 2, a_large_object_is_counted_with_whole_pages,
          fresh_memory_is_said_to_be_zero_and_used_memory_is_not, it_shrinks_and_grows_where_it_is,
          it_begins_where_its_alignment_says, an_impossible_size_or_alignment_is_null,
          of_two_frees_at_the_same_time_the_second_finds_nothing, what_was_not_marked_is_swept,
          an_unswept_object_can_be_freed_and_resized, what_cannot_be_shrunk_is_not_counted,
          what_both_markers_counted_is_found_out_by_the_sweep,
          what_both_markers_counted_is_found_out_when_it_is_freed,
          what_both_markers_counted_is_found_out_when_it_is_resized,
          growing_writes_the_tables_for_the_new_pages_only)
