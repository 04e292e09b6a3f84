/* SPDX-License-Identifier: MIT */
/* What threads do to each other: blocks that one allocates and another frees,
 * threads that end and leave their blocks to others, and lines of the cache that
 * two write to.
 */
#include "workload.h"

#include <pthread.h>
#include <string.h>

enum { MOST_THREADS = 64 };

/* ---- server: connections with blocks; a thread serves for a while, its successor goes on ------- */

enum { CONNECTIONS = 5000, SERVED = 100000, SERVICES = 160, CONNECTION_MOST = 1000 };

static void **connections_of[MOST_THREADS];
static uint64_t server_chance[MOST_THREADS];

static void serve(unsigned number)
{
    void **connections = connections_of[number];
    uint64_t chance = server_chance[number];
    for (unsigned i = 0; i < SERVED; i++) {
        uint64_t bits = bench_random(&chance);
        void **connection = &connections[(bits >> 32) % CONNECTIONS];
        free(*connection);
        size_t bytes = 8 + bits % (CONNECTION_MOST - 8);
        *connection = workload_alloc(bytes);
        workload_fill(*connection, bytes, i);
    }
    server_chance[number] = chance;
}

void workload_server(unsigned threads)
{
    for (unsigned i = 0; i < threads; i++) {
        connections_of[i] = bench_need(calloc(CONNECTIONS, sizeof(void *)));
        server_chance[i] = i + 19;
    }
    for (unsigned service = 0; service < SERVICES; service++) {
        workload_threads(threads, serve);
        void **first = connections_of[0]; /* to the next thread */
        memmove(connections_of, connections_of + 1, (threads - 1) * sizeof(first));
        connections_of[threads - 1] = first;
    }
    for (unsigned i = 0; i < threads; i++) {
        for (unsigned j = 0; j < CONNECTIONS; j++)
            free(connections_of[i][j]);
        free(connections_of[i]);
    }
}

/* ---- queue: what one half of the threads allocates, the other half frees ----------------------------- */

enum { IN_BATCH = 1000, BATCHES_EACH = 12000, QUEUED_MOST = 16, ITEM_BYTES = 64 };

struct batch {
    struct batch *next;
    void *items[IN_BATCH];
};

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct batch *first;
    unsigned queued, to_come;
} queue = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, NULL, 0, 0 };

static void put_batch(struct batch *batch)
{
    pthread_mutex_lock(&queue.lock);
    while (queue.queued == QUEUED_MOST)
        pthread_cond_wait(&queue.changed, &queue.lock);
    batch->next = queue.first;
    queue.first = batch;
    queue.queued++;
    pthread_cond_broadcast(&queue.changed);
    pthread_mutex_unlock(&queue.lock);
}

static struct batch *get_batch(void)
{
    pthread_mutex_lock(&queue.lock);
    while (queue.first == NULL && queue.to_come != 0)
        pthread_cond_wait(&queue.changed, &queue.lock);
    struct batch *batch = queue.first;
    if (batch != NULL) {
        queue.first = batch->next;
        queue.queued--;
        queue.to_come--;
    }
    pthread_cond_broadcast(&queue.changed);
    pthread_mutex_unlock(&queue.lock);
    return batch;
}

static void produce(void)
{
    for (unsigned b = 0; b < BATCHES_EACH; b++) {
        struct batch *batch = workload_alloc(sizeof(*batch));
        for (unsigned i = 0; i < IN_BATCH; i++) {
            batch->items[i] = workload_alloc(ITEM_BYTES);
            workload_fill(batch->items[i], ITEM_BYTES, i);
        }
        put_batch(batch);
    }
}

static void consume(void)
{
    struct batch *batch;
    while ((batch = get_batch()) != NULL) {
        for (unsigned i = 0; i < IN_BATCH; i++) {
            workload_check(batch->items[i], ITEM_BYTES, i);
            free(batch->items[i]);
        }
        free(batch);
    }
}

static void produce_or_consume(unsigned number)
{
    if (number % 2 == 0)
        produce();
    else
        consume();
}

void workload_queue(unsigned threads)
{
    threads += threads % 2;
    queue.to_come = threads / 2 * BATCHES_EACH;
    workload_threads(threads, produce_or_consume);
}

/* ---- scratch: each frees a block of another's line, and writes to one of its own ------------------------ */

enum { SCRATCH_BYTES = 16, SCRATCH_BLOCKS = 400000, SCRATCH_WRITES = 4000 };

static char *handed_over[MOST_THREADS];

static void scratch(unsigned number)
{
    free(handed_over[number]);
    for (unsigned i = 0; i < SCRATCH_BLOCKS; i++) {
        volatile char *block = workload_alloc(SCRATCH_BYTES);
        for (unsigned j = 0; j < SCRATCH_WRITES; j++)
            block[j % SCRATCH_BYTES]++;
        free((void *)block);
    }
}

void workload_scratch(unsigned threads)
{
    for (unsigned i = 0; i < threads; i++)
        handed_over[i] = workload_alloc(SCRATCH_BYTES);
    workload_threads(threads, scratch);
}

/* ---- exchange: half of what a thread has goes to a place where all others take from ----------------------- */

enum { PLACES = 1000, KEPT = 2000, EXCHANGES = 4000000, EXCHANGE_THREADS = 4, LARGE_SELDOM = 100 };

static void *places[PLACES];

static void *some_block(uint64_t *chance)
{
    uint64_t bits = bench_random(chance);
    size_t bytes = 16 + (bits >> 32) % 128;
    if (bits % LARGE_SELDOM == 0)
        bytes *= 50;
    void *block = workload_alloc(bytes);
    memset(block, (int)bits, bytes < 64 ? bytes : 64);
    return block;
}

static void exchange(unsigned number)
{
    void **kept = bench_need(calloc(KEPT, sizeof(*kept)));
    uint64_t chance = number + 23;
    for (unsigned i = 0; i < EXCHANGES / EXCHANGE_THREADS; i++) {
        uint64_t bits = bench_random(&chance);
        void **mine = &kept[bits % KEPT];
        if (bits >> 63) {
            *mine = __atomic_exchange_n(&places[(bits >> 20) % PLACES], *mine, __ATOMIC_ACQ_REL);
        } else {
            free(*mine);
            *mine = some_block(&chance);
        }
    }
    for (unsigned i = 0; i < KEPT; i++)
        free(kept[i]);
    free(kept);
}

void workload_exchange(unsigned threads)
{
    enum { TIMES = 8 };
    for (unsigned i = 0; i < TIMES; i++)
        workload_threads(threads * EXCHANGE_THREADS, exchange);
    for (unsigned i = 0; i < PLACES; i++)
        free(places[i]);
}

/* ---- short: threads that live for a few blocks ---------------------------------------------------------------- */

static void live_shortly(unsigned number)
{
    enum { BLOCKS = 100 };
    void *blocks[BLOCKS];
    uint64_t chance = number + 29;
    for (unsigned i = 0; i < BLOCKS; i++)
        blocks[i] = some_block(&chance);
    for (unsigned i = 0; i < BLOCKS; i++)
        free(blocks[i]);
}

void workload_short(unsigned threads)
{
    enum { TIMES = 10000 };
    for (unsigned i = 0; i < TIMES; i++)
        workload_threads(threads, live_shortly);
}
