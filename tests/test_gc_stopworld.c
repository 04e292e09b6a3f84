/* SPDX-License-Identifier: MIT */
/* test_gc_stopworld.c - every thread stops and goes on, whatever it is doing;
 * nobody hangs, and what a stop must not change is not changed. */
#include "gc/stopworld.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "gc/mutator.h"
#include "gc_objects.h"
#include "os/process.h"
#include "unit.h"

static uint32_t stopping;

static bool is_over(void) { return __atomic_load_n(&stopping, __ATOMIC_ACQUIRE) != 0; }

static void collect_times(unsigned times)
{
    for (unsigned i = 0; i < times; i++)
        memlog_gc();
}

static uint64_t collections(void)
{
    struct memlog_memstats stats;
    memlog_read_memstats(&stats);
    return stats.num_gc;
}

/* ---- threads in all states -------------------------------------------------------- */

static uint64_t xorshift(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    return *state ^= *state << 17;
}

struct node {
    struct node *next;
    uint64_t value;
};

/* Lists that are built, checked and dropped. */
static void *allocate(void *seed)
{
    uint64_t state = 88172645463325252u + (uintptr_t)seed;
    while (!is_over()) {
        struct node *list = NULL;
        unsigned length = xorshift(&state) % 50;
        for (unsigned i = 0; i < length; i++) {
            struct node *node = memlog_malloc(sizeof(*node) + xorshift(&state) % 200);
            ck_assert(node->next == NULL && node->value == 0);
            node->next = list;
            node->value = i + 1;
            list = node;
        }
        for (unsigned i = length; i > 0; i--) {
            struct node *next = list->next;
            ck_assert_uint_eq(list->value, i);
            if (i % 3 == 0)
                memlog_free(list);
            list = next;
        }
        if (length == 0)
            usleep(500);
    }
    return NULL;
}

/* With short breaks, since there are more of them than processors. */
static void *compute(void *unused)
{
    (void)unused;
    for (volatile uint64_t i = 1; !is_over(); i++)
        if (i % 1000000 == 0)
            usleep(2000);
    return NULL;
}

static void *sleep_shortly(void *unused)
{
    (void)unused;
    while (!is_over())
        nanosleep(&(struct timespec){ .tv_nsec = 1000 * 1000 }, NULL);
    return NULL;
}

static void *wait_for_all_signals(void *unused)
{
    (void)unused;
    sigset_t all;
    int signal;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, NULL);
    while (!is_over())
        ck_assert_int_eq(sigwait(&all, &signal) * 1000 + signal, SIGUSR1);
    return NULL;
}

static void *block_by_pthread_sigmask(void *unused)
{
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, NULL);
    return sleep_shortly(unused);
}

static void *block_by_sigprocmask(void *unused)
{
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    return compute(unused);
}

static void *come_and_go_once(void *object)
{
    memlog_keep_alive(memlog_malloc(100));
    return object;
}

static void *start_and_end(void *unused)
{
    (void)unused;
    while (!is_over()) {
        pthread_t thread;
        void *object = memlog_malloc(40), *back = NULL;
        if (pthread_create(&thread, NULL, come_and_go_once, object) != 0)
            continue;
        if ((uintptr_t)object & 32) {
            pthread_detach(thread);
            continue;
        }
        pthread_join(thread, &back);
        ck_assert_ptr_eq(back, object);
    }
    return NULL;
}

/* errno belongs to the thread, stopped or not. */
static void *watch_errno(void *unused)
{
    (void)unused;
    while (!is_over()) {
        errno = 12345;
        for (volatile int i = 0; i < 1000; i++)
            ck_assert_int_eq(errno, 12345);
        usleep(100);
    }
    return NULL;
}

typedef void *thread_body(void *);

START_TEST(fifty_threads_in_all_states)
{
    enum { THREADS = 50, TIMES = 200 };
    static thread_body *const bodies[] = { allocate, compute, sleep_shortly, wait_for_all_signals,
                                           block_by_pthread_sigmask, block_by_sigprocmask,
                                           start_and_end, watch_errno, allocate, allocate };
    pthread_t threads[THREADS];
    for (uintptr_t i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL,
                                        bodies[i % (sizeof(bodies) / sizeof(bodies[0]))],
                                        (void *)(i * 7919)), 0);
    uint64_t before = collections();
    collect_times(TIMES);
    ck_assert_uint_ge(collections(), before + TIMES);
    __atomic_store_n(&stopping, 1, __ATOMIC_RELEASE);
    for (int i = 0; i < THREADS; i++) {
        if (bodies[i % 10] == wait_for_all_signals)
            pthread_kill(threads[i], SIGUSR1);
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    }
    usleep(50 * 1000); /* the detached ones */
    collect();
    assert_whole();
}
END_TEST

static void *collect_some_times(void *times)
{
    collect_times((unsigned)(uintptr_t)times);
    return NULL;
}

START_TEST(two_threads_that_collect_at_once)
{
    enum { THREADS = 4, TIMES = 50 };
    pthread_t threads[THREADS];
    uint64_t before = collections();
    for (uintptr_t i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, collect_some_times, (void *)(uintptr_t)TIMES);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    ck_assert_uint_eq(collections(), before + THREADS * TIMES);
    assert_whole();
}
END_TEST

/* Nobody looks at the clock: an answer that woke nobody would end the stop. */
START_TEST(the_last_answer_wakes_who_waits)
{
    enum { THREADS = 20, TIMES = 100 };
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, i == 0 ? compute : sleep_shortly, NULL), 0);
    ml_stopworld_patience_ns = 10 * (uint64_t)1000 * 1000 * 1000;
    ml_stopworld_look_every_ns = 2 * ml_stopworld_patience_ns;
    uint64_t before = collections();
    collect_times(TIMES);
    ck_assert_uint_eq(collections(), before + TIMES);
    __atomic_store_n(&stopping, 1, __ATOMIC_RELEASE);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
}
END_TEST

/* ---- signals that were blocked before memlog could say no --------------------------- */

START_TEST(a_thread_started_with_all_signals_blocked)
{
    pthread_t thread;
    pthread_attr_t attributes;
    sigset_t all;
    sigfillset(&all);
    pthread_attr_init(&attributes);
    ck_assert_int_eq(pthread_attr_setsigmask_np(&attributes, &all), 0);
    ck_assert_int_eq(pthread_create(&thread, &attributes, compute, NULL), 0);
    uint64_t before = collections();
    collect_times(3);
    ck_assert_uint_eq(collections(), before + 3);
    __atomic_store_n(&stopping, 1, __ATOMIC_RELEASE);
    pthread_join(thread, NULL);
}
END_TEST

/* A thread that blocks the signal by a system call of its own does not answer:
 * the collection is given up, all goes on, and the late answer does no harm. */
static uint32_t deaf, listen_again;

static void *be_deaf(void *unused)
{
    uint64_t all = ~(uint64_t)0;
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, NULL, sizeof(all));
    __atomic_store_n(&deaf, 1, __ATOMIC_RELEASE);
    while (!__atomic_load_n(&listen_again, __ATOMIC_ACQUIRE))
        usleep(1000);
    all = 0;
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, NULL, sizeof(all));
    return allocate(unused);
}

START_TEST(a_thread_that_does_not_answer)
{
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, be_deaf, NULL), 0);
    while (!__atomic_load_n(&deaf, __ATOMIC_ACQUIRE))
        usleep(1000);
    uint64_t before = collections();
    ml_stopworld_patience_ns = 200 * 1000 * 1000;
    memlog_gc(); /* complains */
    ml_stopworld_patience_ns *= 50;
    ck_assert_uint_eq(collections(), before);
    ck_assert_ptr_nonnull(memlog_malloc(100));
    __atomic_store_n(&listen_again, 1, __ATOMIC_RELEASE);
    collect_times(20);
    ck_assert_uint_eq(collections(), before + 20);
    __atomic_store_n(&stopping, 1, __ATOMIC_RELEASE);
    pthread_join(thread, NULL);
    assert_whole();
}
END_TEST

/* ---- libraries that come and go -------------------------------------------------------- */

static void *load_and_unload(void *unused)
{
    (void)unused;
    while (!is_over()) {
        void *library = dlopen(LIBRARIES "/library_roots.so", RTLD_NOW);
        ck_assert_ptr_nonnull(library);
        void **(*slots)(void) = (void **(*)(void))dlsym(library, "library_tls");
        void **in_block = slots();
        ((void **(*)(void))dlsym(library, "library_data"))()[1] = in_block[1] = memlog_malloc(64);
        dlclose(library);
    }
    return NULL;
}

START_TEST(libraries_are_loaded_and_unloaded_meanwhile)
{
    enum { THREADS = 3 };
    pthread_t threads[THREADS];
    for (uintptr_t i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, i == 0 ? allocate : load_and_unload, (void *)i);
    collect_times(300);
    __atomic_store_n(&stopping, 1, __ATOMIC_RELEASE);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_whole();
}
END_TEST

/* ---- ends by every door ------------------------------------------------------------------ */

/* The address sanitizer does not see a thread unwound that is cancelled, and
 * takes what it knew of its frames for the truth about later ones. */
#define IS_CANCELLED __attribute__((no_sanitize("address")))

IS_CANCELLED static void *wait_to_be_cancelled(void *unused)
{
    (void)unused;
    void *volatile object = memlog_malloc(100);
    for (;;) {
        object = memlog_malloc(100);
        pthread_testcancel();
        usleep(100);
    }
    return object;
}

IS_CANCELLED static void *spin_to_be_cancelled(void *unused)
{
    (void)unused;
    memlog_keep_alive(memlog_malloc(100));
    pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
    for (;;) {
    }
    return NULL;
}

static void *collect_until_over(void *unused)
{
    (void)unused;
    while (!is_over())
        memlog_gc();
    return NULL;
}

START_TEST(threads_that_are_cancelled_meanwhile)
{
    pthread_t collector;
    pthread_create(&collector, NULL, collect_until_over, NULL);
    for (int i = 0; i < 100; i++) {
        pthread_t thread;
        void *result;
        pthread_create(&thread, NULL, i % 2 ? wait_to_be_cancelled : spin_to_be_cancelled, NULL);
        usleep(500);
        ck_assert_int_eq(pthread_cancel(thread), 0);
        ck_assert_int_eq(pthread_join(thread, &result), 0);
        ck_assert_ptr_eq(result, PTHREAD_CANCELED);
    }
    __atomic_store_n(&stopping, 1, __ATOMIC_RELEASE);
    pthread_join(collector, NULL);
    assert_whole();
}
END_TEST

/* Nothing is freed twice or lost where the stop hits the fast paths. */
static void *free_and_allocate(void *unused)
{
    (void)unused;
    enum { LIVE = 64 };
    uint64_t *objects[LIVE] = { NULL };
    for (unsigned i = 0; !is_over(); i = (i + 1) % LIVE) {
        if (objects[i] != NULL) {
            ck_assert_uint_eq(*objects[i], i + 1);
            memlog_free(objects[i]);
        }
        objects[i] = memlog_malloc_noscan(16);
        *objects[i] = i + 1;
    }
    return NULL;
}

START_TEST(stops_in_the_middle_of_the_fast_paths)
{
    enum { THREADS = 2 };
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, free_and_allocate, NULL);
    for (int i = 0; i < 1000; i++) {
        memlog_gc();
        usleep(i % 100);
    }
    __atomic_store_n(&stopping, 1, __ATOMIC_RELEASE);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_whole();
}
END_TEST

UNIT_MAIN("gc stopworld", the_last_answer_wakes_who_waits, fifty_threads_in_all_states,
          two_threads_that_collect_at_once,
          a_thread_started_with_all_signals_blocked, a_thread_that_does_not_answer,
          libraries_are_loaded_and_unloaded_meanwhile, threads_that_are_cancelled_meanwhile,
          stops_in_the_middle_of_the_fast_paths)
