/* SPDX-License-Identifier: MIT */
/* churn - much garbage, little that lives.
 *
 * A parser that keeps its last documents and throws the others away. At half
 * time it gets twice as much to do: the teeth of Alloc stand twice as close,
 * NumGC and TotalAlloc climb twice as fast, and the level does not change. How
 * high the teeth are is decided by what lives, not by the rate.
 */
#include <stdio.h>
#include <string.h>

#include "memlog.h"
#include "sample.h"

enum {
    FASTER_PERCENT = 50,
    DOCUMENTS_KEPT = 3000,    /* of 4 KiB on average: 12 MiB live */
    DOCUMENTS_PER_TICK = 125, /* 50 MiB a second, and twice that */
    LEAST_WORDS = 1,
    MOST_WORDS = 127,
    WORD_BYTES = 40,
    LOG_INTERVAL_MS = 20 /* some points on every tooth */
};

struct word {
    struct word *next;
    char *text;
};

static struct word *documents[DOCUMENTS_KEPT];
static size_t next_document;
static uint64_t chance = 1;

/* A document is a list of words: half of it scanned, half of it text. */
static struct word *parse(void)
{
    struct word *document = NULL;
    for (size_t left = sample_between(&chance, LEAST_WORDS, MOST_WORDS); left > 0; left--) {
        struct word *word = sample_need(memlog_malloc(sizeof(*word)));
        word->text = sample_need(memlog_malloc_noscan(WORD_BYTES));
        memset(word->text, 'w', WORD_BYTES - 1);
        word->text[WORD_BYTES - 1] = '\0';
        word->next = document;
        document = word;
    }
    return document;
}

static void parse_documents(int count)
{
    for (int i = 0; i < count; i++)
        documents[next_document++ % DOCUMENTS_KEPT] = parse();
    memlog_keep_alive(documents); /* an array that nobody reads is optimized away */
}

int main(int argc, char **argv)
{
    long seconds = 10;
    const struct sample_option options[] = { SAMPLE_SECONDS(seconds) };
    sample_options(argc, argv, "Allocate much and keep little: Alloc saws, TotalAlloc races.",
                   options, SAMPLE_COUNT_OF(options));

    sample_log_start("TotalAlloc,NumGC", LOG_INTERVAL_MS);
    struct sample_run run = sample_run_of(seconds);
    while (sample_next(&run)) {
        if (sample_at(&run, FASTER_PERCENT))
            memlog_log_mark("twice the rate");
        parse_documents(sample_past(&run, FASTER_PERCENT) ? 2 * DOCUMENTS_PER_TICK
                                                          : DOCUMENTS_PER_TICK);
    }

    struct memlog_memstats now;
    memlog_read_memstats(&now);
    printf("churn: TotalAlloc %.1f MiB, and Alloc only %.1f under a Sys of %.1f\n",
           sample_mib(now.total_alloc), sample_mib(now.alloc), sample_mib(now.sys));
    printf("%u collections, %.2f%% of the CPU time available\n", (unsigned)now.num_gc,
           100 * now.gc_cpu_fraction);
    return 0;
}
