/* SPDX-License-Identifier: MIT */
/* test_gc_finalize.c - which finalizers are due when, and with what they are
 * called. The thread that calls them is test_gc_finalthread's. */
#include "gc/finalize.h"

#include <errno.h>
#include <unistd.h>

#include "finalizers.h"
#include "gc/watch.h"
#include "gc_objects.h"
#include "heap/metadata.h"
#include "unit.h"

/* ---- without memory --------------------------------------------------------------- */

static unsigned refuse_from; /* the n-th request for metadata from now fails, and all further ones */

void *__real_ml_metadata_alloc(enum ml_pool pool, size_t bytes);
void *__wrap_ml_metadata_alloc(enum ml_pool pool, size_t bytes);
void *__wrap_ml_metadata_alloc(enum ml_pool pool, size_t bytes)
{
    if (refuse_from != 0 && --refuse_from == 0) {
        refuse_from = 1;
        return NULL;
    }
    return __real_ml_metadata_alloc(pool, bytes);
}

START_TEST(without_memory_nothing_is_registered)
{
    enum { COUNT = 200 };
    static void *objects[COUNT];
    unsigned failed = 0;
    for (unsigned i = 0; i < COUNT; i++)
        objects[i] = memlog_malloc(32);
    for (unsigned i = 0; i < COUNT; i++) {
        for (unsigned from = 3; from > 0; from--) {
            uint64_t before = finalizers().registered;
            refuse_from = from;
            int error = memlog_set_finalizer(objects[i], note_run, NULL);
            refuse_from = 0;
            ck_assert(error == 0 || error == -ENOMEM);
            ck_assert_uint_eq(finalizers().registered, before + (error == 0));
            failed += error != 0;
            ck_assert_int_eq(memlog_set_finalizer(objects[i], NULL, NULL), 0);
        }
        ck_assert_int_eq(memlog_set_finalizer(objects[i], note_run, NULL), 0);
    }
    ck_assert_uint_ge(failed, 2);
    ck_assert_uint_eq(finalizers().registered, COUNT);
    memlog_keep_alive(objects);
}
END_TEST

/* ---- what is due -------------------------------------------------------------------- */

START_TEST(what_is_unreachable_is_finalized_once_and_then_freed)
{
    static hidden_t hidden[OBJECTS];
    make_finalized(hidden, OBJECTS, sizeof(struct item), ML_SCAN);
    ck_assert_uint_eq(finalizers().registered, OBJECTS);
    wait_for_runs(OBJECTS - SPARED);
    for (int i = 0; i < 5; i++)
        collect();
    assert_nearly_all_gone(hidden, OBJECTS);
    ck_assert_uint_eq(finalizers().registered, OBJECTS - finalizers().run - finalizers().queued);
    for (unsigned i = 0; i < OBJECTS; i++)
        ck_assert_uint_le(runs[i].count, 1);
    assert_whole();
}
END_TEST

START_TEST(what_is_reachable_is_not)
{
    static struct item *items[OBJECTS];
    for (unsigned i = 0; i < OBJECTS; i++)
        items[i] = new_item(i, sizeof(struct item), ML_SCAN);
    for (int i = 0; i < 3; i++)
        collect();
    ck_assert_uint_eq(finalizers().registered, OBJECTS);
    ck_assert_uint_eq(finalizers().queued + finalizers().run, 0);
    memlog_keep_alive(items);
}
END_TEST

START_TEST(large_and_noscan_objects_are_finalized_too)
{
    static hidden_t large[OBJECTS], noscan[OBJECTS];
    make_finalized(large, OBJECTS, 100000, ML_SCAN);
    wait_for_runs(OBJECTS - SPARED);
    uint64_t run = finalizers().run;
    make_finalized(noscan, OBJECTS, 40, ML_NOSCAN);
    wait_for_runs(run + OBJECTS - SPARED);
    collect();
    assert_nearly_all_gone(large, OBJECTS);
}
END_TEST

/* It is there until a later collection: in the heap that was live, by which the
 * next goal is set. */
START_TEST(what_is_due_counts_as_live)
{
    enum { BYTES = 100000 };
    static hidden_t large[OBJECTS];
    struct memlog_extra extra = { .size = sizeof(extra) };
    memlog_set_gc_percent(-1);
    make_finalized(large, OBJECTS, BYTES, ML_SCAN);
    collect();
    ck_assert_int_eq(memlog_read_extra(&extra), 0);
    ck_assert_uint_ge(extra.live_bytes, (uint64_t)OBJECTS * BYTES);
    ck_assert_uint_ge(extra.live_objects, OBJECTS);
}
END_TEST

/* The object is whole, and all it refers to, until the finalizer has run. */
static unsigned whole_trees;

static void look_at_tree(void *object, void *data)
{
    const struct item *item = object;
    bool whole = item->magic == MAGIC && item->next->magic == MAGIC &&
                 item->next->next->magic == MAGIC && ((struct item *)data)->magic == MAGIC;
    memlog_gc();
    for (int i = 0; i < 1000; i++) /* would fall on what is freed */
        memset(memlog_malloc(sizeof(struct item)), 0x11, sizeof(struct item));
    whole = whole && item->magic == MAGIC && item->next->magic == MAGIC &&
            item->next->next->magic == MAGIC && ((struct item *)data)->magic == MAGIC;
    __atomic_fetch_add(&whole_trees, whole, __ATOMIC_RELAXED);
}

static struct item *plain_item(struct item *next)
{
    struct item *item = memlog_malloc(sizeof(*item));
    item->magic = MAGIC;
    item->next = next;
    return item;
}

static __attribute__((noinline)) void make_trees(unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        struct item *tree = plain_item(plain_item(plain_item(NULL)));
        ck_assert_int_eq(memlog_set_finalizer(tree, look_at_tree, plain_item(NULL)), 0);
    }
}

START_TEST(all_that_a_finalizer_can_see_is_alive)
{
    make_trees(OBJECTS);
    collect(); /* the data is nobody else's */
    collect();
    wait_for_runs(OBJECTS - SPARED);
    wait_for_none_queued();
    ck_assert_uint_eq(whole_trees, finalizers().run);
}
END_TEST

START_TEST(the_data_of_what_is_registered_is_a_root)
{
    static struct item *items[OBJECTS];
    static hidden_t data[OBJECTS];
    for (unsigned i = 0; i < OBJECTS; i++) {
        void *own = memlog_malloc(48);
        data[i] = hide(own);
        items[i] = plain_item(NULL);
        ck_assert_int_eq(memlog_set_finalizer(items[i], note_run, own), 0);
    }
    assert_needed(ML_ROOT_FINALIZERS, data, OBJECTS);
    memlog_keep_alive(items);
}
END_TEST

/* ---- order ---------------------------------------------------------------------------- */

enum { DEPTH = 4 };
static uint32_t turn_of[OBJECTS][DEPTH]; /* as the how manieth it ran */
static uint32_t turns;

static void note_turn(void *object, void *data)
{
    (void)object;
    ((uint32_t *)turn_of)[(uintptr_t)data] = ++turns;
}

/* Each refers to the next, every other time by way of one without a finalizer. */
static __attribute__((noinline)) void make_chains(void)
{
    for (unsigned i = 0; i < OBJECTS; i++) {
        struct item *next = NULL;
        for (unsigned depth = DEPTH; depth-- > 0;) {
            next = plain_item(next);
            ck_assert_int_eq(memlog_set_finalizer(next, note_turn,
                                                  (void *)(uintptr_t)(i * DEPTH + depth)), 0);
            if (i % 2 == 0)
                next = plain_item(next);
        }
    }
}

START_TEST(what_another_one_refers_to_is_finalized_after_it)
{
    make_chains();
    for (unsigned turn = 1; turn <= DEPTH; turn++) {
        collect();
        wait_for_none_queued();
        ck_assert_uint_le(finalizers().run, turn * OBJECTS);
    }
    collect();
    wait_for_runs(DEPTH * (OBJECTS - SPARED));
    for (unsigned i = 0; i < OBJECTS; i++)
        for (unsigned depth = 1; depth < DEPTH; depth++)
            if (turn_of[i][depth] != 0) {
                ck_assert_uint_ne(turn_of[i][depth - 1], 0);
                ck_assert_uint_gt(turn_of[i][depth], turn_of[i][depth - 1]);
            }
}
END_TEST

static __attribute__((noinline)) void make_circles(unsigned first, unsigned count, bool itself)
{
    for (unsigned i = 0; i < count; i++) {
        struct item *item = new_item(first + i, sizeof(*item), ML_SCAN);
        item->next = itself ? (struct item *)&item->next : plain_item(item);
        item->other = itself ? item : NULL;
    }
}

START_TEST(a_pointer_into_itself_is_no_circle)
{
    make_circles(0, OBJECTS, true);
    wait_for_runs(OBJECTS - SPARED);
}
END_TEST

START_TEST(a_circle_is_never_finalized)
{
    make_circles(0, OBJECTS, false);
    for (int i = 0; i < 5; i++)
        collect();
    wait_for_none_queued();
    ck_assert_uint_eq(finalizers().run, 0);
    ck_assert_uint_eq(finalizers().registered, OBJECTS);
}
END_TEST

/* ---- once more ------------------------------------------------------------------------- */

static void *volatile saved[OBJECTS];

static void save(void *object, void *data)
{
    saved[(uintptr_t)data] = object;
    note_run(object, data);
}

static void save_and_set_again(void *object, void *data)
{
    save(object, data);
    memlog_set_finalizer(object, note_run, data);
}

static __attribute__((noinline)) void make_saved(hidden_t *hidden, ml_finalizer *finalizer)
{
    for (unsigned i = 0; i < OBJECTS; i++) {
        struct item *item = plain_item(plain_item(NULL));
        hidden[i] = hide(item);
        ck_assert_int_eq(memlog_set_finalizer(item, finalizer, (void *)(uintptr_t)i), 0);
    }
}

static void forget_saved(void)
{
    for (unsigned i = 0; i < OBJECTS; i++)
        saved[i] = NULL;
}

START_TEST(a_finalizer_may_make_its_object_reachable_again)
{
    static hidden_t hidden[OBJECTS];
    make_saved(hidden, save);
    wait_for_runs(OBJECTS - SPARED);
    for (int i = 0; i < 3; i++)
        collect();
    for (unsigned i = 0; i < OBJECTS; i++) {
        ck_assert(is_alive(hidden[i])); /* saved, or not yet found */
        ck_assert_uint_eq(((struct item *)reveal(hidden[i]))->next->magic, MAGIC);
    }
    forget_saved();
    collect();
    collect();
    assert_nearly_all_gone(hidden, OBJECTS);
    for (unsigned i = 0; i < OBJECTS; i++)
        ck_assert_uint_le(runs[i].count, 1);
}
END_TEST

START_TEST(and_may_set_a_finalizer_again)
{
    static hidden_t hidden[OBJECTS];
    make_saved(hidden, save_and_set_again);
    wait_for_runs(OBJECTS - SPARED);
    wait_for_none_queued();
    collect();
    wait_for_none_queued(); /* a spared one may have been found only now */
    ck_assert_uint_eq(finalizers().registered, OBJECTS);
    uint64_t first = finalizers().run;
    forget_saved();
    wait_for_runs(first + OBJECTS - 2 * SPARED);
    for (int i = 0; i < 3; i++)
        collect();
    wait_for_none_queued();
    for (unsigned i = 0; i < OBJECTS; i++)
        ck_assert_uint_le(runs[i].count, 2);
    ck_assert_uint_le(count_alive(hidden, OBJECTS), 2 * SPARED);
}
END_TEST

/* ---- by the program's hand ---------------------------------------------------------------- */

START_TEST(a_later_one_replaces_it_and_null_removes_it)
{
    static struct item *volatile items[OBJECTS];
    for (unsigned i = 0; i < OBJECTS; i++) {
        items[i] = plain_item(NULL);
        ck_assert_int_eq(memlog_set_finalizer(items[i], NULL, NULL), 0);
        ck_assert_int_eq(memlog_set_finalizer(items[i], fail_if_run, NULL), 0);
        ck_assert_int_eq(memlog_set_finalizer(items[i], i % 2 == 0 ? note_run : NULL,
                                              (void *)(uintptr_t)i), 0);
    }
    ck_assert_uint_eq(finalizers().registered, OBJECTS / 2);
    for (unsigned i = 0; i < OBJECTS; i++)
        items[i] = NULL;
    wait_for_runs(OBJECTS / 2 - SPARED);
    wait_for_none_queued();
    for (unsigned i = 0; i < OBJECTS; i++)
        ck_assert_uint_le(runs[i].count, i % 2 == 0);
}
END_TEST

START_TEST(freeing_the_object_drops_it)
{
    static const size_t sizes[] = { 1, 48, 500, 30000, 100000 };
    for (unsigned i = 0; i < OBJECTS; i++) {
        void *object = memlog_malloc(sizes[i % 5]);
        ck_assert_int_eq(memlog_set_finalizer(object, fail_if_run, NULL), 0);
        if (i % 2 == 0)
            memlog_free(object);
        else
            ck_assert_ptr_null(memlog_realloc(object, 0));
        ck_assert(!ml_heap_is_object(object));
        void *next = memlog_malloc(sizes[i % 5]); /* likely at the same place */
        ck_assert_uint_eq(ml_state_kind(ml_granule_of(next)), ML_STATE_PLAIN);
    }
    ck_assert_uint_eq(finalizers().registered, 0);
    ck_assert_uint_eq(ml_watches_count, 0);
    for (int i = 0; i < 3; i++)
        collect();
    ck_assert_uint_eq(finalizers().queued + finalizers().run, 0);
    assert_whole();
}
END_TEST

static void free_it(void *object, void *data)
{
    memlog_free(object);
    note_run(object, data);
}

START_TEST(a_finalizer_may_free_its_object)
{
    static hidden_t hidden[OBJECTS];
    make_saved(hidden, free_it);
    wait_for_runs(OBJECTS - SPARED);
    wait_for_none_queued();
    ck_assert_uint_le(count_alive(hidden, OBJECTS), SPARED);
    assert_whole();
}
END_TEST

START_TEST(resizing_the_object_keeps_it)
{
    static const size_t sizes[] = { 24, 30, 400, 20000, 50000, 5000000, 60000, 100, sizeof(struct item) };
    static struct item *volatile items[OBJECTS];
    for (unsigned i = 0; i < OBJECTS; i++)
        items[i] = new_item(i, sizes[i % 9] < sizeof(struct item) ? 48 : sizes[i % 9], ML_SCAN);
    for (unsigned i = 0; i < OBJECTS; i++) {
        void *old = items[i];
        items[i] = memlog_realloc(old, ml_max(sizes[(i + i / 9 + 1) % 9], sizeof(struct item)));
        if (items[i] != old)
            ck_assert(!ml_heap_is_object(old));
        runs[i].object = hide(items[i]);
    }
    ck_assert_uint_eq(finalizers().registered, OBJECTS);
    for (unsigned i = 0; i < OBJECTS; i++)
        items[i] = NULL;
    wait_for_runs(OBJECTS - SPARED);
    wait_for_none_queued();
    for (unsigned i = 0; i < OBJECTS; i++)
        ck_assert(!runs[i].wrong);
}
END_TEST

START_TEST(what_can_not_be_finalized_is_refused)
{
    static int variable;
    char *object = memlog_malloc(100);
    ck_assert_int_eq(memlog_set_finalizer(NULL, note_run, NULL), -EINVAL);
    ck_assert_int_eq(memlog_set_finalizer(&variable, note_run, NULL), -EINVAL);
    ck_assert_int_eq(memlog_set_finalizer(object + 16, note_run, NULL), -EINVAL);
    ck_assert_int_eq(memlog_set_finalizer(memlog_malloc_uncollectable(8), note_run, NULL), -EINVAL);
    ck_assert_int_eq(memlog_set_finalizer(memlog_weak_create(object), note_run, NULL), -EINVAL);
    /* It would keep itself alive. */
    ck_assert_int_eq(memlog_set_finalizer(object, note_run, object), -EINVAL);
    ck_assert_int_eq(memlog_set_finalizer(object, note_run, object + 99), -EINVAL);
    ck_assert_int_eq(memlog_set_finalizer(object, note_run, object - 1), 0);
    memlog_keep_alive(object);
}
END_TEST

/* ---- many, and from many threads -------------------------------------------------------------- */

enum { THREADS = 8, ROUNDS = 3000 };
static uint64_t made;

static void *make_many(void *argument)
{
    uint32_t random = (uint32_t)(uintptr_t)argument + 1;
    void *recent[16] = { NULL };
    for (unsigned i = 0; i < ROUNDS; i++) {
        random = random * 1664525 + 1013904223;
        struct item *item = new_item(NOBODYS, sizeof(*item) + (random >> 20), ML_SCAN);
        unsigned at = random >> 8 & 15;
        if (random >> 12 & 1) {
            memlog_free(recent[at]);
            __atomic_fetch_sub(&made, recent[at] != NULL, __ATOMIC_RELAXED);
        } else if (recent[at] != NULL && random >> 13 & 1) {
            memlog_keep_alive(memlog_realloc(recent[at], sizeof(*item) + (random >> 22)));
        }
        recent[at] = item;
        __atomic_fetch_add(&made, 1, __ATOMIC_RELAXED);
        if (i % 100 == 0)
            memlog_gc();
    }
    return NULL;
}

START_TEST(eight_threads_set_free_resize_and_collect)
{
    pthread_t threads[THREADS];
    for (uintptr_t i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, make_many, (void *)i);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    wait_for_runs(made - THREADS * 16);
    wait_for_none_queued();
    ck_assert_uint_eq(finalizers().registered + finalizers().run, made);
    ck_assert_uint_eq(runs[NOBODYS].wrong, 0);
    assert_whole();
}
END_TEST

UNIT_MAIN("gc finalize", without_memory_nothing_is_registered,
          what_is_unreachable_is_finalized_once_and_then_freed, what_is_reachable_is_not,
          large_and_noscan_objects_are_finalized_too, what_is_due_counts_as_live,
          all_that_a_finalizer_can_see_is_alive,
          the_data_of_what_is_registered_is_a_root, what_another_one_refers_to_is_finalized_after_it,
          a_pointer_into_itself_is_no_circle, a_circle_is_never_finalized,
          a_finalizer_may_make_its_object_reachable_again, and_may_set_a_finalizer_again,
          a_later_one_replaces_it_and_null_removes_it, freeing_the_object_drops_it,
          a_finalizer_may_free_its_object, resizing_the_object_keeps_it,
          what_can_not_be_finalized_is_refused, eight_threads_set_free_resize_and_collect)
