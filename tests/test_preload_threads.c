/* SPDX-License-Identifier: MIT */
/* test_preload_threads.c - threads that come and go, free what others allocated, and
 * allocate when they are nearly gone; signals that come in between. */
#include <malloc.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/time.h>
#include <threads.h>

#include "preload_unit.h"

static bool is_full(void)
{
    const char *full = getenv("MEMLOG_FULL");
    return full != NULL && strcmp(full, "1") == 0;
}

static void start(pthread_t *thread, void *(*run)(void *), void *argument)
{
    ck_assert_int_eq(pthread_create(thread, NULL, run, argument), 0);
}

static void end(pthread_t thread) { ck_assert_int_eq(pthread_join(thread, NULL), 0); }

/* ---- many short-lived ones ----------------------------------------------------------- */

static void *some_objects(void *unused)
{
    void *objects[20];
    for (int i = 0; i < 20; i++)
        objects[i] = hide(malloc((size_t)i * 50));
    for (int i = 0; i < 20; i++)
        free(objects[i]);
    return unused;
}

START_TEST(many_threads_leave_nothing_behind)
{
    enum { AT_ONCE = 8 };
    int rounds = (is_full() ? 100000 : 10000) / AT_ONCE;
    struct memlog_memstats early = stats_now();
    for (int round = 0; round < rounds; round++) {
        pthread_t threads[AT_ONCE];
        for (int i = 0; i < AT_ONCE; i++)
            start(&threads[i], some_objects, NULL);
        for (int i = 0; i < AT_ONCE; i++)
            end(threads[i]);
        if (round == 20)
            early = stats_now();
    }
    struct memlog_memstats late = stats_now();
    struct memlog_extra extra = extra_now();
    ck_assert_uint_le(extra.threads, 2);
    /* Blocks are handed on, and so are the pages under what they held. */
    ck_assert_uint_le(late.mcache_sys, early.mcache_sys + (256 << 10));
    ck_assert_uint_le(late.heap_sys, early.heap_sys + (4 << 20));
    ck_assert_uint_le(late.alloc, early.alloc + (64 << 10));
}
END_TEST

/* ---- at their ends --------------------------------------------------------------------- */

static pthread_key_t late_key;
static int rounds_seen;

/* Allocates in each round of destructors that there is, behind memlog's own. */
static void allocate_late(void *value)
{
    char *object = hide(malloc(300)), *other = hide(calloc(1, 70000));
    memset(object, 1, 300);
    free(value);
    free(other);
    rounds_seen++;
    if (pthread_setspecific(late_key, object) != 0)
        free(object);
}

static void *set_late(void *unused)
{
    pthread_setspecific(late_key, malloc(10));
    return unused;
}

START_TEST(destructors_of_threads_allocate)
{
    enum { THREADS = 300 };
    ck_assert_int_eq(pthread_key_create(&late_key, allocate_late), 0);
    for (int i = 0; i < THREADS; i++) {
        pthread_t thread;
        start(&thread, set_late, NULL);
        end(thread);
    }
    struct memlog_extra extra = extra_now();
    ck_assert_int_ge(rounds_seen, THREADS * 2);
    ck_assert_uint_le(extra.threads, 2);
}
END_TEST

static tss_t c11_key;
static void free_late(void *value)
{
    free(value);
    free(hide(malloc(100)));
}
static int set_c11(void *unused)
{
    (void)unused;
    tss_set(c11_key, malloc(50));
    thrd_exit(7);
}

START_TEST(c11_threads_too)
{
    thrd_t thread;
    int result;
    ck_assert_int_eq(tss_create(&c11_key, free_late), thrd_success);
    for (int i = 0; i < 100; i++) {
        ck_assert_int_eq(thrd_create(&thread, set_c11, NULL), thrd_success);
        ck_assert_int_eq(thrd_join(thread, &result), thrd_success);
        ck_assert_int_eq(result, 7);
    }
    ck_assert_uint_le(extra_now().threads, 2);
}
END_TEST

static void *wait_for_cancel(void *unused)
{
    free(hide(malloc(100)));
    pause();
    return unused;
}

START_TEST(cancelled_and_detached_ones_too)
{
    for (int i = 0; i < 100; i++) {
        pthread_t thread;
        void *result;
        start(&thread, wait_for_cancel, NULL);
        ck_assert_int_eq(pthread_cancel(thread), 0);
        ck_assert_int_eq(pthread_join(thread, &result), 0);
        ck_assert_ptr_eq(result, PTHREAD_CANCELED);
    }
    ck_assert_uint_le(extra_now().threads, 2);
}
END_TEST

/* ---- remote frees ------------------------------------------------------------------------ */

enum { RING = 1024, PASSED = 200000 };
static void *ring[RING];
static sem_t room, filled;

static void *produce(void *unused)
{
    for (int i = 0; i < PASSED; i++) {
        size_t size = 8 + (size_t)(i * 37 % 2000);
        unsigned char *object = malloc(size);
        object[0] = object[size - 1] = (unsigned char)i;
        sem_wait(&room);
        ring[i % RING] = object;
        sem_post(&filled);
    }
    return unused;
}

static void *consume(void *wrong)
{
    for (int i = 0; i < PASSED; i++) {
        size_t size = 8 + (size_t)(i * 37 % 2000);
        sem_wait(&filled);
        unsigned char *object = ring[i % RING];
        if (object[0] != (unsigned char)i || object[size - 1] != (unsigned char)i)
            ++*(int *)wrong;
        free(object);
        sem_post(&room);
    }
    return NULL;
}

START_TEST(others_free)
{
    pthread_t producer, consumer;
    int wrong = 0;
    struct memlog_memstats before = stats_now();
    sem_init(&room, 0, RING);
    sem_init(&filled, 0, 0);
    start(&producer, produce, NULL);
    start(&consumer, consume, &wrong);
    end(producer);
    end(consumer);
    struct memlog_memstats after = stats_now();
    ck_assert_int_eq(wrong, 0);
    ck_assert_uint_ge(after.frees - before.frees, PASSED);
    ck_assert_uint_le(after.alloc, before.alloc + (64 << 10));
    /* What went round did not pile up anywhere. */
    ck_assert_uint_le(after.heap_sys, before.heap_sys + (32 << 20));
}
END_TEST

/* ---- signals ------------------------------------------------------------------------------- */

static volatile sig_atomic_t signals_seen;
static void note_signal(int signal)
{
    (void)signal;
    signals_seen++;
}

/* A handler that does not allocate may come between any two instructions. */
START_TEST(signals_come_in_between)
{
    struct sigaction action = { .sa_handler = note_signal };
    struct itimerval often = { { 0, 100 }, { 0, 100 } }, never = { { 0, 0 }, { 0, 0 } };
    enum { KEPT = 64 };
    static unsigned char *kept[KEPT];
    static size_t sizes[KEPT];
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &often, NULL);
    unsigned random = 1;
    int wrong = 0;
    for (long i = 0; signals_seen < 2000 && i < 200000000; i++) {
        random = random * 1103515245 + 12345;
        unsigned at = random >> 8 & (KEPT - 1);
        if (kept[at] != NULL) {
            wrong += kept[at][0] != at || kept[at][sizes[at] - 1] != at;
            free(kept[at]);
        }
        sizes[at] = 1 + (random >> 16 & 1023);
        kept[at] = malloc(sizes[at]);
        kept[at][0] = kept[at][sizes[at] - 1] = (unsigned char)at;
    }
    setitimer(ITIMER_REAL, &never, NULL);
    ck_assert_int_eq(wrong, 0);
    ck_assert_int_gt(signals_seen, 0);
}
END_TEST

/* ---- a program of several ------------------------------------------------------------------- */

static void *churn(void *seed)
{
    enum { KEPT = 500 };
    static __thread unsigned char *kept[KEPT];
    static __thread size_t sizes[KEPT];
    unsigned random = (unsigned)(uintptr_t)seed;
    uintptr_t wrong = 0;
    for (int i = 0; i < 200000; i++) {
        random = random * 1103515245 + 12345;
        unsigned at = (random >> 8) % KEPT;
        size_t size = 1 + (random >> 12) % (random & 0x80 ? 3000 : 60);
        if ((random >> 16 & 255) == 0)
            size += 60000;
        if (kept[at] != NULL && (random & 0x40)) {
            unsigned char *moved = realloc(kept[at], size);
            wrong += moved[0] != (unsigned char)at;
            kept[at] = moved;
        } else {
            if (kept[at] != NULL)
                wrong += kept[at][0] != (unsigned char)at ||
                         kept[at][sizes[at] - 1] != (unsigned char)at;
            free(kept[at]);
            kept[at] = malloc(size);
        }
        sizes[at] = size;
        kept[at][0] = kept[at][size - 1] = (unsigned char)at;
    }
    for (int at = 0; at < KEPT; at++)
        free(kept[at]);
    return (void *)wrong;
}

START_TEST(threads_do_not_disturb_each_other)
{
    enum { THREADS = 6 };
    pthread_t threads[THREADS];
    struct memlog_memstats before = stats_now();
    for (uintptr_t i = 0; i < THREADS; i++)
        start(&threads[i], churn, (void *)(i + 1));
    for (int i = 0; i < THREADS; i++) {
        void *wrong;
        ck_assert_int_eq(pthread_join(threads[i], &wrong), 0);
        ck_assert_ptr_null(wrong);
    }
    struct memlog_memstats after = stats_now();
    ck_assert_uint_le(after.alloc, before.alloc + (64 << 10));
}
END_TEST

UNIT_MAIN("preload threads", many_threads_leave_nothing_behind, destructors_of_threads_allocate,
          c11_threads_too, cancelled_and_detached_ones_too, others_free, signals_come_in_between,
          threads_do_not_disturb_each_other)
