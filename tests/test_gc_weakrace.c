/* SPDX-License-Identifier: MIT */
/* test_gc_weakrace.c - eight threads read weak references while the world is
 * stopped again and again: what they get is alive, or it is nothing. In the
 * stress mode, in which what is not alive is poison at once: the program starts
 * itself again with it. */
#include <stdlib.h>
#include <unistd.h>

#include "finalizers.h"
#include "heap/poison.h"
#include "unit.h"

enum { THREADS = 8, REFERENCES = 16 };

static unsigned rounds(void)
{
    const char *full = getenv("MEMLOG_FULL");
    return full != NULL && full[0] == '1' ? 1000 : 100;
}

__attribute__((constructor(101))) static void start_again(int count, char **arguments)
{
    (void)count;
    if (getenv("MEMLOG_GC_STRESS") != NULL)
        return;
    setenv("MEMLOG_GC_STRESS", "50", 1);
    execv("/proc/self/exe", arguments);
    _exit(99);
}

static struct memlog_weak *references[REFERENCES];
static uint32_t is_over;
static uint64_t got_objects, got_nothing, got_dead;

/* Nobody else refers to it: it lives by whoever has just read the reference. */
static __attribute__((noinline)) void renew(unsigned at)
{
    struct item *item = memlog_malloc(sizeof(*item));
    item->magic = MAGIC;
    struct memlog_weak *reference = memlog_weak_create(item);
    ck_assert_ptr_nonnull(reference);
    __atomic_store_n(&references[at], reference, __ATOMIC_RELEASE);
}

static __attribute__((noinline)) void *read_all(void *unused)
{
    (void)unused;
    uint64_t objects = 0, nothing = 0, dead = 0;
    for (unsigned i = 0; __atomic_load_n(&is_over, __ATOMIC_ACQUIRE) == 0; i++) {
        const struct item *item =
            memlog_weak_get(__atomic_load_n(&references[i % REFERENCES], __ATOMIC_ACQUIRE));
        objects += item != NULL;
        nothing += item == NULL;
        dead += item != NULL && __atomic_load_n(&item->magic, __ATOMIC_RELAXED) != MAGIC;
    }
    __atomic_fetch_add(&got_objects, objects, __ATOMIC_RELAXED);
    __atomic_fetch_add(&got_nothing, nothing, __ATOMIC_RELAXED);
    __atomic_fetch_add(&got_dead, dead, __ATOMIC_RELAXED);
    return NULL;
}

static void *make_new_ones(void *unused)
{
    for (unsigned i = 0; i < rounds(); i++) {
        for (unsigned at = 0; at < REFERENCES; at++)
            if (memlog_weak_get(references[at]) == NULL)
                renew(at);
        collect();
    }
    return unused;
}

START_TEST(what_eight_threads_get_is_alive)
{
    pthread_t threads[THREADS], maker;
    ck_assert(ml_poison_on);
    for (unsigned at = 0; at < REFERENCES; at++)
        renew(at);
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, read_all, NULL);
    pthread_create(&maker, NULL, make_new_ones, NULL);
    pthread_join(maker, NULL);
    __atomic_store_n(&is_over, 1, __ATOMIC_RELEASE);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    ck_assert_uint_gt(got_objects, 0);
    ck_assert_uint_gt(got_nothing, 0);
    ck_assert_uint_eq(got_dead, 0);
    assert_whole();
}
END_TEST

/* As many with finalizers, which free, set again and read references. */
static struct memlog_weak *own_references[REFERENCES];

static void finalize(void *object, void *data)
{
    unsigned at = (unsigned)(uintptr_t)data;
    const struct item *item = object;
    bool wrong = item->magic != MAGIC || memlog_weak_get(own_references[at]) == item;
    __atomic_fetch_add(&got_dead, wrong, __ATOMIC_RELAXED);
    if (at % 3 == 0)
        memlog_free(object);
    else if (at % 3 == 1 && item->other == NULL) {
        ((struct item *)object)->other = object;
        memlog_set_finalizer(object, finalize, data);
    }
}

static __attribute__((noinline)) void renew_with_finalizer(unsigned at)
{
    struct item *item = memlog_malloc(sizeof(*item));
    item->magic = MAGIC;
    __atomic_store_n(&own_references[at], memlog_weak_create(item), __ATOMIC_RELEASE);
    ck_assert_int_eq(memlog_set_finalizer(item, finalize, (void *)(uintptr_t)at), 0);
}

static void *make_and_read(void *argument)
{
    for (unsigned i = 0; i < rounds(); i++) {
        unsigned at = (i * 7 + (unsigned)(uintptr_t)argument) % REFERENCES;
        const struct item *item =
            memlog_weak_get(__atomic_load_n(&own_references[at], __ATOMIC_ACQUIRE));
        bool wrong = item != NULL && item->magic != MAGIC;
        __atomic_fetch_add(&got_dead, wrong, __ATOMIC_RELAXED);
        if (item == NULL || i % 8 == 0)
            renew_with_finalizer(at);
    }
    return NULL;
}

START_TEST(eight_threads_with_finalizers)
{
    pthread_t threads[THREADS];
    for (uintptr_t i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, make_and_read, (void *)i);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    wait_for_runs(1);
    wait_for_none_queued();
    ck_assert_uint_eq(got_dead, 0);
    assert_whole();
}
END_TEST

UNIT_MAIN("gc weak race", what_eight_threads_get_is_alive, eight_threads_with_finalizers)
