/* SPDX-License-Identifier: MIT */
/* test_heap_pagerandom.c - the page heap against a model: runs come, change
 * and go at random, and every rule is checked after every step; then the same
 * with an operating system that refuses most calls. */
#include <string.h>

#include "heap/pageheap.h"
#include "heap/runs.h"
#include "heap_os.h"
#include "heap_unit.h"

static struct ml_span *take(uint32_t pages, uint32_t align_pages, uint32_t *backed)
{
    ml_lock(&ml_pageheap_lock);
    struct ml_span *span = ml_pageheap_take_run(pages, align_pages, backed);
    ml_unlock(&ml_pageheap_lock);
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

enum { RUNS = 60, STEPS = 6000 };

struct model_run {
    struct ml_span *span;
    uint64_t pattern;
    bool small;
};
static struct model_run model[RUNS];
static uint64_t seed = 2024;

/* A word at both ends of each page. */
static void fill(const struct model_run *r)
{
    for (uintptr_t at = r->span->base; at < r->span->base + ml_span_bytes(r->span);
         at += ML_PAGE_BYTES)
        *(uint64_t *)at = *(uint64_t *)(at + ML_PAGE_BYTES - 8) = r->pattern ^ at;
}

static void verify(const struct model_run *r, uint32_t pages)
{
    for (uintptr_t at = r->span->base; at < r->span->base + ((uintptr_t)pages << ML_PAGE_SHIFT);
         at += ML_PAGE_BYTES)
        if (*(uint64_t *)at != (r->pattern ^ at) ||
            *(uint64_t *)(at + ML_PAGE_BYTES - 8) != (r->pattern ^ at))
            ck_abort_msg("a run was written to by another");
}

static void come(struct model_run *r)
{
    uint32_t backed = 0, pages = 1 + (uint32_t)random_below(&seed, 1 << random_below(&seed, 9));
    r->small = random_below(&seed, 3) == 0;
    if (r->small)
        r->span = ml_pageheap_take_small((unsigned)random_below(&seed, ML_BINS));
    else
        r->span = take(pages, 1u << random_below(&seed, 5), &backed);
    r->pattern = random_next(&seed);
    if (r->span == NULL)
        return;
    if (!r->small && backed == 0)
        for (uintptr_t at = 0; at < ml_span_bytes(r->span); at += 4096)
            ck_assert_uint_eq(*(uint64_t *)(r->span->base + at), 0);
    fill(r);
}

static void change(struct model_run *r)
{
    uint32_t before = r->span->pages, backed;
    uint32_t after = 1 + (uint32_t)random_below(&seed, 2 * before);
    bool done = resize(r->span, after, &backed);
    ck_assert_uint_eq(r->span->pages, done ? after : before);
    verify(r, (uint32_t)ml_min(before, r->span->pages));
    fill(r);
}

static void step(void)
{
    struct model_run *r = &model[random_below(&seed, RUNS)];
    if (r->span == NULL) {
        come(r);
    } else if (!r->small && random_below(&seed, 2)) {
        change(r);
    } else {
        verify(r, r->span->pages);
        ml_pageheap_give(r->span);
        r->span = NULL;
    }
    if (random_below(&seed, 20) == 0) {
        ml_runs_set_tick((uint32_t)random_below(&seed, 5));
        ml_pageheap_release((uint32_t)random_below(&seed, 6),
                            random_below(&seed, 500) * ML_PAGE_BYTES);
    }
}

static void compare_figures(void)
{
    uint64_t inuse = 0;
    for (unsigned i = 0; i < RUNS; i++)
        if (model[i].span != NULL)
            inuse += ml_span_bytes(model[i].span);
    ck_assert_uint_eq(figures().inuse_bytes, inuse);
}

START_TEST(runs_that_come_and_go_at_random_never_overlap_and_every_rule_holds)
{
    ck_assert_int_eq(ml_heap_init(), 0);
    for (int i = 0; i < STEPS; i++) {
        step();
        assert_pageheap_is_whole();
        compare_figures();
    }
    for (unsigned i = 0; i < RUNS; i++)
        if (model[i].span != NULL)
            ml_pageheap_give(model[i].span);
    assert_pageheap_is_whole();
    ck_assert_uint_eq(figures().spans, 1);
}
END_TEST

static uint64_t refuse_most(void) { return random_below(&seed, 4) != 0; }

START_TEST(whichever_call_the_system_refuses_the_page_heap_stays_whole)
{
    ck_assert_int_eq(ml_heap_init(), 0);
    os_refuses = refuse_most;
    for (int i = 0; i < STEPS; i++) {
        os_releases_granted = random_below(&seed, 3);
        step();
        assert_pageheap_is_whole();
        compare_figures();
    }
    ck_assert_uint_gt(os_commits, 20);
}
END_TEST

UNIT_MAIN("heap pageheap at random",
          runs_that_come_and_go_at_random_never_overlap_and_every_rule_holds,
          whichever_call_the_system_refuses_the_page_heap_stays_whole)
