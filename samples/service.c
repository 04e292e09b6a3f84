/* SPDX-License-Identifier: MIT */
/* service.c - a small healthy service; see service.h. One thread calls it. */
#include "service.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "memlog.h"
#include "sample.h"

enum {
    RECORDS = 100000,
    BUFFERS_KEPT = 256,
    BUFFERS_PER_TICK = 5, /* of 20 KiB on average: 10 MiB a second */
    LEAST_BUFFER = 8 * 1024,
    LARGEST_BUFFER = 32 * 1024
};

struct record {
    uint64_t key;
    uint64_t value[5];
};

/* The collector looks into static variables: what stands here, lives. */
static struct record *directory[RECORDS];
static char *buffers[BUFFERS_KEPT];
static size_t next_buffer;
static uint64_t chance = 1;
static struct memlog_memstats at_open;

void service_open(void)
{
    for (size_t i = 0; i < RECORDS; i++) {
        directory[i] = sample_need(memlog_calloc_noscan(1, sizeof(struct record)));
        directory[i]->key = i;
    }
    memlog_read_memstats(&at_open);
}

/* A buffer takes the place of the oldest one, which is garbage from then on. */
static void handle_request(void)
{
    size_t size = sample_between(&chance, LEAST_BUFFER, LARGEST_BUFFER);
    char *buffer = sample_need(memlog_malloc_noscan(size));
    struct record *record = directory[sample_between(&chance, 0, RECORDS - 1)];
    memset(buffer, (int)record->key, size);
    record->value[0]++;
    buffers[next_buffer++ % BUFFERS_KEPT] = buffer;
}

void service_work(void)
{
    for (int i = 0; i < BUFFERS_PER_TICK; i++)
        handle_request();
    memlog_keep_alive(buffers); /* an array that nobody reads is optimized away */
}

void service_report(const char *leak)
{
    struct memlog_memstats now;
    memlog_gc(); /* the live objects only, without the garbage of the moment */
    memlog_read_memstats(&now);
    printf("%s: HeapObjects from %" PRIu64 " to %" PRIu64 ", Alloc from %.1f to %.1f MiB\n", leak,
           at_open.heap_objects, now.heap_objects, sample_mib(at_open.alloc),
           sample_mib(now.alloc));
    printf("healthy traffic and all: %.1f MiB allocated, %u collections\n",
           sample_mib(now.total_alloc), (unsigned)now.num_gc);
}
