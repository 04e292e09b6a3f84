/* SPDX-License-Identifier: MIT */
/* test_gc_typed.c - objects with a type, in collections that stop the program:
 * words that may hold pointers keep alive what they refer to and others don't,
 * in objects of any size, with helpers, without memory for the mark stack, in
 * what has a finalizer or was resized. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "finalizers.h"
#include "gc/collect.h"
#include "gc/helpers.h"
#include "gc/share.h"
#include "gc_types.h"
#include "heap_unit.h"
#include "os/process.h"
#include "unit.h"

static void *volatile roots[OBJECTS];
static hidden_t seen[OBJECTS], unseen[OBJECTS];
static uint64_t state = 88172645463325252u;

static __attribute__((noinline)) void forget(void)
{
    memset((void *)roots, 0, sizeof(roots));
    clear_stack();
}

/* One new object in a word that points and one in a word that doesn't. */
static __attribute__((noinline)) void refer_from(void *object, size_t words,
                                                 const struct pattern *pattern, unsigned i)
{
    uintptr_t *word = object;
    void *one = memlog_malloc(40), *other = memlog_malloc(40);
    word[some_word(pattern, words, true, &state)] = (uintptr_t)one;
    word[some_word(pattern, words, false, &state)] = (uintptr_t)other;
    seen[i] = hide(one);
    unseen[i] = hide(other);
}

/* Objects of the pattern, of so many words: the patterns repeat. */
static __attribute__((noinline)) void make_holders(const struct pattern *pattern, size_t words,
                                                   unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        roots[i] = ml_gc_alloc_typed(words * 8, pattern->type);
        refer_from(roots[i], words, pattern, i);
    }
}

static void assert_exact(unsigned count)
{
    collect();
    collect();
    assert_all_alive(seen, count);
    assert_nearly_all_gone(unseen, count);
    assert_whole();
    forget();
    collect();
    assert_nearly_all_gone(seen, count);
}

/* ---- sizes ----------------------------------------------------------------------- */

START_TEST(words_that_may_hold_pointers_keep_alive_and_no_others)
{
    static const size_t words[] = { 2, 3, 4, 5, 7, 8, 9, 31, 32, 33, 63, 64, 65, 127, 128, 129, 500, 1000 };
    struct pattern pattern;
    for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        make_pattern(&pattern, words[i], 4, &state);
        make_holders(&pattern, words[i], OBJECTS);
        assert_exact(OBJECTS);
    }
}
END_TEST

START_TEST(so_in_arrays_small_and_large)
{
    static const size_t lengths[] = { 2, 40, 500, 1023, 1200, 4094, 4095, 4096, 6000, 200000 };
    static const size_t words[] = { 2, 3, 5, 33, 64, 65, 100, 700 };
    struct pattern pattern;
    memlog_set_gc_percent(-1);
    for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        make_pattern(&pattern, words[i], 4, &state);
        for (unsigned j = 0; j < sizeof(lengths) / sizeof(lengths[0]); j++) {
            unsigned count = lengths[j] > 10000 ? OBJECTS / 4 : OBJECTS;
            if (lengths[j] < words[i])
                continue;
            make_holders(&pattern, lengths[j], count);
            assert_exact(count);
        }
    }
}
END_TEST

/* ---- helpers ----------------------------------------------------------------------- */

enum { LONG = 2000000 }; /* words */
static uint64_t expected;

static __attribute__((noinline)) void fill_long_array(const struct pattern *pattern)
{
    uintptr_t *array = ml_gc_alloc_typed(LONG * 8, pattern->type);
    roots[0] = array;
    expected = 1;
    for (size_t i = 0; i < LONG; i++) {
        if (i % 4 != 0 && points(pattern, i))
            continue;
        array[i] = (uintptr_t)memlog_malloc(16);
        expected += points(pattern, i);
    }
}

static uint64_t live_objects(void)
{
    struct memlog_extra extra = { .size = sizeof(extra) };
    memlog_read_extra(&extra);
    return extra.live_objects;
}

static void share_a_long_array(unsigned helpers)
{
    struct pattern pattern;
    enum { PATIENCE = 200 };
    ml_helpers_forced = helpers;
    memlog_set_gc_percent(-1);
    collect();
    uint64_t before = live_objects();
    ck_assert_uint_eq(ml_helpers_count(), helpers);
    make_pattern(&pattern, 5, 3, &state);
    fill_long_array(&pattern);
    for (int i = 0; i < PATIENCE; i++) {
        uint64_t cpu = ml_share_cpu_ns();
        collect();
        ck_assert_uint_ge(live_objects(), expected);
        ck_assert_uint_le(live_objects(), expected + before + 10);
        if (ml_share_cpu_ns() != cpu)
            return;
    }
    ck_abort_msg("no helper had a part");
}

START_TEST(a_long_array_that_a_helper_shares)
{
    share_a_long_array(1);
}
END_TEST

START_TEST(a_long_array_that_three_helpers_share)
{
    share_a_long_array(3);
}
END_TEST

/* It looks as if somebody were hungry all the time, so that all is cut in two and
 * given away; mostly who gave it takes it back. */
START_TEST(a_long_array_in_many_packets)
{
    struct pattern pattern;
    memlog_set_gc_percent(-1);
    ml_helpers_forced = 1; /* for the packets' memory */
    collect();
    uint64_t before = live_objects();
    make_pattern(&pattern, 7, 3, &state);
    fill_long_array(&pattern);
    __atomic_fetch_add(&ml_share_hungry, 1, __ATOMIC_RELAXED);
    collect();
    __atomic_fetch_sub(&ml_share_hungry, 1, __ATOMIC_RELAXED);
    ck_assert_uint_ge(live_objects(), expected);
    ck_assert_uint_le(live_objects(), expected + before + 10);
}
END_TEST

/* ---- no memory for the mark stack ------------------------------------------------------ */

/* Every other word points. */
static const struct memlog_type *even_words(void)
{
    static const uint64_t even[] = { 1 };
    return ml_type_new(16, even, 1);
}

/* A list of so many arrays of so many pairs, each with the next one in a word that
 * is followed early, so that going along the list leaves the others on the mark
 * stack. In the odd words are addresses of objects that nothing else refers to. */
static __attribute__((noinline)) void make_broad(void *volatile *first, unsigned nodes,
                                                 unsigned pairs)
{
    const struct memlog_type *type = even_words();
    unsigned next = pairs <= 256 ? pairs - 1 : 255; /* the last of a chunk is the first */
    void **array = *first = ml_gc_alloc_typed(pairs * 16, type);
    for (unsigned i = 0; i < nodes; i++) {
        for (unsigned j = 0; j < pairs; j++) {
            array[2 * j] = ml_gc_alloc_typed(j == next ? pairs * 16 : 16, type);
            array[2 * j + 1] = memlog_malloc(16);
            if (j != next)
                *(void **)array[2 * j] = memlog_malloc(16);
        }
        array = array[2 * next];
    }
    expected += 1 + nodes * (2 * pairs - 1);
}

static void limit_memory(bool limited)
{
    struct rlimit limit;
    getrlimit(RLIMIT_AS, &limit);
    limit.rlim_cur = limited ? ml_os_mapped_bytes() : limit.rlim_max;
    ck_assert_int_eq(setrlimit(RLIMIT_AS, &limit), 0);
}

static void mark_without_memory(unsigned nodes, unsigned pairs)
{
    memlog_set_gc_percent(-1);
    make_broad(&roots[0], nodes, pairs);
    clear_stack();
    ck_assert_uint_eq(ml_gc_stack_bytes(), 0); /* it has never been grown */
    limit_memory(true);
    memlog_gc();
    uint64_t live = live_objects();
    limit_memory(false);
    ck_assert_uint_eq(ml_gc_stack_bytes(), 0);
    ck_assert_uint_ge(live, expected);
    ck_assert_uint_le(live, expected + 20);
    assert_whole();
}

START_TEST(with_a_mark_stack_that_cannot_grow_all_is_marked)
{
    mark_without_memory(300, 200);
}
END_TEST

START_TEST(so_with_arrays_of_several_pages)
{
    mark_without_memory(200, 1000);
}
END_TEST

START_TEST(so_with_large_arrays)
{
    mark_without_memory(100, 2100);
}
END_TEST

/* ---- finalizers and weak references -------------------------------------------------- */

static unsigned whole;
enum { SIZES = 3 };
/* Of all sizes: what a collection has spared is finalized after a later one. */
static hidden_t referred_to[SIZES * OBJECTS];
static unsigned referred_to_count;

static void note_whole(void *object, void *data)
{
    void **word = object;
    hidden_t one = referred_to[(uintptr_t)data];
    bool is_whole = word[0] == object && word[1] == &word[3] && is_alive(one) &&
                    word[2] == reveal(one) && *(uint64_t *)word[2] == MAGIC;
    __atomic_fetch_add(&whole, is_whole, __ATOMIC_RELAXED);
}

/* Each refers to itself twice, and to one object in a word that points and to
 * another in one that doesn't. */
static __attribute__((noinline)) void make_finalized_holders(size_t words)
{
    static const uint64_t but_the_last[] = { 7 };
    const struct memlog_type *type = ml_type_new(32, but_the_last, 1);
    for (unsigned i = 0; i < OBJECTS; i++) {
        void **word = ml_gc_alloc_typed(words * 8, type);
        uint64_t *one = memlog_malloc_noscan(40);
        *one = MAGIC;
        word[0] = word;
        word[1] = &word[3];
        word[2] = one;
        word[words - 1] = memlog_malloc(40);
        seen[i] = hide(one);
        unseen[i] = hide(word[words - 1]);
        referred_to[referred_to_count] = seen[i];
        void *which = (void *)(uintptr_t)referred_to_count++;
        ck_assert_int_eq(memlog_set_finalizer(word, note_whole, which), 0);
    }
}

START_TEST(what_is_to_be_finalized_keeps_what_its_type_says)
{
    static const size_t words[SIZES] = { 4, 200, 20000 };
    memlog_set_gc_percent(-1);
    for (unsigned i = 0; i < SIZES; i++) {
        uint64_t before = finalizers().run;
        make_finalized_holders(words[i]);
        collect();
        assert_nearly_all_gone(unseen, OBJECTS);
        wait_for_runs(before + OBJECTS - SPARED);
        wait_for_none_queued();
        ck_assert_uint_eq(__atomic_load_n(&whole, __ATOMIC_RELAXED), finalizers().run);
        collect();
        assert_nearly_all_gone(seen, OBJECTS);
        assert_whole();
    }
}
END_TEST

START_TEST(weak_references_to_them_are_cleared)
{
    static struct memlog_weak *weak[OBJECTS];
    struct pattern pattern;
    make_pattern(&pattern, 4, 2, &state);
    make_holders(&pattern, 4, OBJECTS);
    for (unsigned i = 0; i < OBJECTS; i++) {
        weak[i] = memlog_weak_create(roots[i]);
        ck_assert_ptr_nonnull(weak[i]);
    }
    collect();
    for (unsigned i = 0; i < OBJECTS; i++)
        ck_assert_ptr_eq(memlog_weak_get(weak[i]), roots[i]);
    assert_all_alive(seen, OBJECTS);
    forget();
    collect();
    unsigned there = 0;
    for (unsigned i = 0; i < OBJECTS; i++)
        there += memlog_weak_get(weak[i]) != NULL;
    ck_assert_uint_le(there, SPARED);
}
END_TEST

/* ---- resized ---------------------------------------------------------------------------- */

/* Through sizes small and large, in place and elsewhere. */
enum { SOME = 20 };

START_TEST(a_resized_array_keeps_its_type)
{
    static const size_t lengths[] = { 30, 31, 1000, 3000, 2900, 5000, 40000, 39000, 400000, 4200,
                                      4000, 90, 12 };
    struct pattern pattern;
    memlog_set_gc_percent(-1);
    make_pattern(&pattern, 6, 3, &state);
    for (unsigned i = 0; i < SOME; i++)
        roots[i] = ml_gc_alloc_typed(12 * 8, pattern.type);
    for (unsigned j = 0; j < sizeof(lengths) / sizeof(lengths[0]); j++) {
        for (unsigned i = 0; i < SOME; i++) {
            uintptr_t *array = roots[i] = memlog_realloc(roots[i], lengths[j] * 8);
            ck_assert_ptr_eq(ml_type_of((uintptr_t)array, ml_heap_block_bytes(array)), pattern.type);
            refer_from(array, lengths[j], &pattern, i);
        }
        collect();
        assert_all_alive(seen, SOME);
        ck_assert_uint_le(count_alive(unseen, SOME), SPARED);
        assert_whole();
    }
}
END_TEST

/* ---- an object whose type is gone, or not there yet ---------------------------------------- */

static __attribute__((noinline)) void overwrite_types(void)
{
    for (unsigned i = 0; i < OBJECTS; i++)
        memset((char *)roots[i] + memlog_usable_size(roots[i]), i % 2 == 0 ? 0 : 0x55, 8);
}

START_TEST(where_somebody_wrote_past_the_end_all_words_count)
{
    static const size_t words[] = { 3, 600, 4000 };
    struct pattern pattern;
    make_pattern(&pattern, 3, 2, &state);
    for (unsigned i = 0; i < 3; i++) {
        make_holders(&pattern, words[i], OBJECTS);
        overwrite_types();
        collect();
        assert_all_alive(seen, OBJECTS);
        assert_all_alive(unseen, OBJECTS);
    }
}
END_TEST

static void resize_it(void *object)
{
    child_asserts(memlog_realloc(object, 1000) != NULL);
}

START_TEST(such_an_object_can_t_be_moved)
{
    char line[200];
    struct pattern pattern;
    make_pattern(&pattern, 3, 2, &state);
    char *object = ml_gc_alloc_typed(24, pattern.type);
    memlog_free(memlog_realloc(ml_gc_alloc_typed(24, pattern.type), 1000));
    memset(object + 24, 0, 8);
    ck_assert_ptr_eq(memlog_realloc(object, 20), object); /* in place it can be */
    snprintf(line, sizeof(line),
             "memlog: memlog_realloc: somebody wrote past the end of the object at %p, where its "
             "type stood\n", (void *)object);
    assert_child_dies(resize_it, object, line);
}
END_TEST

UNIT_MAIN("gc typed", words_that_may_hold_pointers_keep_alive_and_no_others,
          so_in_arrays_small_and_large, a_long_array_that_a_helper_shares,
          a_long_array_that_three_helpers_share, a_long_array_in_many_packets,
          with_a_mark_stack_that_cannot_grow_all_is_marked, so_with_arrays_of_several_pages,
          so_with_large_arrays,
          what_is_to_be_finalized_keeps_what_its_type_says, weak_references_to_them_are_cleared,
          a_resized_array_keeps_its_type, where_somebody_wrote_past_the_end_all_words_count,
          such_an_object_can_t_be_moved)
