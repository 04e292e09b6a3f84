/* SPDX-License-Identifier: MIT */
/* spike - one burst to a few hundred MiB, and what remains of it.
 *
 * A report is built block by block, kept for a while, and dropped. Alloc goes
 * up and falls with the next collection. Sys goes up and stays: it is the
 * high-water mark of what memlog asked the operating system for. What was
 * given back of it is in HeapReleased, and that shows in the RSS.
 */
#include <stdio.h>
#include <string.h>

#include "memlog.h"
#include "sample.h"

enum {
    /* percent of the run */
    BURST_BEGINS = 20,
    BURST_ENDS = 35,
    DROPPED = 50,
    RELEASED = 75,

    BLOCK_BYTES = 1 << 20, /* so that a block is 1 MiB */
    MOST_BLOCKS = 16384,
    NOTES_PER_TICK = 200,
    NOTE_BYTES = 256
};

static char *report[MOST_BLOCKS];
static long report_blocks;

static void grow_report(long blocks)
{
    for (; report_blocks < blocks; report_blocks++) {
        char *block = sample_need(memlog_malloc_noscan(BLOCK_BYTES));
        memset(block, 'r', BLOCK_BYTES);
        report[report_blocks] = block;
    }
    memlog_keep_alive(report); /* an array that nobody reads is optimized away */
}

/* To drop an object is to forget it, everywhere. */
static void drop_report(void)
{
    memset(report, 0, sizeof(report));
    report_blocks = 0;
}

/* The everyday: a little garbage. */
static void take_notes(void)
{
    for (int i = 0; i < NOTES_PER_TICK; i++) {
        char *note = sample_need(memlog_malloc_noscan(NOTE_BYTES));
        memlog_keep_alive(note);
    }
}

/* Blocks due: none before the burst, all of them at its end. */
static long blocks_due(const struct sample_run *run, long all)
{
    long begin = run->ticks * BURST_BEGINS / 100;
    long end = run->ticks * BURST_ENDS / 100;
    if (run->tick < begin)
        return 0;
    return run->tick >= end ? all : all * (run->tick - begin) / (end - begin);
}

static void print_numbers(const char *moment)
{
    struct memlog_memstats now;
    struct memlog_extra extra = { .size = sizeof(extra) };
    memlog_read_memstats(&now);
    memlog_read_extra(&extra);
    printf("%-14s Alloc %6.1f  Sys %6.1f  HeapReleased %6.1f  RSS %6.1f MiB\n", moment,
           sample_mib(now.alloc), sample_mib(now.sys), sample_mib(now.heap_released),
           sample_mib(extra.rss));
}

int main(int argc, char **argv)
{
    long seconds = 10;
    long mib = 200;
    const struct sample_option options[] = {
        SAMPLE_SECONDS(seconds),
        { "mib", &mib, 1, MOST_BLOCKS, "how high the burst goes, in MiB" },
    };
    sample_options(argc, argv, "One burst, dropped: Alloc falls, Sys stays, HeapReleased rises.",
                   options, SAMPLE_COUNT_OF(options));

    sample_log_start("HeapReleased,rss", SAMPLE_LOG_INTERVAL_MS);
    struct sample_run run = sample_run_of(seconds);
    while (sample_next(&run)) {
        take_notes();
        if (sample_at(&run, BURST_BEGINS))
            memlog_log_mark("burst");
        if (!sample_past(&run, DROPPED))
            grow_report(blocks_due(&run, mib));
        if (sample_at(&run, DROPPED)) {
            print_numbers("at the top:");
            memlog_log_mark("dropped");
            drop_report();
            memlog_gc();
            memlog_log_sample(); /* right behind the mark: an edge, not a slope */
            print_numbers("dropped:");
        }
        if (sample_at(&run, RELEASED)) {
            memlog_log_mark("given back");
            memlog_free_os_memory();
            memlog_log_sample();
        }
    }
    print_numbers("at the end:");
    return 0;
}
