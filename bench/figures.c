/* SPDX-License-Identifier: MIT */
#include "figures.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

static uint64_t begun_ns;

static uint64_t read_clock(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

uint64_t bench_wall_ns(void) { return read_clock(CLOCK_MONOTONIC); }
uint64_t bench_cpu_ns(void) { return read_clock(CLOCK_PROCESS_CPUTIME_ID); }
uint64_t bench_thread_cpu_ns(void) { return read_clock(CLOCK_THREAD_CPUTIME_ID); }

void bench_figure(const char *name, double value) { printf("%s\t%.9g\n", name, value); }

void bench_begin(void) { begun_ns = bench_wall_ns(); }

void bench_report_process(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    bench_figure("wall s", (double)(bench_wall_ns() - begun_ns) / 1e9);
    bench_figure("CPU s", (double)bench_cpu_ns() / 1e9);
    bench_figure("peak RSS MiB", (double)usage.ru_maxrss / 1024); /* given in KiB */
}

void bench_report_collections(uint64_t collections, uint64_t *pauses_ns, size_t count)
{
    bench_figure("collections", (double)collections);
    bench_figure("median pause ms",
                 (double)bench_quantile(pauses_ns, count, 0.5) / BENCH_NS_PER_MS);
    bench_figure("longest pause ms",
                 (double)bench_quantile(pauses_ns, count, 1) / BENCH_NS_PER_MS);
}

static int compare(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

uint64_t bench_quantile(uint64_t *values, size_t count, double q)
{
    if (count == 0)
        return 0;
    qsort(values, count, sizeof(*values), compare);
    return values[(size_t)(q * (double)(count - 1))];
}

long bench_number(const char *text, long low, long high)
{
    char *end;
    long number = strtol(text, &end, 10);
    if (end == text || *end != '\0' || number < low || number > high) {
        fprintf(stderr, "'%s' is no whole number from %ld to %ld\n", text, low, high);
        exit(2);
    }
    return number;
}

void *bench_need(void *pointer)
{
    if (pointer == NULL) {
        fprintf(stderr, "there is no memory\n");
        exit(1);
    }
    return pointer;
}

uint64_t bench_random(uint64_t *state) /* splitmix64 */
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}
