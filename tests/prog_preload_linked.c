/* SPDX-License-Identifier: MIT */
/* prog_preload_linked.c - linked with libmemlog, and run with the preload library:
 * there is one heap, one collector and one log. Says what is wrong. */
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memlog.h"
#include "memlog_stats.h"

static void check(int holds, const char *what)
{
    if (holds)
        return;
    printf("does not hold: %s\n", what);
    exit(1);
}

static struct memlog_memstats stats_now(void)
{
    struct memlog_memstats stats;
    memlog_read_memstats(&stats);
    return stats;
}

static void *collect(void *unused)
{
    void *volatile mine = memlog_malloc(500);
    for (int i = 0; i < 20; i++) {
        for (int k = 0; k < 2000; k++)
            *(void *volatile *)memlog_malloc(100) = NULL;
        memlog_gc();
    }
    check(memlog_usable_size(mine) >= 500, "what a thread's stack refers to stays");
    return unused;
}

/* SigCgt of /proc/self/status, without the C library's two. */
static int count_handlers(void)
{
    char line[256];
    unsigned long long caught = 0;
    FILE *status = fopen("/proc/self/status", "r");
    while (fgets(line, sizeof(line), status) != NULL)
        if (sscanf(line, "SigCgt: %llx", &caught) == 1)
            break;
    fclose(status);
    return __builtin_popcountll(caught & ~(1ULL << 31) & ~(1ULL << 32));
}

int main(void)
{
    check(stats_now().enable_gc, "the collector is awake before the first call");
    check(count_handlers() == 1, "one signal is the collector's, and not two");
    struct memlog_memstats before = stats_now();
    void *volatile plain = malloc(3000);
    check(stats_now().mallocs > before.mallocs, "malloc is counted where memlog_malloc is");
    memlog_free(plain);
    void **holder = malloc(sizeof(*holder));
    *holder = memlog_malloc(2000);
    memset(*holder, 0x33, 2000);
    /* A large one that is not zero when it comes. */
    free(memset(malloc(200000), 0xff, 200000));
    char *volatile large = memset(malloc(200000), 0x44, 200000);
    static void *many[100000]; /* enough for a mark that runs along */
    for (int i = 0; i < 100000; i++)
        many[i] = memlog_malloc(48);
    pthread_t threads[3];
    for (int i = 0; i < 3; i++)
        check(pthread_create(&threads[i], NULL, collect, NULL) == 0, "threads start");
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    check(((char *)*holder)[1999] == 0x33, "what memory from malloc refers to stays");
    for (int i = 0; i < 200000; i++)
        check(large[i] == 0x44, "large memory from malloc keeps what is in it");
    free(large);
    free(*holder);
    free(holder);
    check(stats_now().num_gc >= 60, "collections are counted");
    struct memlog_extra extra = { .size = sizeof(extra) };
    memlog_read_extra(&extra);
    check(extra.frees_swept >= 50000, "garbage is collected");
    check(memlog_log_start(NULL) == 0, "the log begins");
    return 0;
}
