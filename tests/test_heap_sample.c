/* SPDX-License-Identifier: MIT */
/* test_heap_sample.c - which objects are samples: each with the chance its size gives it. */
#include "heap/sample.h"

#include <math.h>
#include <pthread.h>

#include "base/chance.h"
#include "heap/large.h"
#include "heap_unit.h"

static uint64_t told, gone, gone_bytes;
static size_t goes_as;

static void sampled(void *object)
{
    ck_assert(ml_state_is_sampled(ml_granule_of(object)));
    told++;
}

static void goes(void *object, size_t bytes)
{
    ck_assert_uint_eq(ml_heap_block_bytes(object), goes_as == 0 ? bytes : goes_as);
    gone++;
    gone_bytes += bytes;
}

static void start(uint64_t rate)
{
    ml_heap_hooks.sampled = sampled;
    ml_heap_hooks.sample_goes = goes;
    ml_sample_start(rate);
}

/* As the doors do it. */
static void *make(size_t bytes)
{
    void *object = bytes > ML_SMALL_MAX ? NULL : ml_heap_pop(ml_sizeclass_of(bytes), ML_NOSCAN);
    if (object != NULL)
        return object;
    object = allocate(bytes, ML_NOSCAN);
    ck_assert_ptr_nonnull(object);
    ml_heap_tell_of(object);
    return object;
}

/* Freed objects tell once what allocated ones told. */
static uint64_t samples_of(size_t bytes, unsigned count)
{
    told = gone = gone_bytes = 0;
    for (unsigned i = 0; i < count; i++)
        ml_heap_free(make(bytes));
    ck_assert_uint_eq(told, gone);
    return told;
}

START_TEST(none_is_one_while_it_is_off)
{
    ck_assert_uint_eq(ml_heap_init(), 0);
    ml_heap_hooks.sampled = sampled;
    for (size_t bytes = 16; bytes < 300000; bytes *= 3)
        ck_assert_uint_eq(samples_of(bytes, 3000), 0);
}
END_TEST

START_TEST(each_is_one_at_rate_1)
{
    start(1);
    for (size_t bytes = 1; bytes < 300000; bytes = bytes * 3 + 1) {
        ck_assert_uint_eq(samples_of(bytes, 1000), 1000);
        ck_assert_uint_eq(gone_bytes, 1000 * ml_heap_block_bytes(make(bytes)));
    }
    assert_heap_is_whole();
}
END_TEST

static void expect_share(uint64_t seen, double chance, double tries)
{
    double right = chance * tries, deviation = sqrt(tries * chance * (1 - chance));
    ck_assert_msg(fabs((double)seen - right) <= 6 * deviation + 1, "%g of %g, and not %g",
                  (double)seen, tries, right);
}

START_TEST(the_size_alone_decides)
{
    static const struct {
        size_t bytes;
        uint64_t rate;
        unsigned tries;
    } rows[] = { { 16, 4096, 200000 },      { 256, 4096, 200000 },     { 4096, 4096, 200000 },
                 { 65536, 1 << 20, 50000 }, { 80000, 1 << 17, 10000 }, { 1000000, 1 << 20, 3000 } };
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        start(rows[i].rate);
        size_t block = ml_heap_block_bytes(make(rows[i].bytes));
        expect_share(samples_of(rows[i].bytes, rows[i].tries),
                     ml_chance_within((double)block / (double)rows[i].rate), rows[i].tries);
    }
}
END_TEST

START_TEST(the_next_one_knows_nothing_of_the_last)
{
    enum { RATE = 1024, BYTES = 256, TRIES = 200000 };
    double chance = ml_chance_within((double)BYTES / RATE);
    uint64_t pairs = 0, before = 0;
    start(RATE);
    for (unsigned i = 0; i < TRIES; i++) {
        void *object = make(BYTES);
        uint64_t is = ml_state_is_sampled(ml_granule_of(object));
        pairs += is & before;
        before = is;
        ml_heap_free(object);
    }
    expect_share(pairs, chance * chance, TRIES);
}
END_TEST

/* ---- what threads begin with ---------------------------------------------------------- */

enum { THREAD_RATE = 1 << 18, THREAD_BYTES = 1 << 16 };

static void *one_object(void *free_first)
{
    if (free_first != NULL)
        ml_heap_free(free_first);
    void *object = make(THREAD_BYTES);
    uintptr_t is = ml_state_is_sampled(ml_granule_of(object));
    ml_heap_free(object);
    ml_thread_detach(ml_thread_self);
    return (void *)is;
}

/* A thread's first object has the chance that all have; also where its magazine was made to
 * free one. */
START_TEST(first_objects_are_no_exception)
{
    enum { THREADS = 3000 };
    uint64_t seen = 0;
    start(THREAD_RATE);
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_t thread;
        void *is, *mine = i % 2 == 0 ? NULL : make(THREAD_BYTES);
        ck_assert_int_eq(pthread_create(&thread, NULL, one_object, mine), 0);
        pthread_join(thread, &is);
        seen += (uintptr_t)is;
    }
    expect_share(seen, ml_chance_within((double)THREAD_BYTES / THREAD_RATE), THREADS);
}
END_TEST

/* Blocks that were nobody's before, so that nothing was counted in them; also here half of
 * them free first, which makes a magazine, too. */
START_TEST(fresh_threads_are_no_exception)
{
    enum { THREADS = 1200 };
    static struct ml_thread *blocks[THREADS];
    static void *objects[THREADS];
    uint64_t seen = 0;
    ck_assert_int_eq(ml_heap_init(), 0);
    for (unsigned i = 0; i < THREADS; i++) {
        ck_assert_ptr_nonnull(blocks[i] = ml_thread_reserve());
        objects[i] = i % 2 == 0 ? NULL : make(THREAD_BYTES);
    }
    start(THREAD_RATE);
    struct ml_thread *self = ml_thread_self;
    for (unsigned i = 0; i < THREADS; i++) {
        ml_thread_attach_to(blocks[i], false);
        ml_heap_free(objects[i]);
        seen += ml_state_is_sampled(ml_granule_of(make(THREAD_BYTES)));
    }
    ml_thread_self = self;
    expect_share(seen, ml_chance_within((double)THREAD_BYTES / THREAD_RATE), THREADS);
}
END_TEST

START_TEST(resizing_in_place_is_a_new_try)
{
    bool zeroed;
    start(1);
    void *object = make(100000);
    size_t before = ml_heap_block_bytes(object);
    told = gone = 0;
    ml_heap_enter(ml_thread_self);
    bool done = ml_large_resize(object, 200000, &zeroed);
    ml_heap_leave(ml_thread_self);
    ck_assert(done);
    goes_as = ml_heap_block_bytes(object);
    ml_heap_tell_resized(object, before);
    ck_assert_uint_eq(told, 1);
    ck_assert_uint_eq(gone, 1);
    ck_assert_uint_eq(gone_bytes, before);
    ml_heap_tell_resized(object, ml_heap_block_bytes(object)); /* the same size: nothing is new */
    ck_assert_uint_eq(told, 1);
    ml_heap_free(object);
    ck_assert_uint_eq(gone, 2);
}
END_TEST

UNIT_MAIN("heap sample", none_is_one_while_it_is_off, each_is_one_at_rate_1, the_size_alone_decides,
          the_next_one_knows_nothing_of_the_last, first_objects_are_no_exception,
          fresh_threads_are_no_exception, resizing_in_place_is_a_new_try)
