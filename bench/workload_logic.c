/* SPDX-License-Identifier: MIT */
/* logic - covers of cubes, complemented by splitting them at a variable, as
 * programs that minimise logic do it: small blocks that are copied, collected in
 * arrays that grow, and dropped in other orders than they came in.
 */
#include "workload.h"

#include <string.h>

enum { VARIABLES_MOST = 14 };

/* Two bits a variable: may it be 0, may it be 1? What would be many words in a larger problem
 * is a block of its own. */
struct cube {
    uint32_t may_be[2];
    uint16_t weight[]; /* as long as the problem has variables */
};

struct cover {
    size_t count, room;
    struct cube **cubes;
};

static unsigned variables;

static struct cube *copy_cube(const struct cube *cube)
{
    size_t bytes = sizeof(*cube) + variables * sizeof(cube->weight[0]);
    return memcpy(workload_alloc(bytes), cube, bytes);
}

static struct cube *whole_cube(void)
{
    struct cube *cube = workload_alloc(sizeof(*cube) + variables * sizeof(cube->weight[0]));
    cube->may_be[0] = cube->may_be[1] = (1u << variables) - 1;
    for (unsigned i = 0; i < variables; i++)
        cube->weight[i] = (uint16_t)i;
    return cube;
}

static void add_cube(struct cover *cover, struct cube *cube)
{
    if (cover->count == cover->room) {
        cover->room = cover->room * 2 + 4;
        cover->cubes = bench_need(realloc(cover->cubes, cover->room * sizeof(cover->cubes[0])));
    }
    cover->cubes[cover->count++] = cube;
}

static struct cover *new_cover(void)
{
    return bench_need(calloc(1, sizeof(struct cover)));
}

static void free_cover(struct cover *cover)
{
    for (size_t i = 0; i < cover->count; i++)
        free(cover->cubes[i]);
    free(cover->cubes);
    free(cover);
}

static struct cover *cofactor(const struct cover *cover, unsigned variable, unsigned value)
{
    uint32_t bit = 1u << variable;
    struct cover *result = new_cover();
    for (size_t i = 0; i < cover->count; i++)
        if (cover->cubes[i]->may_be[value] & bit) {
            struct cube *cube = copy_cube(cover->cubes[i]);
            cube->may_be[0] |= bit;
            cube->may_be[1] |= bit;
            add_cube(result, cube);
        }
    return result;
}

/* A variable that some cube binds, the one that most do; -1: none does in any. */
static int split_variable(const struct cover *cover)
{
    unsigned bound[VARIABLES_MOST] = { 0 };
    int best = -1;
    for (size_t i = 0; i < cover->count; i++) {
        uint32_t both = cover->cubes[i]->may_be[0] & cover->cubes[i]->may_be[1];
        for (unsigned j = 0; j < variables; j++)
            bound[j] += !(both >> j & 1);
    }
    for (unsigned j = 0; j < variables; j++)
        if (bound[j] != 0 && (best < 0 || bound[j] > bound[best]))
            best = (int)j;
    return best;
}

static struct cover *complement(const struct cover *cover)
{
    struct cover *result = new_cover();
    int variable = split_variable(cover);
    if (variable < 0) {
        if (cover->count == 0)
            add_cube(result, whole_cube());
        return result;
    }
    for (unsigned value = 0; value < 2; value++) {
        struct cover *half = cofactor(cover, (unsigned)variable, value);
        struct cover *other = complement(half);
        for (size_t i = 0; i < other->count; i++) {
            other->cubes[i]->may_be[!value] &= ~(1u << variable);
            add_cube(result, other->cubes[i]);
        }
        other->count = 0;
        free_cover(half);
        free_cover(other);
    }
    return result;
}

/* The cubes of a complement have nothing in common: how many points they are. */
static uint64_t points(const struct cover *cover)
{
    uint64_t all = 0;
    for (size_t i = 0; i < cover->count; i++)
        all += 1u << __builtin_popcount(cover->cubes[i]->may_be[0] & cover->cubes[i]->may_be[1]);
    return all;
}

static struct cover *random_cover(uint64_t *chance, unsigned cubes)
{
    struct cover *cover = new_cover();
    for (unsigned i = 0; i < cubes; i++) {
        struct cube *cube = whole_cube();
        for (unsigned j = 0; j < variables; j++)
            if (bench_random(chance) % 5 < 2)
                cube->may_be[bench_random(chance) % 2] &= ~(1u << j);
        add_cube(cover, cube);
    }
    return cover;
}

void workload_logic(unsigned threads)
{
    enum { PROBLEMS = 1200, CUBES = 40 };
    uint64_t chance = 3;
    (void)threads;
    for (unsigned problem = 0; problem < PROBLEMS; problem++) {
        variables = 8 + problem % (VARIABLES_MOST - 8 + 1);
        struct cover *cover = random_cover(&chance, CUBES);
        struct cover *off = complement(cover);
        struct cover *on = complement(off);
        workload_require(points(off) + points(on) == 1u << variables, "points are lost");
        free_cover(cover);
        free_cover(off);
        free_cover(on);
    }
}
