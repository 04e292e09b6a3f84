/* SPDX-License-Identifier: MIT */
/* test_heap_shards.c - threads take slots of different spans, and what one shard
 * has too much of is had by the others. */
#include "heap/central.h"

#include <pthread.h>

#include "heap/counters.h"
#include "heap_bins.h"
#include "heap_os.h"

enum { MIB = 1 << 20 };

static void *slots[8 * MIB / 64];

static uint32_t shard_of(const void *slot) { return span_of(slot)->shard; }

static unsigned slots_of_64(void) { return ml_sizeclasses[BIN_64].slots; }

/* As many as a span of the bin of 64 bytes has. */
static void take_span(void **into)
{
    ck_assert_uint_eq(ml_central_take(ml_thread_self, BIN_64, into, slots_of_64()), slots_of_64());
}

/* run() in a thread of another shard. */
static void *run_attached(void *run)
{
    ck_assert_int_eq(ml_thread_attach(false), 0);
    ck_assert_uint_ne(ml_thread_self->shard, 0);
    ((void (*)(void))run)();
    detach_self();
    return NULL;
}

static void in_another_shard(void (*run)(void))
{
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, run_attached, (void *)run), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
}

/* ---- apart ---------------------------------------------------------------------- */

enum { BATCH = 16 };

static pthread_barrier_t barrier;
static void *batches[ML_SHARDS][BATCH];

static void take_batch(unsigned i)
{
    ck_assert_uint_eq(ml_central_take(ml_thread_self, BIN_16, batches[i], BATCH), BATCH);
    for (unsigned k = 1; k < BATCH; k++)
        ck_assert_ptr_eq(span_of(batches[i][k]), span_of(batches[i][0]));
}

/* Each thread gives back what the next one has taken. */
static void *take_and_give_anothers(void *argument)
{
    unsigned i = (unsigned)(uintptr_t)argument;
    ck_assert_int_eq(ml_thread_attach(false), 0);
    take_batch(i);
    struct ml_span *mine = span_of(batches[i][0]);
    pthread_barrier_wait(&barrier); /* compared meanwhile */
    pthread_barrier_wait(&barrier);
    ml_central_give(BIN_16, batches[(i + 1) % ML_SHARDS], BATCH);
    pthread_barrier_wait(&barrier);
    take_batch(i);
    ck_assert_ptr_eq(span_of(batches[i][0]), mine);
    pthread_barrier_wait(&barrier);
    ml_central_give(BIN_16, batches[i], BATCH);
    detach_self();
    return NULL;
}

START_TEST(as_many_threads_as_there_are_shards_have_spans_of_their_own)
{
    pthread_t threads[ML_SHARDS];
    ck_assert_int_eq(ml_heap_init(), 0);
    pthread_barrier_init(&barrier, NULL, ML_SHARDS + 1);
    for (uintptr_t i = 0; i < ML_SHARDS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, take_and_give_anothers, (void *)i), 0);
    pthread_barrier_wait(&barrier);
    for (unsigned i = 0; i < ML_SHARDS; i++)
        for (unsigned k = 0; k < i; k++)
            ck_assert_ptr_ne(span_of(batches[i][0]), span_of(batches[k][0]));
    for (int step = 0; step < 3; step++)
        pthread_barrier_wait(&barrier);
    for (unsigned i = 0; i < ML_SHARDS; i++)
        pthread_join(threads[i], NULL);
    ck_assert_uint_eq(ml_heap_taken_bytes(), 0);
    assert_heap_is_whole();
}
END_TEST

START_TEST(a_thread_comes_into_the_shard_with_the_fewest)
{
    struct ml_thread *threads[2 * ML_SHARDS];
    unsigned in_shard[ML_SHARDS] = { 0 };
    for (unsigned i = 0; i < 2 * ML_SHARDS; i++) {
        threads[i] = ml_thread_reserve();
        ck_assert_uint_lt(threads[i]->shard, ML_SHARDS);
        in_shard[threads[i]->shard]++;
    }
    for (unsigned i = 0; i < ML_SHARDS; i++)
        ck_assert_uint_eq(in_shard[i], 2);
    uint32_t left = threads[5]->shard;
    ml_thread_unreserve(threads[5]);
    ml_thread_unreserve(threads[6]);
    ck_assert_uint_ne(threads[6]->shard, left);
    for (int i = 5; i <= 6; i++)
        in_shard[ml_thread_reserve()->shard] += 10;
    ck_assert_uint_eq(in_shard[left], 12);
}
END_TEST

/* ---- what one has too much of ------------------------------------------------------ */

static void give_three_spans(void) { ml_central_give(BIN_64, slots, 3 * slots_of_64()); }

START_TEST(what_another_thread_frees_goes_back_to_the_shard_it_is_of)
{
    prepare();
    for (unsigned i = 0; i < 3; i++)
        take_span(slots + i * slots_of_64());
    in_another_shard(give_three_spans);
    ck_assert_uint_eq(ml_bins[0][BIN_64].empty.count, 3);
    assert_heap_is_whole();
}
END_TEST

static void take_one_span(void)
{
    take_span(slots);
    ck_assert_uint_eq(shard_of(slots[0]), ml_thread_self->shard);
}

START_TEST(an_empty_span_of_another_shard_is_taken_before_there_are_new_pages)
{
    prepare();
    for (unsigned i = 0; i < 3; i++)
        take_span(slots + i * slots_of_64());
    give_three_spans();
    uint64_t inuse = inuse_bytes();
    in_another_shard(take_one_span);
    ck_assert_uint_eq(inuse_bytes(), inuse);
    ck_assert_uint_eq(ml_bins[0][BIN_64].empty.count, 2);
    ck_assert_uint_eq(ml_central_empty_bytes(), 2 * slots_of_64() * 64);
    ml_central_give(BIN_64, slots, slots_of_64());
    ck_assert_uint_eq(ml_bins[0][BIN_64].empty.count, 2); /* it stays there */
    assert_heap_is_whole();
    ml_central_trim(true);
    ck_assert_uint_eq(inuse_bytes(), 0);
    assert_heap_is_whole();
}
END_TEST

enum { LEFT_ALONE = 4 };
static void *found[2];

static void take_one_in_use(void)
{
    uint64_t inuse = inuse_bytes();
    ck_assert_uint_eq(ml_central_take(ml_thread_self, BIN_64, &found[0], 1), 1);
    ck_assert_uint_eq(shard_of(found[0]), 0);
    ck_assert_uint_eq(inuse_bytes(), inuse);
    ck_assert_uint_eq(ml_central_take(ml_thread_self, BIN_64, &found[1], 1), 1);
    ck_assert_uint_ne(shard_of(found[1]), 0);
}

START_TEST(a_shard_is_left_a_few_spans_with_room)
{
    prepare();
    for (unsigned i = 0; i <= LEFT_ALONE; i++)
        take_span(slots + i * slots_of_64());
    for (unsigned i = 0; i <= LEFT_ALONE; i++)
        ml_central_give(BIN_64, slots + i * slots_of_64(), 1);
    in_another_shard(take_one_in_use);
    ck_assert_uint_eq(ml_bins[0][BIN_64].partial.count, LEFT_ALONE);
    for (unsigned i = 0; i <= LEFT_ALONE; i++)
        ml_central_give(BIN_64, slots + i * slots_of_64() + 1, slots_of_64() - 1);
    ml_central_give(BIN_64, found, 2);
    assert_heap_is_whole();
}
END_TEST

static unsigned bin_of_4k(void) { return ml_sizeclass_of(4096); }

static void take_one_of_4k(void)
{
    ck_assert_uint_eq(ml_central_take(ml_thread_self, bin_of_4k(), &found[1], 1), 1);
    ck_assert_uint_eq(shard_of(found[1]), 0);
}

START_TEST(it_is_left_none_for_large_slots)
{
    prepare();
    ck_assert_uint_eq(ml_central_take(ml_thread_self, bin_of_4k(), &found[0], 1), 1);
    uint64_t inuse = inuse_bytes();
    in_another_shard(take_one_of_4k);
    ck_assert_uint_eq(inuse_bytes(), inuse);
    ml_central_give(bin_of_4k(), found, 2);
    assert_heap_is_whole();
}
END_TEST

/* With all the memory there is used up by this thread, and room in another shard. */
static void take_all_there_is(void)
{
    unsigned got, count = 0;
    uint64_t here = 0; /* of the other shard */
    while ((got = ml_central_take(ml_thread_self, BIN_64, slots + count, BATCH)) != 0)
        ck_assert_uint_le(count += got, MIB * 8 / 64 - BATCH);
    for (unsigned i = 0; i < count; i++)
        here += shard_of(slots[i]) == 0;
    ck_assert_uint_eq(here, slots_of_64() - 1);
    ck_assert_uint_eq(ml_heap_taken_bytes(), inuse_bytes());
    ck_assert_uint_eq(ml_central_take(ml_thread_self, BIN_64, slots + count, 1), 0);
    ml_central_give(BIN_64, slots, count);
}

START_TEST(without_memory_all_are_had)
{
    prepare();
    ck_assert_uint_eq(ml_central_take(ml_thread_self, BIN_64, found, 1), 1);
    os_commits_granted = 0;
    in_another_shard(take_all_there_is);
    ml_central_give(BIN_64, found, 1);
    assert_heap_is_whole();
}
END_TEST

/* ---- sweeping ----------------------------------------------------------------------- */

enum { OBJECTS = 1024 }; /* whole spans */

static void make_garbage(void)
{
    for (unsigned i = 0; i < OBJECTS; i++)
        ck_assert_ptr_nonnull(allocate(64, ML_SCAN));
}

static uint64_t objects_alive(void)
{
    struct ml_counts counts;
    ml_counters_read(&counts);
    return counts.mallocs[BIN_64] - ml_counts_frees(&counts, BIN_64);
}

START_TEST(spans_of_all_shards_are_swept)
{
    prepare();
    in_another_shard(make_garbage);
    make_garbage();
    ml_thread_flush_all(ml_thread_self);
    ck_assert_uint_eq(objects_alive(), 2 * OBJECTS);
    ml_central_begin_sweep();
    assert_heap_is_whole();
    unsigned swept = 0, now;
    while ((now = ml_central_sweep(ml_thread_self, BIN_64, 3)) != 0) {
        ck_assert_uint_le(now, 3);
        swept += now;
        assert_heap_is_whole();
    }
    ck_assert_uint_eq(swept, 2 * OBJECTS / slots_of_64());
    ck_assert_uint_eq(objects_alive(), 0);
    ml_central_trim(true);
    ck_assert_uint_eq(inuse_bytes(), 0);
}
END_TEST

START_TEST(taking_sweeps_spans_of_another_shard_before_there_are_new_pages)
{
    prepare();
    make_garbage();
    ml_thread_flush_all(ml_thread_self);
    ml_central_begin_sweep();
    uint64_t inuse = inuse_bytes();
    uint32_t unswept = ml_bins[0][BIN_64].unswept.count;
    in_another_shard(take_one_span);
    ck_assert_uint_eq(inuse_bytes(), inuse);
    ck_assert_uint_eq(ml_bins[0][BIN_64].unswept.count, unswept - 1);
    ck_assert_uint_eq(objects_alive(), OBJECTS - slots_of_64());
    ml_central_give(BIN_64, slots, slots_of_64());
    assert_heap_is_whole();
}
END_TEST

/* ---- all at once ----------------------------------------------------------------------- */

enum { THREADS = 5, ROUNDS = 2000, HANDED = 64 };

static void *handed[HANDED]; /* one thread's slots, for whoever comes next */

/* Takes some, leaves one for another thread and gives what it finds there. */
static void *hand_over(void *argument)
{
    uint64_t seed = (uintptr_t)argument;
    void *mine[100];
    ck_assert_int_eq(ml_thread_attach(false), 0);
    for (int round = 0; round < ROUNDS; round++) {
        unsigned got = ml_central_take(ml_thread_self, BIN_64, mine,
                                       1 + (unsigned)random_below(&seed, 100));
        for (unsigned i = 0; i < got; i++) {
            ck_assert_uint_eq(ml_state_get(ml_granule_of(mine[i])), 0);
            ml_state_set(ml_granule_of(mine[i]), 1); /* nobody else has it */
        }
        void **place = &handed[random_below(&seed, HANDED)];
        mine[0] = __atomic_exchange_n(place, mine[0], __ATOMIC_ACQ_REL);
        for (unsigned i = mine[0] == NULL; i < got; i++)
            ml_state_set(ml_granule_of(mine[i]), 0);
        ml_central_give(BIN_64, mine + (mine[0] == NULL), got - (mine[0] == NULL));
        if (round % 100 == 0)
            ml_central_trim(true);
    }
    detach_self();
    return NULL;
}

START_TEST(spans_that_move_between_shards_lose_no_slot)
{
    pthread_t threads[THREADS];
    unsigned left = 0;
    prepare();
    for (uintptr_t i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, hand_over, (void *)(i + 1)), 0);
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    for (unsigned i = 0; i < HANDED; i++)
        if (handed[i] != NULL) {
            left++;
            ml_state_set(ml_granule_of(handed[i]), 0);
            ml_central_give(BIN_64, &handed[i], 1);
        }
    ck_assert_uint_gt(left, 0);
    ck_assert_uint_eq(ml_heap_taken_bytes(), 0);
    assert_heap_is_whole();
    ml_central_trim(true);
    ck_assert_uint_eq(inuse_bytes(), 0);
}
END_TEST

UNIT_MAIN("heap shards", as_many_threads_as_there_are_shards_have_spans_of_their_own,
          a_thread_comes_into_the_shard_with_the_fewest,
          what_another_thread_frees_goes_back_to_the_shard_it_is_of,
          an_empty_span_of_another_shard_is_taken_before_there_are_new_pages,
          a_shard_is_left_a_few_spans_with_room, it_is_left_none_for_large_slots,
          without_memory_all_are_had, spans_of_all_shards_are_swept,
          taking_sweeps_spans_of_another_shard_before_there_are_new_pages,
          spans_that_move_between_shards_lose_no_slot)
