/* SPDX-License-Identifier: MIT */
/* workload - one of the allocator workloads, on the malloc that it finds.
 *
 *   workload NAME THREADS
 *
 * Tells wall and CPU time and the peak RSS of the process.
 */
#include "workload.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

static const struct workload {
    const char *name;
    void (*run)(unsigned threads);
} workloads[] = {
    { "arithmetic", workload_arithmetic }, { "logic", workload_logic },
    { "bodies", workload_bodies },         { "document", workload_document },
    { "batches", workload_batches },       { "random", workload_random },
    { "pages", workload_pages },           { "big", workload_big },
    { "server", workload_server },         { "queue", workload_queue },
    { "scratch", workload_scratch },       { "exchange", workload_exchange },
    { "short", workload_short },
};

enum { WORKLOADS = sizeof(workloads) / sizeof(workloads[0]), MOST_THREADS = 64 };

void workload_require(int holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "workload: %s\n", what);
    exit(1);
}

void workload_fill(void *block, size_t bytes, uint64_t mark)
{
    if (bytes < sizeof(mark))
        return;
    memcpy(block, &mark, sizeof(mark));
    memcpy((char *)block + bytes - sizeof(mark), &mark, sizeof(mark));
}

void workload_check(const void *block, size_t bytes, uint64_t mark)
{
    uint64_t last;
    if (bytes < sizeof(mark))
        return;
    memcpy(&last, (const char *)block + bytes - sizeof(mark), sizeof(last));
    workload_require(last == mark, "a block does not hold what was put into it");
}

struct worker {
    pthread_t thread;
    void (*body)(unsigned number);
    unsigned number;
};

static void *run_worker(void *argument)
{
    struct worker *worker = argument;
    worker->body(worker->number);
    return NULL;
}

void workload_threads(unsigned threads, void (*body)(unsigned number))
{
    struct worker workers[MOST_THREADS];
    for (unsigned i = 0; i < threads; i++) {
        workers[i].body = body;
        workers[i].number = i;
        workload_require(pthread_create(&workers[i].thread, NULL, run_worker, &workers[i]) == 0,
                         "cannot start a thread");
    }
    for (unsigned i = 0; i < threads; i++)
        pthread_join(workers[i].thread, NULL);
}

int main(int argc, char **argv)
{
    const struct workload *workload = NULL;
    for (size_t i = 0; argc == 3 && i < WORKLOADS; i++)
        if (strcmp(argv[1], workloads[i].name) == 0)
            workload = &workloads[i];
    if (workload == NULL) {
        fprintf(stderr, "usage: %s NAME THREADS, with one of these names:", argv[0]);
        for (size_t i = 0; i < WORKLOADS; i++)
            fprintf(stderr, " %s", workloads[i].name);
        fprintf(stderr, "\n");
        return 2;
    }
    unsigned threads = (unsigned)bench_number(argv[2], 1, MOST_THREADS);
    bench_begin();
    workload->run(threads);
    bench_report_process();
    return 0;
}
