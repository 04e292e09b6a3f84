/* SPDX-License-Identifier: MIT */
/* test_gc_mark.c - everything reachable is marked, over any path, however deep
 * or wide, also when there is no memory for the mark stack; and nothing is
 * reachable through what holds no pointers. */
#include "gc/mark.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "gc/collect.h"
#include "gc_objects.h"
#include "os/process.h"
#include "unit.h"

struct node {
    struct node *next, *other;
    uint64_t number;
};

static void *volatile root[OBJECTS];
static hidden_t hidden[OBJECTS];

/* ---- shapes ----------------------------------------------------------------------- */

static __attribute__((noinline)) void chain_of_three(void)
{
    for (unsigned i = 0; i < OBJECTS; i++) {
        struct node *first = memlog_malloc(sizeof(*first));
        first->other = memlog_malloc(5000); /* through an object of another size */
        *(void **)((char *)first->other + 4800) = memlog_malloc(40);
        root[i] = first;
        hidden[i] = hide(*(void **)((char *)first->other + 4800));
    }
}

START_TEST(a_chain_of_three)
{
    chain_of_three();
    collect();
    collect();
    assert_all_alive(hidden, OBJECTS);
    memset((void *)root, 0, sizeof(root));
    collect();
    assert_nearly_all_gone(hidden, OBJECTS);
}
END_TEST

static __attribute__((noinline)) void long_list(unsigned length)
{
    for (unsigned i = 0; i < length; i++) {
        struct node *node = memlog_malloc(sizeof(*node));
        node->next = root[0];
        node->number = i;
        root[0] = node;
    }
}

static __attribute__((noinline)) unsigned list_length(void)
{
    unsigned length = 0;
    for (struct node *node = root[0]; node != NULL; node = node->next)
        length++;
    return length;
}

static uint64_t live_objects(void)
{
    struct memlog_extra extra = { .size = sizeof(extra) };
    memlog_read_extra(&extra);
    return extra.live_objects;
}

START_TEST(a_list_of_a_million)
{
    enum { LENGTH = 1000000 };
    collect();
    uint64_t before = live_objects();
    long_list(LENGTH);
    collect();
    ck_assert_uint_ge(live_objects(), LENGTH);
    ck_assert_uint_le(live_objects(), LENGTH + before + 10);
    ck_assert_uint_eq(list_length(), LENGTH);
    root[0] = NULL;
    collect();
    ck_assert_uint_le(live_objects(), LENGTH / 20);
    assert_whole();
}
END_TEST

static __attribute__((noinline)) struct node *tree(unsigned depth)
{
    struct node *node = memlog_malloc(sizeof(*node));
    node->number = depth;
    if (depth > 0) {
        node->next = tree(depth - 1);
        node->other = tree(depth - 1);
    }
    return node;
}

static __attribute__((noinline)) unsigned tree_size(const struct node *node)
{
    return node == NULL ? 0 : 1 + tree_size(node->next) + tree_size(node->other);
}

static __attribute__((noinline)) struct node *leftmost_leaf(struct node *node)
{
    while (node->next != NULL)
        node = node->next;
    return node;
}

static __attribute__((noinline)) void make_tree(unsigned depth)
{
    root[0] = tree(depth);
}

/* A leaf refers to the top, and the leaf alone is held. */
static __attribute__((noinline)) void close_cycle(void)
{
    struct node *leaf = leftmost_leaf(root[0]);
    leaf->other = root[0];
    root[0] = NULL;
    root[1] = &leaf->number;
}

START_TEST(a_tree_and_cycles_in_it)
{
    enum { DEPTH = 17, SIZE = (2 << DEPTH) - 1 };
    make_tree(DEPTH);
    collect();
    ck_assert_uint_eq(tree_size(root[0]), SIZE);
    close_cycle();
    collect();
    ck_assert_uint_ge(live_objects(), SIZE);
    root[1] = NULL; /* a cycle is no reason to live */
    collect();
    ck_assert_uint_le(live_objects(), SIZE / 20);
    assert_whole();
}
END_TEST

static __attribute__((noinline)) void large_array(unsigned length)
{
    void **array = memlog_malloc(length * sizeof(*array));
    root[0] = array;
    for (unsigned i = 0; i < length; i++)
        array[i] = memlog_malloc(16);
}

/* How many of its objects are alive; every other one is let go. */
static __attribute__((noinline)) unsigned thin_out(unsigned length)
{
    void **array = root[0];
    unsigned alive = 0;
    for (unsigned i = 0; i < length; i++)
        alive += ml_heap_is_object(array[i]);
    for (unsigned i = 0; i < length; i += 2)
        array[i] = NULL;
    return alive;
}

START_TEST(a_large_array)
{
    enum { LENGTH = 500000 };
    large_array(LENGTH);
    collect();
    ck_assert_uint_ge(live_objects(), LENGTH + 1);
    ck_assert_uint_eq(thin_out(LENGTH), LENGTH);
    collect();
    ck_assert_uint_ge(live_objects(), LENGTH / 2 + 1);
    ck_assert_uint_le(live_objects(), LENGTH / 2 + LENGTH / 20);
}
END_TEST

/* ---- kinds ------------------------------------------------------------------------- */

static __attribute__((noinline)) void refer_from(enum ml_kind kind, size_t bytes)
{
    void **holder = ml_gc_alloc(bytes, kind);
    root[0] = holder;
    make_garbage(hidden, OBJECTS, 40, ML_SCAN);
    for (unsigned i = 0; i < OBJECTS; i++)
        holder[i] = reveal(hidden[i]);
}

START_TEST(objects_without_pointers_keep_nothing_alive)
{
    static const size_t sizes[] = { OBJECTS * 8, 20000, 100000 };
    for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        refer_from(ML_NOSCAN, sizes[i]);
        collect();
        assert_nearly_all_gone(hidden, OBJECTS);
        ck_assert(ml_heap_is_object(root[0]));
        refer_from(ML_SCAN, sizes[i]);
        collect();
        assert_all_alive(hidden, OBJECTS);
    }
}
END_TEST

START_TEST(uncollectable_objects_live_until_they_are_freed)
{
    for (size_t bytes = 16; bytes <= 1 << 20; bytes *= 4) {
        fill(root, hidden, 20, bytes, ML_UNCOLLECTABLE);
        memset((void *)root, 0, sizeof(root));
        collect();
        collect();
        assert_all_alive(hidden, 20);
        for (unsigned i = 0; i < 20; i++)
            memlog_free(reveal(hidden[i]));
        ck_assert_uint_eq(count_alive(hidden, 20), 0);
    }
    assert_whole();
}
END_TEST

START_TEST(words_that_are_no_addresses_of_objects_do_no_harm)
{
    struct memlog_extra extra = { .size = sizeof(extra) };
    memlog_read_extra(&extra);
    uintptr_t base = (uintptr_t)ml_map.base, *words = memlog_malloc(100000 * sizeof(*words));
    root[0] = words;
    uint64_t state = 1;
    for (unsigned i = 0; i < 100000; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        words[i] = i % 4 == 0 ? state : base + state % (2 * ml_heap_bytes());
    }
    collect();
    assert_whole();
    words[0] = base - 1, words[1] = base, words[2] = base + ml_heap_bytes();
    words[3] = base + ml_heap_bytes() - 1, words[4] = UINTPTR_MAX, words[5] = 1;
    collect();
    assert_whole();
}
END_TEST

/* What was on the mark stack in the last cycle is no root in the next. */
START_TEST(the_marker_remembers_nothing)
{
    for (int round = 0; round < 20; round++) {
        fill(root, hidden, OBJECTS, 32, ML_SCAN);
        collect();
        assert_all_alive(hidden, OBJECTS);
        memset((void *)root, 0, sizeof(root));
        collect();
        ck_assert_uint_le(count_alive(hidden, OBJECTS), 2);
    }
}
END_TEST

/* ---- no memory for the mark stack ------------------------------------------------------ */

enum { BROAD_NODES = 2000, BROAD_EACH = 100 };

/* A list of arrays, each with the next one as its last word: going along it
 * leaves the others on the mark stack. */
static __attribute__((noinline)) void make_broad(void *volatile *first)
{
    void **array = memlog_malloc(BROAD_EACH * sizeof(void *));
    *first = array;
    for (unsigned i = 0; i < BROAD_NODES; i++) {
        for (unsigned j = 0; j < BROAD_EACH; j++)
            array[j] = memlog_malloc(j == BROAD_EACH - 1 ? BROAD_EACH * sizeof(void *)
                                                         : sizeof(struct node));
        for (unsigned j = 0; j + 1 < BROAD_EACH; j++)
            ((struct node *)array[j])->next = memlog_malloc(sizeof(struct node));
        array = array[BROAD_EACH - 1];
    }
}

static void *make_broad_in_thread(void *first)
{
    make_broad(first);
    return NULL;
}

/* In spans of another shard too. */
static void make_two(void)
{
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, make_broad_in_thread, (void *)&root[1]), 0);
    make_broad(&root[0]);
    pthread_join(thread, NULL);
}

static void forbid_more_memory(void)
{
    struct rlimit limit;
    getrlimit(RLIMIT_AS, &limit);
    limit.rlim_cur = ml_os_mapped_bytes();
    ck_assert_int_eq(setrlimit(RLIMIT_AS, &limit), 0);
}

static void allow_more_memory(void)
{
    struct rlimit limit;
    getrlimit(RLIMIT_AS, &limit);
    limit.rlim_cur = limit.rlim_max;
    ck_assert_int_eq(setrlimit(RLIMIT_AS, &limit), 0);
}

START_TEST(with_a_mark_stack_that_cannot_grow_all_is_marked)
{
    memlog_set_gc_percent(-1);
    make_two();
    clear_stack();
    ck_assert_uint_eq(ml_gc_stack_bytes(), 0); /* it has never been grown */
    forbid_more_memory();
    memlog_gc();
    uint64_t live = live_objects();
    allow_more_memory();
    ck_assert_uint_eq(ml_gc_stack_bytes(), 0);
    ck_assert_uint_ge(live, 2 * (BROAD_NODES * (2 * BROAD_EACH - 1) + 1));
    assert_whole();
    memlog_gc();
    ck_assert_uint_le(live_objects(), live + 10);
    ck_assert_uint_ge(live_objects(), live - 10);
}
END_TEST

UNIT_MAIN("gc mark", a_chain_of_three, a_list_of_a_million, a_tree_and_cycles_in_it,
          a_large_array, objects_without_pointers_keep_nothing_alive,
          uncollectable_objects_live_until_they_are_freed,
          words_that_are_no_addresses_of_objects_do_no_harm, the_marker_remembers_nothing,
          with_a_mark_stack_that_cannot_grow_all_is_marked)
