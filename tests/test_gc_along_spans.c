/* SPDX-License-Identifier: MIT */
/* test_gc_along_spans.c - a mark that runs along looks at spans while they come,
 * go and change: what it takes for a span's end, or for what it was, must not
 * cost an object that is in use. */
#include "gc_along_objects.h"
#include "heap/large.h"
#include "unit.h"

enum { NODES = 2000, NODE_BYTES = 64 };

/* ---- a span whose end is not true for a while -------------------------------------- */

/* On the way from one run of pages to another a descriptor has for a moment the
 * base of the first and the length of the second, and who reads it meanwhile is
 * told that the span reaches over its neighbours. */
static struct ml_span *changing;

static void stretch(void) { changing->pages = 100; }

static void settle(void) { changing->pages = 1; }

/* Two nodes side by side on pages that follow one another, each a span. */
static void *volatile *on_first, *volatile *on_second;

static struct ml_span *neighbour_of(struct ml_span *span)
{
    uintptr_t end = span->base + ml_span_bytes(span);
    struct ml_span *next = ml_in_heap(end) ? ml_span_over(end) : NULL;
    bool fits = next != NULL && next->base == end && next->use == ML_SPAN_SMALL &&
                next->bin == span->bin && next->free_slots == 0;
    return fits ? next : NULL;
}

static __attribute__((noinline)) void make_nodes(void *(*allocate)(size_t bytes))
{
    make_old();
    for (unsigned i = 0; i < NODES; i++)
        old[i] = allocate(NODE_BYTES);
    for (unsigned i = 0; i < NODES; i++) {
        struct ml_span *span = ml_span_over((uintptr_t)old[i]);
        struct ml_span *next = span->free_slots == 0 ? neighbour_of(span) : NULL;
        if (next == NULL)
            continue;
        changing = span;
        on_first = (void *volatile *)(next->base - NODE_BYTES);
        on_second = (void *volatile *)next->base;
        return;
    }
    ck_abort_msg("no two spans of nodes follow one another");
}

static void write_to_both(void)
{
    on_first[2] = bear_known(48);
    on_second[2] = bear_known(48);
    stretch();
}

START_TEST(written_pages_behind_a_span_that_changes)
{
    make_nodes(memlog_malloc);
    along_do[STOPPING] = settle;
    cycle_with(write_to_both, CLEANING); /* both are marked */
    assert_born_whole();
}
END_TEST

/* Of what is not written nobody looks a second time. */
START_TEST(uncollectable_objects_behind_a_span_that_changes)
{
    make_nodes(memlog_malloc_uncollectable);
    on_second[2] = bear_known(48);
    along_do[CLEANING] = settle;
    cycle_with(stretch, MARKING);
    assert_born_whole();
}
END_TEST

START_TEST(marks_behind_a_span_that_changes_are_forgotten)
{
    make_nodes(memlog_malloc);
    ml_mark_black((uintptr_t)on_second);
    ck_assert(ml_is_marked((uintptr_t)on_second));
    stretch();
    ml_dirty_forget_marks();
    settle();
    ck_assert(!ml_is_marked((uintptr_t)on_second));
}
END_TEST

/* ---- an object that grows over another one's place ------------------------------------- */

enum { SMALLER = 80000, LARGER = 300000 };

static hidden_t grows;
static void *volatile root; /* to what lies behind; into the other when it has grown */

static __attribute__((noinline)) void make_two(void)
{
    for (unsigned i = 0; i < 100; i++) {
        uint64_t *first = memlog_malloc(SMALLER);
        uintptr_t end = (uintptr_t)first + ml_heap_block_bytes(first);
        first[0] = MAGIC;
        root = memlog_malloc(LARGER);
        grows = hide(first);
        if ((uintptr_t)root == end)
            return;
    }
    ck_abort_msg("no large object lies behind another");
}

static __attribute__((noinline)) void grow_over_it(void)
{
    hidden_t gone = hide(root);
    memlog_free(reveal(gone));
    ck_assert_ptr_eq(memlog_realloc(reveal(grows), LARGER), reveal(grows));
}

/* The root's word is what it was at the first stop, and means another object. */
START_TEST(an_object_that_grows_under_a_root_s_word)
{
    make_old();
    make_two();
    cycle_with(grow_over_it, _i);
    ck_assert(is_whole(grows));
    assert_whole();
}
END_TEST

/* ---- what is freed meanwhile ------------------------------------------------------------- */

static uint64_t live_objects(void)
{
    struct memlog_extra extra = { .size = sizeof(extra) };
    memlog_read_extra(&extra);
    return extra.live_objects;
}

static __attribute__((noinline)) void free_few(void)
{
    for (unsigned i = 0; i < 20; i++) {
        memlog_free(old[i]);
        old[i] = NULL;
    }
}

/* They wait in a magazine, and it may be that a mark has come by before. */
START_TEST(what_was_freed_meanwhile_is_not_live)
{
    make_old();
    for (unsigned i = 0; i < 100; i++)
        old[i] = memlog_malloc(64);
    collect_along();
    uint64_t before = live_objects();
    acted = false;
    act = free_few;
    along_do[_i] = act_once;
    collect_along();
    along_do[_i] = NULL;
    ck_assert(acted);
    ck_assert_uint_lt(live_objects(), before - 10);
}
END_TEST

UNIT_MAIN_TIMES("gc along spans", ALONG_POINTS, written_pages_behind_a_span_that_changes,
                uncollectable_objects_behind_a_span_that_changes,
                marks_behind_a_span_that_changes_are_forgotten,
                an_object_that_grows_under_a_root_s_word, what_was_freed_meanwhile_is_not_live)
