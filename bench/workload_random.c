/* SPDX-License-Identifier: MIT */
/* Blocks of sizes of chance, by threads that have nothing to do with each
 * other: batches of one size, small ones that come and go, pages, and blocks of
 * many megabytes.
 */
#include "workload.h"

#include <string.h>

struct slot {
    void *block;
    size_t bytes;
};

static void renew(struct slot *slot, size_t bytes, uint64_t mark)
{
    if (slot->block != NULL)
        workload_check(slot->block, slot->bytes, *(uint64_t *)slot->block);
    free(slot->block);
    slot->block = workload_alloc(bytes);
    slot->bytes = bytes;
    workload_fill(slot->block, bytes, mark);
}

static void empty(struct slot *slots, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(slots[i].block);
    free(slots);
}

/* ---- batches: so many of a size, then all of them freed ------------------------------------ */

static void run_batches(unsigned number)
{
    static const unsigned counts[] = { 25, 100, 400, 1600 };
    static const size_t sizes[] = { 8, 16, 32, 64, 128, 256, 512, 1024 };
    enum { OBJECTS = 1000000, COUNTS = 4, SIZES = 8, COUNT_MOST = 1600 };
    void *blocks[COUNT_MOST];
    (void)number;
    for (unsigned c = 0; c < COUNTS; c++)
        for (unsigned s = 0; s < SIZES; s++)
            for (unsigned done = 0; done < OBJECTS; done += counts[c]) {
                for (unsigned i = 0; i < counts[c]; i++)
                    blocks[i] = workload_alloc(sizes[s]);
                bench_use(blocks);
                for (unsigned i = 0; i < counts[c]; i++)
                    free(blocks[i]);
            }
}

void workload_batches(unsigned threads) { workload_threads(threads, run_batches); }

/* ---- random: 20,000 small ones, each replaced now and then, all of it written ------------------- */

/* The greater half as often. */
static size_t small_size(uint64_t *chance)
{
    uint64_t bits = bench_random(chance);
    unsigned shift = 4 + (unsigned)__builtin_ctzll((bits >> 32) | 1u << 8);
    return ((size_t)1 << shift) + (bits & (((uint64_t)1 << shift) - 1));
}

static void run_random(unsigned number)
{
    enum { SLOTS = 20000, OPERATIONS = 30000000 };
    struct slot *slots = bench_need(calloc(SLOTS, sizeof(*slots)));
    uint64_t chance = number + 11;
    for (unsigned i = 0; i < OPERATIONS; i++) {
        struct slot *slot = &slots[bench_random(&chance) % SLOTS];
        renew(slot, small_size(&chance), i);
    }
    empty(slots, SLOTS);
}

void workload_random(unsigned threads) { workload_threads(threads, run_random); }

/* ---- pages: 512 bytes to 64 KiB, the large ones seldom ---------------------------------------------- */

static void run_pages(unsigned number)
{
    enum { SLOTS = 1000, OPERATIONS = 8000000, LEAST_SHIFT = 9 };
    struct slot *slots = bench_need(calloc(SLOTS, sizeof(*slots)));
    uint64_t chance = number + 13;
    for (unsigned i = 0; i < OPERATIONS; i++) {
        uint64_t bits = bench_random(&chance);
        unsigned shift = LEAST_SHIFT + (unsigned)__builtin_ctzll((bits >> 32) | 1u << 6);
        size_t bytes = ((size_t)1 << shift) + (bits & (((uint64_t)1 << shift) - 1));
        renew(&slots[bench_random(&chance) % SLOTS], bytes, i);
    }
    empty(slots, SLOTS);
}

void workload_pages(unsigned threads) { workload_threads(threads, run_pages); }

/* ---- big: 5 to 25 MiB, a word written in every page ---------------------------------------------------- */

void workload_big(unsigned threads)
{
    enum { SLOTS = 20, OPERATIONS = 2000, PAGE = 4096 };
    const size_t MIB = (size_t)1 << 20;
    struct slot *slots = bench_need(calloc(SLOTS, sizeof(*slots)));
    uint64_t chance = 17;
    (void)threads;
    for (unsigned i = 0; i < OPERATIONS; i++) {
        struct slot *slot = &slots[bench_random(&chance) % SLOTS];
        renew(slot, 5 * MIB + bench_random(&chance) % (20 * MIB), i);
        for (size_t at = PAGE; at < slot->bytes - PAGE; at += PAGE)
            ((char *)slot->block)[at] = 1;
    }
    empty(slots, SLOTS);
}
