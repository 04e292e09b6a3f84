/* SPDX-License-Identifier: MIT */
/* ballast.c - many structures that one thread keeps, so that there is enough to
 * mark for the collector's helpers to be called. Changed and checked all the time. */
#include "stress.h"

enum { ROOMS_OF_A_MIB = 16, NODES_LEAST = 200, TRIES = 200 };

static struct room *ballast; /* an object: found through the program's data */
static size_t count;

/* A structure of many nodes; where there is no memory for them, of a few. */
static void load(struct room *room, uint64_t *random)
{
    do {
        clear(room, one_in(random, 2));
        furnish(room, random);
    } while (room->sort != EMPTY && is_single(room));
    for (int i = 0; i < TRIES && room->sort != EMPTY && room->sort != RING; i++) {
        if (room->size >= NODES_LEAST)
            break;
        structure_change(room, random);
    }
}

void ballast_load(unsigned mib, uint64_t *random)
{
    doing = "loading the ballast";
    count = (size_t)mib * ROOMS_OF_A_MIB;
    if (count == 0)
        return;
    ballast = take_array(count, sizeof(*ballast), false);
    if (ballast == NULL)
        count = 0;
    for (size_t i = 0; i < count; i++)
        load(&ballast[i], random);
}

void ballast_shift(uint64_t *random, unsigned times)
{
    doing = "shifting the ballast";
    for (; times > 0 && count != 0; times--) {
        struct room *room = &ballast[random_below(random, count)];
        check_room(room);
        if (one_in(random, 4))
            load(room, random);
        else
            change(room, random);
        add(&sums.operations, 1);
    }
}

void ballast_drop(void)
{
    doing = "dropping the ballast";
    for (size_t i = 0; i < count; i++) {
        check_room(&ballast[i]);
        clear(&ballast[i], i % 2 == 0);
    }
    ballast = NULL;
}
