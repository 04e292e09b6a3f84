/* SPDX-License-Identifier: MIT */
/* test_gc_typed_along.c - objects with a type, while they are marked along with
 * the program: what is written into their words meanwhile, and objects that get
 * another type at the same address. Each at every point of a cycle. */
#include "gc_along_objects.h"
#include "gc_types.h"
#include "unit.h"

enum { HOLDERS = 60, SIZES = 4, STALE = 3 /* that a word somewhere may keep */ };

/* In slots of a page's span, in slots of several pages, where the type's word and
 * most others are on different pages, and large. */
static const size_t words[SIZES] = { 3, 6, 2500, 20000 };

static const uint64_t first_of_three[] = { 1 }, second_of_three[] = { 2 };
static const struct memlog_type *first, *second;

static void *volatile *volatile holders[SIZES][HOLDERS];
static hidden_t unseen[SIZES][HOLDERS];

static __attribute__((noinline)) void make_holders(void)
{
    make_old();
    first = ml_type_new(24, first_of_three, 1);
    second = ml_type_new(24, second_of_three, 1);
    for (unsigned size = 0; size < SIZES; size++)
        for (unsigned i = 0; i < HOLDERS; i++)
            holders[size][i] = ml_gc_alloc_typed(words[size] * 8, first);
    collect_stopped(); /* in full: from now on they are old */
}

/* Some word whose number is `rest` more than a multiple of three. */
static size_t word_of(unsigned size, unsigned i, unsigned rest)
{
    return i * 641u % (words[size] / 3) * 3 + rest;
}

static void each_holder(void (*visit)(unsigned size, unsigned i))
{
    for (unsigned size = 0; size < SIZES; size++)
        for (unsigned i = 0; i < HOLDERS; i++)
            visit(size, i);
    clear_stack();
}

/* The others live, and these have gone in the cycle in which they came. */
static void assert_unseen_go(void)
{
    assert_born_whole();
    for (unsigned size = 0; size < SIZES; size++)
        ck_assert_uint_le(count_alive(unseen[size], HOLDERS), STALE);
    collect_stopped();
    assert_born_whole();
}

/* ---- the program writes ------------------------------------------------------------- */

static __attribute__((noinline)) void store(unsigned size, unsigned i, unsigned seen_rest)
{
    holders[size][i][word_of(size, i, seen_rest)] = bear_known(48);
    unseen[size][i] = bear(48);
    holders[size][i][word_of(size, i, 2)] = reveal(unseen[size][i]);
}

static void store_in_first(unsigned size, unsigned i) { store(size, i, 0); }
static void store_in_all(void) { each_holder(store_in_first); }

START_TEST(what_is_written_into_a_word_that_points_lives)
{
    make_holders();
    cycle_with(store_in_all, _i);
    assert_unseen_go();
}
END_TEST

static __attribute__((noinline)) void put_into_old(unsigned size, unsigned i)
{
    old[SLOTS / 2 + size * HOLDERS + i] = bear_known(48);
}

/* By way of a word that hides it. */
static __attribute__((noinline)) void move(unsigned size, unsigned i)
{
    unsigned slot = SLOTS / 2 + size * HOLDERS + i;
    hidden_t hidden = hide(old[slot]);
    old[slot] = NULL;
    holders[size][i][word_of(size, i, 0)] = reveal(hidden);
}

static void move_all(void) { each_holder(move); }

START_TEST(the_only_pointer_moves_into_a_word_that_points)
{
    make_holders();
    each_holder(put_into_old);
    cycle_with(move_all, _i);
    assert_born_whole();
    collect_stopped();
    assert_born_whole();
}
END_TEST

/* ---- another type ----------------------------------------------------------------------- */

static unsigned same_places;

/* At the same address, mostly: what was freed last comes first. */
static __attribute__((noinline)) void change_type(unsigned size, unsigned i)
{
    hidden_t was = hide((void *)holders[size][i]);
    memlog_free((void *)holders[size][i]);
    holders[size][i] = ml_gc_alloc_typed(words[size] * 8, second);
    same_places += holders[size][i] == reveal(was);
    store(size, i, 1);
}

static void change_all_types(void) { each_holder(change_type); }

START_TEST(an_object_of_another_type_at_the_same_address)
{
    make_holders();
    cycle_with(change_all_types, _i);
    ck_assert_uint_gt(same_places, SIZES * HOLDERS * 3 / 4);
    assert_unseen_go();
}
END_TEST

/* Where all words counted. */
static __attribute__((noinline)) void make_plain(unsigned size, unsigned i)
{
    holders[size][i] = memlog_malloc(words[size] * 8);
}

static void free_all_holders(void)
{
    for (unsigned size = 0; size < SIZES; size++)
        for (unsigned i = 0; i < HOLDERS; i++) {
            memlog_free((void *)holders[size][i]);
            holders[size][i] = NULL;
        }
    ml_heap_enter(ml_thread_self);
    ml_thread_flush_all(ml_thread_self);
    ml_central_trim(true); /* all of their spans go */
    ml_heap_leave(ml_thread_self);
}

static __attribute__((noinline)) void make_second(unsigned size, unsigned i)
{
    holders[size][i] = ml_gc_alloc_typed(words[size] * 8, second);
    store(size, i, 1);
}

static void renew_spans(void)
{
    free_all_holders();
    each_holder(make_second);
}

START_TEST(objects_with_a_type_in_spans_that_held_plain_ones)
{
    make_holders();
    each_holder(make_plain);
    collect_stopped();
    cycle_with(renew_spans, _i);
    assert_unseen_go();
}
END_TEST

static __attribute__((noinline)) void make_plain_and_store(unsigned size, unsigned i)
{
    make_plain(size, i);
    holders[size][i][word_of(size, i, 2)] = bear_known(48);
}

static void renew_as_plain(void)
{
    free_all_holders();
    each_holder(make_plain_and_store);
}

START_TEST(plain_objects_in_spans_that_held_some_with_a_type)
{
    make_holders();
    cycle_with(renew_as_plain, _i);
    assert_born_whole();
    collect_stopped();
    assert_born_whole();
}
END_TEST

/* ---- resized ---------------------------------------------------------------------------- */

static __attribute__((noinline)) void grow(unsigned size, unsigned i)
{
    size_t longer = words[size] / 3 * 3 + 3 * (1 + i);
    holders[size][i] = memlog_realloc((void *)holders[size][i], longer * 8);
    holders[size][i][longer - 3] = bear_known(48);
    unseen[size][i] = bear(48);
    holders[size][i][longer - 1] = reveal(unseen[size][i]);
}

static void grow_all(void) { each_holder(grow); }

START_TEST(what_an_array_has_gained_counts)
{
    make_holders();
    each_holder(store_in_first);
    cycle_with(grow_all, _i);
    assert_unseen_go();
}
END_TEST

UNIT_MAIN_TIMES("gc typed along", ALONG_POINTS, what_is_written_into_a_word_that_points_lives,
                the_only_pointer_moves_into_a_word_that_points,
                an_object_of_another_type_at_the_same_address,
                objects_with_a_type_in_spans_that_held_plain_ones,
                plain_objects_in_spans_that_held_some_with_a_type,
                what_an_array_has_gained_counts)
