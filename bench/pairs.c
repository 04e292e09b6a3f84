/* SPDX-License-Identifier: MIT */
/* pairs - allocate and free, in the four orders that matter to an allocator.
 *
 *   pairs ORDER BYTES THREADS [ROUNDS]
 *
 * ORDER: pair (free at once), or batches of 1000 freed lifo, fifo or in random
 * order. BYTES: a size, or "mixed" (16 to 4096, small ones more often). Runs for
 * a fixed time, or for ROUNDS batches (counting instructions wants that), and
 * tells how many nanoseconds of a core a pair took.
 *
 * Built twice: for malloc, to be run with an allocator's library preloaded, and
 * with BENCH_MEMLOG for memlog_malloc_noscan and memlog_free.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "figures.h"

#ifdef BENCH_MEMLOG
#include "memlog.h"
#define ALLOCATE memlog_malloc_noscan
#define FREE memlog_free
#else
#define ALLOCATE malloc
#define FREE free
#endif

enum {
    BATCH = 1000,
    WARM_UP = 3,                     /* rounds */
    RUN_NS = 60 * BENCH_NS_PER_MS,
    MOST_THREADS = 64,
    LEAST_SHIFT = 4, MOST_SHIFT = 12 /* mixed sizes: 2^4 to 2^12 */
};

enum order { PAIR, LIFO, FIFO, RANDOM, ORDERS };
static const char *const order_names[ORDERS] = { "pair", "lifo", "fifo", "random" };

static enum order order;
static size_t sizes[BATCH];
static uint16_t free_order[BATCH]; /* which one is freed when */
static long rounds_wanted;         /* 0: until the time is over */
static pthread_barrier_t barrier;

static void choose_sizes(const char *text)
{
    uint64_t chance = 1;
    long fixed = strcmp(text, "mixed") == 0 ? 0 : bench_number(text, 1, 1 << 20);
    for (int i = 0; i < BATCH; i++) {
        unsigned shift = LEAST_SHIFT + bench_random(&chance) % (MOST_SHIFT - LEAST_SHIFT);
        size_t mixed = ((size_t)1 << shift) + bench_random(&chance) % ((size_t)1 << shift);
        sizes[i] = fixed != 0 ? (size_t)fixed : mixed;
    }
}

static void choose_free_order(void)
{
    uint64_t chance = 2;
    for (unsigned i = 0; i < BATCH; i++)
        free_order[i] = (uint16_t)(order == LIFO ? BATCH - 1 - i : i);
    for (unsigned i = BATCH - 1; order == RANDOM && i > 0; i--) {
        unsigned at = bench_random(&chance) % (i + 1);
        uint16_t other = free_order[at];
        free_order[at] = free_order[i];
        free_order[i] = other;
    }
}

static void round_of_pairs(void)
{
    for (int i = 0; i < BATCH; i++) {
        void *pointer = ALLOCATE(sizes[i]);
        bench_use(pointer);
        FREE(pointer);
    }
}

static void round_of_batch(void **pointers)
{
    for (int i = 0; i < BATCH; i++)
        pointers[i] = ALLOCATE(sizes[i]);
    bench_use(pointers);
    for (int i = 0; i < BATCH; i++)
        FREE(pointers[free_order[i]]);
}

static void run_round(void **pointers)
{
    if (order == PAIR)
        round_of_pairs();
    else
        round_of_batch(pointers);
}

/* Returns the rounds run. */
static void *run_thread(void *until)
{
    void *pointers[BATCH];
    uintptr_t rounds = 0;
    for (int i = 0; rounds_wanted == 0 && i < WARM_UP; i++)
        run_round(pointers);
    pthread_barrier_wait(&barrier); /* all are there; the clock is read */
    pthread_barrier_wait(&barrier);
    uint64_t end = *(uint64_t *)until;
    if (rounds_wanted > 0)
        for (; rounds < (uintptr_t)rounds_wanted; rounds++)
            run_round(pointers);
    else
        do { /* once at least, where a thread came too late */
            run_round(pointers);
            rounds++;
        } while (bench_wall_ns() < end);
    return (void *)rounds;
}

int main(int argc, char **argv)
{
    order = ORDERS;
    for (int i = 0; argc >= 4 && i < ORDERS; i++)
        if (strcmp(argv[1], order_names[i]) == 0)
            order = (enum order)i;
    if (argc < 4 || argc > 5 || order == ORDERS) {
        fprintf(stderr, "usage: %s pair|lifo|fifo|random BYTES|mixed THREADS [ROUNDS]\n", argv[0]);
        return 2;
    }
    choose_sizes(argv[2]);
    choose_free_order();
    long threads = bench_number(argv[3], 1, MOST_THREADS);
    rounds_wanted = argc == 5 ? bench_number(argv[4], 1, 1000000) : 0;

    pthread_t others[MOST_THREADS];
    uint64_t end;
    uintptr_t rounds = 0;
    pthread_barrier_init(&barrier, NULL, (unsigned)threads + 1);
    for (long i = 0; i < threads; i++)
        if (pthread_create(&others[i], NULL, run_thread, &end) != 0)
            bench_need(NULL);
    pthread_barrier_wait(&barrier);
    uint64_t begin = bench_wall_ns();
    end = begin + RUN_NS;
    pthread_barrier_wait(&barrier);
    for (long i = 0; i < threads; i++) {
        void *result;
        pthread_join(others[i], &result);
        rounds += (uintptr_t)result;
    }
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    double took = (double)(bench_wall_ns() - begin) * (double)(threads < cores ? threads : cores);
    bench_figure("ns", took / ((double)rounds * BATCH));
    return 0;
}
