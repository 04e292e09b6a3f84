/* SPDX-License-Identifier: MIT */
/* pests.c - what disturbs the workers: signals at any moment, on their own stack
 * or on another; collections; settings that change. */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "stress.h"

enum { WORKERS_MOST = 256 };

static struct {
    pthread_mutex_t mutex;
    pthread_t thread;
    bool here;
} workers[WORKERS_MOST] = { [0 ... WORKERS_MOST - 1] = { .mutex = PTHREAD_MUTEX_INITIALIZER } };

void present(unsigned number, bool here)
{
    pthread_mutex_lock(&workers[number].mutex);
    workers[number].thread = pthread_self();
    workers[number].here = here;
    pthread_mutex_unlock(&workers[number].mutex);
}

static void send_to(unsigned number, int signal)
{
    pthread_mutex_lock(&workers[number].mutex);
    if (workers[number].here && pthread_kill(workers[number].thread, signal) == 0)
        add(&sums.signals, 1);
    pthread_mutex_unlock(&workers[number].mutex);
}

/* Stays a while, so that a stop comes during it; uses some stack. */
static void handle(int signal)
{
    volatile unsigned char frame[1024];
    int saved = errno;
    for (unsigned i = 0; i < 20 * sizeof(frame); i++)
        frame[i % sizeof(frame)] = (unsigned char)signal;
    sched_yield();
    errno = saved;
}

void take_signals(void)
{
    struct sigaction action = { .sa_handler = handle, .sa_flags = SA_RESTART };
    sigaction(SIGUSR1, &action, NULL);
    action.sa_flags |= SA_ONSTACK;
    sigaction(SIGUSR2, &action, NULL);
}

static void change_percent(uint64_t *random)
{
    static const int percents[] = { 100, 10, 0, 50, 300, -1 };
    memlog_set_gc_percent(percents[random_below(random, 6)]);
}

/* From hopeless to none. */
static void change_limit(uint64_t *random)
{
    static const int64_t limits[] = { 0, 10 << 20, 40 << 20, 100 << 20, INT64_MAX };
    memlog_set_memory_limit(limits[random_below(random, 5)]);
}

static void add_and_remove_roots(void)
{
    static void *nothing[100];
    if (memlog_add_roots(nothing, nothing + 100) == 0)
        memlog_remove_roots(nothing, nothing + 100);
    else if (!settings.limited)
        failed("roots were not added");
}

static void disturb(uint64_t *random)
{
    uint64_t choice = random_below(random, 100);
    if (choice < 70)
        send_to((unsigned)random_below(random, settings.threads),
                one_in(random, 2) ? SIGUSR1 : SIGUSR2);
    else if (choice < 75)
        change_percent(random);
    else if (choice < 80)
        change_limit(random);
    else if (choice < 85)
        add_and_remove_roots();
    else if (choice < 97)
        memlog_gc();
    else
        memlog_free_os_memory();
}

void *pest(void *unused)
{
    uint64_t random = mix(settings.seed ^ 1);
    doing = "disturbing";
    while (!is_over()) {
        struct timespec pause = { 0, (long)random_below(&random, 3000000) };
        nanosleep(&pause, NULL);
        disturb(&random);
    }
    memlog_set_gc_percent(100);
    memlog_set_memory_limit(INT64_MAX);
    return unused;
}
