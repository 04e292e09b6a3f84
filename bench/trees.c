/* SPDX-License-Identifier: MIT */
/* trees - binary-trees as in the benchmarks game, on one thread: many short
 * trees of several depths while one deep tree lives on.
 */
#include <stdio.h>

#include "collected.h"

enum { LEAST_DEPTH = 4, DEPTH_STEP = 4, DEFAULT_DEPTH = 20 };

struct node {
    struct node *left, *right;
};

static struct node *make_tree(int depth)
{
    struct node *node = collected_alloc(sizeof(*node));
    if (depth > 0) {
        node->left = make_tree(depth - 1);
        node->right = make_tree(depth - 1);
    }
    return node;
}

static long count_nodes(const struct node *node)
{
    return node->left == NULL ? 1 : 1 + count_nodes(node->left) + count_nodes(node->right);
}

int main(int argc, char **argv)
{
    int depth = argc > 1 ? (int)bench_number(argv[1], LEAST_DEPTH, 30) : DEFAULT_DEPTH;
    collected_begin();
    long nodes = count_nodes(make_tree(depth + 1));
    struct node *long_lived = make_tree(depth);
    for (int d = LEAST_DEPTH; d <= depth; d += DEPTH_STEP)
        for (long left = 1L << (depth - d + LEAST_DEPTH); left > 0; left--)
            nodes += count_nodes(make_tree(d));
    nodes += count_nodes(long_lived);
    collected_report();
    fprintf(stderr, "%ld nodes\n", nodes);
    return 0;
}
