/* SPDX-License-Identifier: MIT */
/* figures.h - what the measuring programs share: clocks, options, quantiles,
 * and the form in which they tell the driver what they have measured: one line
 * "name with its unit<TAB>value" a figure.
 */
#ifndef MEMLOG_BENCH_FIGURES_H
#define MEMLOG_BENCH_FIGURES_H

#include <stddef.h>
#include <stdint.h>

enum { BENCH_NS_PER_US = 1000, BENCH_NS_PER_MS = 1000000 };

uint64_t bench_wall_ns(void);       /* CLOCK_MONOTONIC */
uint64_t bench_cpu_ns(void);        /* of the process */
uint64_t bench_thread_cpu_ns(void); /* of the calling thread */

/* One figure for the driver. */
void bench_figure(const char *name, double value);
/* Wall time since the program's first call of bench_begin, CPU time and peak
 * RSS of the process. */
void bench_begin(void);
void bench_report_process(void);
/* How many collections there were, and the median and the longest of pauses. */
void bench_report_collections(uint64_t collections, uint64_t *pauses_ns, size_t count);

/* The value that a fraction q of the values is not above. Sorts them. 0 of none. */
uint64_t bench_quantile(uint64_t *values, size_t count, double q);

/* A whole number from low to high, or the end of the program with a message. */
long bench_number(const char *text, long low, long high);
/* pointer, or the end of the program when there is no memory. */
void *bench_need(void *pointer);
/* Numbers that are the same in every run. */
uint64_t bench_random(uint64_t *state);

/* The compiler must take it that pointer is used here. */
static inline void bench_use(const void *pointer)
{
    __asm__ volatile("" : : "r"(pointer) : "memory");
}

#endif
