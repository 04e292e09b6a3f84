/* SPDX-License-Identifier: MIT */
/* sample - what one line of the log costs in CPU time, the write to the file
 * included, and what ten a second cost a program that sleeps meanwhile.
 *
 *   sample FILE
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "figures.h"
#include "memlog.h"

enum { SAMPLES = 20000, TICKS_SECONDS = 5 };

static const uint64_t TEN_A_SECOND_NS = 100 * BENCH_NS_PER_MS;
static const uint64_t NEVER_NS = (uint64_t)24 * 3600 * 1000 * BENCH_NS_PER_MS;
static uint64_t samples[SAMPLES];

static void start_log(const char *file, uint64_t interval_ns)
{
    struct memlog_log_options options = {
        .size = sizeof(options), .file = file, .interval_ns = interval_ns
    };
    bench_need(memlog_log_start(&options) == 0 ? &options : NULL);
}

static void measure_single(void)
{
    for (int i = 0; i < SAMPLES; i++) {
        uint64_t begin = bench_thread_cpu_ns();
        memlog_log_sample();
        samples[i] = bench_thread_cpu_ns() - begin;
    }
    bench_figure("one sample, median CPU us",
                 (double)bench_quantile(samples, SAMPLES, 0.5) / BENCH_NS_PER_US);
    bench_figure("one sample, p99.9 CPU us",
                 (double)bench_quantile(samples, SAMPLES, 0.999) / BENCH_NS_PER_US);
}

static void measure_ticks(void)
{
    struct timespec left = { .tv_sec = TICKS_SECONDS };
    uint64_t wall = bench_wall_ns(), cpu = bench_cpu_ns();
    while (nanosleep(&left, &left) != 0) {
    }
    cpu = bench_cpu_ns() - cpu;
    wall = bench_wall_ns() - wall;
    bench_figure("ten a second, % of a core", 100 * (double)cpu / (double)wall);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: %s FILE\n", argv[0]);
        return 2;
    }
    memlog_free(memlog_malloc(1)); /* there is a heap to speak of */
    start_log(argv[1], NEVER_NS);
    measure_single();
    memlog_log_stop();
    start_log(argv[1], TEN_A_SECOND_NS);
    measure_ticks();
    memlog_log_stop();
    remove(argv[1]);
    return 0;
}
