/* SPDX-License-Identifier: MIT */
/* prog_http_plain.c - a program that has never heard of memlog's pages, for the scripts: it does
 * what it reads, a line each, and says "ok".
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "memlog_stats.h"

extern int memlog_read_memstats(struct memlog_memstats *) __attribute__((weak));
extern char **environ;

static void **kept;

__attribute__((noinline)) static void leak_here(long count, size_t bytes)
{
    for (long i = 0; i < count; i++) {
        void **object = malloc(bytes);
        *object = kept;
        kept = object;
    }
}

static void drop(void)
{
    while (kept != NULL) {
        void **next = *kept;
        free(kept);
        kept = next;
    }
}

static int thread_count(void)
{
    static char line[200];
    int count = 0;
    FILE *status = fopen("/proc/self/status", "r");
    while (fgets(line, sizeof(line), status) != NULL)
        sscanf(line, "Threads: %d", &count);
    fclose(status);
    return count;
}

int main(int argc, char **argv)
{
    static char line[200], word[200], input[1000], output[1000];
    long count, bytes;
    (void)argc;
    setvbuf(stdin, input, _IOLBF, sizeof(input)); /* stdio allocates none later */
    setvbuf(stdout, output, _IOLBF, sizeof(output));
    while (fgets(line, sizeof(line), stdin) != NULL) {
        struct memlog_memstats stats = { 0 };
        count = bytes = 0;
        sscanf(line, "%199s %ld %ld", word, &count, &bytes);
        if (strcmp(word, "pid") == 0) {
            printf("ok %d\n", (int)getpid());
        } else if (strcmp(word, "threads") == 0) {
            printf("ok %d\n", thread_count());
        } else if (strcmp(word, "numbers") == 0) {
            if (memlog_read_memstats != NULL)
                memlog_read_memstats(&stats);
            printf("ok %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", stats.mallocs, stats.frees, stats.alloc);
        } else if (strcmp(word, "environment") == 0) {
            printf("ok");
            for (char **variable = environ; *variable != NULL; variable++)
                if (strncmp(*variable, "MEMLOG_", 7) == 0)
                    printf(" %s", *variable);
            printf("\n");
        } else if (strcmp(word, "exec") == 0) {
            printf("ok\n");
            fflush(stdout);
            execv("/proc/self/exe", argv);
        } else if (strcmp(word, "drop") == 0) {
            drop();
            printf("ok\n");
        } else {
            leak_here(count, (size_t)bytes);
            printf("ok\n");
        }
    }
    return 0;
}
