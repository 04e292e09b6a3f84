/* SPDX-License-Identifier: MIT */
/* workload.h - the allocator workloads: each a fixed amount of work, which
 * ends the program with a message where a block does not hold what was put
 * into it. README.md tells what each is like.
 */
#ifndef MEMLOG_BENCH_WORKLOAD_H
#define MEMLOG_BENCH_WORKLOAD_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "figures.h"

/* Programs of one thread, in workload_programs.c. */
void workload_arithmetic(unsigned threads);
void workload_logic(unsigned threads);
void workload_bodies(unsigned threads);
void workload_document(unsigned threads);

/* Blocks of sizes of chance, in workload_random.c. */
void workload_batches(unsigned threads);
void workload_random(unsigned threads);
void workload_pages(unsigned threads);
void workload_big(unsigned threads);

/* What threads do to each other, in workload_threads.c. */
void workload_server(unsigned threads);
void workload_queue(unsigned threads);
void workload_scratch(unsigned threads);
void workload_exchange(unsigned threads);
void workload_short(unsigned threads);

/* Run so many threads of body and wait for them; each gets its number. */
void workload_threads(unsigned threads, void (*body)(unsigned number));

static inline void *workload_alloc(size_t bytes) { return bench_need(malloc(bytes)); }

/* The first and the last word of a block say who it is. */
void workload_fill(void *block, size_t bytes, uint64_t mark);
void workload_check(const void *block, size_t bytes, uint64_t mark);
/* Ends the program when it does not hold. */
void workload_require(int holds, const char *what);

#endif
