/* SPDX-License-Identifier: MIT */
/* test_gc_interpose.c - the argument of a thread that has not started and the
 * result of one that is not joined are roots; everything else is as it is
 * without memlog. */
#include "gc/interpose.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/wait.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

#include "gc/mutator.h"
#include "gc_objects.h"
#include "heap/metadata.h"
#include "os/process.h"
#include "os/thread.h"
#include "unit.h"

enum { THREADS = 40 };

static hidden_t hidden[THREADS];

static void count_words(uintptr_t begin, uintptr_t end, void *argument)
{
    *(unsigned *)argument += (unsigned)((end - begin) / sizeof(uintptr_t));
}

static unsigned count_records(void)
{
    unsigned count = 0;
    ml_interpose_each_root(count_words, &count);
    return count;
}

/* Nearly none of them: a stale word may keep one. */
static void assert_gone(void) { ck_assert_uint_le(count_alive(hidden, THREADS), 2); }

/* ---- what a thread inherits ------------------------------------------------------- */

static sem_t sleeps, wake_up;

static void *sleep_at_once(void *unused)
{
    sem_post(&sleeps);
    while (sem_wait(&wake_up) != 0) {
    }
    return unused;
}

/* Registers that nobody on the way uses, and that no call preserves. */
static __attribute__((noinline)) void create_with_registers(pthread_t *thread, bool c11, void *object)
{
    __asm__ volatile("movq %0, %%xmm12\n\tmovq %0, %%xmm13\n\tmovq %0, %%xmm14\n\tmovq %0, %%xmm15"
                     : : "r"(object) : "xmm12", "xmm13", "xmm14", "xmm15");
    int error = c11 ? thrd_create((thrd_t *)thread, (thrd_start_t)(void (*)(void))sleep_at_once, NULL)
                    : pthread_create(thread, NULL, sleep_at_once, NULL);
    ck_assert_int_eq(error, 0);
    while (sem_wait(&sleeps) != 0) {
    }
}

static __attribute__((noinline)) void create_sleepers(pthread_t *threads)
{
    for (int i = 0; i < THREADS; i++) {
        void *object = memlog_malloc(48);
        hidden[i] = hide(object);
        create_with_registers(&threads[i], i % 2 == 1, object);
    }
}

START_TEST(a_thread_does_not_keep_its_creator_s_registers)
{
    pthread_t threads[THREADS];
    sem_init(&sleeps, 0, 0), sem_init(&wake_up, 0, 0);
    create_sleepers(threads);
    ml_os_clear_vector_registers();
    collect();
    assert_gone();
    for (int i = 0; i < THREADS; i++)
        sem_post(&wake_up);
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(i % 2 == 1 ? thrd_join((thrd_t)threads[i], NULL)
                                    : pthread_join(threads[i], NULL), 0);
}
END_TEST

/* ---- arguments ------------------------------------------------------------------- */

static void (*registered)(void);
static sem_t go_on;

/* A new thread stands before it is known to the collector. */
static void wait_before_registering(void)
{
    while (sem_wait(&go_on) != 0) {
    }
    registered();
}

static void *look_at_argument(void *object)
{
    return *(uint64_t *)object == 4711 ? object : NULL;
}

static __attribute__((noinline)) void create(pthread_t *threads)
{
    for (int i = 0; i < THREADS; i++) {
        uint64_t *object = memlog_malloc(48);
        *object = 4711;
        hidden[i] = hide(object);
        ck_assert_int_eq(pthread_create(&threads[i], NULL, look_at_argument, object), 0);
    }
}

static void start_held_up(pthread_t *threads)
{
    memlog_gc();
    registered = ml_heap_hooks.thread_came;
    ml_heap_hooks.thread_came = wait_before_registering;
    sem_init(&go_on, 0, 0);
    create(threads);
}

static void let_them_go(void)
{
    for (int i = 0; i < THREADS; i++)
        sem_post(&go_on);
}

START_TEST(the_argument_of_a_thread_that_has_not_started_is_a_root)
{
    pthread_t threads[THREADS];
    start_held_up(threads);
    collect();
    collect();
    assert_all_alive(hidden, THREADS);
    let_them_go();
    for (int i = 0; i < THREADS; i++) {
        void *result;
        ck_assert_int_eq(pthread_join(threads[i], &result), 0);
        ck_assert_ptr_eq(result, reveal(hidden[i]));
    }
    ck_assert_uint_eq(count_records(), 0);
    assert_whole();
}
END_TEST

START_TEST(and_it_is_for_that_reason_that_it_lives)
{
    pthread_t threads[THREADS];
    start_held_up(threads);
    collect_without(ML_ROOT_THREADS);
    assert_gone();
    _exit(0);
}
END_TEST

/* ---- results ----------------------------------------------------------------------- */

static pid_t tids[THREADS];

static void *return_object(void *number)
{
    __atomic_store_n(&tids[(uintptr_t)number], ml_os_tid(), __ATOMIC_RELEASE);
    void *object = memlog_malloc(48);
    hidden[(uintptr_t)number] = hide(object);
    return object;
}

static __attribute__((noinline)) void leave_with(void *result) { pthread_exit(result); }

static void *exit_with_object(void *number)
{
    leave_with(return_object(number));
    return NULL;
}

static void wait_until_all_ended(void)
{
    for (int i = 0; i < THREADS; i++) {
        pid_t tid; /* 0 until the thread has begun */
        while ((tid = __atomic_load_n(&tids[i], __ATOMIC_ACQUIRE)) == 0 ||
               ml_os_signal_thread(ml_os_pid(), tid, 0) == 0)
            usleep(1000);
    }
}

static void results_are_kept(void *(*body)(void *))
{
    pthread_t threads[THREADS];
    for (uintptr_t i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, body, (void *)i), 0);
    wait_until_all_ended();
    collect();
    collect();
    assert_all_alive(hidden, THREADS);
    for (int i = 0; i < THREADS / 2; i++) {
        void *result;
        ck_assert_int_eq(pthread_join(threads[i], &result), 0);
        ck_assert_ptr_eq(result, reveal(hidden[i]));
    }
    ck_assert_uint_eq(count_records(), THREADS / 2);
    collect();
    ck_assert_uint_ge(count_alive(hidden, THREADS), THREADS / 2);
    ck_assert_uint_le(count_alive(hidden, THREADS), THREADS / 2 + 2);
    collect_without(ML_ROOT_THREADS);
    assert_gone();
    for (int i = THREADS / 2; i < THREADS; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    ck_assert_uint_eq(count_records(), 0);
    assert_whole();
}

START_TEST(a_returned_result_is_a_root_until_the_join) { results_are_kept(return_object); }
END_TEST

START_TEST(a_result_by_pthread_exit_is_a_root_until_the_join) { results_are_kept(exit_with_object); }
END_TEST

START_TEST(the_result_of_a_detached_thread_is_none)
{
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    for (uintptr_t i = 0; i < THREADS; i++) {
        pthread_t thread;
        ck_assert_int_eq(pthread_create(&thread, i % 2 ? &attributes : NULL, return_object,
                                        (void *)i), 0);
        if (i % 2 == 0)
            ck_assert_int_eq(pthread_detach(thread), 0);
    }
    wait_until_all_ended();
    ck_assert_uint_eq(count_records(), 0);
    collect();
    assert_gone();
}
END_TEST

START_TEST(every_way_to_join_lets_the_result_go)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 60;
    pthread_t threads[3];
    for (uintptr_t i = 0; i < 3; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, return_object, (void *)i), 0);
    void *result;
    while (pthread_tryjoin_np(threads[0], &result) == EBUSY)
        usleep(1000);
    ck_assert_ptr_eq(result, reveal(hidden[0]));
    ck_assert_int_eq(pthread_timedjoin_np(threads[1], &result, &until), 0);
    ck_assert_ptr_eq(result, reveal(hidden[1]));
    ck_assert_int_eq(pthread_clockjoin_np(threads[2], &result, CLOCK_REALTIME, &until), 0);
    ck_assert_ptr_eq(result, reveal(hidden[2]));
    ck_assert_uint_eq(count_records(), 0);
}
END_TEST

/* ---- other ends ------------------------------------------------------------------------ */

static void *sleep_for_ever(void *unused)
{
    (void)unused;
    for (;;)
        pause();
    return NULL;
}

START_TEST(a_cancelled_thread_has_no_result)
{
    pthread_t thread;
    void *result;
    ck_assert_int_eq(pthread_create(&thread, NULL, sleep_for_ever, NULL), 0);
    ck_assert_int_eq(pthread_cancel(thread), 0);
    ck_assert_int_eq(pthread_join(thread, &result), 0);
    ck_assert_ptr_eq(result, PTHREAD_CANCELED);
    ck_assert_uint_eq(count_records(), 0);
}
END_TEST

static int c11_thread(void *object)
{
    struct ml_mutator *self = ml_mutator_self;
    if (self == NULL || !ml_heap_is_object(object))
        return 1;
    if (*(int *)object % 2 != 0)
        thrd_exit(42);
    return 42;
}

START_TEST(threads_of_c11)
{
    for (int i = 0; i < 20; i++) {
        thrd_t thread;
        int result;
        int *object = memlog_malloc(48);
        *object = i;
        ck_assert_int_eq(thrd_create(&thread, c11_thread, object), thrd_success);
        ck_assert_int_eq(thrd_join(thread, &result), thrd_success);
        ck_assert_int_eq(result, 42);
    }
    ck_assert_uint_eq(count_records(), 0);
}
END_TEST

static void *nothing(void *argument) { return argument; }

START_TEST(a_thread_that_cannot_be_created_leaves_nothing)
{
    pthread_t thread;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    ck_assert_int_eq(pthread_attr_setstacksize(&attributes, (size_t)1 << 46), 0);
    ck_assert_int_eq(pthread_create(&thread, &attributes, nothing, NULL), EAGAIN);
    ck_assert_uint_eq(count_records(), 0);
}
END_TEST

START_TEST(a_forked_child_has_nobody_to_join)
{
    pthread_t threads[THREADS];
    for (uintptr_t i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, return_object, (void *)i), 0);
    wait_until_all_ended();
    pid_t child = fork();
    if (child == 0)
        _exit((int)count_records());
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    ck_assert_uint_eq(count_records(), THREADS);
}
END_TEST

/* A handle is used again at once: a join that is not quite over must not take
 * the next thread's record, nor its result. */
static void *start_join_and_check(void *seed)
{
    for (uintptr_t i = 0; i < 500; i++) {
        pthread_t thread;
        void *object = memlog_malloc(32 + (uintptr_t)seed), *result = NULL;
        *(uintptr_t *)object = i;
        ck_assert_int_eq(pthread_create(&thread, NULL, nothing, object), 0);
        hidden_t own = hide(object);
        object = NULL;
        if (i % 4 == 0)
            memlog_gc();
        ck_assert_int_eq(pthread_join(thread, &result), 0);
        ck_assert_uint_eq(hide(result), own);
        ck_assert(is_alive(own));
        ck_assert_uint_eq(*(uintptr_t *)result, i);
    }
    return NULL;
}

START_TEST(handles_that_are_used_again)
{
    pthread_t threads[4];
    for (uintptr_t i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, start_join_and_check, (void *)(i * 16));
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    ck_assert_uint_eq(count_records(), 0);
    assert_whole();
}
END_TEST

/* Only the first thread gets memory. */
static bool others_starve;

void *__real_ml_metadata_alloc(enum ml_pool pool, size_t bytes);
void *__wrap_ml_metadata_alloc(enum ml_pool pool, size_t bytes);
void *__wrap_ml_metadata_alloc(enum ml_pool pool, size_t bytes)
{
    if (others_starve && ml_os_tid() != ml_os_pid())
        return NULL;
    return __real_ml_metadata_alloc(pool, bytes);
}

static void *tell_whether_known(void *unused)
{
    (void)unused;
    return (void *)(uintptr_t)(ml_mutator_self != NULL && ml_thread_attached());
}

START_TEST(no_memory_in_a_new_thread_does_not_keep_it_from_being_known)
{
    others_starve = true;
    for (int i = 0; i < THREADS; i++) {
        pthread_t thread;
        void *known;
        ck_assert_int_eq(pthread_create(&thread, NULL, tell_whether_known, NULL), 0);
        ck_assert_int_eq(pthread_join(thread, &known), 0);
        ck_assert_ptr_nonnull(known);
    }
    assert_whole();
}
END_TEST

/* What was set aside for a thread goes back when there is none. */
START_TEST(memory_set_aside_goes_back)
{
    pthread_attr_t attributes;
    pthread_t thread;
    memlog_gc();
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, (size_t)1 << 46);
    ck_assert_int_eq(pthread_create(&thread, &attributes, tell_whether_known, NULL), EAGAIN);
    uint64_t before = ml_metadata_inuse(ML_POOL_GC) + ml_metadata_inuse(ML_POOL_THREADS);
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&thread, &attributes, tell_whether_known, NULL), EAGAIN);
    ck_assert_uint_eq(ml_metadata_inuse(ML_POOL_GC) + ml_metadata_inuse(ML_POOL_THREADS), before);
}
END_TEST

UNIT_MAIN("gc interpose", a_thread_does_not_keep_its_creator_s_registers,
          the_argument_of_a_thread_that_has_not_started_is_a_root,
          and_it_is_for_that_reason_that_it_lives, a_returned_result_is_a_root_until_the_join,
          a_result_by_pthread_exit_is_a_root_until_the_join,
          the_result_of_a_detached_thread_is_none, every_way_to_join_lets_the_result_go,
          a_cancelled_thread_has_no_result, threads_of_c11,
          a_thread_that_cannot_be_created_leaves_nothing, a_forked_child_has_nobody_to_join,
          handles_that_are_used_again, no_memory_in_a_new_thread_does_not_keep_it_from_being_known,
          memory_set_aside_goes_back)
