/* SPDX-License-Identifier: MIT */
/* test_heap_pageheap.c - runs of pages: split, joined, aligned, resized;
 * released while others take. test_heap_pagerandom.c does it at random. */
#include "heap/pageheap.h"
#include "heap/runs.h"

#include <string.h>

#include "heap_os.h"
#include "heap_unit.h"

enum { FIRST_GROWTH = 128 }; /* pages: the least that is asked for */

static void prepare(void) { ck_assert_int_eq(ml_heap_init(), 0); }

static struct ml_span *take(uint32_t pages, uint32_t align_pages, uint32_t *backed)
{
    ml_lock(&ml_pageheap_lock);
    struct ml_span *span = ml_pageheap_take_run(pages, align_pages, backed);
    ml_unlock(&ml_pageheap_lock);
    return span;
}

static struct ml_span *run(uint32_t pages)
{
    uint32_t backed;
    struct ml_span *span = take(pages, 1, &backed);
    ck_assert_ptr_nonnull(span);
    ck_assert_uint_eq(span->pages, pages);
    return span;
}

static bool resize(struct ml_span *span, uint32_t pages, uint32_t *backed)
{
    ml_lock(&ml_pageheap_lock);
    bool done = ml_pageheap_resize_run(span, pages, backed);
    ml_unlock(&ml_pageheap_lock);
    return done;
}

static struct ml_pageheap_figures figures(void)
{
    struct ml_pageheap_figures now;
    ml_pageheap_read(&now);
    return now;
}

/* ---- single moves -------------------------------------------------------------- */

START_TEST(runs_follow_each_other_and_join_when_they_are_free)
{
    prepare();
    struct ml_span *a = run(3), *b = run(4), *c = run(5);
    ck_assert_uint_eq(b->base, a->base + 3 * ML_PAGE_BYTES);
    ck_assert_uint_eq(c->base, b->base + 4 * ML_PAGE_BYTES);
    uintptr_t base = a->base;
    ml_pageheap_give(a);
    assert_pageheap_is_whole();
    ml_pageheap_give(c);
    assert_pageheap_is_whole();
    ml_pageheap_give(b); /* free on both sides */
    assert_pageheap_is_whole();
    ck_assert_uint_eq(figures().spans, 1);
    ck_assert_uint_eq(run(FIRST_GROWTH)->base, base);
    ck_assert_uint_eq(figures().heap_bytes, FIRST_GROWTH * ML_PAGE_BYTES);
}
END_TEST

START_TEST(the_shortest_run_that_fits_is_taken)
{
    prepare();
    static const uint32_t lengths[] = { 200, 3, 150, 3, 20, 3, 10, 3, 140, 3 };
    struct ml_span *spans[10];
    uintptr_t bases[10];
    for (unsigned i = 0; i < 10; i++) {
        spans[i] = run(lengths[i]);
        bases[i] = spans[i]->base;
    }
    struct ml_span *rest = run(100); /* whatever is left behind is far shorter or longer */
    for (unsigned i = 0; i < 10; i += 2)
        ml_pageheap_give(spans[i]);
    assert_pageheap_is_whole();
    ck_assert_uint_eq(run(10)->base, bases[6]);
    ck_assert_uint_eq(run(15)->base, bases[4]);
    ck_assert_uint_eq(run(139)->base, bases[8]);
    ck_assert_uint_eq(run(140)->base, bases[2]);
    ck_assert_uint_eq(run(190)->base, bases[0]);
    assert_pageheap_is_whole();
    ml_pageheap_give(rest);
}
END_TEST

START_TEST(a_run_begins_where_its_alignment_says)
{
    prepare();
    for (uint32_t align = 1; align <= 1024; align *= 2) {
        uint32_t backed;
        struct ml_span *odd = run(1);
        struct ml_span *span = take(7, align, &backed);
        ck_assert_uint_eq(span->base % ((uintptr_t)align * ML_PAGE_BYTES), 0);
        ck_assert_uint_eq(span->pages, 7);
        assert_pageheap_is_whole();
        ml_pageheap_give(odd);
    }
}
END_TEST

START_TEST(pages_that_were_never_used_read_as_zero_and_say_so)
{
    uint32_t backed;
    prepare();
    struct ml_span *span = take(10, 1, &backed);
    ck_assert_uint_eq(backed, 0);
    for (size_t i = 0; i < ml_span_bytes(span); i += 8)
        ck_assert_uint_eq(*(uint64_t *)(span->base + i), 0);
    memset((void *)span->base, 0xee, ml_span_bytes(span));
    uintptr_t base = span->base;
    ml_pageheap_give(span);
    span = take(12, 1, &backed);
    ck_assert_uint_eq(span->base, base);
    ck_assert_uint_eq(backed, 10);
}
END_TEST

START_TEST(a_run_grows_into_a_free_one_behind_it_and_shrinks)
{
    uint32_t backed = 99;
    prepare();
    struct ml_span *span = run(10), *wall = run(5);
    ck_assert(!resize(span, 11, &backed)); /* somebody is there */
    ck_assert_uint_eq(span->pages, 10);
    ml_pageheap_give(wall);
    ck_assert(resize(span, 20, &backed));
    ck_assert_uint_eq(backed, 5);
    ck_assert_uint_eq(span->pages, 20);
    for (unsigned page = 0; page < 20; page++)
        ck_assert_ptr_eq(ml_span_over(span->base + page * ML_PAGE_BYTES), span);
    assert_pageheap_is_whole();
    ck_assert(resize(span, FIRST_GROWTH, &backed)); /* all of the rest */
    ck_assert_uint_eq(figures().spans, 1);
    ck_assert(!resize(span, FIRST_GROWTH + 1, &backed)); /* the heap's end */
    ck_assert(resize(span, FIRST_GROWTH, &backed));
    ck_assert(resize(span, 1, &backed));
    assert_pageheap_is_whole();
    ck_assert_uint_eq(figures().inuse_bytes, ML_PAGE_BYTES);
    ck_assert_uint_eq(run(20)->base, span->base + ML_PAGE_BYTES);
}
END_TEST

START_TEST(a_small_span_is_cut_and_its_pages_know_it)
{
    prepare();
    for (unsigned bin = 0; bin < ML_BINS; bin++) {
        struct ml_span *span = ml_pageheap_take_small(bin);
        ck_assert_ptr_nonnull(span);
        ck_assert_uint_eq(span->use, ML_SPAN_SMALL);
        ck_assert_uint_eq(span->bin, bin);
        ck_assert_uint_eq(span->free_slots, ml_sizeclasses[ml_bin_class(bin)].slots);
        ck_assert_ptr_null(ml_span_check(span, false));
        for (unsigned page = 0; page < span->pages; page++) {
            ck_assert_ptr_eq(ml_span_over(span->base + page * ML_PAGE_BYTES + 8191), span);
            ck_assert_uint_eq(ml_map.page_bin[ml_page_of(span->base) + page], bin);
        }
        if (bin % 2)
            ml_pageheap_give(span);
        assert_pageheap_is_whole();
    }
}
END_TEST

START_TEST(more_pages_than_there_can_be_are_refused)
{
    uint32_t backed;
    prepare();
    struct ml_span *some = run(3);
    ck_assert_ptr_null(take(UINT32_MAX / 2, 1, &backed));
    ck_assert_ptr_null(take(1, (uint32_t)1 << 30, &backed));
    ck_assert_ptr_null(take((uint32_t)(ml_map.reserved_bytes >> ML_PAGE_SHIFT) + 1, 1, &backed));
    assert_pageheap_is_whole();
    ml_pageheap_give(some);
}
END_TEST

/* ---- release --------------------------------------------------------------------- */

START_TEST(a_release_leaves_zeros_and_exact_figures)
{
    uint32_t backed;
    prepare();
    struct ml_span *a = run(50), *b = run(20);
    memset((void *)a->base, 0xee, ml_span_bytes(a));
    memset((void *)b->base, 0xee, ml_span_bytes(b));
    uintptr_t base = a->base;
    ml_pageheap_give(a);
    ck_assert_uint_eq(ml_pageheap_release(1, UINT64_MAX), 50 * ML_PAGE_BYTES);
    assert_pageheap_is_whole();
    ck_assert_uint_eq(figures().released_bytes,
                      figures().heap_bytes - 20 * ML_PAGE_BYTES);
    ck_assert_uint_eq(ml_pageheap_release(1, UINT64_MAX), 0);
    a = take(50, 1, &backed);
    ck_assert_uint_eq(a->base, base);
    ck_assert_uint_eq(backed, 0);
    ck_assert_uint_eq(*(uint64_t *)(base + 96), 0);
    ck_assert_uint_eq(*(uint64_t *)(b->base + 96), UINT64_C(0xeeeeeeeeeeeeeeee));
}
END_TEST

START_TEST(no_more_is_released_than_was_asked_for)
{
    prepare();
    struct ml_span *a = run(1000), *wall = run(1), *b = run(30);
    ml_pageheap_give(a);
    ml_pageheap_give(b);
    ck_assert_uint_eq(ml_pageheap_release(1, 1), ML_PAGE_BYTES);
    ck_assert_uint_eq(ml_pageheap_release(1, 100 * ML_PAGE_BYTES), 100 * ML_PAGE_BYTES);
    ck_assert_uint_eq(os_released_bytes, 101 * ML_PAGE_BYTES);
    assert_pageheap_is_whole();
    ck_assert_uint_eq(ml_pageheap_release(1, 901 * ML_PAGE_BYTES), 901 * ML_PAGE_BYTES);
    ck_assert_uint_eq(ml_pageheap_release(1, UINT64_MAX), 28 * ML_PAGE_BYTES);
    assert_pageheap_is_whole();
    ml_pageheap_give(wall);
}
END_TEST

START_TEST(only_runs_that_rested_are_released)
{
    prepare();
    ml_runs_set_tick(10);
    struct ml_span *a = run(50), *wall = run(1), *b = run(60);
    ml_pageheap_give(a);
    ml_runs_set_tick(12);
    ml_pageheap_give(b);
    ck_assert_uint_eq(ml_pageheap_release(10, UINT64_MAX), 0);
    ck_assert_uint_eq(ml_pageheap_release(11, UINT64_MAX), 50 * ML_PAGE_BYTES);
    ck_assert_uint_eq(ml_pageheap_release(13, UINT64_MAX), 60 * ML_PAGE_BYTES);
    ml_pageheap_give(wall);
}
END_TEST

START_TEST(a_page_that_comes_and_goes_at_its_end_does_not_keep_a_run_young)
{
    prepare();
    struct ml_span *a = run(500), *page = run(1);
    ml_runs_set_tick(10);
    ml_pageheap_give(a);
    ml_runs_set_tick(20);
    ml_pageheap_give(page); /* joins the old run */
    ck_assert_uint_eq(ml_pageheap_release(11, UINT64_MAX), 501 * ML_PAGE_BYTES);
    struct ml_span *first = run(1), *rest = run(400);
    ml_pageheap_give(first);
    ml_runs_set_tick(30);
    ml_pageheap_give(rest); /* joins an old page, and is young */
    ck_assert_uint_eq(ml_pageheap_release(21, UINT64_MAX), 0);
}
END_TEST

START_TEST(a_release_that_the_system_refuses_changes_nothing)
{
    prepare();
    struct ml_span *a = run(50), *wall = run(1), *b = run(60);
    ml_pageheap_give(a);
    ml_pageheap_give(b);
    struct ml_pageheap_figures before = figures();
    os_releases_granted = 0;
    ck_assert_uint_eq(ml_pageheap_release(1, UINT64_MAX), 0);
    struct ml_pageheap_figures after = figures();
    ck_assert_mem_eq(&before, &after, sizeof(before));
    assert_pageheap_is_whole();
    os_releases_granted = UINT64_MAX;
    ck_assert_uint_eq(ml_pageheap_release(1, UINT64_MAX), 110 * ML_PAGE_BYTES);
    ml_pageheap_give(wall);
}
END_TEST

static struct ml_span *neighbour;
static unsigned in_between;

/* While a run is on its way: take, give its neighbour, look. */
static void use_the_heap(uintptr_t base, size_t bytes)
{
    in_between++;
    if (neighbour != NULL)
        ml_pageheap_give(neighbour);
    neighbour = NULL;
    struct ml_span *other = run(40);
    ck_assert(other->base >= base + bytes || other->base + ml_span_bytes(other) <= base);
    assert_pageheap_is_whole();
    ml_pageheap_give(other);
}

START_TEST(a_run_that_is_being_released_is_nobodys_and_joins_afterwards)
{
    prepare();
    struct ml_span *a = run(50);
    uintptr_t base = a->base;
    neighbour = run(FIRST_GROWTH - 50);
    ml_pageheap_give(a);
    os_during_release = use_the_heap;
    ck_assert_uint_eq(ml_pageheap_release(1, 50 * ML_PAGE_BYTES), 50 * ML_PAGE_BYTES);
    os_during_release = NULL;
    ck_assert_uint_ge(in_between, 1);
    assert_pageheap_is_whole();
    ck_assert_uint_eq(run(FIRST_GROWTH)->base, base);
}
END_TEST

static void child_uses_what_was_on_its_way(void *unused)
{
    (void)unused;
    ml_heap_after_fork_child();
    child_asserts(pageheap_checked() == NULL);
    uint32_t backed;
    uint64_t heap = figures().heap_bytes;
    child_asserts(take(50, 1, &backed) != NULL && figures().heap_bytes == heap);
    child_asserts(pageheap_checked() == NULL);
}

static void fork_now(uintptr_t base, size_t bytes)
{
    (void)base, (void)bytes;
    ml_heap_before_fork();
    assert_child_is_fine(child_uses_what_was_on_its_way, NULL);
    ml_heap_after_fork_parent();
}

START_TEST(a_run_that_was_being_released_is_free_in_a_forked_child)
{
    prepare();
    struct ml_span *a = run(FIRST_GROWTH);
    ml_pageheap_give(a);
    os_during_release = fork_now;
    ck_assert_uint_gt(ml_pageheap_release(1, UINT64_MAX), 0);
    ck_assert_uint_eq(os_releases, 1);
    assert_pageheap_is_whole();
}
END_TEST

/* ---- the system refuses ------------------------------------------------------------- */

/* Descriptors run out in front of a run, behind it, on shrinking: the heap has
 * room, but there is nothing to describe the parts with. */
START_TEST(without_descriptors_nothing_is_split_and_nothing_is_lost)
{
    uint32_t backed;
    prepare();
    run(1);
    struct ml_span *large = run(6000), *wall = run(1);
    ml_pageheap_give(large);
    os_commits_granted = 0;
    for (unsigned taken = 0; take(1, 1, &backed) != NULL; taken++)
        ck_assert_uint_lt(taken, 1000);
    assert_pageheap_is_whole();
    uint64_t inuse = figures().inuse_bytes;
    for (uint32_t align = 1; align <= 64; align *= 2)
        ck_assert_ptr_null(take(3, align, &backed));
    ck_assert_ptr_null(ml_pageheap_take_small(0));
    assert_pageheap_is_whole();
    ck_assert_uint_eq(figures().inuse_bytes, inuse);
    uint32_t rest = ml_span_over(wall->base - 1)->pages;
    ck_assert_uint_gt(rest, 1000);
    struct ml_span *all = take(rest, 1, &backed); /* needs no splitting */
    ck_assert_ptr_nonnull(all);
    ck_assert(!resize(all, rest - 1, &backed));
    ck_assert_uint_eq(all->pages, rest);
    assert_pageheap_is_whole();
    ml_pageheap_give(wall);
    ml_pageheap_give(all);
    assert_pageheap_is_whole();
}
END_TEST

UNIT_MAIN("heap pageheap", runs_follow_each_other_and_join_when_they_are_free,
          the_shortest_run_that_fits_is_taken, a_run_begins_where_its_alignment_says,
          pages_that_were_never_used_read_as_zero_and_say_so,
          a_run_grows_into_a_free_one_behind_it_and_shrinks,
          a_small_span_is_cut_and_its_pages_know_it, more_pages_than_there_can_be_are_refused,
          a_release_leaves_zeros_and_exact_figures, no_more_is_released_than_was_asked_for,
          only_runs_that_rested_are_released,
          a_page_that_comes_and_goes_at_its_end_does_not_keep_a_run_young,
          a_release_that_the_system_refuses_changes_nothing,
          a_run_that_is_being_released_is_nobodys_and_joins_afterwards,
          a_run_that_was_being_released_is_free_in_a_forked_child,
          without_descriptors_nothing_is_split_and_nothing_is_lost)
