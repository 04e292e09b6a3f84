/* SPDX-License-Identifier: MIT */
/* gcbench - the shape of Boehm's GCBench with much that lives: an array of
 * trees, 1 GiB in all, and then temporary trees of many depths, built from the
 * top (old nodes point to new ones) and from the bottom.
 *
 * A node is two pointers and two numbers, 24 bytes: 32 bytes in memlog, and 32
 * in libgc, which adds one for the address past the end.
 */
#include <stdio.h>
#include <string.h>

#include "collected.h"

enum {
    LIVE_TREES = 32768,
    LIVE_DEPTH = 9,      /* 1023 nodes each: 2^25 nodes in all */
    LEAST_DEPTH = 4,
    MOST_DEPTH = 20,
    DEPTH_STEP = 2,
    WORK_DEPTH = 21,     /* every depth allocates as many nodes as two such trees, twice */
    NUMBERS = 500000
};

struct node {
    struct node *left, *right;
    int i, j;
};

static struct node *live[LIVE_TREES];
static double *numbers;

static struct node *make_node(void) { return collected_alloc(sizeof(struct node)); }

static struct node *bottom_up(int depth)
{
    if (depth <= 0)
        return make_node();
    struct node *left = bottom_up(depth - 1), *right = bottom_up(depth - 1);
    struct node *node = make_node();
    node->left = left;
    node->right = right;
    return node;
}

static void populate(int depth, struct node *node)
{
    if (depth <= 0)
        return;
    node->left = make_node();
    node->right = make_node();
    populate(depth - 1, node->left);
    populate(depth - 1, node->right);
}

static struct node *top_down(int depth)
{
    struct node *node = make_node();
    populate(depth, node);
    return node;
}

static long tree_nodes(int depth) { return (2L << depth) - 1; }

static void make_temporary_trees(int depth)
{
    long trees = 2 * tree_nodes(WORK_DEPTH) / tree_nodes(depth);
    for (long i = 0; i < trees; i++)
        bench_use(top_down(depth));
    for (long i = 0; i < trees; i++)
        bench_use(bottom_up(depth));
}

static long count_nodes(const struct node *node)
{
    return node == NULL ? 0 : 1 + count_nodes(node->left) + count_nodes(node->right);
}

int main(void)
{
    collected_begin();
    for (int i = 0; i < LIVE_TREES; i++)
        live[i] = top_down(LIVE_DEPTH);
    numbers = collected_alloc_noscan(NUMBERS * sizeof(*numbers));
    memset(numbers, 0, NUMBERS * sizeof(*numbers));
    for (int depth = LEAST_DEPTH; depth <= MOST_DEPTH; depth += DEPTH_STEP)
        make_temporary_trees(depth);
    collected_report();
    long nodes = 0;
    for (int i = 0; i < LIVE_TREES; i++)
        nodes += count_nodes(live[i]);
    fprintf(stderr, "%ld nodes live\n", nodes);
    return nodes != LIVE_TREES * tree_nodes(LIVE_DEPTH) || numbers[NUMBERS / 2] != 0;
}
