/* SPDX-License-Identifier: MIT */
#include "forest.h"

#include <stdio.h>
#include <stdlib.h>

#include "collected.h"

enum { MAGIC = 0x6d6c };

static struct forest_node *trees[FOREST_MIB_MOST * FOREST_TREES_OF_MIB];
static size_t tree_count;
static uint32_t numbers;

static struct forest_node *make(unsigned level, uint32_t number)
{
    if (level == FOREST_PART_LEVEL)
        number = numbers++;
    struct forest_node *node = collected_alloc(sizeof(*node));
    node->number = number;
    node->level = (uint16_t)level;
    node->magic = MAGIC;
    if (level + 1 < FOREST_LEVELS) {
        node->left = make(level + 1, number);
        node->right = make(level + 1, number);
    }
    return node;
}

struct forest_node *forest_make_tree(void) { return make(0, numbers++); }
struct forest_node *forest_make_part(void) { return make(FOREST_PART_LEVEL, 0); }

void forest_grow(int mib)
{
    tree_count = (size_t)mib * FOREST_TREES_OF_MIB;
    for (size_t i = 0; i < tree_count; i++)
        trees[i] = forest_make_tree();
}

size_t forest_trees(void) { return tree_count; }

struct forest_node **forest_any_tree(uint64_t *chance)
{
    return &trees[bench_random(chance) % tree_count];
}

struct forest_node **forest_any_part(uint64_t *chance)
{
    struct forest_node **place = forest_any_tree(chance);
    uint64_t path = bench_random(chance);
    for (unsigned level = 0; level < FOREST_PART_LEVEL; level++, path >>= 1)
        place = path & 1 ? &(*place)->right : &(*place)->left;
    return place;
}

static _Noreturn void die_of(const struct forest_node *node, unsigned level, const char *what)
{
    fprintf(stderr, "the node at %p, of level %u, %s: freed in use?\n", (const void *)node, level,
            what);
    exit(1);
}

/* A bit for each number whose part was met, or NULL when that does not matter. */
static uint8_t *met;

static void meet(const struct forest_node *part)
{
    uint8_t bit = (uint8_t)(1 << part->number % 8);
    if (met[part->number / 8] & bit)
        die_of(part, FOREST_PART_LEVEL, "is in two places");
    met[part->number / 8] |= bit;
}

static void check(const struct forest_node *node, unsigned level, uint32_t number)
{
    if (node == NULL || node->magic != MAGIC || node->level != level || node->number >= numbers)
        die_of(node, level, "is not what it was");
    if (level == FOREST_PART_LEVEL) {
        number = node->number;
        if (met != NULL)
            meet(node);
    }
    if (node->number != number)
        die_of(node, level, "is another one's");
    if (level + 1 < FOREST_LEVELS) {
        check(node->left, level + 1, number);
        check(node->right, level + 1, number);
    }
}

void forest_check_tree(const struct forest_node *tree) { check(tree, 0, tree->number); }

void forest_check(void)
{
    met = bench_need(calloc(numbers / 8 + 1, 1));
    for (size_t i = 0; i < tree_count; i++)
        forest_check_tree(trees[i]);
    free(met);
    met = NULL;
}
