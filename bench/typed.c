/* SPDX-License-Identifier: MIT */
/* typed - what marking objects costs that are two pointers and many numbers.
 *
 *   typed plain 504    memlog_malloc: every word is looked at
 *   typed typed 504    memlog_malloc_typed: the two
 *
 * So many bytes each, 128 MiB in all; one tree over all of them in an order of
 * chance. With 8 bytes more for the type 56, 120 and 504 fill a slot.
 */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "figures.h"
#include "memlog.h"

enum { ALL_BYTES = 128 << 20, COLLECTIONS = 8, LEAST = 24, MOST = 32760 };

struct node {
    struct node *left, *right;
    uint64_t numbers[];
};

static struct node *root;

static const struct memlog_type *two_pointers(size_t bytes)
{
    unsigned long bitmap[] = { 3 };
    return bench_need((void *)memlog_type_new(bytes, bitmap, 1));
}

/* type NULL: a plain one. */
static struct node *make_node(size_t bytes, const struct memlog_type *type, uint64_t *chance)
{
    struct node *node =
        bench_need(type == NULL ? memlog_malloc(bytes) : memlog_malloc_typed(type));
    for (size_t i = 0; i < (bytes - sizeof(*node)) / sizeof(*node->numbers); i++)
        node->numbers[i] = bench_random(chance) >> 32;
    return node;
}

/* Where the pointers wait meanwhile the collector doesn't look; it is off. */
static void make_tree(size_t count, size_t bytes, const struct memlog_type *type)
{
    uint64_t chance = 1;
    struct node **nodes = mmap(NULL, count * sizeof(*nodes), PROT_READ | PROT_WRITE,
                               MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    bench_need(nodes == MAP_FAILED ? NULL : nodes);
    for (size_t i = 0; i < count; i++) {
        size_t at = bench_random(&chance) % (i + 1);
        nodes[i] = nodes[at];
        nodes[at] = make_node(bytes, type, &chance);
    }
    for (size_t i = 0; 2 * i + 1 < count; i++) {
        nodes[i]->left = nodes[2 * i + 1];
        nodes[i]->right = 2 * i + 2 < count ? nodes[2 * i + 2] : NULL;
    }
    root = nodes[0];
    munmap(nodes, count * sizeof(*nodes));
}

int main(int argc, char **argv)
{
    if (argc != 3 || (strcmp(argv[1], "plain") != 0 && strcmp(argv[1], "typed") != 0)) {
        fprintf(stderr, "usage: %s plain|typed BYTES\n", argv[0]);
        return 2;
    }
    size_t bytes = (size_t)bench_number(argv[2], LEAST, MOST), count = ALL_BYTES / bytes;
    memlog_set_gc_percent(-1);
    make_tree(count, bytes, strcmp(argv[1], "typed") == 0 ? two_pointers(bytes) : NULL);

    uint64_t least_ns = UINT64_MAX;
    struct memlog_extra extra = { .size = sizeof(extra) };
    for (int i = 0; i < COLLECTIONS; i++) {
        memlog_gc();
        memlog_read_extra(&extra);
        if (extra.last_mark_ns < least_ns)
            least_ns = extra.last_mark_ns;
    }
    memlog_keep_alive(root);
    if (extra.live_objects < count) {
        fprintf(stderr, "only %llu objects were reached\n",
                (unsigned long long)extra.live_objects);
        return 1;
    }
    bench_figure("ns per object", (double)least_ns / (double)count);
    return 0;
}
