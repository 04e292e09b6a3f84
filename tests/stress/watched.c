/* SPDX-License-Identifier: MIT */
/* watched.c - objects with finalizers and weak references: on stands where they
 * have nothing but a weak reference to them, or a pointer for a while.
 *
 * A finalizer is given a token that nothing else refers to. It runs once, finds
 * object and token as they were, and the weak reference empty. */
#include <sched.h>

#include "stress.h"

enum { STANDS = 64, VISITS = 10, BYTES_MOST = 3000 };

struct watched {
    uint64_t seed, finalized;
    size_t size;
    char bytes[];
};

struct token {
    uint64_t seed;
    struct memlog_weak *weak; /* to the object; NULL: there is none */
};

static struct stand {
    pthread_mutex_t mutex;
    struct watched *object; /* NULL: there may be one all the same */
    struct memlog_weak *weak;
    bool is_in_token;
} stands[STANDS] = { [0 ... STANDS - 1] = { .mutex = PTHREAD_MUTEX_INITIALIZER } };

static void finalize(void *object, void *data)
{
    struct watched *watched = object;
    const struct token *token = data;
    doing = "finalizing";
    check_filled(watched->bytes, watched->size, watched->seed, "an object that is finalized");
    if (token->seed != ~watched->seed)
        failed("what a finalizer is given has changed");
    if (watched->finalized++ != 0)
        failed("an object is finalized a second time");
    if (memlog_weak_get(token->weak) != NULL)
        failed("the weak reference to an object that is finalized leads to it");
    add(&sums.finalized, 1);
}

/* Where memory is short an allocation of memlog's own may fail halfway, and be
 * counted. */
static struct memlog_weak *new_weak(struct watched *object)
{
    struct memlog_weak *weak = settings.limited ? NULL : memlog_weak_create(object);
    if (weak == NULL && !settings.limited)
        failed("no weak reference");
    if (weak != NULL) {
        add(&sums.mallocs, 1);
        add(&sums.malloc_bytes, block_of(weak));
    }
    return weak;
}

static void drop_weak(struct stand *stand)
{
    if (stand->weak != NULL && !stand->is_in_token) {
        add(&sums.frees, 1);
        add(&sums.free_bytes, block_of(stand->weak));
        memlog_weak_destroy(stand->weak);
    }
    stand->weak = NULL;
}

static __attribute__((noinline)) void put_new(struct stand *stand, uint64_t *random)
{
    size_t size = random_below(random, BYTES_MOST);
    struct token *token = take(sizeof(*token), SCANNED, random);
    struct watched *object = take(sizeof(*object) + size, SCANNED, random);
    drop_weak(stand);
    stand->object = object;
    if (object == NULL || token == NULL)
        return;
    *object = (struct watched){ .seed = random_next(random), .size = size };
    fill(object->bytes, size, object->seed);
    token->seed = ~object->seed;
    stand->weak = one_in(random, 3) ? NULL : new_weak(object);
    stand->is_in_token = one_in(random, 2);
    token->weak = stand->is_in_token ? stand->weak : NULL;
    if (one_in(random, 4))
        return;
    if (memlog_set_finalizer(object, finalize, token) != 0 && !settings.limited)
        failed("no finalizer");
}

/* By the weak reference, when there is nothing else. */
static struct watched *find(const struct stand *stand)
{
    struct watched *found = stand->weak == NULL ? stand->object : memlog_weak_get(stand->weak);
    if (stand->object != NULL && found != stand->object)
        failed("a weak reference leads to %p, and its object is at %p", (void *)found,
               (void *)stand->object);
    return found;
}

static __attribute__((noinline)) void look_at(struct stand *stand, uint64_t *random)
{
    struct watched *object = find(stand);
    if (object == NULL)
        return;
    check_filled(object->bytes, object->size, object->seed, "an object that is watched");
    if (object->finalized != 0)
        failed("an object that was finalized is to be had");
    switch (random_below(random, 8)) {
    case 0:
        stand->object = NULL; /* only the weak reference is left */
        break;
    case 1:
        stand->object = object;
        break;
    case 2:
        give(object);
        stand->object = NULL;
        if (stand->weak != NULL && memlog_weak_get(stand->weak) != NULL)
            failed("a weak reference leads to an object that was freed");
        break;
    default: break;
    }
}

static void visit_one(uint64_t *random)
{
    struct stand *stand = &stands[random_below(random, STANDS)];
    if (pthread_mutex_trylock(&stand->mutex) != 0)
        return; /* in a forked child, perhaps for ever */
    if (one_in(random, 3))
        put_new(stand, random);
    else
        look_at(stand, random);
    pthread_mutex_unlock(&stand->mutex);
}

void watch(uint64_t *random)
{
    for (unsigned i = 0; i < VISITS; i++)
        visit_one(random);
}

void clear_stands(void)
{
    for (int i = 0; i < STANDS; i++) {
        if (find(&stands[i]) != NULL && i % 2 == 0)
            give(find(&stands[i]));
        stands[i].object = NULL;
        drop_weak(&stands[i]);
    }
}
