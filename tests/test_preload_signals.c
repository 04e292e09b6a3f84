/* SPDX-License-Identifier: MIT */
/* test_preload_signals.c - handlers that allocate, where that is allowed: in a thread that was not
 * interrupted inside of malloc. */
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>

#include "preload_unit.h"

static void start(pthread_t *thread, void *(*run)(void *), void *argument)
{
    ck_assert_int_eq(pthread_create(thread, NULL, run, argument), 0);
}

static volatile bool stop;

static void *churn(void *seed)
{
    unsigned random = (unsigned)(uintptr_t)seed;
    unsigned char *kept[100] = { NULL };
    uintptr_t wrong = 0;
    while (!stop) {
        random = random * 1103515245 + 12345;
        unsigned at = (random >> 8) % 100;
        wrong += kept[at] != NULL && *kept[at] != at;
        free(kept[at]);
        kept[at] = malloc(1 + (random >> 16) % ((random & 0xf0) == 0 ? 100000 : 1000));
        *kept[at] = (unsigned char)at;
    }
    for (int i = 0; i < 100; i++)
        free(kept[i]);
    return (void *)wrong;
}

/* ---- in a thread that waits ------------------------------------------------------------ */

enum { SIGNALS = 3000 };
static volatile sig_atomic_t handled;
static unsigned char *of_handler[64];

static void allocate_in_handler(int signal)
{
    (void)signal;
    unsigned at = (unsigned)handled % 64;
    if (of_handler[at] != NULL && *of_handler[at] != at)
        abort();
    free(of_handler[at]);
    of_handler[at] = malloc(1 + (size_t)handled * 37 % 5000);
    *of_handler[at] = (unsigned char)at;
    free(hide(calloc(1, handled % 100 == 0 ? 200000 : 100)));
    handled++;
}

static void *wait_in_vain(void *unused)
{
    while (!stop)
        usleep(1000000); /* interrupted */
    return unused;
}

START_TEST(handlers_allocate_in_threads_that_wait)
{
    enum { CHURNING = 2 };
    struct sigaction action = { .sa_handler = allocate_in_handler };
    pthread_t waiting, churning[CHURNING];
    sigaction(SIGUSR1, &action, NULL);
    start(&waiting, wait_in_vain, NULL);
    for (uintptr_t i = 0; i < CHURNING; i++)
        start(&churning[i], churn, (void *)(i + 1));
    for (int i = 0; i < SIGNALS; i++) {
        int before = handled;
        ck_assert_int_eq(pthread_kill(waiting, SIGUSR1), 0);
        while (handled == before)
            sched_yield();
        free(hide(of_handler[before % 64])); /* by another thread than its own */
        of_handler[before % 64] = NULL;
    }
    stop = true;
    pthread_kill(waiting, SIGUSR1);
    pthread_join(waiting, NULL);
    for (int i = 0; i < CHURNING; i++) {
        void *wrong;
        pthread_join(churning[i], &wrong);
        ck_assert_ptr_null(wrong);
    }
}
END_TEST

/* ---- on a stack of its own, and out of the handler by a jump --------------------------------- */

static sigjmp_buf back;

static void allocate_and_jump(int signal)
{
    (void)signal;
    void *object = hide(malloc(100)), *large = hide(malloc(100000));
    free(object);
    free(large);
    siglongjmp(back, 1);
}

START_TEST(handlers_on_other_stacks_allocate)
{
    stack_t stack = { .ss_sp = malloc(65536), .ss_size = 65536 };
    struct sigaction action = { .sa_handler = allocate_and_jump, .sa_flags = SA_ONSTACK };
    volatile int faults = 0;
    ck_assert_int_eq(sigaltstack(&stack, NULL), 0);
    sigaction(SIGSEGV, &action, NULL);
    volatile char *nowhere = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (volatile int i = 0; i < 500; i++) {
        if (sigsetjmp(back, 1) == 0)
            *nowhere = 1;
        faults++;
        free(hide(malloc((size_t)i)));
    }
    ck_assert_int_eq(faults, 500);
    stack.ss_flags = SS_DISABLE;
    sigaltstack(&stack, NULL);
    free(stack.ss_sp);
}
END_TEST

/* ---- timers that come as threads --------------------------------------------------------------- */

static int ticks;

static void allocate_at_tick(union sigval value)
{
    (void)value;
    free(hide(malloc(3000)));
    __atomic_add_fetch(&ticks, 1, __ATOMIC_RELAXED);
}

START_TEST(timers_in_threads_allocate)
{
    struct sigevent event = { .sigev_notify = SIGEV_THREAD,
                              .sigev_notify_function = allocate_at_tick };
    const struct itimerspec often = { { 0, 1000000 }, { 0, 1000000 } };
    timer_t timer;
    pthread_t churning;
    start(&churning, churn, (void *)3);
    ck_assert_int_eq(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
    ck_assert_int_eq(timer_settime(timer, 0, &often, NULL), 0);
    for (int i = 0; i < 30000 && __atomic_load_n(&ticks, __ATOMIC_RELAXED) < 100; i++)
        usleep(1000);
    timer_delete(timer);
    stop = true;
    pthread_join(churning, NULL);
    ck_assert_int_ge(__atomic_load_n(&ticks, __ATOMIC_RELAXED), 100);
}
END_TEST

/* ---- memory that is locked --------------------------------------------------------------------- */

/* What can't be given back is not said to be. */
START_TEST(locked_memory_stays)
{
    enum { BYTES = 48 << 20 };
    free(hide(malloc(100000)));
    int refused = mlockall(MCL_CURRENT | MCL_FUTURE);
    if (refused != 0) /* without the right to, or above the limit */
        ck_assert_msg(errno == ENOMEM || errno == EPERM || errno == EAGAIN, "%s", strerror(errno));
    char *object = hide(malloc(BYTES)), *small = hide(calloc(1, 1000));
    ck_assert_ptr_nonnull(object);
    memset(object, 1, BYTES);
    free(object);
    free(small);
    malloc_trim(0);
    struct memlog_memstats stats = stats_now();
    uint64_t rss = extra_now().rss;
    ck_assert_msg(rss <= stats.sys - stats.heap_released + (32 << 20),
                  "%zu bytes are there, and %zu of %zu are said to be given back", (size_t)rss,
                  (size_t)stats.heap_released, (size_t)stats.sys);
    for (size_t size = 1; size < 1000000; size = size * 2 + 1) {
        object = hide(calloc(1, size));
        for (size_t i = 0; i < size; i++)
            ck_assert_int_eq(object[i], 0);
        free(object);
    }
    munlockall();
}
END_TEST

UNIT_MAIN("preload signals", handlers_allocate_in_threads_that_wait,
          handlers_on_other_stacks_allocate, timers_in_threads_allocate, locked_memory_stays)
