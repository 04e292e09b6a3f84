/* SPDX-License-Identifier: MIT */
/* test_gc_stress.c - MEMLOG_GC_STRESS: collections come when they should, an
 * object nobody refers to is gone at once, and a broken heap is said so.
 *
 * The mode begins with the process: the program starts itself again with it. */
#include "gc/stress.h"

#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "captured.h"
#include "gc_objects.h"
#include "heap/central.h"
#include "heap/poison.h"
#include "unit.h"

enum { EVERY = 10 };

__attribute__((constructor(101))) static void start_again(int count, char **arguments)
{
    (void)count;
    if (getenv("MEMLOG_GC_STRESS") != NULL)
        return;
    setenv("MEMLOG_GC_STRESS", "10", 1);
    execv("/proc/self/exe", arguments);
    _exit(99);
}

static uint32_t collections(void)
{
    struct memlog_memstats stats;
    memlog_read_memstats(&stats);
    return stats.num_gc;
}

START_TEST(every_nth_allocation_collects)
{
    uint32_t before = collections();
    ck_assert_uint_eq(before, 0);
    for (int i = 0; i < 10 * EVERY; i++)
        ck_assert_ptr_nonnull(memlog_malloc(i % 3 == 0 ? 80000 : (size_t)i));
    ck_assert_uint_eq(collections() - before, 10);
    struct memlog_memstats stats;
    memlog_read_memstats(&stats);
    ck_assert_uint_eq(stats.num_forced_gc, 0);
    ck_assert_uint_eq(stats.mallocs, 10 * EVERY);
}
END_TEST

START_TEST(collections_come_though_they_are_switched_off)
{
    memlog_set_gc_percent(-1);
    for (int i = 0; i < EVERY; i++)
        ck_assert_ptr_nonnull(memlog_malloc(10));
    ck_assert_uint_eq(collections(), 1);
}
END_TEST

START_TEST(what_nobody_refers_to_is_poison_at_once)
{
    static hidden_t hidden[OBJECTS];
    make_garbage(hidden, OBJECTS, 200, ML_SCAN);
    clear_stack();
    for (int i = 0; i < EVERY; i++)
        memlog_keep_alive(memlog_malloc(3000));
    assert_nearly_all_gone(hidden, OBJECTS);
    unsigned poisoned = 0;
    for (int i = 0; i < OBJECTS; i++)
        if (!is_alive(hidden[i]))
            poisoned += *(uint8_t *)reveal(hidden[i]) == ML_POISON_BYTE;
    ck_assert_uint_ge(poisoned, OBJECTS - SPARED);
    assert_whole();
}
END_TEST

START_TEST(what_somebody_refers_to_stays_as_it_is)
{
    enum { LIVE = 500 };
    static unsigned char *objects[LIVE];
    for (int i = 0; i < LIVE; i++) {
        size_t bytes = i % 50 == 0 ? 80000 : (size_t)i + 1;
        objects[i] = memlog_malloc(bytes);
        for (size_t k = 0; k < bytes; k++)
            ck_assert_msg(objects[i][k] == 0, "a new object is zero");
        memset(objects[i], i, bytes);
    }
    for (int i = 0; i < LIVE; i++)
        ck_assert_msg(objects[i][0] == i % 256 && objects[i][i % 50 == 0 ? 39999 : i] == i % 256,
                      "object %d", i);
    assert_whole();
}
END_TEST

static void *allocate_much(void *unused)
{
    for (int i = 0; i < 50 * EVERY; i++)
        if (i % 2 == 0)
            memlog_free(memlog_malloc((size_t)i));
        else
            memlog_keep_alive(memlog_malloc_noscan((size_t)i));
    return unused;
}

START_TEST(threads_allocate_together)
{
    enum { THREADS = 4 };
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, allocate_much, NULL), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    ck_assert_uint_eq(collections(), 50 * THREADS);
    assert_whole();
}
END_TEST

/* Runs in a child, until it dies. */
static const char *dies(void (*run)(void))
{
    capture_begin();
    pid_t child = fork();
    if (child == 0) {
        struct rlimit no_core = { 0, 0 };
        setrlimit(RLIMIT_CORE, &no_core);
        run();
        _exit(0);
    }
    int status = 0;
    pid_t ended = waitpid(child, &status, 0);
    const char *said = capture_end();
    ck_assert_int_eq(ended, child);
    ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT, "status %d: %s", status, said);
    return said;
}

static void break_a_list(void)
{
    memlog_keep_alive(memlog_malloc(64));
    for (unsigned bin = 0; bin < ML_BINS; bin++)
        ml_bins[0][bin].partial.count++;
    for (int i = 0; i < EVERY; i++)
        memlog_keep_alive(memlog_malloc(64));
}

START_TEST(a_broken_heap_is_said_so)
{
    ck_assert_str_eq(dies(break_a_list),
                     "memlog: MEMLOG_GC_STRESS: the heap is broken; this does not hold: "
                     "a list's end and count are right\n");
}
END_TEST

/* A program with a missing root: its only pointer is hidden. */
static void lose_an_object(void)
{
    static hidden_t hidden[OBJECTS];
    make_garbage(hidden, OBJECTS, 64, ML_SCAN);
    clear_stack();
    for (int i = 0; i < 2 * EVERY; i++)
        memlog_keep_alive(memlog_malloc(3000));
    for (int i = 0; i < OBJECTS; i++)
        ((char *)reveal(hidden[i]))[17] = 1;
    for (int i = 0; i < 2 * OBJECTS; i++)
        memlog_keep_alive(memlog_malloc(64));
}

START_TEST(an_object_that_was_collected_and_is_used_is_found)
{
    const char *said = dies(lose_an_object);
    /* Of a page, where nothing on it is alive any more. */
    ck_assert_msg(strstr(said, " is a freed object of 64 bytes: ") != NULL ||
                      strstr(said, " is a free page of ") != NULL, "%s", said);
    ck_assert_msg(strstr(said, ": somebody wrote to it, at offset 17; "
                               "the word there is 0xdfdfdfdfdfdf01df\n") != NULL, "%s", said);
}
END_TEST

UNIT_MAIN("gc stress", every_nth_allocation_collects, collections_come_though_they_are_switched_off,
          what_nobody_refers_to_is_poison_at_once, what_somebody_refers_to_stays_as_it_is,
          threads_allocate_together, a_broken_heap_is_said_so,
          an_object_that_was_collected_and_is_used_is_found)
