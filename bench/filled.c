/* SPDX-License-Identifier: MIT */
/* filled.c - a heap of so many MiB, for the row postmortem: nodes of 128 bytes, each the next one's,
 * and one object in the middle that one of them holds. Says its address, and dies with SIGABRT or
 * waits.
 *
 *   bench_filled MIB abort|wait
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "memlog.h"

struct node {
    struct node *next;
    unsigned long words[15];
};

static struct node *head;

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    size_t nodes = strtoull(argv[1], NULL, 10) * (1 << 20) / sizeof(struct node);
    memlog_set_gc_percent(-1);
    for (size_t i = 0; i < nodes; i++) {
        struct node *node = memlog_malloc(sizeof(*node));
        if (node == NULL)
            return 1;
        for (int word = 0; word < 15; word++)
            node->words[word] = (i + 1) * (unsigned long)(word + 1) * 0x9e3779b97f4a7c15;
        node->next = head;
        head = node;
        if (i == nodes / 2) {
            char *object = memlog_malloc(200);
            node->words[3] = (unsigned long)object + 16;
            printf("%p\n", (void *)object);
            fflush(stdout);
        }
    }
    printf("filled\n");
    fflush(stdout);
    if (strcmp(argv[2], "abort") == 0)
        abort();
    for (;;)
        pause();
}
