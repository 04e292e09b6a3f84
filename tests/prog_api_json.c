/* SPDX-License-Identifier: MIT */
/* prog_api_json.c - the C half of test_api_json_go.sh: a program that links
 * memlog, works, and prints snapshots for oracle.go: a line with the struct's
 * bytes in hexadecimal, a line with its JSON.
 */
#include <pthread.h>
#include <stdio.h>

#include "memlog.h"

enum { ROUNDS = 300, THREADS = 4 };

static void print_snapshot(void)
{
    static struct memlog_memstats stats;
    static char json[20480];
    memlog_read_memstats(&stats);
    int length = memlog_memstats_json(&stats, json, sizeof(json));
    for (size_t i = 0; i < sizeof(stats); i++)
        printf("%02x", ((const unsigned char *)&stats)[i]);
    printf("\n%.*s\n", length, json);
}

static void *work(void *unused)
{
    for (size_t i = 0; i < 1000; i++)
        if (memlog_malloc(i * i % 50000) == NULL)
            return unused;
    return NULL;
}

int main(void)
{
    pthread_t threads[THREADS];
    print_snapshot();
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, work, NULL) != 0)
            return 1;
    print_snapshot();
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    /* More collections than the rings of pauses have places. */
    for (int i = 0; i < ROUNDS; i++) {
        work(NULL);
        memlog_gc();
        if (i % 20 == 0)
            print_snapshot();
    }
    memlog_set_gc_percent(-1);
    print_snapshot();
    return fflush(stdout) == 0 ? 0 : 1;
}
