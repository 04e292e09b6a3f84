/* SPDX-License-Identifier: MIT */
/* leak_size - a leak of a few big objects.
 *
 * The same healthy service (service.h) as in leak_count, which from a fifth of
 * the run on files away an image of 4 MiB every half second and never looks at
 * it again. Alloc climbs in steps; HeapObjects is flat, for what are forty more
 * among a hundred thousand?
 */
#include <stdio.h>
#include <string.h>

#include "memlog.h"
#include "sample.h"
#include "service.h"

enum { LEAK_BEGINS_PERCENT = 20, TICKS_PER_IMAGE = 50, IMAGE_BYTES = 4 << 20 };

struct page {
    struct page *next;
    char *image;
};

/* The leak: an archive that only grows. */
static struct page *archive;

static void file_away(long client)
{
    struct page *page = sample_need(memlog_malloc(sizeof(*page)));
    page->image = sample_need(memlog_malloc_noscan(IMAGE_BYTES));
    memset(page->image, (int)client, IMAGE_BYTES);
    page->next = archive;
    archive = page;
}

int main(int argc, char **argv)
{
    long seconds = 12;
    const struct sample_option options[] = { SAMPLE_SECONDS(seconds) };
    sample_options(argc, argv, "Leak a few big objects: Alloc climbs, HeapObjects is flat.",
                   options, SAMPLE_COUNT_OF(options));

    service_open();
    sample_log_start("HeapObjects", SAMPLE_LOG_INTERVAL_MS);
    struct sample_run run = sample_run_of(seconds);
    while (sample_next(&run)) {
        service_work();
        if (sample_at(&run, LEAK_BEGINS_PERCENT))
            memlog_log_mark("leak begins");
        if (sample_past(&run, LEAK_BEGINS_PERCENT) && run.tick % TICKS_PER_IMAGE == 0)
            file_away(run.tick);
    }
    service_report("leak_size");
    return 0;
}
