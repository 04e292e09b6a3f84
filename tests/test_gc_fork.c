/* SPDX-License-Identifier: MIT */
/* test_gc_fork.c - a child forked at any moment has a whole heap of its own,
 * and the parent goes on. */
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gc/collect.h"
#include "gc/mutator.h"
#include "gc_objects.h"
#include "unit.h"

static uint32_t stopping;

/* Nothing is forked before every thread has come: AddressSanitizer has a lock while a thread
 * begins, which a child of that moment would find taken for ever. */
static pthread_barrier_t all_run;

static bool is_over(void) { return __atomic_load_n(&stopping, __ATOMIC_ACQUIRE) != 0; }

static void *churn(void *argument)
{
    enum { LIVE = 300 };
    void *objects[LIVE] = { NULL };
    uint32_t state = (uint32_t)(uintptr_t)argument + 1;
    pthread_barrier_wait(&all_run);
    while (!is_over()) {
        state = state * 1664525 + 1013904223;
        unsigned at = (state >> 8) % LIVE;
        memlog_free(objects[at]);
        size_t bytes = state % 64 == 0 ? 80000 : (state >> 16) % 1500;
        objects[at] = ml_gc_alloc(bytes, (enum ml_kind)(state >> 28 & 1));
    }
    return NULL;
}

static void *collect_all_the_time(void *unused)
{
    (void)unused;
    memlog_gc(); /* memlog's own threads, too */
    pthread_barrier_wait(&all_run);
    while (!is_over()) {
        memlog_gc();
        usleep(500);
    }
    return NULL;
}

static void *volatile inherited_slots[OBJECTS];
static hidden_t inherited[OBJECTS];
static unsigned inherited_count;

static void inherit(void)
{
    fill(inherited_slots, inherited, OBJECTS, 48, ML_SCAN);
    inherited_count = OBJECTS;
}

/* What is done in a child, with its exit code. */
static int live_in_child(void)
{
    static void *own[OBJECTS];
    static hidden_t own_hidden[OBJECTS];
    if (ml_heap_audit() != NULL)
        return 2;
    for (int i = 0; i < 5000; i++)
        if (i % 3 == 0)
            memlog_free(memlog_malloc((size_t)i % 2000));
        else
            memlog_keep_alive(memlog_malloc((size_t)i % 2000));
    make_garbage(own_hidden, OBJECTS, 64, ML_SCAN); /* no more, in a moment */
    for (int i = 0; i < OBJECTS; i++)
        own[i] = reveal(own_hidden[i]);
    memlog_keep_alive(own);
    memlog_gc();
    memlog_gc();
    if (count_alive(inherited, OBJECTS) != inherited_count || count_alive(own_hidden, OBJECTS) != OBJECTS)
        return 3;
    if (ml_heap_audit() != NULL)
        return 4;
    if (ml_mutators == NULL || ml_mutators->next != NULL)
        return 5;
    return 0;
}

static void fork_times(unsigned times)
{
    for (unsigned i = 0; i < times; i++) {
        pid_t child = fork();
        if (child == 0) /* no assertion in there: check has a lock of its own */
            _exit(live_in_child());
        ck_assert_int_ge(child, 0);
        int status;
        ck_assert_int_eq(waitpid(child, &status, 0), child);
        ck_assert_msg(WIFEXITED(status), "killed by %d", WTERMSIG(status));
        ck_assert_int_eq(WEXITSTATUS(status), 0);
        usleep(i * 37 % 500);
    }
}

static void among_threads(void (*body)(unsigned), unsigned times)
{
    enum { THREADS = 5 };
    pthread_t threads[THREADS];
    inherit();
    pthread_barrier_init(&all_run, NULL, THREADS + 1);
    for (uintptr_t i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, i == 0 ? collect_all_the_time : churn, (void *)i);
    pthread_barrier_wait(&all_run);
    body(times);
    __atomic_store_n(&stopping, 1, __ATOMIC_RELEASE);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    collect();
    assert_all_alive(inherited, OBJECTS);
    assert_whole();
}

START_TEST(a_child_of_a_program_that_allocates_and_collects) { among_threads(fork_times, 100); }
END_TEST

static pthread_barrier_t both_run;

static void *fork_in_thread(void *times)
{
    pthread_barrier_wait(&both_run);
    fork_times((unsigned)(uintptr_t)times);
    return NULL;
}

static void fork_from_two_threads(unsigned times)
{
    pthread_t threads[2];
    pthread_barrier_init(&both_run, NULL, 2);
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, fork_in_thread, (void *)(uintptr_t)times);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
}

START_TEST(a_child_of_another_thread_than_the_first) { among_threads(fork_from_two_threads, 25); }
END_TEST

/* A thread that was in the middle of an allocation or of a free when the fork
 * came leaves a magazine that tells what is missing. */
struct half {
    bool freeing;
    int stores; /* of those that it takes, done so far */
    sem_t reached, go_on;
};

static void store(struct ml_magazine *magazine, void *object, const struct half *half, int which)
{
    if (half->freeing) {
        if (which == 0)
            *magazine->top = object;
        else if (which == 1)
            ml_count(&magazine->frees, 1);
        else if (which == 2)
            magazine->top++;
        else
            ml_state_set(ml_granule_of(object), 0);
    } else {
        if (which == 0)
            ml_state_set(ml_granule_of(magazine->top[-1]), 1);
        else if (which == 1)
            magazine->top--;
        else
            ml_count(&magazine->mallocs, 1);
    }
}

static void *stop_half_way(void *argument)
{
    enum { STORES_FREEING = 4, STORES_ALLOCATING = 3 };
    struct half *half = argument;
    void *object = memlog_malloc(64);
    memlog_free(memlog_malloc(64)); /* there is a slot in the magazine */
    struct ml_magazine *magazine =
        &ml_thread_self->magazines[ml_bin_of(ml_sizeclass_of(64), ML_SCAN)];
    int which = 0, all = half->freeing ? STORES_FREEING : STORES_ALLOCATING;
    while (which < half->stores)
        store(magazine, object, half, which++);
    sem_post(&half->reached);
    sem_wait(&half->go_on);
    while (which < all)
        store(magazine, object, half, which++);
    return NULL;
}

static void fork_half_way(bool freeing, int stores)
{
    struct half half = { .freeing = freeing, .stores = stores };
    pthread_t thread;
    sem_init(&half.reached, 0, 0);
    sem_init(&half.go_on, 0, 0);
    pthread_create(&thread, NULL, stop_half_way, &half);
    sem_wait(&half.reached);
    fork_times(1);
    sem_post(&half.go_on);
    pthread_join(thread, NULL);
    assert_whole();
}

START_TEST(whatever_a_thread_was_in_the_middle_of)
{
    for (int stores = 0; stores <= 4; stores++)
        fork_half_way(true, stores);
    for (int stores = 0; stores <= 3; stores++)
        fork_half_way(false, stores);
}
END_TEST

START_TEST(a_grandchild)
{
    inherit();
    pid_t child = fork();
    if (child == 0) {
        fork_times(1);
        _exit(live_in_child());
    }
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
}
END_TEST

UNIT_MAIN("gc fork", a_child_of_a_program_that_allocates_and_collects,
          a_child_of_another_thread_than_the_first, whatever_a_thread_was_in_the_middle_of,
          a_grandchild)
