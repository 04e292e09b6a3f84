/* SPDX-License-Identifier: MIT */
/* test_gc_share.c - marking with helpers: nothing reachable is missed, nothing
 * is counted twice, whatever the shape, with one helper (which has its mark
 * word for itself) and with several (which share one). */
#include "gc/share.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gc/collect.h"
#include "gc/helpers.h"
#include "gc_objects.h"
#include "os/process.h"
#include "os/thread.h"
#include "unit.h"

enum { NODES = 200000, EDGES = 4, SLACK = 10 /* stale words on stacks */ };

struct node {
    struct node *edges[EDGES];
    uint64_t number;
};

static void *volatile root;
static uint64_t objects_before;

static uint64_t live_objects(void)
{
    struct memlog_extra extra = { .size = sizeof(extra) };
    memlog_read_extra(&extra);
    return extra.live_objects;
}

/* A start without other objects; so many helpers. */
static void begin_with(unsigned helpers)
{
    ml_helpers_forced = helpers;
    memlog_set_gc_percent(-1);
    clear_stack();
    memlog_gc();
    objects_before = live_objects();
    ck_assert_uint_eq(ml_helpers_count(), helpers);
}

static void assert_live(uint64_t objects)
{
    clear_stack();
    memlog_gc();
    ck_assert_uint_ge(live_objects(), objects);
    ck_assert_uint_le(live_objects(), objects + objects_before + SLACK);
    assert_whole();
}

/* Collections until a helper had a part in one. */
static void assert_helped(void)
{
    enum { PATIENCE = 200 };
    uint64_t cpu = ml_share_cpu_ns();
    for (int i = 0; i < PATIENCE && ml_share_cpu_ns() == cpu; i++)
        memlog_gc();
    ck_assert_uint_gt(ml_share_cpu_ns(), cpu);
}

/* ---- helpers that can't be started at once ----------------------------------------- */

static int starts_allowed = -1; /* below 0: as many as are wanted */

int __real_ml_os_thread_start(struct ml_os_thread *thread, const char *name, void (*run)(void *),
                              void *argument);
int __wrap_ml_os_thread_start(struct ml_os_thread *thread, const char *name, void (*run)(void *),
                              void *argument);
int __wrap_ml_os_thread_start(struct ml_os_thread *thread, const char *name, void (*run)(void *),
                              void *argument)
{
    if (strcmp(name, "memlog-mark") == 0 && starts_allowed >= 0 && starts_allowed-- == 0) {
        starts_allowed = 0;
        return -EAGAIN;
    }
    return __real_ml_os_thread_start(thread, name, run, argument);
}

/* ---- helpers with little room -------------------------------------------------------- */

static bool room_is_short; /* for a packet and a little more */

int __real_ml_markstack_init(struct ml_mark_stack *stack, size_t bytes_most);
int __wrap_ml_markstack_init(struct ml_mark_stack *stack, size_t bytes_most);
int __wrap_ml_markstack_init(struct ml_mark_stack *stack, size_t bytes_most)
{
    int error = __real_ml_markstack_init(stack, bytes_most);
    if (error == 0 && room_is_short)
        stack->capacity = ML_PACKET_WORDS + 20;
    return error;
}

bool __real_ml_markstack_grow(struct ml_mark_stack *stack);
bool __wrap_ml_markstack_grow(struct ml_mark_stack *stack);
bool __wrap_ml_markstack_grow(struct ml_mark_stack *stack)
{
    bool is_short = room_is_short && stack->capacity < 2 * ML_PACKET_WORDS;
    return !(is_short && stack->bottom == 0) && __real_ml_markstack_grow(stack);
}

/* ---- shapes ------------------------------------------------------------------------ */

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* Everybody can be reached from the first, most in several ways: an edge goes
 * along a ring, the others anywhere. Two markers meet all the time. */
static __attribute__((noinline)) void random_graph(void)
{
    uint64_t state = 88172645463325252u;
    struct node **nodes = memlog_malloc_noscan(NODES * sizeof(*nodes));
    for (uint64_t i = 0; i < NODES; i++) {
        nodes[i] = memlog_malloc(sizeof(struct node));
        nodes[i]->number = i;
    }
    for (uint64_t i = 0; i < NODES; i++) {
        nodes[i]->edges[0] = nodes[(i + 1) % NODES];
        for (unsigned edge = 1; edge < EDGES; edge++)
            nodes[i]->edges[edge] = nodes[next_random(&state) % NODES];
    }
    root = nodes[0];
    memlog_free(nodes);
}

static __attribute__((noinline)) void assert_ring_is_whole(void)
{
    const struct node *node = root;
    for (uint64_t i = 0; i < NODES; i++, node = node->edges[0])
        ck_assert_uint_eq(node->number, i);
    ck_assert_ptr_eq(node, root);
}

static __attribute__((noinline)) void array_of_arrays(size_t length)
{
    enum { PART = 1000 };
    void ***array = memlog_malloc(length / PART * sizeof(*array));
    root = array;
    for (size_t i = 0; i < length / PART; i++) {
        array[i] = memlog_malloc(PART * sizeof(void *));
        for (size_t j = 0; j < PART; j++)
            array[i][j] = memlog_malloc(48);
    }
}

static __attribute__((noinline)) void one_large_array(size_t length)
{
    void **array = memlog_malloc(length * sizeof(*array));
    root = array;
    for (size_t i = 0; i < length; i++)
        array[i] = memlog_malloc(16);
}

/* A stale word somewhere may still refer to the array, and no more through it. */
static __attribute__((noinline)) void let_go_of_array(size_t length)
{
    memset(root, 0, length * sizeof(void *));
    root = NULL;
}

static __attribute__((noinline)) void list(size_t length)
{
    for (size_t i = 0; i < length; i++) {
        struct node *node = memlog_malloc(sizeof(*node));
        node->edges[0] = root;
        root = node;
    }
}

static const unsigned helper_counts[] = { 1, 3, ML_HELPERS_MOST };

START_TEST(a_graph_in_which_markers_meet)
{
    begin_with(helper_counts[_i]);
    random_graph();
    for (int i = 0; i < 10; i++) {
        assert_live(NODES);
        assert_ring_is_whole();
    }
    assert_helped();
    root = NULL;
    assert_live(0);
}
END_TEST

START_TEST(arrays)
{
    begin_with(helper_counts[_i]);
    array_of_arrays(NODES);
    for (int i = 0; i < 5; i++)
        assert_live(NODES + NODES / 1000 + 1);
    assert_helped();
    root = NULL;
    one_large_array(NODES);
    for (int i = 0; i < 5; i++)
        assert_live(NODES + 1);
    let_go_of_array(NODES);
    assert_live(0);
}
END_TEST

/* There is nothing to share, and nobody must wait for that. */
START_TEST(a_list)
{
    begin_with(helper_counts[_i]);
    list(NODES);
    for (int i = 0; i < 5; i++)
        assert_live(NODES);
    root = NULL;
    assert_live(0);
}
END_TEST

/* What is marked is collected again when it is let go: no mark is left behind
 * in either word. */
START_TEST(marks_of_both_are_gone_after_the_sweep)
{
    begin_with(helper_counts[_i]);
    for (int i = 0; i < 5; i++) {
        random_graph();
        assert_live(NODES);
        root = NULL;
        assert_live(0);
    }
}
END_TEST

START_TEST(mark_stacks_that_cannot_grow)
{
    struct rlimit limit;
    begin_with(helper_counts[_i]);
    random_graph();
    getrlimit(RLIMIT_AS, &limit);
    struct rlimit none = { ml_os_mapped_bytes(), limit.rlim_max };
    ck_assert_int_eq(setrlimit(RLIMIT_AS, &none), 0);
    memlog_gc();
    uint64_t live = live_objects();
    ck_assert_int_eq(setrlimit(RLIMIT_AS, &limit), 0);
    ck_assert_uint_ge(live, NODES);
    assert_ring_is_whole();
    assert_live(NODES);
}
END_TEST

/* The marking thread has room enough: what is left out is theirs. Each object is
 * referred to once. */
START_TEST(helpers_whose_stacks_are_full)
{
    room_is_short = true;
    begin_with(helper_counts[_i]);
    array_of_arrays(NODES);
    for (int i = 0; i < 10; i++)
        assert_live(NODES + NODES / 1000 + 1);
    assert_helped();
}
END_TEST

START_TEST(a_forked_child_has_helpers_of_its_own)
{
    begin_with(helper_counts[_i]);
    random_graph();
    memlog_gc();
    pid_t child = fork();
    if (child == 0) {
        ck_assert_uint_eq(ml_helpers_count(), 0);
        assert_live(NODES);
        ck_assert_uint_eq(ml_helpers_count(), helper_counts[_i]);
        assert_helped();
        assert_ring_is_whole();
        _exit(0);
    }
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    assert_live(NODES);
}
END_TEST

/* One more for each of the collections, while those that are there mark on in
 * the same words. */
START_TEST(helpers_that_start_one_after_the_other)
{
    unsigned wanted = helper_counts[_i];
    ml_helpers_forced = wanted;
    memlog_set_gc_percent(-1);
    starts_allowed = 0;
    memlog_gc();
    objects_before = live_objects();
    random_graph();
    for (unsigned started = 0; started <= wanted; started++) {
        ck_assert_uint_eq(ml_helpers_count(), started);
        for (int i = 0; i < 6; i++) {
            if (i == 5 && started < wanted)
                starts_allowed = 1;
            assert_live(NODES);
        }
        assert_ring_is_whole();
    }
    assert_helped();
}
END_TEST

/* ---- the sharing alone ---------------------------------------------------------------- */

START_TEST(a_stack_gives_its_oldest_and_cuts_no_range)
{
    uintptr_t words[] = { 16, 0x1000 | ML_RANGE_END, 0x800 | ML_RANGE_WORDS, 32, 48 };
    uintptr_t into[8];
    struct ml_mark_stack stack = { .words = words, .top = 5, .capacity = 5 };
    ck_assert_uint_eq(ml_markstack_take_bottom(&stack, into, 2), 1);
    ck_assert_uint_eq(into[0], 16);
    ck_assert_uint_eq(ml_markstack_take_bottom(&stack, into, 1), 0);
    ck_assert_uint_eq(ml_markstack_take_bottom(&stack, into, 3), 3);
    ck_assert_uint_eq(into[0], 0x1000 | ML_RANGE_END);
    ck_assert_uint_eq(into[1], 0x800 | ML_RANGE_WORDS);
    ck_assert_uint_eq(into[2], 32);
    ck_assert_uint_eq(ml_markstack_depth(&stack), 1);
    ck_assert_uint_eq(ml_markstack_take_bottom(&stack, into, 8), 1);
    ck_assert_uint_eq(into[0], 48);
}
END_TEST

START_TEST(what_is_given_when_nobody_takes_it_comes_back)
{
    static uintptr_t words[100 * ML_PACKET_WORDS];
    enum { ALL = sizeof(words) / sizeof(words[0]) };
    struct ml_mark_stack stack = { .words = words, .top = ALL, .capacity = ALL };
    for (size_t i = 0; i < ALL; i++)
        words[i] = (i + 1) * 16;
    ck_assert_int_eq(ml_share_init(), 0);
    ml_share_open();
    for (int i = 0; i < 100; i++) /* more often than there are packets */
        ml_share_give(&stack, ML_PACKET_WORDS);
    size_t kept = ml_markstack_depth(&stack);
    ck_assert_uint_gt(kept, 0);
    ck_assert_uint_lt(kept, ALL);
    uint64_t sum = 0, count = 0;
    for (size_t i = stack.bottom; i < stack.top; i++, count++)
        sum += stack.words[i];
    stack.bottom = stack.top = 0;
    while (ml_share_wait(&stack)) {
        for (size_t i = stack.bottom; i < stack.top; i++, count++)
            sum += stack.words[i];
        stack.bottom = stack.top = 0;
    }
    ml_share_close();
    ck_assert_uint_eq(count, ALL);
    ck_assert_uint_eq(sum, (uint64_t)ALL * (ALL + 1) / 2 * 16);
}
END_TEST

UNIT_MAIN_TIMES("gc share", sizeof(helper_counts) / sizeof(helper_counts[0]),
                a_graph_in_which_markers_meet, arrays, a_list,
                marks_of_both_are_gone_after_the_sweep, mark_stacks_that_cannot_grow,
                helpers_whose_stacks_are_full, a_forked_child_has_helpers_of_its_own, helpers_that_start_one_after_the_other,
                a_stack_gives_its_oldest_and_cuts_no_range,
                what_is_given_when_nobody_takes_it_comes_back)
