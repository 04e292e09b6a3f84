/* SPDX-License-Identifier: MIT */
/* before_after - the numbers before and after a million integers.
 *
 * Two snapshots with memlog_read_memstats and four million bytes between them:
 * Alloc and TotalAlloc grow by 4 MB, Sys by what memlog asked the operating
 * system for, and NumGC says whether a collection ran meanwhile. The units are
 * MB, millions of bytes.
 */
#include <stdio.h>

#include "memlog.h"
#include "sample.h"

enum { INTEGERS = 1000000 };

static void print_snapshot(const char *moment)
{
    struct memlog_memstats now;
    memlog_read_memstats(&now);
    printf("%s (MB = 1,000,000 bytes):\n", moment);
    printf("  Alloc      = %6.2f MB\n", (double)now.alloc / 1e6);
    printf("  TotalAlloc = %6.2f MB\n", (double)now.total_alloc / 1e6);
    printf("  Sys        = %6.2f MB\n", (double)now.sys / 1e6);
    printf("  NumGC      = %6u\n", (unsigned)now.num_gc);
}

int main(int argc, char **argv)
{
    long log = 0;
    const struct sample_option options[] = {
        { "log", &log, 1, 1, "write memory.log as well (or what MEMLOG_FILE says)" },
    };
    sample_options(argc, argv, "Print the memory numbers before and after a million integers.",
                   options, SAMPLE_COUNT_OF(options));
    if (log)
        sample_log_start(NULL, SAMPLE_LOG_INTERVAL_MS);

    print_snapshot("Before a million integers");

    int *integers = sample_need(memlog_calloc_noscan(INTEGERS, sizeof(int)));
    for (int i = 0; i < INTEGERS; i++)
        integers[i] = i;

    print_snapshot("After a million integers");
    memlog_keep_alive(integers); /* up to here: else it could be collected above */
    return 0;
}
