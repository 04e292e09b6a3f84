/* SPDX-License-Identifier: MIT */
/* stop - what it takes to stop 1,000 sleeping threads and to let them go.
 *
 * With memlog it is the pause of a collection with next to nothing on the heap.
 * Without it is the least that such a pause must take: a signal to each thread,
 * whose handler counts itself, the last one waking the sender, and sleeps
 * until it is let go; all of them are woken by one call.
 */
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "figures.h"

enum { THREADS = 1000, STOPS = 51, STACK_BYTES = 64 << 10 };

static pthread_barrier_t barrier;
static pid_t tids[THREADS];
static uint64_t stop_ns[STOPS], release_ns[STOPS], pause_ns[STOPS];

static void *sleep_on(void *index)
{
    tids[(uintptr_t)index] = (pid_t)syscall(SYS_gettid);
    pthread_barrier_wait(&barrier);
    while (pause() != 0) { /* a signal: ours or the collector's */
    }
    return NULL;
}

static void start_threads(void)
{
    pthread_t thread;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    pthread_barrier_init(&barrier, NULL, THREADS + 1);
    for (uintptr_t i = 0; i < THREADS; i++)
        if (pthread_create(&thread, &attributes, sleep_on, (void *)i) != 0)
            bench_need(NULL);
    pthread_barrier_wait(&barrier);
}

#ifdef BENCH_MEMLOG

#include "memlog.h"

static uint64_t scan_ns[STOPS];

static void begin(void) { bench_need(memlog_malloc(1)); }

static void stop_and_release(int round)
{
    static struct memlog_memstats stats;
    struct memlog_extra extra = { .size = sizeof(extra) };
    memlog_gc();
    memlog_read_memstats(&stats);
    memlog_read_extra(&extra);
    stop_ns[round] = extra.last_stop_ns;
    scan_ns[round] = extra.last_mark_ns;
    pause_ns[round] = stats.pause_ns[(stats.num_gc + MEMLOG_PAUSES - 1) % MEMLOG_PAUSES];
    release_ns[round] = pause_ns[round] - stop_ns[round] - scan_ns[round];
}

#else

static uint32_t stop, released, answers;

static long futex(uint32_t *word, int operation, uint32_t value)
{
    return syscall(SYS_futex, word, operation | FUTEX_PRIVATE_FLAG, value, NULL, NULL, 0);
}

static void wait_while(uint32_t *word, uint32_t value)
{
    while (__atomic_load_n(word, __ATOMIC_ACQUIRE) == value)
        futex(word, FUTEX_WAIT, value);
}

static void answer(int signal)
{
    (void)signal;
    uint32_t mine = __atomic_load_n(&stop, __ATOMIC_ACQUIRE);
    if (__atomic_add_fetch(&answers, 1, __ATOMIC_ACQ_REL) == THREADS)
        futex(&answers, FUTEX_WAKE, 1);
    wait_while(&released, mine - 1);
}

static void begin(void)
{
    struct sigaction action = { .sa_handler = answer, .sa_flags = SA_RESTART };
    sigfillset(&action.sa_mask);
    sigaction(SIGRTMIN, &action, NULL);
}

static void stop_and_release(int round)
{
    pid_t pid = getpid();
    uint64_t begun = bench_wall_ns();
    __atomic_store_n(&answers, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&stop, stop + 1, __ATOMIC_RELEASE);
    for (int i = 0; i < THREADS; i++)
        if (syscall(SYS_tgkill, pid, tids[i], SIGRTMIN) != 0)
            bench_need(NULL);
    for (uint32_t seen; (seen = __atomic_load_n(&answers, __ATOMIC_ACQUIRE)) != THREADS;)
        futex(&answers, FUTEX_WAIT, seen);
    uint64_t stopped = bench_wall_ns();
    __atomic_store_n(&released, stop, __ATOMIC_RELEASE);
    futex(&released, FUTEX_WAKE, INT_MAX);
    uint64_t over = bench_wall_ns();
    stop_ns[round] = stopped - begun;
    release_ns[round] = over - stopped;
    pause_ns[round] = over - begun;
}

#endif

static void report(const char *name, uint64_t *values)
{
    bench_figure(name, (double)bench_quantile(values, STOPS, 0.5) / BENCH_NS_PER_MS);
}

/* Those that were let go are asleep again. */
static void settle(void) { usleep(20 * 1000); }

int main(void)
{
    begin();
    start_threads();
    for (int round = 0; round < STOPS; round++) {
        settle();
        stop_and_release(round);
    }
    report("pause ms", pause_ns);
    report("stop ms", stop_ns);
    report("release ms", release_ns);
#ifdef BENCH_MEMLOG
    report("scan ms", scan_ns);
#endif
    fflush(stdout);
    _exit(0); /* the other threads sleep for ever */
}
