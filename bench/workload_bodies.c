/* SPDX-License-Identifier: MIT */
/* bodies - gravity by an octree over 20,000 bodies (Barnes and Hut), which is
 * built and freed in every step; most of the time goes to floating point.
 */
#include "workload.h"

#include <math.h>
#include <string.h>

enum { BODIES = 20000, STEPS = 20 };

struct body {
    double place[3], speed[3], pull[3], mass;
};

struct cell {
    double middle[3], half, mass, centre[3];
    struct cell *parts[8];
    const struct body *body; /* a leaf's */
};

static struct cell *new_cell(const double middle[3], double half)
{
    struct cell *cell = bench_need(calloc(1, sizeof(*cell)));
    memcpy(cell->middle, middle, sizeof(cell->middle));
    cell->half = half;
    return cell;
}

static struct cell *part_for(struct cell *cell, const struct body *body)
{
    double middle[3];
    unsigned which = 0;
    for (unsigned i = 0; i < 3; i++) {
        unsigned above = body->place[i] >= cell->middle[i];
        which |= above << i;
        middle[i] = cell->middle[i] + (above ? cell->half : -cell->half) / 2;
    }
    if (cell->parts[which] == NULL)
        cell->parts[which] = new_cell(middle, cell->half / 2);
    return cell->parts[which];
}

/* A leaf with one in it becomes a cell with parts. */
static void insert(struct cell *cell, const struct body *body)
{
    const double TOO_SMALL = 1e-9;
    int is_new = cell->mass == 0;
    cell->mass += body->mass;
    for (unsigned i = 0; i < 3; i++)
        cell->centre[i] += body->mass * body->place[i];
    if (is_new || cell->half < TOO_SMALL) {
        cell->body = body;
        return;
    }
    if (cell->body != NULL) {
        insert(part_for(cell, cell->body), cell->body);
        cell->body = NULL;
    }
    insert(part_for(cell, body), body);
}

static void pull(const struct cell *cell, struct body *body)
{
    const double NEAR = 0.8, SOFT = 1e-4;
    double way[3], square = SOFT;
    for (unsigned i = 0; i < 3; i++) {
        way[i] = cell->centre[i] / cell->mass - body->place[i];
        square += way[i] * way[i];
    }
    if (cell->body == NULL && cell->half * cell->half * 4 > NEAR * NEAR * square) {
        for (unsigned i = 0; i < 8; i++)
            if (cell->parts[i] != NULL)
                pull(cell->parts[i], body);
        return;
    }
    double strength = cell->mass / (square * sqrt(square));
    for (unsigned i = 0; i < 3; i++)
        body->pull[i] += strength * way[i];
}

static void free_cells(struct cell *cell)
{
    for (unsigned i = 0; i < 8; i++)
        if (cell->parts[i] != NULL)
            free_cells(cell->parts[i]);
    free(cell);
}

void workload_bodies(unsigned threads)
{
    const double ORIGIN[3] = { 0, 0, 0 }, HALF = 4, SPAN = 0.002;
    struct body **bodies = workload_alloc(BODIES * sizeof(*bodies));
    uint64_t chance = 5;
    (void)threads;
    for (unsigned i = 0; i < BODIES; i++) {
        bodies[i] = bench_need(calloc(1, sizeof(**bodies)));
        bodies[i]->mass = 1.0 / BODIES;
        for (unsigned j = 0; j < 3; j++)
            bodies[i]->place[j] = (double)(bench_random(&chance) % 2000001) / 1000000 - 1;
    }
    for (unsigned s = 0; s < STEPS; s++) {
        struct cell *root = new_cell(ORIGIN, HALF);
        for (unsigned i = 0; i < BODIES; i++)
            insert(root, bodies[i]);
        workload_require(fabs(root->mass - 1) < 1e-6, "a body is lost");
        for (unsigned i = 0; i < BODIES; i++) {
            memset(bodies[i]->pull, 0, sizeof(bodies[i]->pull));
            pull(root, bodies[i]);
        }
        for (unsigned i = 0; i < BODIES; i++)
            for (unsigned j = 0; j < 3; j++) {
                bodies[i]->speed[j] += SPAN * bodies[i]->pull[j];
                bodies[i]->place[j] += SPAN * bodies[i]->speed[j];
            }
        free_cells(root);
    }
    for (unsigned i = 0; i < BODIES; i++)
        free(bodies[i]);
    free(bodies);
}
