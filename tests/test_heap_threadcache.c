/* SPDX-License-Identifier: MIT */
/* test_heap_threadcache.c - magazines grow and flush, counters are exact at
 * every moment, and what happens when threads end or fork. */
#include "heap/threadcache.h"

#include <pthread.h>

#include "heap/central.h"
#include "heap/counters.h"
#include "heap/metadata.h"
#include "heap_os.h"
#include "heap_unit.h"

enum { BIN_64 = 3 };

static struct ml_counts counts(void)
{
    struct ml_counts now;
    ml_counters_read(&now);
    return now;
}

static uint64_t frees(unsigned class)
{
    struct ml_counts now = counts();
    return ml_counts_frees(&now, class);
}

static uint64_t live(unsigned class) { return counts().mallocs[class] - frees(class); }

static size_t held(const struct ml_magazine *magazine)
{
    return (size_t)(magazine->top - magazine->bottom);
}

static void in_thread(void *(*run)(void *), void *argument)
{
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, run, argument), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
}

/* ---- counters ------------------------------------------------------------------- */

START_TEST(every_malloc_and_free_is_counted_at_once)
{
    enum { OBJECTS = 3000 };
    static void *objects[OBJECTS];
    for (unsigned i = 0; i < OBJECTS; i++) {
        objects[i] = allocate(50, ML_SCAN);
        ck_assert_uint_eq(counts().mallocs[BIN_64], i + 1);
    }
    for (unsigned i = 0; i < OBJECTS; i++) {
        ml_heap_free(objects[i]);
        ck_assert_uint_eq(frees(BIN_64), i + 1);
    }
    ck_assert_uint_eq(counts().mallocs[BIN_64], OBJECTS);
    assert_heap_is_whole();
}
END_TEST

START_TEST(the_kinds_of_a_class_are_counted_together)
{
    for (int kind = 0; kind < ML_KINDS; kind++)
        for (int i = 0; i <= kind; i++)
            allocate(64, (enum ml_kind)kind);
    ck_assert_uint_eq(counts().mallocs[BIN_64], 1 + 2 + 3 + 4);
}
END_TEST

static void *free_all(void *argument)
{
    for (void **object = argument; *object != NULL; object++)
        ml_heap_free(*object);
    detach_self();
    return NULL;
}

START_TEST(what_another_thread_frees_is_counted_and_comes_back)
{
    enum { OBJECTS = 5000 };
    static void *objects[OBJECTS + 1];
    for (int round = 0; round < 3; round++) {
        for (unsigned i = 0; i < OBJECTS; i++)
            objects[i] = allocate(64, ML_SCAN);
        ck_assert_uint_eq(live(BIN_64), OBJECTS);
        in_thread(free_all, objects);
        ck_assert_uint_eq(live(BIN_64), 0);
        assert_heap_is_whole();
    }
    struct ml_pageheap_figures now = counts().pages;
    ck_assert_uint_le(now.heap_bytes, 4 * OBJECTS * 64); /* the same slots three times */
}
END_TEST

static void *allocate_and_die(void *argument)
{
    void **objects = argument;
    for (unsigned i = 0; i < 500; i++)
        objects[i] = allocate(64, ML_SCAN);
    for (unsigned i = 0; i < 250; i++)
        ml_heap_free(objects[i]);
    *(struct ml_thread **)&objects[500] = ml_thread_self;
    ck_assert_uint_gt(held(&ml_thread_self->magazines[BIN_64]), 100);
    detach_self();
    return NULL;
}

START_TEST(a_thread_that_dies_with_full_magazines_leaves_nothing_behind)
{
    static void *objects[501];
    ck_assert_int_eq(ml_heap_init(), 0);
    in_thread(allocate_and_die, objects);
    struct ml_thread *gone = objects[500];
    ck_assert_uint_eq(gone->active, 0);
    ck_assert_uint_eq(gone->magazines[BIN_64].capacity, 0);
    ck_assert_uint_eq(live(BIN_64), 250);
    ck_assert_uint_eq(ml_heap_taken_bytes(), 250 * 64);
    assert_heap_is_whole();
    for (unsigned i = 250; i < 500; i++)
        ml_heap_free(objects[i]);
    ck_assert_uint_eq(live(BIN_64), 0);
    detach_self();
    ck_assert_uint_eq(ml_heap_taken_bytes(), 0);
    assert_heap_is_whole();
}
END_TEST

START_TEST(a_block_that_is_used_again_keeps_its_sums)
{
    static void *objects[501];
    ck_assert_int_eq(ml_heap_init(), 0);
    uint64_t sys = 0;
    for (unsigned i = 1; i <= 5; i++) {
        in_thread(allocate_and_die, objects);
        ck_assert_uint_eq(counts().mallocs[BIN_64], 500 * i);
        ck_assert_uint_eq(frees(BIN_64), 250 * i);
        ck_assert_ptr_eq(ml_thread_list, objects[500]);
        ck_assert_ptr_null(ml_thread_list->next);
        ck_assert_uint_eq(counts().threads, 0);
        ck_assert(i == 1 || ml_metadata_sys(ML_POOL_THREADS) == sys);
        sys = ml_metadata_sys(ML_POOL_THREADS);
    }
    assert_heap_is_whole();
}
END_TEST

/* ---- magazines ------------------------------------------------------------------ */

START_TEST(a_magazine_grows_with_use_up_to_its_bound)
{
    enum { OBJECTS = 50000 };
    static void *objects[OBJECTS];
    for (size_t bytes = 16; bytes <= ML_SMALL_MAX; bytes *= 16) {
        unsigned bin = ml_bin_of(ml_sizeclass_of(bytes), ML_NOSCAN), count = 0;
        uint32_t before = 0;
        for (; count < OBJECTS && count * bytes < (16 << 20); count++) {
            objects[count] = allocate(bytes, ML_NOSCAN);
            uint32_t now = ml_thread_self->magazines[bin].capacity;
            ck_assert_uint_ge(now, before);
            ck_assert(before == 0 || now <= 2 * before);
            before = now;
        }
        ck_assert_uint_eq(before, ml_min(2048, (1 << 20) / bytes));
        while (count > 0)
            ml_heap_free(objects[--count]);
        ck_assert_uint_eq(ml_thread_self->magazines[bin].capacity, before);
    }
    assert_heap_is_whole();
}
END_TEST

START_TEST(a_full_magazine_gives_its_older_half_back)
{
    enum { OBJECTS = 4 * 2048 };
    static void *objects[OBJECTS];
    for (unsigned i = 0; i < OBJECTS; i++)
        objects[i] = allocate(16, ML_SCAN);
    struct ml_magazine *magazine = &ml_thread_self->magazines[0];
    unsigned i = 0;
    while (magazine->capacity < 2048 || magazine->top != magazine->limit)
        ml_heap_free(objects[i++]);
    void *oldest = magazine->bottom[0], *younger = magazine->bottom[1024];
    ml_heap_free(objects[i]);
    ck_assert_uint_eq(held(magazine), 1025);
    ck_assert_ptr_eq(magazine->bottom[0], younger);
    ck_assert_ptr_eq(magazine->top[-1], objects[i]);
    for (void **slot = magazine->bottom; slot < magazine->top; slot++)
        ck_assert_ptr_ne(*slot, oldest);
    assert_heap_is_whole();
}
END_TEST

START_TEST(what_was_freed_last_is_allocated_first)
{
    void *a = allocate(100, ML_SCAN), *b = allocate(100, ML_SCAN);
    ml_heap_free(a);
    ml_heap_free(b);
    ck_assert_ptr_eq(allocate(100, ML_SCAN), b);
    ck_assert_ptr_eq(allocate(100, ML_SCAN), a);
}
END_TEST

START_TEST(flushing_gives_every_slot_and_every_magazine_back)
{
    void *objects[100];
    for (unsigned i = 0; i < 100; i++)
        objects[i] = allocate(16 * (i + 1), ML_SCAN);
    uint64_t block = ml_metadata_inuse(ML_POOL_THREADS);
    ml_thread_flush_all(ml_thread_self);
    ck_assert_uint_lt(ml_metadata_inuse(ML_POOL_THREADS), block);
    uint64_t bytes = 0;
    for (unsigned class = 0; class < ML_CLASSES; class++)
        bytes += live(class) * ml_sizeclasses[class].bytes;
    ck_assert_uint_eq(ml_heap_taken_bytes(), bytes);
    assert_heap_is_whole();
    for (unsigned i = 0; i < 100; i++)
        ml_heap_free(objects[i]); /* and goes on */
    assert_heap_is_whole();
}
END_TEST

/* ---- no memory ------------------------------------------------------------------- */

START_TEST(without_memory_for_a_block_there_is_null_and_a_free_is_left_undone)
{
    static void *object[2];
    object[0] = allocate(64, ML_SCAN);
    detach_self();
    struct ml_thread *only = ml_thread_list;
    in_thread(free_all, (void *[]){ NULL }); /* nothing: no block either */
    ck_assert_int_eq(ml_thread_attach(false), 0);
    ck_assert_ptr_eq(ml_thread_self, only);
    os_maps_granted = 0;
    struct ml_thread *self = ml_thread_self;
    ml_thread_self = &ml_thread_none; /* a thread that has no block yet */
    while (ml_metadata_alloc(ML_POOL_THREADS, sizeof(struct ml_thread)) != NULL) {
    }
    ck_assert_ptr_null(allocate(64, ML_SCAN));
    ml_heap_free(object[0]);
    ck_assert(ml_heap_is_object(object[0]));
    ml_thread_self = self;
    ck_assert_uint_eq(live(BIN_64), 1);
    assert_heap_is_whole();
}
END_TEST

START_TEST(without_memory_for_a_magazine_slots_go_straight_back)
{
    void *objects[10];
    for (unsigned i = 0; i < 10; i++)
        objects[i] = allocate(64, ML_SCAN);
    ml_thread_flush_all(ml_thread_self);
    os_maps_granted = 0;
    for (size_t bytes = 64; bytes <= 16384; bytes *= 2)
        while (ml_metadata_alloc(ML_POOL_THREADS, bytes) != NULL) {
        }
    ck_assert_ptr_null(allocate(64, ML_SCAN));
    for (unsigned i = 0; i < 10; i++)
        ml_heap_free(objects[i]);
    ck_assert_uint_eq(ml_thread_self->magazines[BIN_64].capacity, 0);
    ck_assert_uint_eq(live(BIN_64), 0);
    ck_assert_uint_eq(ml_heap_taken_bytes(), 0);
    assert_heap_is_whole();
    os_maps_granted = UINT64_MAX;
    ck_assert_ptr_nonnull(allocate(64, ML_SCAN));
}
END_TEST

START_TEST(without_memory_to_grow_the_magazine_keeps_its_size)
{
    enum { OBJECTS = 4000 };
    static void *objects[OBJECTS];
    objects[0] = allocate(64, ML_SCAN);
    uint32_t capacity = ml_thread_self->magazines[BIN_64].capacity;
    os_maps_granted = 0;
    for (size_t bytes = 64; bytes <= 16384; bytes *= 2)
        while (ml_metadata_alloc(ML_POOL_THREADS, bytes) != NULL) {
        }
    for (unsigned i = 1; i < OBJECTS; i++)
        ck_assert_ptr_nonnull(objects[i] = allocate(64, ML_SCAN));
    for (unsigned i = 0; i < OBJECTS; i++)
        ml_heap_free(objects[i]);
    ck_assert_uint_eq(ml_thread_self->magazines[BIN_64].capacity, capacity);
    ck_assert_uint_eq(live(BIN_64), 0);
    assert_heap_is_whole();
}
END_TEST

/* ---- hooks ------------------------------------------------------------------------- */

static unsigned came, stopped, slow;
static void note_came(void) { came++; }
static void note_stop(void)
{
    stopped++;
    ml_thread_self->stop_wanted = 0;
    ck_assert_uint_eq(ml_thread_self->inside, 0);
}
static void note_slow(void)
{
    slow++;
    ck_assert_uint_eq(ml_thread_self->inside, 0);
}

START_TEST(a_thread_of_the_program_is_announced_and_memlogs_own_is_not)
{
    ml_heap_hooks.thread_came = note_came;
    ck_assert_int_eq(ml_heap_init(), 0);
    ck_assert_int_eq(ml_thread_attach(true), 0);
    ck_assert_uint_eq(came, 0);
    ck_assert_uint_eq(ml_thread_self->own, 1);
    detach_self();
    allocate(64, ML_SCAN);
    ck_assert_uint_eq(came, 1);
    ck_assert_uint_eq(ml_thread_self->own, 0);
    ck_assert_uint_eq(counts().threads, 1);
}
END_TEST

START_TEST(a_stop_waits_until_the_thread_has_left_the_heap)
{
    allocate(64, ML_SCAN);
    ml_heap_hooks.stop_wanted = note_stop;
    ml_heap_hooks.slow_path = note_slow;
    struct ml_thread *self = ml_thread_self;
    ml_heap_enter(self);
    ml_heap_enter(self);
    self->stop_wanted = 1;
    ml_heap_leave(self);
    ck_assert_uint_eq(stopped, 0);
    ml_heap_leave(self);
    ck_assert_uint_eq(stopped, 1);
    for (unsigned i = 0; i < 1000; i++) {
        self->stop_wanted = 1;
        allocate(64, ML_SCAN);
    }
    ck_assert_uint_gt(slow, 0);
    ck_assert_uint_ge(stopped, slow);
}
END_TEST

static void spoil_errno(void) { errno = EINTR; }

START_TEST(the_first_free_of_a_thread_leaves_errno_alone)
{
    void *object = allocate(64, ML_SCAN);
    detach_self();
    ml_heap_hooks.thread_came = spoil_errno;
    errno = EXDEV;
    ml_heap_free(object);
    ck_assert_int_eq(errno, EXDEV);
    ck_assert(ml_thread_attached());
}
END_TEST

/* ---- fork -------------------------------------------------------------------------- */

static uint32_t ready, go;
static void wait_for_go(void)
{
    __atomic_store_n(&ready, 1, __ATOMIC_RELEASE);
    while (!__atomic_load_n(&go, __ATOMIC_ACQUIRE))
        usleep(1000);
}

/* Half of a flush: the slots are back in their span, and in the magazine. */
static void *be_caught_flushing(void *unused)
{
    (void)unused;
    for (unsigned i = 0; i < 100; i++)
        allocate(64, ML_SCAN);
    struct ml_thread *self = ml_thread_self;
    struct ml_magazine *magazine = &self->magazines[BIN_64];
    void *slots[2];
    ml_heap_enter(self);
    ck_assert_uint_ge(held(magazine), 4);
    ml_central_give(BIN_64, magazine->bottom, 4);
    ck_assert_uint_eq(ml_central_take(self, 0, slots, 2), 2); /* or of a refill */
    wait_for_go();
    ml_central_give(0, slots, 2);
    memmove(magazine->bottom, magazine->bottom + 4, (held(magazine) - 4) * sizeof(void *));
    magazine->top -= 4;
    ml_heap_leave(self);
    detach_self();
    return NULL;
}

static void child_goes_on(void *object)
{
    ml_heap_after_fork_child();
    child_asserts(ml_heap_audit() == NULL);
    child_asserts(counts().threads == 1);
    child_asserts(live(BIN_64) == 101);
    child_asserts(ml_heap_taken_bytes() == 101 * 64);
    ml_heap_free(object);
    for (unsigned i = 0; i < 10000; i++)
        child_asserts(allocate(64, ML_SCAN) != NULL);
    child_asserts(ml_heap_audit() == NULL);
}

START_TEST(slots_that_were_on_their_way_at_a_fork_are_free_in_the_child_once)
{
    pthread_t thread;
    void *object = allocate(64, ML_SCAN);
    ck_assert_int_eq(pthread_create(&thread, NULL, be_caught_flushing, NULL), 0);
    while (!__atomic_load_n(&ready, __ATOMIC_ACQUIRE))
        usleep(1000);
    ml_heap_before_fork();
    assert_child_is_fine(child_goes_on, object);
    ml_heap_after_fork_parent();
    __atomic_store_n(&go, 1, __ATOMIC_RELEASE);
    pthread_join(thread, NULL);
    assert_heap_is_whole();
}
END_TEST

UNIT_MAIN("heap threadcache", every_malloc_and_free_is_counted_at_once,
          the_kinds_of_a_class_are_counted_together,
          what_another_thread_frees_is_counted_and_comes_back,
          a_thread_that_dies_with_full_magazines_leaves_nothing_behind,
          a_block_that_is_used_again_keeps_its_sums, a_magazine_grows_with_use_up_to_its_bound,
          a_full_magazine_gives_its_older_half_back, what_was_freed_last_is_allocated_first,
          flushing_gives_every_slot_and_every_magazine_back,
          without_memory_for_a_block_there_is_null_and_a_free_is_left_undone,
          without_memory_for_a_magazine_slots_go_straight_back,
          without_memory_to_grow_the_magazine_keeps_its_size,
          a_thread_of_the_program_is_announced_and_memlogs_own_is_not,
          a_stop_waits_until_the_thread_has_left_the_heap,
          the_first_free_of_a_thread_leaves_errno_alone,
          slots_that_were_on_their_way_at_a_fork_are_free_in_the_child_once)
