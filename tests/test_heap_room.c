/* SPDX-License-Identifier: MIT */
/* test_heap_room.c - how a thread's magazines share the room there is, and what they
 * decline: slots beside those that other threads use. */
#include <pthread.h>

#include "heap/counters.h"
#include "heap/threadcache.h"
#include "heap_os.h"
#include "heap_unit.h"

/* Objects of the class, taken and given back until its magazine grows no more. */
static void use_much(size_t bytes)
{
    enum { OBJECTS = 256, TIMES = 40 };
    static void *objects[OBJECTS];
    for (unsigned time = 0; time < TIMES; time++) {
        for (unsigned i = 0; i < OBJECTS; i++)
            objects[i] = allocate(bytes, ML_SCAN);
        for (unsigned i = 0; i < OBJECTS; i++)
            ml_heap_free(objects[i]);
    }
}

static uint64_t room_of(const struct ml_thread *thread)
{
    uint64_t bytes = 0;
    for (unsigned bin = 0; bin < ML_BINS; bin++)
        bytes += (uint64_t)thread->magazines[bin].capacity *
                 ml_sizeclasses[ml_bin_class(bin)].bytes;
    return bytes;
}

static uint64_t room_for(size_t bytes)
{
    unsigned class = ml_sizeclass_of(bytes);
    return (uint64_t)ml_thread_self->magazines[class].capacity * ml_sizeclasses[class].bytes;
}

START_TEST(all_magazines_of_a_thread_have_room_for_four_times_what_one_may)
{
    static const size_t sizes[] = { 4096, 5120, 6144, 7168, 8192, 10240, 12288, 14336 };
    enum { SIZES = sizeof(sizes) / sizeof(sizes[0]), FIRST_BYTES = 16 << 10 };
    use_much(sizes[0]);
    ck_assert_uint_eq(room_for(sizes[0]), ML_MAGAZINE_BYTES_MOST);
    for (unsigned i = 0; i < SIZES; i++) {
        use_much(sizes[i]);
        ck_assert_uint_eq(ml_thread_self->room_bytes, room_of(ml_thread_self));
        ck_assert_uint_le(room_of(ml_thread_self),
                          4 * ML_MAGAZINE_BYTES_MOST + SIZES * FIRST_BYTES);
    }
    ck_assert_uint_ge(room_of(ml_thread_self), 3 * ML_MAGAZINE_BYTES_MOST);
    assert_heap_is_whole();
}
END_TEST

START_TEST(room_goes_from_magazines_that_are_idle_to_those_in_use)
{
    static const size_t before[] = { 4096, 5120, 6144, 7168, 8192 };
    for (unsigned i = 0; i < sizeof(before) / sizeof(before[0]); i++)
        use_much(before[i]);
    for (unsigned i = 0; i < 16; i++)
        use_much(2048);
    ck_assert_uint_ge(room_for(2048), ML_MAGAZINE_BYTES_MOST / 4);
    ck_assert_uint_lt(room_for(4096), ML_MAGAZINE_BYTES_MOST);
    ck_assert_uint_eq(ml_thread_self->room_bytes, room_of(ml_thread_self));
    ml_thread_flush_all(ml_thread_self);
    ck_assert_uint_eq(ml_thread_self->room_bytes, 0);
    assert_heap_is_whole();
}
END_TEST

static uintptr_t line_of(const void *object) { return (uintptr_t)object / ML_CACHE_LINE; }

static void *free_and_allocate(void *given)
{
    ml_heap_free(given);
    return allocate(16, ML_SCAN);
}

/* Each of two threads has one object that the first has made, frees it, and goes on with
 * another: they are not to write to the same line. */
START_TEST(who_frees_what_others_made_does_not_stay_beside_it)
{
    enum { THREADS = 2 };
    void *given[THREADS], *own[THREADS];
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        given[i] = allocate(16, ML_SCAN);
    ck_assert_uint_eq(line_of(given[0]), line_of(given[1]));
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, free_and_allocate, given[i]), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], &own[i]);
    for (int i = 0; i < THREADS; i++)
        ck_assert_uint_ne(line_of(own[i]), line_of(given[0]));
    struct ml_counts counts;
    ml_counters_read(&counts);
    ck_assert_uint_eq(counts.mallocs[0] - ml_counts_frees(&counts, 0), THREADS);
    assert_heap_is_whole();
}
END_TEST

UNIT_MAIN("heap room", all_magazines_of_a_thread_have_room_for_four_times_what_one_may,
          room_goes_from_magazines_that_are_idle_to_those_in_use,
          who_frees_what_others_made_does_not_stay_beside_it)
