/* SPDX-License-Identifier: MIT */
/* latency - what an operation has to wait for when a heap of 1 GiB (forest.h) is
 * collected beside it.
 *
 *   latency [MIB [SECONDS]]
 *
 * An operation makes a part of 31 nodes, 1 KiB, and puts it in the place of an
 * old one anywhere in the heap. One is due every 5 us, 200 MB/s, whether those
 * before it are done or not; and its latency counts from when it was due until
 * it is done: who stands for 10 ms has made 2000 operations wait. A quarter of the
 * seconds again goes before, and is not counted.
 */
#include <stdio.h>
#include <stdlib.h>

#include "collected.h"
#include "forest.h"
#include "histogram.h"

enum {
    PERIOD_NS = 5000,
    SECOND_NS = 1000 * 1000 * 1000,
    DEFAULT_MIB = 1024,
    DEFAULT_SECONDS = 20
};

static struct histogram latencies;

/* By reading the clock: a sleep ends later than an operation takes. */
static void wait_until(uint64_t ns)
{
    while (bench_wall_ns() < ns)
        __builtin_ia32_pause();
}

static void operate(uint64_t *chance)
{
    struct forest_node *part = forest_make_part();
    *forest_any_part(chance) = part;
}

/* Returns when the last one was done. */
static uint64_t operate_on_time(uint64_t begin, uint64_t warm_up_ns, uint64_t measured_ns)
{
    uint64_t chance = 1, counted_from = begin + warm_up_ns, over = begin;
    for (uint64_t due = begin; due < counted_from + measured_ns; due += PERIOD_NS) {
        wait_until(due);
        operate(&chance);
        over = bench_wall_ns();
        if (due >= counted_from)
            histogram_add(&latencies, over - due);
    }
    return over;
}

static void report(const char *name, double q)
{
    bench_figure(name, (double)histogram_quantile(&latencies, q) / BENCH_NS_PER_US);
}

int main(int argc, char **argv)
{
    int mib = argc > 1 ? (int)bench_number(argv[1], 1, FOREST_MIB_MOST) : DEFAULT_MIB;
    long seconds = argc > 2 ? bench_number(argv[2], 1, 3600) : DEFAULT_SECONDS;
    uint64_t measured_ns = (uint64_t)seconds * SECOND_NS, warm_up_ns = measured_ns / 4;
    collected_begin();
    forest_grow(mib);
    uint64_t begin = bench_wall_ns();
    uint64_t over = operate_on_time(begin, warm_up_ns, measured_ns);

    report("median us", 0.5);
    report("p99 us", 0.99);
    report("p99.9 us", 0.999);
    report("p99.99 us", 0.9999);
    report("longest us", 1);
    bench_figure("behind at the end ms",
                 (double)(over - (begin + warm_up_ns + measured_ns - PERIOD_NS)) / BENCH_NS_PER_MS);
    collected_report();
    forest_check();
    return 0;
}
