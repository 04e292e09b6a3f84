/* SPDX-License-Identifier: MIT */
/* structures.c - objects that refer to each other. Each node knows its key
 * twice; a structure knows how many nodes it has and the sum of their keys. */
#include <string.h>

#include "stress.h"

struct node {
    struct node *a, *b;
    uint64_t key, check; /* check: mix(key) */
};

enum { NODES_MOST = 400, BUCKETS_FIRST = 4, RING_MOST = 100, RING_BYTES_MOST = 600 };

static const char *name_of(const struct room *room)
{
    static const char *const names[SORTS] = { [LIST] = "list", [TREE] = "tree", [GRAPH] = "graph",
                                              [HASH] = "hash table", [RING] = "ring" };
    return names[room->sort];
}

/* Some nodes have a type, and among them large ones; behind the node stand
 * addresses in those. */
static struct node *take_node(uint64_t *random)
{
    static const size_t more[] = { 0, 0, 0, 16, 100, 256, 1000 };
    static const size_t typed_more[] = { 0, 0, 8, 16, 32, 96, 256, 1000 };
    if (!one_in(random, 3))
        return take(sizeof(struct node) + more[random_below(random, 7)], SCANNED, random);
    size_t size = sizeof(struct node) + typed_more[random_below(random, 8)];
    if (one_in(random, 100))
        size = one_in(random, 10) ? 50000 : 10000;
    return take_typed(size, 2, random);
}

static struct node *new_node(uint64_t *random, uint64_t *sum)
{
    uint64_t key = random_next(random) >> 1 | UINT64_C(1) << 62; /* no address */
    struct node *node = take_node(random);
    if (node == NULL)
        return NULL;
    node->key = key;
    node->check = mix(key);
    *sum += key;
    return node;
}

static void check_node(const struct room *room, const struct node *node, size_t number)
{
    if (node->check != mix(node->key))
        failed("node %zu of %zu of a %s, at %p, has changed: key %#" PRIx64 ", check %#" PRIx64,
               number, room->size, name_of(room), (const void *)node, node->key, node->check);
}

static void check_totals(const struct room *room, size_t nodes, uint64_t sum)
{
    if (nodes != room->size || sum != room->seed)
        failed("a %s of %zu nodes has %zu, and the sum of its keys is %s", name_of(room),
               room->size, nodes, sum == room->seed ? "right" : "wrong");
}

/* ---- lists: all links, the first too, point so many bytes into the node ------------- */

static struct node *list_node(const struct room *room, const void *link)
{
    return link == NULL ? NULL : (struct node *)((char *)link - room->extra);
}

static void list_push(struct room *room, uint64_t *random)
{
    struct node *node = new_node(random, &room->seed);
    if (node == NULL)
        return;
    node->a = room->object;
    room->object = (char *)node + room->extra;
    room->size++;
}

/* A node that is garbage refers to nothing that will be freed by hand: a word on a
 * stack may keep it by chance, and to a mark that is checked what stands in the
 * place of what was freed would look like an object that was missed. */
static void let_go(struct node *node, bool free_it)
{
    node->a = node->b = NULL;
    if (free_it)
        give(node);
}

static void list_pop(struct room *room, bool free_it)
{
    struct node *node = list_node(room, room->object);
    check_node(room, node, 0);
    room->object = node->a;
    room->seed -= node->key;
    room->size--;
    let_go(node, free_it);
}

static void list_reverse(struct room *room)
{
    void *reversed = NULL;
    size_t nodes = 0;
    for (struct node *node = list_node(room, room->object), *next; node != NULL; node = next) {
        check_node(room, node, nodes);
        if (nodes++ > room->size)
            failed("a list has no end");
        next = list_node(room, node->a);
        node->a = reversed;
        reversed = (char *)node + room->extra;
    }
    room->object = reversed;
}

static void list_change(struct room *room, uint64_t *random)
{
    unsigned count = (unsigned)random_below(random, 40);
    if (one_in(random, 4))
        list_reverse(room);
    else if (room->size < NODES_MOST && one_in(random, 2))
        while (count-- > 0)
            list_push(room, random);
    else
        while (count-- > 0 && room->size > 1)
            list_pop(room, one_in(random, 2));
}

static void list_check(const struct room *room)
{
    uint64_t sum = 0;
    size_t nodes = 0;
    for (struct node *node = list_node(room, room->object); node != NULL && nodes <= room->size;
         node = list_node(room, node->a)) {
        check_node(room, node, nodes++);
        sum += node->key;
    }
    check_totals(room, nodes, sum);
}

/* ---- trees: search trees --------------------------------------------------------------- */

static void tree_insert(struct room *room, uint64_t *random)
{
    uint64_t sum = room->seed;
    struct node *node = new_node(random, &sum), **at = (struct node **)&room->object;
    if (node == NULL)
        return;
    size_t depth = 0;
    for (; *at != NULL; at = node->key < (*at)->key ? &(*at)->a : &(*at)->b) {
        check_node(room, *at, depth);
        if (depth++ > room->size)
            failed("a tree has no leaves");
    }
    *at = node;
    room->seed = sum;
    room->size++;
}

static void tree_remove_least(struct room *room, bool free_it)
{
    struct node **at = (struct node **)&room->object;
    for (size_t depth = 0; (*at)->a != NULL; at = &(*at)->a)
        if (depth++ > room->size)
            failed("a tree has no leaves");
    struct node *least = *at;
    check_node(room, least, 0);
    *at = least->b;
    room->seed -= least->key;
    room->size--;
    let_go(least, free_it);
}

static void tree_rotate(struct room *room)
{
    struct node *root = room->object, *next = root->a;
    if (next == NULL)
        return;
    root->a = next->b;
    next->b = root;
    room->object = next;
}

/* A copy, without recursion on failure: NULL subtrees stay out. */
static struct node *tree_copy(const struct node *node, struct room *copy)
{
    uint64_t random = node == NULL ? 0 : node->key, unused = 0;
    struct node *twin = node == NULL ? NULL : new_node(&random, &unused);
    if (twin == NULL)
        return NULL;
    twin->key = node->key;
    twin->check = node->check;
    copy->seed += node->key;
    copy->size++;
    twin->a = tree_copy(node->a, copy);
    twin->b = tree_copy(node->b, copy);
    return twin;
}

static void tree_change(struct room *room, uint64_t *random)
{
    unsigned count = (unsigned)random_below(random, 30);
    if (one_in(random, 8)) {
        struct room copy = { .sort = TREE };
        copy.object = tree_copy(room->object, &copy);
        if (copy.object != NULL)
            *room = copy; /* the old one is garbage */
    } else if (room->size < NODES_MOST && one_in(random, 2)) {
        while (count-- > 0)
            tree_insert(room, random);
    } else {
        while (count-- > 0 && room->size > 1) {
            tree_remove_least(room, one_in(random, 2));
            tree_rotate(room);
        }
    }
}

static size_t tree_walk(const struct room *room, const struct node *node, size_t depth, uint64_t *sum)
{
    if (node == NULL)
        return 0;
    check_node(room, node, depth);
    if (depth > room->size || (node->a != NULL && node->a->key > node->key) ||
        (node->b != NULL && node->b->key < node->key))
        failed("a tree is no search tree any more, at %p", (const void *)node);
    *sum += node->key;
    return 1 + tree_walk(room, node->a, depth + 1, sum) + tree_walk(room, node->b, depth + 1, sum);
}

static void tree_check(const struct room *room)
{
    uint64_t sum = 0;
    size_t nodes = tree_walk(room, room->object, 0, &sum);
    check_totals(room, nodes, sum);
}

/* Here, too, nothing that is reached refers to what was freed. */
static void tree_free(struct node **at)
{
    struct node *node = *at;
    if (node == NULL)
        return;
    *at = NULL;
    tree_free(&node->a);
    tree_free(&node->b);
    give(node);
}

/* ---- graphs: a ring by a, and b leads anywhere, also to nodes no longer in the ring ---- */

static void graph_insert(struct room *room, uint64_t *random)
{
    struct node *at = room->object, *node = new_node(random, &room->seed);
    if (node == NULL)
        return;
    room->size++;
    if (at == NULL) {
        room->object = node->a = node->b = node;
        return;
    }
    node->a = at->a;
    node->b = at->b;
    at->a = node;
    if (one_in(random, 2))
        at->b = node;
}

static void graph_change(struct room *room, uint64_t *random)
{
    for (unsigned count = (unsigned)random_below(random, 20); count > 0; count--) {
        struct node *at = room->object;
        if (room->size < NODES_MOST && one_in(random, 2)) {
            graph_insert(room, random);
        } else if (room->size > 1 && one_in(random, 3)) {
            check_node(room, at->a, 1);
            room->seed -= at->a->key;
            room->size--;
            at->a = at->a->a;
        }
        room->object = ((struct node *)room->object)->a;
    }
}

static void graph_check(const struct room *room)
{
    const struct node *node = room->object;
    uint64_t sum = 0;
    size_t nodes = 0;
    do {
        check_node(room, node, nodes++);
        check_node(room, node->b, nodes);
        sum += node->key;
        node = node->a;
    } while (node != room->object && nodes <= room->size);
    check_totals(room, nodes, sum);
}

/* ---- hash tables: an array of chains, which is resized; count: its length ------------- */

static struct node **hash_chain(const struct room *room, uint64_t key)
{
    return &((struct node **)room->object)[mix(key) % room->count];
}

static void hash_grow(struct room *room)
{
    uint32_t old = room->count;
    struct node **array = resize(room->object, old * sizeof(*array), 2 * old * sizeof(*array), false);
    if (array == NULL)
        return;
    room->object = array;
    room->count = 2 * old;
    size_t nodes = 0;
    for (uint32_t i = 0; i < old; i++)
        for (struct node **at = &array[i]; *at != NULL;) {
            struct node *node = *at, **chain = hash_chain(room, node->key);
            check_node(room, node, i);
            if (nodes++ > room->size)
                failed("a chain of a hash table has no end");
            if (chain == &array[i]) {
                at = &node->a;
                continue;
            }
            *at = node->a;
            node->a = *chain;
            *chain = node;
        }
}

static void hash_insert(struct room *room, uint64_t *random)
{
    struct node *node = new_node(random, &room->seed);
    if (node == NULL)
        return;
    struct node **chain = hash_chain(room, node->key);
    node->a = *chain;
    *chain = node;
    room->size++;
}

static void hash_remove(struct room *room, uint32_t bucket, bool free_it)
{
    struct node **chain = &((struct node **)room->object)[bucket], *node = *chain;
    if (node == NULL)
        return;
    check_node(room, node, bucket);
    *chain = node->a;
    room->seed -= node->key;
    room->size--;
    let_go(node, free_it);
}

static void hash_change(struct room *room, uint64_t *random)
{
    unsigned count = (unsigned)random_below(random, 40);
    if (room->count < 16384 && one_in(random, 4))
        hash_grow(room);
    while (count-- > 0)
        if (room->size < NODES_MOST && one_in(random, 2))
            hash_insert(room, random);
        else
            hash_remove(room, (uint32_t)random_below(random, room->count), one_in(random, 2));
}

static void hash_check(const struct room *room)
{
    uint64_t sum = 0;
    size_t nodes = 0;
    for (uint32_t i = 0; i < room->count; i++)
        for (struct node *node = ((struct node **)room->object)[i]; node != NULL; node = node->a) {
            check_node(room, node, nodes++);
            sum += node->key;
            if (nodes > room->size)
                break;
        }
    check_totals(room, nodes, sum);
}

static void hash_clear(struct room *room, bool free_it)
{
    for (uint32_t i = 0; i < room->count && free_it; i++)
        while (((struct node **)room->object)[i] != NULL)
            hash_remove(room, i, true);
    if (free_it || room->extra != 0)
        give(room->object);
}

/* ---- rings of buffers: place i holds a pattern that depends on seed and i -------------- */

static size_t ring_bytes(const struct room *room, size_t i)
{
    return mix(room->seed + i) % RING_BYTES_MOST;
}

static void ring_change(struct room *room, uint64_t *random)
{
    void **array = room->object;
    for (unsigned count = (unsigned)random_below(random, 20); count > 0; count--) {
        size_t i = room->count++ % room->size, bytes = ring_bytes(room, i);
        void *buffer = take(bytes, one_in(random, 2) ? NOSCAN : SCANNED, random);
        if (buffer == NULL)
            return;
        fill(buffer, bytes, room->seed + i);
        array[i] = buffer; /* what was there is garbage */
    }
}

static void ring_check(const struct room *room)
{
    void **array = room->object;
    for (size_t i = 0; i < room->size; i++)
        if (array[i] != NULL)
            check_filled(array[i], ring_bytes(room, i), room->seed + i, "a ring's buffer");
}

/* ---- all of them -------------------------------------------------------------------------- */

/* The array of a hash table or a ring; extra: it lives until it is freed. */
static void new_array(struct room *room, size_t length, uint64_t *random)
{
    room->extra = one_in(random, 4);
    room->object = take(length * sizeof(void *), room->extra ? UNCOLLECTABLE : SCANNED, random);
}

void structure_new(struct room *room, uint64_t *random)
{
    if (room->sort != RING)
        room->seed = 0;
    switch (room->sort) {
    case LIST:
        room->extra = (uint16_t)(8 * random_below(random, sizeof(struct node) / 8));
        list_push(room, random);
        break;
    case TREE: tree_insert(room, random); break;
    case GRAPH: graph_insert(room, random); break;
    case HASH:
        room->count = BUCKETS_FIRST << random_below(random, 5);
        new_array(room, room->count, random);
        break;
    default:
        room->size = 1 + random_below(random, RING_MOST);
        new_array(room, room->size, random);
    }
    if (room->object != NULL)
        structure_change(room, random);
}

void structure_change(struct room *room, uint64_t *random)
{
    switch (room->sort) {
    case LIST: list_change(room, random); break;
    case TREE: tree_change(room, random); break;
    case GRAPH: graph_change(room, random); break;
    case HASH: hash_change(room, random); break;
    default: ring_change(room, random);
    }
}

void structure_check(const struct room *room)
{
    switch (room->sort) {
    case LIST: list_check(room); break;
    case TREE: tree_check(room); break;
    case GRAPH: graph_check(room); break;
    case HASH: hash_check(room); break;
    default: ring_check(room);
    }
}

void structure_clear(struct room *room, bool free_it)
{
    switch (room->sort) {
    case LIST:
        while (free_it && room->size > 0)
            list_pop(room, true);
        break;
    case TREE:
        if (free_it)
            tree_free((struct node **)&room->object);
        break;
    case GRAPH: break; /* a node may be referred to from anywhere */
    case HASH: hash_clear(room, free_it); break;
    default:
        for (size_t i = 0; i < room->size && free_it; i++) {
            void *buffer = ((void **)room->object)[i];
            ((void **)room->object)[i] = NULL;
            give(buffer);
        }
        if (free_it || room->extra != 0)
            give(room->object);
    }
}
