/* SPDX-License-Identifier: MIT */
/* stress.h - the stress program: what its parts share.
 *
 *   main.c        arguments, the threads' coming and going, the sum at the end
 *   worker.c      one thread's life: a table of rooms, and what is done to them
 *   places.c      where the table lies, and with it the only pointers
 *   objects.c     single objects of all kinds: taken, filled, checked, counted
 *   structures.c  lists, trees, graphs, hash tables, rings of objects
 *   acts.c        pointers in registers and on stacks, short threads, forks
 *   watched.c     objects with finalizers and weak references
 *   ballast.c     much that is alive
 *   pests.c       signals, collections, settings: what disturbs the workers
 *   reader.c      snapshots of the statistics, and the identities in each
 *
 * Whatever a worker keeps has one pointer to it, in a room of its table, and a
 * pattern inside that is a function of the room's seed: an object that was freed,
 * moved, handed out twice or written to is found when it is looked at.
 *
 * The program sees the public headers only, and is built against the shared
 * library. It ends with one line, or with one that says what is wrong and abort.
 */
#ifndef MEMLOG_TESTS_STRESS_H
#define MEMLOG_TESTS_STRESS_H

#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "memlog.h"

/* ---- settings and sums (main.c) -------------------------------------------- */

struct settings {
    unsigned threads, live_mib;
    double seconds;
    uint64_t seed;
    bool limited;  /* memory is short: NULL is an answer */
    bool pad_all;  /* MEMLOG_PAST_END=always */
};
extern struct settings settings;

/* Written with relaxed atomics by all threads. */
struct sums {
    uint64_t operations, lives, forks, threads, signals, snapshots, refused,
             finalized;
    uint64_t errands; /* under way */
    /* What the statistics must show. Bytes of blocks. */
    uint64_t mallocs, frees, malloc_bytes, free_bytes;
};
extern struct sums sums;

static inline void add(uint64_t *sum, uint64_t by) { __atomic_fetch_add(sum, by, __ATOMIC_RELAXED); }
static inline uint64_t now_of(const uint64_t *sum) { return __atomic_load_n(sum, __ATOMIC_RELAXED); }

bool is_over(void);

/* What the calling thread is doing, for the line that says what is wrong. */
extern __thread const char *doing;

/* One line with the seed, and abort. */
_Noreturn void failed(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* ---- random numbers ---------------------------------------------------------- */

static inline uint64_t mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}
static inline uint64_t random_next(uint64_t *state)
{
    return mix(*state += UINT64_C(0x9e3779b97f4a7c15));
}
static inline uint64_t random_below(uint64_t *state, uint64_t limit)
{
    return random_next(state) % limit;
}
static inline bool one_in(uint64_t *state, uint64_t n) { return random_below(state, n) == 0; }

/* ---- rooms (objects.c, structures.c) -------------------------------------------- */

enum sort { EMPTY, SCANNED, NOSCAN, UNCOLLECTABLE, TYPED, TEXT, LIST, TREE, GRAPH, HASH, RING, SORTS };

struct room {
    void *object;  /* the only pointer to it; of a list one into its first node */
    size_t size;   /* as it was asked for; of structures, how many nodes or places */
    uint64_t seed; /* of the pattern; of structures, the sum of the keys */
    uint16_t sort; /* enum sort */
    uint16_t extra;
    uint32_t count;
};
_Static_assert(sizeof(struct room) == 32, "a table fits the library's variables");

enum { ROOMS = 24 };

/* The allocation functions, with the result looked at and counted. NULL only
 * when memory is short and may be. */
void *take(size_t size, enum sort sort, uint64_t *random);
void *take_aligned(size_t alignment, size_t size, bool noscan);
void *take_array(size_t count, size_t size, bool noscan);
/* Only its first words, so many, may hold pointers; in others stand addresses of
 * objects that were taken before, many of them gone. size: a multiple of 8. */
void *take_typed(size_t size, unsigned pointers, uint64_t *random);
void give(void *object);
void *resize(void *object, size_t old, size_t size, bool noscan);
size_t random_size(uint64_t *random);

/* Bytes, as the statistics count them. */
static inline uint64_t block_of(const void *object)
{
    return (memlog_usable_size(object) + 15) & ~(size_t)15;
}

void fill(void *object, size_t size, uint64_t seed);
void check_filled(const void *object, size_t size, uint64_t seed, const char *what);

/* Any sort; a room that there is no memory for stays empty. */
void furnish(struct room *room, uint64_t *random);
void change(struct room *room, uint64_t *random);
void check_room(const struct room *room);
/* Leave what is there to the collector, or free it. */
void clear(struct room *room, bool free_it);
/* All of it may be freed by one call, or dropped. */
static inline bool is_single(const struct room *room) { return room->sort <= TEXT; }

void structure_new(struct room *room, uint64_t *random);
void structure_change(struct room *room, uint64_t *random);
void structure_check(const struct room *room);
void structure_clear(struct room *room, bool free_it);

/* ---- places --------------------------------------------------------------------- */

/* Where a table lies. On the worker's stack, the table of FRAME with it. */
struct place {
    unsigned kind;
    struct room frame[ROOMS];
    struct room *outside;      /* a table that is no memlog object */
    const void *volatile held; /* into a table that is one, or just behind it */
    void *library;
};
/* Held while a library is loaded or unloaded, and while a child is forked: the C
 * library leaves its loader's lock locked in a child when another thread had it. */
extern pthread_mutex_t loading;
/* Every kind has its turn, by number. */
void place_open(struct place *place, uint64_t number, uint64_t *random);
struct room *place_rooms(struct place *place);
/* The rooms are empty. */
void place_close(struct place *place);

/* ---- the threads ------------------------------------------------------------------ */

void *worker(void *number);
/* Some work on the rooms; alone: nobody else is there to exchange with. */
void work(struct place *place, uint64_t *random, unsigned steps, bool alone);
/* One of the acts.c. */
void act(struct place *place, uint64_t *random);
/* Objects that nobody keeps. */
void litter(uint64_t *random, unsigned count);
/* What is on the shelves goes. */
void clear_shelves(void);

/* Something with an object that has a finalizer or a weak reference. */
void watch(uint64_t *random);
/* With all quiet: what was not let go goes. */
void clear_stands(void);

/* About so much, in structures that one thread keeps. */
void ballast_load(unsigned mib, uint64_t *random);
void ballast_shift(uint64_t *random, unsigned times);
void ballast_drop(void);

void *pest(void *unused);
void take_signals(void);

void *reader(void *unused);
/* With all quiet: the statistics are what was counted. */
void check_sums(void);

/* The worker of that number may be sent signals from now on, or no more. */
void present(unsigned number, bool here);

#endif
