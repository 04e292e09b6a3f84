/* SPDX-License-Identifier: MIT */
/* test_preload_forks.c - forks in numbers, out of programs with threads, by several threads at
 * once, with handlers of the program's own; the children do what they like. MEMLOG_FULL=1: more. */
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <sys/wait.h>
#include <time.h>

#include "preload_unit.h"

static int times(int usual, int full)
{
    return getenv("MEMLOG_FULL") != NULL ? full : usual;
}

static void start(pthread_t *thread, void *(*run)(void *), void *argument)
{
    ck_assert_int_eq(pthread_create(thread, NULL, run, argument), 0);
}

static volatile bool stop;

static void *churn(void *seed)
{
    unsigned random = (unsigned)(uintptr_t)seed;
    void *kept[100] = { NULL };
    while (!stop) {
        random = random * 1103515245 + 12345;
        unsigned at = (random >> 8) % 100;
        free(kept[at]);
        kept[at] = malloc((random >> 16) % ((random & 0xf0) == 0 ? 200000 : 1500));
    }
    for (int i = 0; i < 100; i++)
        free(kept[i]);
    return NULL;
}

/* Of all sizes, checked: 0, or 1 when somebody else's bytes are in one. */
static int work(unsigned seed)
{
    enum { COUNT = 300 };
    unsigned char *objects[COUNT];
    int wrong = 0;
    for (unsigned i = 0; i < COUNT; i++) {
        size_t size = 1 + (i * i + seed) % (i % 20 == 0 ? 90000 : 3000);
        objects[i] = memset(malloc(size), (int)i, size);
        objects[i][size - 1] = objects[i][0];
    }
    for (unsigned i = 0; i < COUNT; i++) {
        wrong |= objects[i][0] != (unsigned char)i;
        objects[i] = realloc(objects[i], 5000);
        wrong |= objects[i][0] != (unsigned char)i;
        free(objects[i]);
    }
    return wrong;
}

static void *work_in_thread(void *seed) { return (void *)(intptr_t)work((unsigned)(uintptr_t)seed); }

/* What a child does: alone, in a thread, and in a child of its own. */
static int live(unsigned seed)
{
    pthread_t thread;
    void *wrong = NULL;
    int status = 0;
    if (extra_now().threads > 1) /* the caches of others are given back */
        return 3;
    if (work(seed) != 0 || pthread_create(&thread, NULL, work_in_thread, (void *)(uintptr_t)seed) != 0)
        return 2;
    if (seed % 4 == 0) {
        pid_t child = fork(); /* the thread may be in the middle of something */
        if (child == 0)
            _exit(work(seed));
        waitpid(child, &status, 0);
    }
    pthread_join(thread, &wrong);
    return wrong != NULL || status != 0;
}

static int wait_for(pid_t child)
{
    int status = -1;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return status;
}

/* On a machine where forks take long there are fewer of them. */
static bool is_enough(int rounds, time_t begin)
{
    enum { LEAST = 8, SECONDS = 20 };
    return rounds >= times(LEAST, 120) || (rounds >= LEAST && time(NULL) - begin >= SECONDS);
}

/* Four churn; this thread and another fork, several children at a time. */
static void *fork_often(void *unused)
{
    enum { AT_ONCE = 4 };
    uintptr_t failed = 0;
    (void)unused;
    time_t begin = time(NULL);
    for (int i = 0; !is_enough(i, begin); i++) {
        pid_t children[AT_ONCE];
        for (unsigned k = 0; k < AT_ONCE; k++) {
            children[k] = fork();
            if (children[k] == 0) {
                alarm(100); /* one that hangs is a failure */
                _exit(live((unsigned)i * AT_ONCE + k));
            }
        }
        for (int k = 0; k < AT_ONCE; k++)
            failed += children[k] < 0 || wait_for(children[k]) != 0;
    }
    return (void *)failed;
}

START_TEST(a_storm_out_of_many_threads)
{
    enum { THREADS = 4 };
    pthread_t threads[THREADS], other;
    void *failed_there;
    for (uintptr_t i = 0; i < THREADS; i++)
        start(&threads[i], churn, (void *)(i + 1));
    start(&other, fork_often, NULL);
    void *failed_here = fork_often(NULL);
    pthread_join(other, &failed_there);
    stop = true;
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    ck_assert_ptr_null(failed_here);
    ck_assert_ptr_null(failed_there);
    ck_assert_uint_le(extra_now().threads, 2);
}
END_TEST

/* ---- handlers of the program's own --------------------------------------------------- */

static void *of_prepare[100];
static int prepared, in_parent, in_child;

static void allocate_before(void)
{
    for (size_t i = 0; i < 100; i++)
        of_prepare[i] = malloc(i * 700);
    prepared++;
}
static void free_after(void)
{
    for (size_t i = 0; i < 100; i++)
        free(of_prepare[i]);
    free(hide(malloc(100000)));
}
static void in_the_parent(void)
{
    free_after();
    in_parent++;
}
static void in_the_child(void)
{
    free_after();
    in_child++;
}

START_TEST(handlers_of_fork_allocate)
{
    enum { FORKS = 30 };
    pthread_t thread;
    ck_assert_int_eq(pthread_atfork(allocate_before, in_the_parent, in_the_child), 0);
    start(&thread, churn, (void *)7);
    int failed = 0;
    for (int i = 0; i < FORKS; i++) {
        pid_t child = fork();
        if (child == 0) {
            alarm(100);
            _exit(in_child != 1 || prepared != in_parent + 1 || live((unsigned)i));
        }
        failed += wait_for(child) != 0;
    }
    stop = true;
    pthread_join(thread, NULL);
    ck_assert_int_eq(failed, 0);
    ck_assert_int_eq(in_parent, FORKS);
}
END_TEST

/* Each the child of the one before it. */
START_TEST(a_long_line_of_descent)
{
    int generations = times(60, 300);
    void *inherited = hide(malloc(3000));
    pid_t first = fork();
    if (first == 0) {
        for (int i = 0; i < generations; i++) {
            free(inherited);
            inherited = memset(hide(malloc(3000 + (size_t)i * 10)), i, 3000);
            pid_t next = fork();
            if (next != 0)
                _exit(wait_for(next) != 0);
        }
        _exit(work(3));
    }
    ck_assert_int_eq(wait_for(first), 0);
    free(inherited);
}
END_TEST

UNIT_MAIN("preload forks", a_storm_out_of_many_threads, handlers_of_fork_allocate,
          a_long_line_of_descent)
