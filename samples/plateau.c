/* SPDX-License-Identifier: MIT */
/* plateau - a cache that fills and stays, which is not a leak.
 *
 * Alloc climbs until the cache holds all it may, and levels off: wait for the
 * plateau before you call a climb a leak. Later the older half is dropped.
 * Alloc falls by half and Sys does not: freed pages are kept for the next
 * need (HeapIdle) or handed back with their addresses kept (HeapReleased).
 */
#include <stdio.h>
#include <string.h>

#include "memlog.h"
#include "sample.h"

enum {
    /* percent of the run */
    FULL = 30,
    HALVED = 50,

    ENTRIES = 16000, /* of 4 KiB on average: 64 MiB */
    LEAST_VALUE = 1024,
    LARGEST_VALUE = 7 * 1024,
    LOOKUPS_PER_TICK = 20,
    REPLY_BYTES = 64
};

struct entry {
    uint64_t key;
    size_t size;
    char *value;
};

static struct entry *cache[ENTRIES];
static long entries;
static uint64_t chance = 1;

static void fill_cache(long wanted)
{
    for (; entries < wanted; entries++) {
        struct entry *entry = sample_need(memlog_malloc(sizeof(*entry)));
        entry->key = (uint64_t)entries;
        entry->size = sample_between(&chance, LEAST_VALUE, LARGEST_VALUE);
        entry->value = sample_need(memlog_malloc_noscan(entry->size));
        memset(entry->value, 'v', entry->size);
        cache[entries] = entry;
    }
}

/* The older half, which lies together: whole pages become free. Every second
 * entry would be as many bytes, but leave their pages half used. */
static void drop_older_half(void)
{
    memset(cache, 0, sizeof(cache) / 2);
}

/* A reply copies what it found and is garbage at once. */
static void look_up(void)
{
    const struct entry *entry = cache[sample_between(&chance, 0, (size_t)entries - 1)];
    char *reply = sample_need(memlog_malloc_noscan(REPLY_BYTES));
    if (entry != NULL)
        memcpy(reply, entry->value, REPLY_BYTES);
    memlog_keep_alive(reply);
}

static void print_numbers(const char *moment)
{
    struct memlog_memstats now;
    memlog_read_memstats(&now);
    printf("%-12s Alloc %5.1f  Sys %5.1f  HeapIdle %5.1f  HeapReleased %5.1f MiB\n", moment,
           sample_mib(now.alloc), sample_mib(now.sys), sample_mib(now.heap_idle),
           sample_mib(now.heap_released));
}

int main(int argc, char **argv)
{
    long seconds = 12;
    const struct sample_option options[] = { SAMPLE_SECONDS(seconds) };
    sample_options(argc, argv, "Fill a cache that stays: Alloc levels off, Sys never falls.",
                   options, SAMPLE_COUNT_OF(options));

    sample_log_start("HeapIdle,HeapReleased", SAMPLE_LOG_INTERVAL_MS);
    struct sample_run run = sample_run_of(seconds);
    while (sample_next(&run)) {
        if (!sample_past(&run, FULL))
            fill_cache((run.tick + 1) * ENTRIES / (run.ticks * FULL / 100));
        if (sample_at(&run, FULL))
            memlog_log_mark("full");
        if (sample_at(&run, HALVED)) {
            print_numbers("full:");
            memlog_log_mark("half dropped");
            drop_older_half();
            memlog_gc();
            memlog_log_sample(); /* right behind the mark: an edge, not a slope */
        }
        for (int i = 0; i < LOOKUPS_PER_TICK; i++)
            look_up();
    }
    print_numbers("half of it:");
    return 0;
}
