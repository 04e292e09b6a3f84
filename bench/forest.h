/* SPDX-License-Identifier: MIT */
/* forest.h - a heap of which much lives: complete trees of ten levels, each
 * root in an array that the collector scans as data. At 1024 MiB they are 32768
 * trees, 2^25 nodes of 32 bytes.
 *
 * The lowest five levels hang on the upper five as parts of 31 nodes: parts are
 * exchanged and replaced, and stay complete. All nodes of a part carry its
 * number, those above the parts that of the tree, and each its level. A node
 * that was freed while in use and is used again for another one is found out by
 * that.
 */
#ifndef MEMLOG_BENCH_FOREST_H
#define MEMLOG_BENCH_FOREST_H

#include <stddef.h>
#include <stdint.h>

enum {
    FOREST_LEVELS = 10,
    FOREST_PART_LEVEL = 5,      /* where parts begin; the root has 0 */
    FOREST_TREE_NODES = (1 << FOREST_LEVELS) - 1,
    FOREST_PART_NODES = (1 << (FOREST_LEVELS - FOREST_PART_LEVEL)) - 1,
    FOREST_NODE_BYTES = 32,     /* that a node takes */
    FOREST_TREES_OF_MIB = 32,
    FOREST_MIB_MOST = 1024      /* and what is meant to be measured */
};

/* 24 bytes: 32 in memlog, and in libgc, which adds one for the address past the end. */
struct forest_node {
    struct forest_node *left, *right;
    uint32_t number;
    uint16_t level, magic;
};

/* Grow it, so many MiB. */
void forest_grow(int mib);
/* How many trees there are. */
size_t forest_trees(void);

struct forest_node *forest_make_tree(void);
struct forest_node *forest_make_part(void);

/* A tree of chance: where its root stands. */
struct forest_node **forest_any_tree(uint64_t *chance);
/* A part of chance: where the pointer to it stands, in a node of the level
 * above. There are 16 such nodes in a tree, and as it was allocated two on each
 * page: every page of the heap is as likely as the next. */
struct forest_node **forest_any_part(uint64_t *chance);

/* All nodes of a tree, or of all trees, are what they should be, and no part is
 * in two places (a freed part may be used again as it is), or else the program
 * ends with a message. */
void forest_check_tree(const struct forest_node *tree);
void forest_check(void);

#endif
