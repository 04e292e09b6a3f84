/* SPDX-License-Identifier: MIT */
/* test_heap_central.c - batches of slots from spans and back. */
#include "heap/central.h"

#include <pthread.h>
#include <stdio.h>

#include "base/format.h"
#include "heap_bins.h"

/* ---- taking and giving ------------------------------------------------------------ */

START_TEST(slots_are_unique_and_pop_in_rising_order_from_dense_spans)
{
    enum { BATCH = 100, BATCHES = 60 };
    static void *slots[BATCHES][BATCH];
    prepare();
    for (unsigned i = 0; i < BATCHES; i++) {
        unsigned got = ml_central_take(ml_thread_self, BIN_64, slots[i], BATCH);
        ck_assert_uint_ge(got, 1);
        for (unsigned k = 0; k < got; k++) {
            ck_assert(ml_span_is_taken(span_of(slots[i][k]), index_of(slots[i][k])));
            ck_assert_uint_eq(ml_state_get(ml_granule_of(slots[i][k])), 0);
            ml_state_set(ml_granule_of(slots[i][k]), 1); /* seen */
            if (k > 0) /* popped from the end */
                ck_assert_uint_lt((uintptr_t)slots[i][k], (uintptr_t)slots[i][k - 1]);
        }
        for (unsigned k = got; k < BATCH; k++)
            slots[i][k] = NULL;
    }
}
END_TEST

START_TEST(a_batch_is_filled_from_several_spans_but_opens_one_at_most)
{
    static void *slots[3 * ML_SPAN_SLOTS_MAX], *more[ML_SPAN_SLOTS_MAX];
    prepare();
    unsigned a_span = ml_sizeclasses[BIN_64].slots;
    unsigned got = ml_central_take(ml_thread_self, BIN_64, slots, 3 * a_span);
    ck_assert_uint_eq(got, a_span); /* a second span would cost memory */
    got += ml_central_take(ml_thread_self, BIN_64, slots + got, a_span);
    ck_assert_uint_eq(got, 2 * a_span);
    ml_central_give(BIN_64, slots, 10);
    ml_central_give(BIN_64, slots + a_span, 10);
    ck_assert_uint_eq(ml_central_take(ml_thread_self, BIN_64, more, a_span), 20);
    for (unsigned i = 0; i < 10; i++) {
        ck_assert_ptr_eq(more[i], slots[a_span + i]);
        ck_assert_ptr_eq(more[10 + i], slots[i]);
    }
}
END_TEST

/* ---- empty spans ------------------------------------------------------------------- */

enum { KEPT_BYTES = 4 << 20, MIB = 1 << 20, BIN_LARGEST = ML_CLASSES - 1, SLOTS_LARGEST = 64 * MIB / ML_SMALL_MAX };

/* Slots of the largest class, `count` of them. */
static void take_largest(void **slots, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        ck_assert_uint_eq(ml_central_take(ml_thread_self, BIN_LARGEST, &slots[i], 1), 1);
}

START_TEST(empty_spans_stay_with_their_bin_and_serve_it_again)
{
    static void *slots[4 * ML_SPAN_SLOTS_MAX];
    prepare();
    unsigned a_span = ml_sizeclasses[BIN_64].slots;
    for (int round = 0; round < 3; round++) {
        for (unsigned i = 0; i < 4; i++)
            ck_assert_uint_eq(ml_central_take(ml_thread_self, BIN_64, slots + i * a_span, a_span),
                              a_span);
        ck_assert_uint_eq(inuse_bytes(), 4 * a_span * 64);
        ck_assert_uint_eq(ml_central_empty_bytes(), 0);
        ml_central_give(BIN_64, slots, 4 * a_span);
        ck_assert_uint_eq(ml_central_empty_bytes(), 4 * a_span * 64);
        ck_assert_uint_eq(ml_bins[0][BIN_64].full.count + ml_bins[0][BIN_64].partial.count, 0);
        assert_heap_is_whole();
    }
}
END_TEST

START_TEST(empty_spans_are_kept_up_to_four_mebibytes_or_a_share_of_what_is_in_use)
{
    static void *slots[SLOTS_LARGEST];
    prepare();
    take_largest(slots, SLOTS_LARGEST);
    unsigned given = 0;
    for (; given < SLOTS_LARGEST; given++) {
        ml_central_give(BIN_LARGEST, &slots[given], 1);
        ck_assert_uint_le(ml_central_empty_bytes(), ml_max(KEPT_BYTES, inuse_bytes() / 8 + ML_SMALL_MAX));
        if (given == SLOTS_LARGEST / 4)
            ck_assert_uint_gt(ml_central_empty_bytes(), 3 * KEPT_BYTES / 2);
    }
    ck_assert_uint_eq(ml_central_empty_bytes(), KEPT_BYTES);
    ck_assert_uint_eq(inuse_bytes(), KEPT_BYTES);
    assert_heap_is_whole();
}
END_TEST

START_TEST(the_only_span_with_room_stays)
{
    static void *slots[SLOTS_LARGEST], *one, *slot;
    prepare();
    take_largest(slots, SLOTS_LARGEST); /* another bin keeps all that may be kept */
    ck_assert_uint_eq(ml_central_take(ml_thread_self, BIN_64, &one, 1), 1);
    ml_central_give(BIN_LARGEST, slots, SLOTS_LARGEST);
    uint64_t before = inuse_bytes();
    ml_central_give(BIN_64, &one, 1);
    ck_assert_uint_eq(inuse_bytes(), before);
    ck_assert_uint_eq(ml_central_take(ml_thread_self, BIN_64, &slot, 1), 1);
    ck_assert_ptr_eq(slot, one);
    ml_central_give(BIN_64, &slot, 1);
    assert_heap_is_whole();
}
END_TEST

START_TEST(what_nobody_needed_between_two_trims_goes)
{
    static void *slots[SLOTS_LARGEST];
    enum { KEPT = KEPT_BYTES / ML_SMALL_MAX, NEEDED = 5 };
    prepare();
    take_largest(slots, KEPT);
    ml_central_give(BIN_LARGEST, slots, KEPT);
    ml_central_trim(false); /* they have come since the last one */
    ck_assert_uint_eq(ml_central_empty_bytes(), KEPT_BYTES);
    take_largest(slots, NEEDED);
    ml_central_give(BIN_LARGEST, slots, NEEDED);
    ml_central_trim(false);
    ck_assert_uint_eq(ml_central_empty_bytes(), NEEDED * ML_SMALL_MAX);
    ck_assert_uint_eq(inuse_bytes(), NEEDED * ML_SMALL_MAX);
    assert_heap_is_whole();
    ml_central_trim(false);
    ck_assert_uint_eq(inuse_bytes(), 0);
    assert_heap_is_whole();
}
END_TEST

START_TEST(all_empty_spans_go_when_asked)
{
    static void *slots[SLOTS_LARGEST], *small[1000];
    prepare();
    take_largest(slots, SLOTS_LARGEST);
    unsigned got = ml_central_take(ml_thread_self, BIN_64, small, 1000);
    ml_central_give(BIN_LARGEST, slots, SLOTS_LARGEST / 2);
    ml_central_give(BIN_64, small, got);
    ml_central_trim(true);
    ck_assert_uint_eq(ml_central_empty_bytes(), 0);
    ck_assert_uint_eq(inuse_bytes(), SLOTS_LARGEST / 2 * ML_SMALL_MAX);
    ml_central_give(BIN_LARGEST, slots + SLOTS_LARGEST / 2, SLOTS_LARGEST / 2);
    ml_central_trim(true);
    ck_assert_uint_eq(inuse_bytes(), 0);
    assert_heap_is_whole();
}
END_TEST

START_TEST(what_is_taken_is_watched_to_the_byte)
{
    static void *slots[50];
    prepare();
    unsigned got = ml_central_take(ml_thread_self, BIN_64, slots, 50);
    ck_assert_uint_eq(ml_heap_taken_bytes(), got * 64);
    ml_central_give(BIN_64, slots, 20);
    ck_assert_uint_eq(ml_heap_taken_bytes(), (got - 20) * 64);
    ml_central_give(BIN_64, slots + 20, got - 20);
    ck_assert_uint_eq(ml_heap_taken_bytes(), 0);
}
END_TEST

START_TEST(what_comes_back_beyond_what_is_watched_is_nothing_not_a_huge_number)
{
    static void *slots[50];
    prepare();
    unsigned got = ml_central_take(ml_thread_self, BIN_64, slots, 50);
    ml_heap_taken_set(64); /* a mark that found one object; the others wait in magazines */
    ml_central_give(BIN_64, slots, got);
    ck_assert_uint_eq(ml_heap_taken_bytes(), 0);
    got = ml_central_take(ml_thread_self, BIN_64, slots, 50);
    ck_assert_uint_eq(ml_heap_taken_bytes(), 64);
}
END_TEST

static void give_twice(void *slot)
{
    ml_central_give(BIN_64, &slot, 1);
    ml_central_give(BIN_64, &slot, 1);
}

static void *another;
static void give_after_its_span_is_gone(void *slot)
{
    static void *rest[ML_SPAN_SLOTS_MAX];
    unsigned got = ml_central_take(ml_thread_self, BIN_64, rest, ml_sizeclasses[BIN_64].slots);
    void *others = allocate(64, ML_SCAN); /* a second span with room */
    (void)others;
    ml_central_give(BIN_64, rest, got);
    ml_central_give(BIN_64, &another, 1);
    ml_central_give(BIN_64, &slot, 1);
    ml_central_trim(true); /* empty: the span goes */
    child_asserts(span_of(slot)->use != ML_SPAN_SMALL);
    do /* its pages are of another bin, all slots taken */
        got = ml_central_take(ml_thread_self, BIN_16, rest, ml_sizeclasses[BIN_16].slots);
    while (got != 0 && span_of(slot)->use != ML_SPAN_SMALL);
    ml_central_give(BIN_64, &slot, 1);
}

START_TEST(a_slot_that_comes_back_twice_ends_the_program)
{
    void *slots[2];
    char line[200], where[ML_HEX_BYTES];
    prepare();
    ck_assert_uint_eq(ml_central_take(ml_thread_self, BIN_64, slots, 2), 2);
    another = slots[0];
    snprintf(line, sizeof(line),
             "memlog: memlog_free: two threads freed the object at %s at the same time\n",
             ml_hex(where, (uintptr_t)slots[1]));
    assert_child_dies(give_twice, slots[1], line);
    assert_child_dies(give_after_its_span_is_gone, slots[1], line);
}
END_TEST

/* ---- threads ------------------------------------------------------------------------ */

enum { THREADS = 3, ROUNDS = 3000 };

static void *take_and_give(void *argument)
{
    uint64_t seed = (uintptr_t)argument;
    void *slots[64];
    ck_assert_int_eq(ml_thread_attach(false), 0);
    for (int round = 0; round < ROUNDS; round++) {
        unsigned bin = (unsigned)random_below(&seed, 3);
        unsigned got = ml_central_take(ml_thread_self, bin, slots,
                                       1 + (unsigned)random_below(&seed, 64));
        for (unsigned i = 0; i < got; i++)
            *(uintptr_t *)slots[i] = (uintptr_t)argument;
        for (unsigned i = 0; i < got; i++)
            ck_assert_uint_eq(*(uintptr_t *)slots[i], (uintptr_t)argument);
        ml_central_give(bin, slots, got);
    }
    detach_self();
    return NULL;
}

START_TEST(no_two_threads_get_the_same_slot)
{
    pthread_t threads[THREADS];
    prepare();
    for (uintptr_t i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, take_and_give, (void *)(i + 1)), 0);
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    ck_assert_uint_eq(ml_heap_taken_bytes(), 0);
    assert_heap_is_whole();
}
END_TEST

UNIT_MAIN("heap central", slots_are_unique_and_pop_in_rising_order_from_dense_spans,
          a_batch_is_filled_from_several_spans_but_opens_one_at_most,
          empty_spans_stay_with_their_bin_and_serve_it_again,
          empty_spans_are_kept_up_to_four_mebibytes_or_a_share_of_what_is_in_use,
          the_only_span_with_room_stays, what_nobody_needed_between_two_trims_goes,
          all_empty_spans_go_when_asked, what_is_taken_is_watched_to_the_byte,
          what_comes_back_beyond_what_is_watched_is_nothing_not_a_huge_number,
          a_slot_that_comes_back_twice_ends_the_program, no_two_threads_get_the_same_slot)
