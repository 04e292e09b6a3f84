/* SPDX-License-Identifier: MIT */
/* test_heap_release.c - tick by tick: what is kept, what rests, what goes. */
#include "heap/release.h"

#include <pthread.h>

#include "heap/central.h"
#include "heap_os.h"
#include "heap_unit.h"

enum { MIB = 1 << 20 };

static uint64_t backed(void)
{
    struct ml_pageheap_figures now;
    ml_pageheap_read(&now);
    return now.heap_bytes - now.released_bytes;
}

static void *large(size_t bytes)
{
    void *object = allocate(bytes, ML_NOSCAN);
    ck_assert_ptr_nonnull(object);
    return object;
}

static void tick_until_quiet(unsigned most)
{
    unsigned ticks = 0;
    while (ml_release_tick())
        ck_assert_uint_lt(++ticks, most);
}

START_TEST(an_empty_heap_has_nothing_to_come_back_for)
{
    ck_assert(!ml_release_tick());
    ck_assert_int_eq(ml_heap_init(), 0);
    ck_assert(!ml_release_tick());
    ck_assert_uint_eq(ml_release_all(), 0);
    ck_assert_uint_eq(os_releases, 0);
}
END_TEST

START_TEST(memory_in_use_is_never_released)
{
    char *object = large(50 * MIB);
    memset(object, 5, 50 * MIB);
    tick_until_quiet(100);
    ck_assert_uint_eq(ml_release_all(), 0);
    ck_assert_uint_eq(os_releases, 0);
    for (size_t i = 0; i < 50 * MIB; i += 4096)
        ck_assert_int_eq(object[i], 5);
}
END_TEST

START_TEST(what_is_free_is_kept_as_long_as_the_peak_is_recent)
{
    void *object = large(50 * MIB);
    ml_release_tick(); /* the peak is seen */
    ml_heap_free(object);
    for (int i = 1; i < ML_RELEASE_WINDOW; i++) {
        ck_assert(ml_release_tick()); /* there is something to come */
        ck_assert_uint_eq(os_releases, 0);
    }
    tick_until_quiet(50);
    ck_assert_uint_le(backed(), MIB);
    assert_heap_is_whole();
}
END_TEST

START_TEST(a_share_goes_at_each_tick_until_a_tenth_is_kept)
{
    void *stays = large(100 * MIB), *goes = large(400 * MIB);
    ml_release_tick();
    ml_heap_free(goes);
    for (int i = 1; i < ML_RELEASE_WINDOW; i++)
        ml_release_tick();
    uint64_t before = backed(), steps = 0;
    while (ml_release_tick()) {
        uint64_t now = backed();
        ck_assert_uint_le(before - now, 110 * MIB); /* a quarter, never all at once */
        steps += now < before;
        before = now;
        ck_assert_uint_lt(steps, 60);
    }
    ck_assert_uint_ge(steps, 5);
    ck_assert_uint_le(before, 111 * MIB);
    ck_assert_uint_ge(before, 109 * MIB);
    ml_heap_free(stays);
    assert_heap_is_whole();
}
END_TEST

START_TEST(a_run_rests_for_some_ticks_before_it_goes)
{
    void *objects[20];
    for (int i = 0; i < 20; i++)
        objects[i] = large(2 * MIB); /* never seen by a tick: no peak */
    for (int i = 0; i < 20; i++)
        ml_heap_free(objects[i]);
    for (int i = 1; i < ML_RELEASE_IDLE_TICKS; i++) {
        ck_assert(ml_release_tick());
        ck_assert_uint_eq(os_releases, 0);
    }
    ck_assert(ml_release_tick());
    ck_assert_uint_gt(os_releases, 0);
}
END_TEST

START_TEST(all_that_is_free_goes_at_once_when_asked)
{
    void *objects[200], *stay[200];
    uint64_t staying = 0;
    for (int i = 0; i < 200; i++) {
        objects[i] = large(70000 + (size_t)i * 1000);
        stay[i] = large(70000);
        staying += ml_heap_block_bytes(stay[i]);
    }
    for (int i = 0; i < 200; i++) {
        ml_release_tick(); /* of all ages */
        ml_heap_free(objects[i]);
    }
    ck_assert_uint_gt(ml_release_all(), 0);
    ck_assert_uint_eq(backed(), staying);
    ck_assert_uint_eq(ml_release_all(), 0);
    assert_heap_is_whole();
}
END_TEST

/* Spans full of small objects that are all freed: bins keep some of them. */
static void leave_empty_spans(void)
{
    enum { COUNT = 2000, BYTES = 4096 };
    static void *objects[COUNT];
    for (int i = 0; i < COUNT; i++)
        objects[i] = allocate(BYTES, ML_NOSCAN);
    for (int i = 0; i < COUNT; i++)
        ml_heap_free(objects[i]);
    ml_thread_flush_all(ml_thread_self);
    ck_assert_uint_ge(ml_central_empty_bytes(), MIB / 2);
}

START_TEST(spans_that_bins_keep_go_with_the_ticks)
{
    leave_empty_spans();
    tick_until_quiet(50);
    ck_assert_uint_eq(ml_central_empty_bytes(), 0);
    ck_assert_uint_le(backed(), MIB);
    assert_heap_is_whole();
}
END_TEST

START_TEST(spans_that_bins_keep_are_free_when_all_that_is_free_is_asked_for)
{
    leave_empty_spans();
    ml_release_all();
    ck_assert_uint_eq(backed(), 0);
    assert_heap_is_whole();
}
END_TEST

START_TEST(a_system_that_refuses_is_asked_again_later)
{
    ml_heap_free(large(50 * MIB));
    os_releases_granted = 0;
    for (int i = 0; i < 5; i++)
        ck_assert(ml_release_tick());
    ck_assert_uint_ge(os_releases, 2);
    ck_assert_uint_eq(ml_release_all(), 0);
    assert_heap_is_whole();
    os_releases_granted = UINT64_MAX;
    tick_until_quiet(50);
    ck_assert_uint_le(backed(), MIB);
    assert_heap_is_whole();
}
END_TEST

/* Holes between objects that stay, and more empty spans than are to be kept. */
START_TEST(as_much_as_asked_for_goes_at_once_and_no_more)
{
    void *goes[20];
    for (int i = 0; i < 20; i++) {
        goes[i] = large(2 * MIB);
        large(MIB);
    }
    for (int i = 0; i < 20; i++)
        ml_heap_free(goes[i]);
    ml_release_down_to(61 * MIB);
    ck_assert_uint_eq(os_releases, 0);
    ml_release_down_to(45 * MIB);
    ck_assert_uint_eq(backed(), 45 * MIB);
    ml_release_down_to(0);
    ck_assert_uint_eq(backed(), 20 * MIB);
    leave_empty_spans();
    ml_release_down_to(20 * MIB);
    ck_assert_uint_eq(backed(), 20 * MIB);
    assert_heap_is_whole();
}
END_TEST

static uint64_t heap_bytes(void)
{
    struct ml_pageheap_figures now;
    ml_pageheap_read(&now);
    return now.heap_bytes;
}

static void *had_meanwhile;
static void take_meanwhile(uintptr_t base, size_t bytes)
{
    os_during_release = NULL;
    had_meanwhile = large(15 * MIB);
    ck_assert((uintptr_t)had_meanwhile >= base + bytes);
}

START_TEST(the_rest_of_a_run_can_be_had_while_a_part_is_on_its_way)
{
    ml_heap_free(large(20 * MIB));
    uint64_t before = heap_bytes();
    os_during_release = take_meanwhile;
    ml_release_down_to(backed() - 2 * MIB);
    ck_assert_ptr_nonnull(had_meanwhile);
    ck_assert_uint_eq(heap_bytes(), before);
    assert_heap_is_whole();
}
END_TEST

static unsigned audits;
static void audit_meanwhile(uintptr_t base, size_t bytes)
{
    (void)base;
    (void)bytes;
    assert_heap_is_whole();
    audits++;
}

/* The part ends amid pages that the lower of the two objects has left. */
START_TEST(the_heap_is_whole_while_a_part_is_on_its_way)
{
    void *lower = large(4 * MIB), *upper = large(4 * MIB);
    ml_heap_free(lower);
    ml_heap_free(upper);
    os_during_release = audit_meanwhile;
    ml_release_down_to(backed() - 2 * MIB);
    ck_assert_uint_eq(audits, 1);
    assert_heap_is_whole();
}
END_TEST

START_TEST(near_a_limit_ticks_wait_for_nothing)
{
    void *goes = large(50 * MIB), *stays = large(40 * MIB);
    ml_release_tick(); /* the peak is seen */
    ml_heap_free(goes);
    ml_release_set_limit(100 * MIB);
    ml_release_tick();
    ck_assert_uint_eq(os_releases, 0);
    ml_release_set_limit(80 * MIB);
    ml_release_tick();
    ck_assert_uint_eq(backed(), 76 * MIB);
    ml_release_set_limit(10 * MIB);
    ml_release_tick();
    ck_assert_uint_eq(backed(), 40 * MIB);
    ml_heap_free(stays);
    ml_release_set_limit(UINT64_MAX);
    ml_release_tick();
    ck_assert_uint_eq(backed(), 40 * MIB);
    assert_heap_is_whole();
}
END_TEST

static uint32_t running;

static void *saw(void *argument)
{
    uint64_t seed = (uintptr_t)argument;
    unsigned char *objects[8] = { NULL };
    size_t sizes[8] = { 0 };
    for (int i = 0; i < 1500; i++) {
        size_t at = random_below(&seed, 8);
        if (objects[at] != NULL) {
            for (size_t k = 0; k < sizes[at]; k += 4096)
                ck_assert_uint_eq(objects[at][k], (unsigned char)(uintptr_t)argument);
            ml_heap_free(objects[at]);
        }
        sizes[at] = 40000 + random_below(&seed, 1 << 18);
        objects[at] = large(sizes[at]);
        memset(objects[at], (int)(uintptr_t)argument, sizes[at]);
    }
    for (unsigned at = 0; at < 8; at++)
        if (objects[at] != NULL)
            ml_heap_free(objects[at]);
    detach_self();
    return NULL;
}

static void *release_on(void *unused)
{
    (void)unused;
    while (__atomic_load_n(&running, __ATOMIC_ACQUIRE))
        ml_release_all();
    return NULL;
}

START_TEST(nothing_that_was_taken_meanwhile_is_released)
{
    pthread_t threads[2], releasers[2];
    ck_assert_int_eq(ml_heap_init(), 0);
    running = 1;
    for (uintptr_t i = 0; i < 2; i++) {
        ck_assert_int_eq(pthread_create(&releasers[i], NULL, release_on, NULL), 0);
        ck_assert_int_eq(pthread_create(&threads[i], NULL, saw, (void *)(i + 1)), 0);
    }
    for (unsigned i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    __atomic_store_n(&running, 0, __ATOMIC_RELEASE);
    for (unsigned i = 0; i < 2; i++)
        pthread_join(releasers[i], NULL);
    assert_heap_is_whole();
    ml_release_all();
    ck_assert_uint_eq(backed(), 0);
    assert_heap_is_whole();
}
END_TEST

UNIT_MAIN("heap release", an_empty_heap_has_nothing_to_come_back_for,
          memory_in_use_is_never_released, what_is_free_is_kept_as_long_as_the_peak_is_recent,
          a_share_goes_at_each_tick_until_a_tenth_is_kept, a_run_rests_for_some_ticks_before_it_goes,
          all_that_is_free_goes_at_once_when_asked, spans_that_bins_keep_go_with_the_ticks,
          spans_that_bins_keep_are_free_when_all_that_is_free_is_asked_for,
          as_much_as_asked_for_goes_at_once_and_no_more, near_a_limit_ticks_wait_for_nothing,
          the_rest_of_a_run_can_be_had_while_a_part_is_on_its_way,
          the_heap_is_whole_while_a_part_is_on_its_way,
          a_system_that_refuses_is_asked_again_later,
          nothing_that_was_taken_meanwhile_is_released)
