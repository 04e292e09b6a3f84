/* SPDX-License-Identifier: MIT */
/* test_heap_central_sweep.c - the mark's verdict carried out: what was not
 * reached is free after the sweep, and counted once. */
#include "heap/central.h"

#include <pthread.h>

#include "heap/counters.h"
#include "heap/large.h"
#include "heap/threadgroup.h"
#include "heap_bins.h"

/* As one of two markers does it for an object it reaches. */
static void mark_by(unsigned marker, const void *slot)
{
    span_of(slot)->bits[index_of(slot) >> 6].mark[marker] |= (uint64_t)1 << (index_of(slot) & 63);
}

static void mark(const void *slot) { mark_by(0, slot); }

static void begin_sweep(void)
{
    ml_central_begin_sweep();
    ml_large_begin_sweep();
}

/* ---- the verdict ------------------------------------------------------------------- */

START_TEST(what_was_not_marked_is_free_after_the_sweep)
{
    enum { OBJECTS = 3000 };
    static void *objects[OBJECTS];
    struct ml_counts counts;
    prepare();
    for (unsigned i = 0; i < OBJECTS; i++)
        objects[i] = allocate(64, ML_SCAN);
    ml_thread_flush_all(ml_thread_self);
    for (unsigned i = 0; i < OBJECTS; i += 3)
        mark_by(i % 2, objects[i]);
    begin_sweep();
    ck_assert_uint_eq(ml_bins[0][BIN_64].partial.count + ml_bins[0][BIN_64].full.count, 0);
    assert_heap_is_whole();
    while (ml_central_sweep(ml_thread_self, BIN_64, 5) != 0)
        assert_heap_is_whole();
    for (unsigned i = 0; i < OBJECTS; i++)
        ck_assert_int_eq(ml_heap_is_object(objects[i]), i % 3 == 0);
    ml_counters_read(&counts);
    ck_assert_uint_eq(counts.mallocs[BIN_64], OBJECTS);
    ck_assert_uint_eq(ml_counts_frees(&counts, BIN_64), OBJECTS / 3 * 2);
    ck_assert_uint_eq(counts.swept_frees[BIN_64], OBJECTS / 3 * 2);
    begin_sweep(); /* no mark has stayed from last time */
    while (ml_central_sweep(ml_thread_self, BIN_64, 5) != 0) {
    }
    ml_counters_read(&counts);
    ck_assert_uint_eq(ml_counts_frees(&counts, BIN_64), OBJECTS);
    assert_heap_is_whole();
}
END_TEST

START_TEST(marked_slots_in_magazines_stay_there)
{
    prepare();
    void *object = allocate(64, ML_SCAN);
    struct ml_magazine *magazine = &ml_thread_self->magazines[BIN_64];
    size_t held = (size_t)(magazine->top - magazine->bottom);
    ck_assert_uint_gt(held, 5);
    for (void **slot = magazine->bottom; slot < magazine->top; slot++)
        mark(*slot);
    begin_sweep();
    ck_assert_uint_eq(ml_central_sweep(ml_thread_self, BIN_64, 100), 1);
    assert_heap_is_whole();
    ck_assert(!ml_heap_is_object(object));
    for (size_t i = 0; i < held; i++)
        ck_assert_ptr_ne(allocate(64, ML_SCAN), object);
}
END_TEST

START_TEST(taking_sweeps_before_it_asks_for_pages)
{
    static void *slots[ML_SPAN_SLOTS_MAX];
    prepare();
    for (unsigned i = 0; i < 5000; i++)
        ck_assert_ptr_nonnull(allocate(64, ML_SCAN));
    ml_thread_flush_all(ml_thread_self);
    begin_sweep();
    uint64_t inuse = inuse_bytes();
    uint32_t unswept = ml_bins[0][BIN_64].unswept.count;
    unsigned a_span = ml_sizeclasses[BIN_64].slots;
    ck_assert_uint_eq(ml_central_take(ml_thread_self, BIN_64, slots, a_span), a_span);
    ck_assert_uint_le(inuse_bytes(), inuse);
    ck_assert_uint_eq(ml_bins[0][BIN_64].unswept.count, unswept - 1);
    ml_central_give(BIN_64, slots, a_span);
    assert_heap_is_whole();
}
END_TEST

START_TEST(what_both_markers_counted_is_found_out)
{
    enum { OBJECTS = 1000 };
    static void *objects[OBJECTS];
    prepare();
    for (unsigned i = 0; i < OBJECTS; i++)
        objects[i] = allocate(64, ML_SCAN);
    ml_thread_flush_all(ml_thread_self);
    for (unsigned i = 0; i < OBJECTS; i++) {
        mark_by(0, objects[i]);
        if (i % 4 == 0)
            mark_by(1, objects[i]);
    }
    ml_heap_taken_set((OBJECTS + OBJECTS / 4) * 64);
    begin_sweep();
    ml_heap_free(objects[0]); /* one of them goes before its sweep */
    ml_thread_flush_all(ml_thread_self);
    while (ml_central_sweep(ml_thread_self, BIN_64, 5) != 0) {
    }
    ck_assert_uint_eq(ml_heap_marked_twice().objects, OBJECTS / 4);
    ck_assert_uint_eq(ml_heap_marked_twice().bytes, OBJECTS / 4 * 64);
    ck_assert_uint_eq(ml_heap_taken_bytes(), (OBJECTS - 1) * 64);
    assert_heap_is_whole();
}
END_TEST

START_TEST(an_object_freed_by_hand_before_its_sweep_is_counted_once)
{
    struct ml_counts counts;
    prepare();
    void *object = allocate(64, ML_SCAN), *other = allocate(64, ML_SCAN);
    ml_thread_flush_all(ml_thread_self);
    mark(object);
    begin_sweep();
    ml_heap_free(object);
    ml_thread_flush_all(ml_thread_self); /* comes back to an unswept span */
    assert_heap_is_whole();
    ck_assert_uint_eq(ml_central_sweep(ml_thread_self, BIN_64, 10), 1);
    ml_counters_read(&counts);
    ck_assert_uint_eq(ml_counts_frees(&counts, BIN_64), 2);
    ck_assert_uint_eq(counts.swept_frees[BIN_64], 1);
    ck_assert(!ml_heap_is_object(other));
    assert_heap_is_whole();
}
END_TEST

START_TEST(uncollectable_objects_are_not_swept)
{
    prepare();
    void *object = allocate(64, ML_UNCOLLECTABLE);
    unsigned bin = ml_bin_of(BIN_64, ML_UNCOLLECTABLE);
    ml_thread_flush_all(ml_thread_self);
    begin_sweep();
    ck_assert_uint_eq(ml_central_sweep(ml_thread_self, bin, 10), 0);
    ck_assert(ml_heap_is_object(object));
    assert_heap_is_whole();
}
END_TEST

START_TEST(a_slot_that_was_no_object_is_not_counted_as_swept)
{
    struct ml_counts counts;
    void *slots[10];
    prepare();
    allocate(64, ML_SCAN);
    ml_thread_flush_all(ml_thread_self);
    ck_assert_uint_eq(ml_central_take(ml_thread_self, BIN_64, slots, 10), 10);
    begin_sweep(); /* they are in no magazine: lost, as a fork loses them */
    ck_assert_uint_eq(ml_central_sweep(ml_thread_self, BIN_64, 10), 1);
    ck_assert_uint_eq(ml_thread_self->group->swept[BIN_64], 1);
    ml_counters_read(&counts);
    ck_assert_uint_eq(counts.mallocs[BIN_64], 1);
    ck_assert_uint_eq(ml_counts_frees(&counts, BIN_64), 1);
    assert_heap_is_whole();
}
END_TEST

/* ---- memlog's own thread goes on while the world is stopped ------------------------- */

static uint32_t finished;

static void *sweep_in_background(void *unused)
{
    (void)unused;
    ck_assert_int_eq(ml_thread_attach(true), 0);
    ml_central_sweep(ml_thread_self, BIN_64, 1);
    __atomic_store_n(&finished, 1, __ATOMIC_RELEASE);
    detach_self();
    return NULL;
}

static void *begin_in_background(void *unused)
{
    (void)unused;
    ml_central_begin_sweep();
    __atomic_store_n(&finished, 1, __ATOMIC_RELEASE);
    return NULL;
}

static void assert_waits_for_the_bin(void *(*run)(void *))
{
    pthread_t thread;
    finished = 0;
    ml_lock(&ml_bins[0][BIN_64].lock);
    ck_assert_int_eq(pthread_create(&thread, NULL, run, NULL), 0);
    usleep(50000);
    uint32_t too_early = __atomic_load_n(&finished, __ATOMIC_ACQUIRE);
    ml_unlock(&ml_bins[0][BIN_64].lock);
    pthread_join(thread, NULL);
    ck_assert_uint_eq(too_early, 0);
    ck_assert_uint_eq(finished, 1);
}

/* While the last span is being swept its list is empty already. */
START_TEST(none_left_to_sweep_is_not_said_while_somebody_sweeps)
{
    prepare();
    assert_waits_for_the_bin(sweep_in_background);
}
END_TEST

START_TEST(the_lists_are_not_moved_while_somebody_holds_the_bin)
{
    prepare();
    assert_waits_for_the_bin(begin_in_background);
}
END_TEST

UNIT_MAIN("heap central sweep", what_was_not_marked_is_free_after_the_sweep,
          marked_slots_in_magazines_stay_there, taking_sweeps_before_it_asks_for_pages,
          what_both_markers_counted_is_found_out,
          an_object_freed_by_hand_before_its_sweep_is_counted_once,
          uncollectable_objects_are_not_swept, a_slot_that_was_no_object_is_not_counted_as_swept,
          none_left_to_sweep_is_not_said_while_somebody_sweeps,
          the_lists_are_not_moved_while_somebody_holds_the_bin)
