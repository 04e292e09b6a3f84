/* SPDX-License-Identifier: MIT */
/* stop - what it takes to stop 1,000 sleeping threads and to let them go.
 *
 * With memlog it is the pause of a collection with next to nothing on the heap.
 * Without it is the least that such a pause must take (bare.h).
 */
#include <pthread.h>
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

#include "bare.h"

static void begin(void) { bare_begin(tids, THREADS); }

static void stop_and_release(int round)
{
    struct bare_pause pause = bare_stop_and_release();
    stop_ns[round] = pause.stop;
    release_ns[round] = pause.release;
    pause_ns[round] = pause.all;
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
