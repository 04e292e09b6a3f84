/* SPDX-License-Identifier: MIT */
/* gc_along_objects.h - for tests of marks that run along: an array of old
 * objects, new ones that are known and hidden, and a cycle in which one thing is
 * done. */
#ifndef MEMLOG_TESTS_GC_ALONG_OBJECTS_H
#define MEMLOG_TESTS_GC_ALONG_OBJECTS_H

#include "gc_along.h"

enum { SLOTS = 4000, MAGIC = 0x5ca1ab1e };

static void *volatile *old; /* reached from a root at the first stop */

static __attribute__((noinline)) hidden_t bear(size_t bytes)
{
    uint64_t *object = memlog_malloc(bytes);
    ck_assert_ptr_nonnull(object);
    object[0] = MAGIC;
    return hide(object);
}

static bool is_whole(hidden_t hidden)
{
    return is_alive(hidden) && *(uint64_t *)reveal(hidden) == MAGIC;
}

static hidden_t born[SLOTS];
static unsigned born_count;

static __attribute__((noinline, unused)) void *bear_known(size_t bytes)
{
    born[born_count] = bear(bytes);
    return reveal(born[born_count++]);
}

static __attribute__((unused)) void assert_born_whole(void)
{
    for (unsigned i = 0; i < born_count; i++)
        ck_assert_msg(is_whole(born[i]), "%u of %u", i, born_count);
    assert_whole();
}

static void (*act)(void);
static bool acted;

static void act_once(void)
{
    if (acted)
        return;
    acted = true;
    act();
    clear_stack();
}

static __attribute__((unused)) void cycle_with(void (*what)(void), int point)
{
    acted = false;
    act = what;
    along_do[point] = act_once;
    collect_along();
    along_do[point] = NULL;
    ck_assert(acted);
}

static __attribute__((unused)) void collect_stopped(void)
{
    ml_gc_stops = true;
    collect();
    ml_gc_stops = false;
}

static __attribute__((unused)) void make_old(void)
{
    old = memlog_malloc(SLOTS * sizeof(*old));
    for (unsigned i = 0; i < SLOTS / 2; i++)
        old[i] = reveal(bear(64));
}

#endif
