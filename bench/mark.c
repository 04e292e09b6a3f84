/* SPDX-License-Identifier: MIT */
/* mark - what a full collection costs an object, at 1 GiB live.
 *
 *   mark tree      the nodes stand in memory as they are reached
 *   mark random    each node's neighbours are anywhere: a cache miss an object
 */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "figures.h"
#include "memlog.h"

enum { NODES = 1 << 25, TREES = 32768, TREE_DEPTH = 9, COLLECTIONS = 2 };

struct node {
    struct node *left, *right;
    uint64_t more[2];
};
_Static_assert(sizeof(struct node) == 32, "2^25 of them are 1 GiB");

static struct node *roots[TREES];

static struct node *make_node(void) { return bench_need(memlog_malloc(sizeof(struct node))); }

static struct node *make_tree(int depth)
{
    struct node *node = make_node();
    if (depth > 0) {
        node->left = make_tree(depth - 1);
        node->right = make_tree(depth - 1);
    }
    return node;
}

static void make_tree_order(void)
{
    for (int i = 0; i < TREES; i++)
        roots[i] = make_tree(TREE_DEPTH);
}

/* One complete tree over all nodes in an order of chance. Where the pointers
 * wait meanwhile the collector doesn't look; it is off. */
static void make_random_order(void)
{
    size_t bytes = NODES * sizeof(struct node *);
    struct node **nodes = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                               MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    uint64_t chance = 1;
    bench_need(nodes == MAP_FAILED ? NULL : nodes);
    for (size_t i = 0; i < NODES; i++) {
        size_t at = bench_random(&chance) % (i + 1);
        nodes[i] = nodes[at];
        nodes[at] = make_node();
    }
    for (size_t i = 0; 2 * i + 1 < NODES; i++) {
        nodes[i]->left = nodes[2 * i + 1];
        nodes[i]->right = 2 * i + 2 < NODES ? nodes[2 * i + 2] : NULL;
    }
    roots[0] = nodes[0];
    munmap(nodes, bytes);
}

int main(int argc, char **argv)
{
    if (argc != 2 || (strcmp(argv[1], "tree") != 0 && strcmp(argv[1], "random") != 0)) {
        fprintf(stderr, "usage: %s tree|random\n", argv[0]);
        return 2;
    }
    memlog_set_gc_percent(-1);
    if (strcmp(argv[1], "tree") == 0)
        make_tree_order();
    else
        make_random_order();

    uint64_t mark_ns = 0; /* of the last: the first one gets its memory */
    struct memlog_extra extra = { .size = sizeof(extra) };
    for (int i = 0; i < COLLECTIONS; i++) {
        memlog_gc();
        memlog_read_extra(&extra);
        mark_ns = extra.last_mark_ns;
    }
    memlog_keep_alive(roots);
    if (extra.live_objects < (uint64_t)NODES - TREES) {
        fprintf(stderr, "only %llu objects were reached\n",
                (unsigned long long)extra.live_objects);
        return 1;
    }
    bench_figure("ns per object", (double)mark_ns / (double)extra.live_objects);
    bench_figure("ms in all", (double)mark_ns / BENCH_NS_PER_MS);
    return 0;
}
