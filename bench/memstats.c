/* SPDX-License-Identifier: MIT */
/* memstats - what reading the statistics costs, memlog_read_memstats called
 *
 *   memstats idle       with nothing else going on
 *   memstats threads    with 64 threads alive that have allocated in every size class
 *   memstats loaded     with every core allocating, and so collecting
 *
 * The median is of batches on the wall clock where nobody disturbs, else of
 * single calls; CPU time is the reading thread's own, less what reading that
 * clock costs.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "figures.h"
#include "memlog.h"

enum { READS = 20000, BATCHES = 500, BATCH = 100, SLEEPERS = 64, KEPT = 1024 };

static uint64_t samples[READS];
static struct memlog_memstats stats;
static pthread_barrier_t barrier;

/* Has used every class, as a thread that has been about for a while. */
static void *sleep_on(void *unused)
{
    (void)unused;
    for (size_t bytes = 1; bytes < MEMLOG_LARGEST_CLASS; bytes += 15)
        memlog_free(memlog_malloc(bytes));
    pthread_barrier_wait(&barrier);
    while (pause() != 0) { /* a signal: the collector's */
    }
    return NULL;
}

static void *allocate_on(void *unused)
{
    struct { void *next, *more[7]; } *kept[KEPT] = { NULL };
    (void)unused;
    pthread_barrier_wait(&barrier);
    for (size_t i = 0;; i++) {
        kept[i % KEPT] = memlog_malloc(sizeof(*kept[0]));
        kept[i % KEPT]->next = kept[i / 2 % KEPT];
        if (i % 16 == 0) /* chains must end */
            kept[i % KEPT]->next = NULL;
        bench_use(kept);
    }
    return NULL;
}

static void start(void *(*body)(void *), long count)
{
    pthread_t thread;
    pthread_barrier_init(&barrier, NULL, (unsigned)count + 1);
    for (long i = 0; i < count; i++)
        if (pthread_create(&thread, NULL, body, NULL) != 0)
            bench_need(NULL);
    pthread_barrier_wait(&barrier);
}

static void report(const char *name, size_t count, double q, double less_ns)
{
    double ns = (double)bench_quantile(samples, count, q) - less_ns;
    bench_figure(name, (ns > 0 ? ns : 0) / BENCH_NS_PER_US);
}

static void measure_batches(void)
{
    for (int i = 0; i < BATCHES; i++) {
        uint64_t begin = bench_wall_ns();
        for (int j = 0; j < BATCH; j++)
            memlog_read_memstats(&stats);
        samples[i] = (bench_wall_ns() - begin) / BATCH;
    }
    report("median us", BATCHES, 0.5, 0);
}

static void measure_wall(void)
{
    for (int i = 0; i < READS; i++) {
        uint64_t begin = bench_wall_ns();
        memlog_read_memstats(&stats);
        samples[i] = bench_wall_ns() - begin;
    }
    report("median us", READS, 0.5, 0);
    report("longest us", READS, 1, 0);
}

static void measure_cpu(void)
{
    for (int i = 0; i < READS; i++) {
        uint64_t begin = bench_thread_cpu_ns();
        samples[i] = bench_thread_cpu_ns() - begin;
    }
    double clock_ns = (double)bench_quantile(samples, READS, 0.5);
    for (int i = 0; i < READS; i++) {
        uint64_t begin = bench_thread_cpu_ns();
        memlog_read_memstats(&stats);
        samples[i] = bench_thread_cpu_ns() - begin;
    }
    report("CPU median us", READS, 0.5, clock_ns);
    report("CPU p99.9 us", READS, 0.999, clock_ns);
}

int main(int argc, char **argv)
{
    const char *how = argc == 2 ? argv[1] : "";
    if (strcmp(how, "idle") == 0) {
        measure_batches();
    } else if (strcmp(how, "threads") == 0) {
        start(sleep_on, SLEEPERS);
        measure_batches();
    } else if (strcmp(how, "loaded") == 0) {
        start(allocate_on, sysconf(_SC_NPROCESSORS_ONLN));
        measure_wall();
    } else {
        fprintf(stderr, "usage: %s idle|threads|loaded\n", argv[0]);
        return 2;
    }
    measure_cpu();
    fflush(stdout);
    _exit(0); /* the other threads go on for ever */
}
