/* SPDX-License-Identifier: MIT */
/* worker.c - one thread's life: its rooms, and what is done to them. */
#include <signal.h>
#include <string.h>
#include <sys/mman.h>

#include "stress.h"

enum { SHELVES = 64, LIFE_MOST = 1000, SIGNAL_STACK_BYTES = 64 << 10 };

/* ---- shelves: rooms that are handed over to whoever comes ------------------------ */

static struct shelf {
    pthread_mutex_t mutex;
    struct room room;
} shelves[SHELVES] = { [0 ... SHELVES - 1] = { .mutex = PTHREAD_MUTEX_INITIALIZER } };

static void exchange(struct room *room, uint64_t *random)
{
    struct shelf *shelf = &shelves[random_below(random, SHELVES)];
    struct room mine = *room;
    pthread_mutex_lock(&shelf->mutex);
    *room = shelf->room;
    shelf->room = mine;
    pthread_mutex_unlock(&shelf->mutex);
}

void clear_shelves(void)
{
    for (int i = 0; i < SHELVES; i++) {
        check_room(&shelves[i].room);
        clear(&shelves[i].room, i % 2 == 0);
    }
}

/* ---- work ------------------------------------------------------------------------- */

void litter(uint64_t *random, unsigned count)
{
    while (count-- > 0)
        memlog_keep_alive(take(random_below(random, 600), one_in(random, 2) ? NOSCAN : SCANNED,
                               random));
}

static void step(struct place *place, uint64_t *random, bool alone)
{
    struct room *room = &place_rooms(place)[random_below(random, ROOMS)];
    switch (random_below(random, 10)) {
    case 0:
    case 1:
    case 2:
        doing = "filling a room anew";
        check_room(room);
        clear(room, one_in(random, 2));
        furnish(room, random);
        break;
    case 3:
    case 4:
        doing = "changing a room";
        check_room(room);
        change(room, random);
        check_room(room);
        break;
    case 5:
    case 6:
        doing = "exchanging a room";
        if (!alone)
            exchange(room, random);
        check_room(room);
        break;
    case 7:
        doing = "acting";
        act(place, random);
        break;
    case 8:
        doing = "leaving litter";
        litter(random, 20);
        break;
    default:
        doing = "checking a room";
        check_room(room);
    }
}

void work(struct place *place, uint64_t *random, unsigned steps, bool alone)
{
    for (; steps > 0 && !(is_over() && !alone); steps--) {
        step(place, random, alone);
        add(&sums.operations, 1);
    }
}

static void clear_all(struct place *place, uint64_t *random)
{
    for (int i = 0; i < ROOMS; i++) {
        struct room *room = &place_rooms(place)[i];
        check_room(room);
        if (one_in(random, 2))
            exchange(room, random);
        check_room(room);
        clear(room, one_in(random, 2));
    }
}

/* ---- the thread --------------------------------------------------------------------- */

/* A signal stack of its own; the handlers of some signals run there. */
static void *open_signal_stack(void)
{
    void *memory = mmap(NULL, SIGNAL_STACK_BYTES, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return NULL;
    stack_t stack = { .ss_sp = memory, .ss_size = SIGNAL_STACK_BYTES };
    sigaltstack(&stack, NULL);
    return memory;
}

static void close_signal_stack(void *memory)
{
    stack_t none = { .ss_flags = SS_DISABLE };
    if (memory == NULL)
        return;
    sigaltstack(&none, NULL);
    munmap(memory, SIGNAL_STACK_BYTES);
}

static __attribute__((noinline)) void live(uint64_t number, uint64_t *random)
{
    struct place place;
    doing = "opening a place";
    place_open(&place, number, random);
    work(&place, random, (unsigned)random_below(random, LIFE_MOST), false);
    doing = "clearing the rooms";
    clear_all(&place, random);
    doing = "closing a place";
    place_close(&place);
}

void *worker(void *number)
{
    uint64_t life = settings.seed + __atomic_add_fetch(&sums.lives, 1, __ATOMIC_RELAXED);
    uint64_t random = mix(life);
    void *signal_stack = open_signal_stack();
    present((unsigned)(uintptr_t)number, true);
    live(life, &random);
    present((unsigned)(uintptr_t)number, false);
    close_signal_stack(signal_stack);
    return NULL;
}
