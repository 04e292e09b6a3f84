/* SPDX-License-Identifier: MIT */
/* prog_static.c - a static program: threads, their results, signals and sorting go through
 * libmemlog to a C library that no loader knows. Says what is wrong. */
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

#include "memlog.h"
#include "memlog_stats.h"

static void check(int holds, const char *what)
{
    if (holds)
        return;
    printf("does not hold: %s\n", what);
    exit(1);
}

/* ---- threads --------------------------------------------------------------------------- */

enum { KEPT = 0x6b657074, THREADS = 8 };

static uint64_t *new_kept(void)
{
    uint64_t *kept = memlog_malloc(500);
    *kept = KEPT;
    return kept;
}

static __thread uint64_t *local;

static void *work(void *argument)
{
    uint64_t *volatile mine = new_kept();
    local = new_kept();
    for (int i = 0; i < 2000; i++)
        *(uint64_t *)memlog_malloc(100) = 1;
    memlog_gc();
    check(*mine == KEPT && *local == KEPT, "what a thread refers to stays");
    if (argument == NULL)
        pthread_exit(new_kept());
    return argument;
}

static int work_c11(void *argument)
{
    check(work(argument) == argument, "a C11 thread has its argument");
    return 42;
}

static void *sleep_long(void *unused)
{
    for (;;) /* a collection ends the call */
        poll(NULL, 0, 600000);
    return unused;
}

static void *wait_masked(void *unused)
{
    for (;;)
        ppoll(NULL, 0, NULL, NULL);
    return unused;
}

static void check_cancel(void *(*start)(void *))
{
    pthread_t thread;
    void *result = NULL;
    check(pthread_create(&thread, NULL, start, NULL) == 0, "a thread to be cancelled starts");
    check(pthread_tryjoin_np(thread, &result) == EBUSY, "it has not ended");
    struct timespec soon;
    clock_gettime(CLOCK_REALTIME, &soon);
    check(pthread_timedjoin_np(thread, &result, &soon) == ETIMEDOUT, "nor in no time");
    clock_gettime(CLOCK_MONOTONIC, &soon);
    check(pthread_clockjoin_np(thread, &result, CLOCK_MONOTONIC, &soon) == ETIMEDOUT, "on any clock");
    memlog_gc();
    check(pthread_cancel(thread) == 0 && pthread_join(thread, &result) == 0 &&
              result == PTHREAD_CANCELED, "it is cancelled");
}

static void check_threads(void)
{
    pthread_t threads[THREADS];
    void *result;
    for (int i = 0; i < THREADS; i++)
        check(pthread_create(&threads[i], NULL, work, i % 2 == 0 ? NULL : new_kept()) == 0,
              "a thread starts");
    for (int i = 0; i < THREADS; i++) {
        check(pthread_join(threads[i], &result) == 0, "a thread is joined");
        check(*(uint64_t *)result == KEPT, "its result stays until it is joined");
    }
    thrd_t thread;
    int status = 0;
    check(thrd_create(&thread, work_c11, new_kept()) == thrd_success &&
              thrd_join(thread, &status) == thrd_success && status == 42, "C11's threads work");
    check(pthread_create(&threads[0], NULL, work, NULL) == 0 && pthread_detach(threads[0]) == 0,
          "a thread is detached");
    check_cancel(sleep_long);
    check_cancel(wait_masked);
}

/* ---- thread-specific values ------------------------------------------------------------- */

static pthread_key_t key;

/* The stack below has other things then. */
__attribute__((noinline)) static void wipe(void)
{
    volatile char wiped[16384];
    memset((char *)wiped, 0, sizeof(wiped));
}

__attribute__((noinline)) static void set_value(void) { pthread_setspecific(key, new_kept()); }

static void *keep_value(void *unused)
{
    set_value();
    wipe();
    for (int i = 0; i < 5; i++) {
        memlog_gc();
        for (int k = 0; k < 1000; k++)
            *(uint64_t *)memlog_malloc(500) = 1;
    }
    check(*(uint64_t *)pthread_getspecific(key) == KEPT, "a thread's value of a key stays");
    return unused;
}

static void check_values(void)
{
    pthread_t thread;
    check(pthread_key_create(&key, NULL) == 0, "there is a key");
    keep_value(NULL);
    check(pthread_create(&thread, NULL, keep_value, NULL) == 0 && pthread_join(thread, NULL) == 0,
          "a thread keeps one, too");
}

/* ---- signals ----------------------------------------------------------------------------- */

static volatile sig_atomic_t seen;

static void see(int signal) { seen = signal; }

static int raise_one(int signal)
{
    seen = 0;
    raise(signal);
    return seen == signal;
}

static void check_handlers(void)
{
    check(signal(SIGUSR1, see) == SIG_DFL && raise_one(SIGUSR1) && raise_one(SIGUSR1), "signal");
    check(sysv_signal(SIGUSR1, see) == see && raise_one(SIGUSR1), "sysv_signal");
    check(signal(SIGUSR1, SIG_DFL) == SIG_DFL, "a handler of System V is gone when it has run");
    check(sigset(SIGUSR2, see) == SIG_DFL && raise_one(SIGUSR2), "sigset");
    check(sigset(SIGUSR2, SIG_HOLD) == see && !raise_one(SIGUSR2), "sigset holds");
    check(sigset(SIGUSR2, see) == SIG_HOLD && seen == SIGUSR2, "sigset lets go");
    check(sigignore(SIGUSR2) == 0 && !raise_one(SIGUSR2), "sigignore");
    struct sigaction action = { .sa_handler = see };
    check(sigaction(SIGUSR1, &action, NULL) == 0 && raise_one(SIGUSR1), "sigaction");
}

static void check_waits(void)
{
    const struct timespec short_time = { 0, 1000 };
    sigset_t set, none;
    siginfo_t info;
    int got = 0, epoll = epoll_create1(0);
    struct epoll_event event;
    sigemptyset(&none);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    check(sigtimedwait(&set, &info, &short_time) == -1 && errno == EAGAIN, "sigtimedwait ends");
    raise(SIGUSR1);
    check(sigwait(&set, &got) == 0 && got == SIGUSR1, "sigwait");
    raise(SIGUSR1);
    check(sigwaitinfo(&set, &info) == SIGUSR1 && info.si_signo == SIGUSR1, "sigwaitinfo");
    raise(SIGUSR1);
    seen = 0;
    check(sigsuspend(&none) == -1 && errno == EINTR && seen == SIGUSR1, "sigsuspend");
    check(ppoll(NULL, 0, &short_time, &none) == 0, "ppoll");
    check(pselect(0, NULL, NULL, NULL, &short_time, &none) == 0, "pselect");
    check(epoll_pwait(epoll, &event, 1, 1, &none) == 0, "epoll_pwait");
    check(epoll_pwait2(epoll, &event, 1, &short_time, &none) == 0 || errno == ENOSYS, "epoll_pwait2");
    raise(SIGUSR1);
    seen = 0;
    check(ppoll(NULL, 0, NULL, &none) == -1 && errno == EINTR && seen == SIGUSR1, "ppoll's mask");
    close(epoll);
}

/* ---- sorting ------------------------------------------------------------------------------- */

enum { SORTED = 3000 };

static int by_value(const void *a, const void *b)
{
    uint64_t left = **(uint64_t *const *)a, right = **(uint64_t *const *)b;
    if (left % 500 == 0)
        memlog_gc();
    return left < right ? -1 : left > right;
}

static int by_bytes(const void *a, const void *b, void *size)
{
    return memcmp(a, b, *(size_t *)size);
}

static void check_sorting(void)
{
    uint64_t **array = memlog_malloc(SORTED * sizeof(*array));
    for (uint64_t i = 0; i < SORTED; i++)
        *(array[i] = memlog_malloc(sizeof(uint64_t))) = i * 7919 % SORTED;
    qsort(array, SORTED, sizeof(*array), by_value);
    for (uint64_t i = 0; i < SORTED; i++)
        check(*array[i] == i, "qsort sorts, and keeps what it sorts");
    char words[][3] = { "of", "an", "on", "by", "in", "at", "so" };
    size_t size = sizeof(words[0]);
    qsort_r(words, 7, size, by_bytes, &size);
    struct addrinfo *address, plain = { .ai_flags = AI_NUMERICHOST };
    check(getaddrinfo("127.0.0.1", NULL, &plain, &address) == 0, "the C library's sorting links");
    freeaddrinfo(address);
    check(memcmp(words, "an\0at\0by\0in\0of\0on\0so", sizeof(words)) == 0, "qsort_r sorts");
}

/* ---- all of it ------------------------------------------------------------------------------ */

int main(int count, char **arguments)
{
    uint64_t *volatile mine = new_kept();
    local = new_kept();
    check(memlog_log_start(NULL) == 0, "the log starts");
    check_values();
    check_threads();
    check_handlers();
    check_waits();
    check_sorting();
    struct memlog_memstats stats;
    memlog_read_memstats(&stats);
    check(stats.frees > 10000, "garbage is collected");
    check(*mine == KEPT && *local == KEPT, "what the first thread refers to stays");
    printf("fine\n");
    fflush(stdout);
    if (count > 1)
        sleep((unsigned)atoi(arguments[1]));
    return 0;
}
