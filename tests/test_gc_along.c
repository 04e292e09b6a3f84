/* SPDX-License-Identifier: MIT */
/* test_gc_along.c - whatever the program does to its objects while they are
 * marked, those in use are there afterwards. Each test does one thing, at each
 * point of the cycle in turn. */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "gc_along_objects.h"
#include "heap/release.h"
#include "unit.h"

enum { BIG = 300000 };

/* Besides `old`, whose slots are a few pages, a large one. */
static void *volatile *old_large;

static void make_both(void)
{
    make_old();
    old_large = memlog_malloc(BIG);
}

/* A cycle with it, and one more, stopped, that looks at it all. */
static void whole_after(void (*what)(void), int point)
{
    cycle_with(what, point);
    assert_born_whole();
    collect_stopped();
    assert_born_whole();
}

/* ---- the program writes --------------------------------------------------------- */

static void store_new_into_old(void)
{
    for (unsigned i = 0; i < 20; i++) {
        old[i * 50] = bear_known(64);
        old_large[i * 1000] = bear_known(i % 2 == 0 ? 96 : 80000);
    }
}

START_TEST(a_new_object_in_an_old_one)
{
    make_both();
    whole_after(store_new_into_old, _i);
}
END_TEST

/* The only pointer to an object goes from one that is looked at late into one
 * that was looked at, by way of a word that hides it. */
static void move_pointers(void)
{
    for (unsigned i = 0; i < 100; i++) {
        hidden_t hidden = hide(old_large[i * 50]);
        old_large[i * 50] = NULL;
        clear_stack();
        old[i] = reveal(hidden);
    }
}

START_TEST(the_only_pointer_moves_to_an_old_object)
{
    make_both();
    for (unsigned i = 0; i < 100; i++)
        old_large[i * 50] = bear_known(128);
    whole_after(move_pointers, _i);
}
END_TEST

/* More heap than there was when the round began. */
static void grow_and_store(void)
{
    uint64_t before = ml_heap_bytes();
    hidden_t hidden = 0;
    for (unsigned i = 0; ml_heap_bytes() == before; i++) {
        ck_assert_uint_lt(i, 100);
        hidden = hide(bear_known(4 << 20));
        old[100 + i] = reveal(hidden);
    }
    old[0] = reveal(hidden);
}

START_TEST(a_new_object_beyond_the_heap_as_it_was)
{
    make_both();
    whole_after(grow_and_store, _i);
}
END_TEST

/* ---- the same address again --------------------------------------------------------- */

static void *volatile root, *volatile other_root;

static __attribute__((noinline)) void renew_large(void)
{
    hidden_t was = hide(root);
    if (is_alive(was))
        memlog_free(reveal(was));
    uint64_t *object = memlog_malloc(BIG);
    ck_assert_ptr_eq(object, reveal(was));
    object[0] = MAGIC;
    born[born_count++] = hide(object);
    root = object;
}

/* What the first stop found there is freed; the root keeps its word. */
START_TEST(a_large_object_anew_at_a_root_s_old_address)
{
    make_both();
    root = memlog_malloc(BIG);
    whole_after(renew_large, _i);
}
END_TEST

/* At the first stop the root's word is nothing. */
START_TEST(a_large_object_where_a_root_pointed_to_nothing)
{
    make_both();
    root = memlog_malloc(BIG);
    memlog_free(root);
    whole_after(renew_large, _i);
}
END_TEST

/* As memlog_free_os_memory, without its collection: what is in this thread's
 * magazines goes to the spans, empty ones of these to the page heap, and all
 * that is free to the OS. */
static void free_os_memory(void)
{
    ml_heap_enter(ml_thread_self);
    ml_thread_flush_all(ml_thread_self);
    ml_release_all();
    ml_heap_leave(ml_thread_self);
}

/* Of a class that nobody else uses: a span of them, freed and cut anew. */
enum { RARE = 14000, RARE_COUNT = 64 };
static void *volatile rare[RARE_COUNT];

/* Allocate until those addresses have come that roots have. */
static __attribute__((noinline)) void allocate_again(void)
{
    for (unsigned i = 0; i < RARE_COUNT; i++) {
        uint64_t *object = memlog_malloc(RARE);
        bool is_root = false;
        object[0] = MAGIC;
        for (unsigned j = 0; j < RARE_COUNT; j++)
            is_root |= rare[j] == object;
        if (is_root) /* a word there is as it was */
            born[born_count++] = hide(object);
    }
    ck_assert_uint_gt(born_count, RARE_COUNT / 4);
}

static __attribute__((noinline)) void free_rare(unsigned step)
{
    for (unsigned i = 0; i < RARE_COUNT; i += step)
        memlog_free(rare[i]);
    free_os_memory();
}

static void renew_small(void)
{
    free_rare(1);
    allocate_again();
}

static __attribute__((noinline)) void make_rare(void)
{
    for (unsigned i = 0; i < RARE_COUNT; i++)
        rare[i] = memlog_malloc(RARE);
}

START_TEST(small_objects_anew_at_roots_old_addresses)
{
    make_both();
    make_rare();
    whole_after(renew_small, _i);
}
END_TEST

START_TEST(small_objects_where_roots_pointed_to_nothing)
{
    make_both();
    make_rare();
    free_rare(3); /* no span goes */
    whole_after(allocate_again, _i);
}
END_TEST

/* ---- the kernel writes ---------------------------------------------------------------- */

static int pipe_out, socket_out;

/* The pointers are in the kernel's buffers only. */
static __attribute__((noinline)) void send_pointers(int pipe_in, int socket_in)
{
    for (unsigned i = 0; i < 60; i++) {
        void *object = bear_known(80);
        int to = i % 3 == 2 ? socket_in : pipe_in;
        ck_assert_int_eq(write(to, &object, sizeof(object)), sizeof(object));
    }
}

static void receive_pointers(void)
{
    for (unsigned i = 0; i < 20; i++) {
        struct iovec two[2] = { { (void *)&old[i * 90], 8 }, { (void *)&old_large[i * 700], 8 } };
        ck_assert_int_eq(readv(pipe_out, two, 2), 16);
        ck_assert_int_eq(recv(socket_out, (void *)&old_large[i * 700 + 1], 8, 0), 8);
    }
}

static int pipe_in, socket_in;
static void send_and_receive(void)
{
    send_pointers(pipe_in, socket_in);
    clear_stack();
    receive_pointers();
}

START_TEST(the_kernel_writes_into_old_objects)
{
    int ends[2], sockets[2];
    make_both();
    ck_assert_int_eq(pipe(ends), 0);
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
    pipe_out = ends[0], pipe_in = ends[1];
    socket_out = sockets[0], socket_in = sockets[1];
    whole_after(send_and_receive, _i);
}
END_TEST

/* ---- frees, other sizes ------------------------------------------------------------------ */

static void *volatile *holder;

/* An old large object grows, in place if it can, and elsewhere; new pointers in
 * what it was and in what has come. */
static void grow_old(void)
{
    for (unsigned i = 0; i < 6; i++) {
        size_t words = (BIG >> 3) << i;
        holder = memlog_realloc((void *)holder, words * 2 * 8);
        for (unsigned j = 0; j < 10; j++) {
            holder[words + j * (words / 10)] = bear_known(48);
            holder[j * (words / 10) + i] = bear_known(48);
        }
    }
}

static void *filler;

static void grow_old_in_place(void)
{
    void *before = (void *)holder;
    memlog_free(filler);
    filler = NULL;
    holder = memlog_realloc((void *)holder, 8 * BIG);
    ck_assert_ptr_eq((void *)holder, before);
    for (unsigned i = 1; i < 80; i++)
        holder[i * (BIG / 80)] = bear_known(48);
}

START_TEST(an_old_object_grows_in_place)
{
    make_both();
    holder = memlog_malloc(BIG);
    filler = memlog_malloc_noscan(9 * BIG);
    whole_after(grow_old_in_place, _i);
}
END_TEST

static void shrink_old(void)
{
    grow_old();
    for (unsigned i = 0; i < born_count; i++)
        old[i] = reveal(born[i]);
    holder = memlog_realloc((void *)holder, BIG);
    holder = memlog_realloc((void *)holder, 20000);
}

START_TEST(an_old_object_grows)
{
    make_both();
    holder = memlog_malloc(BIG);
    whole_after(grow_old, _i);
}
END_TEST

START_TEST(an_old_object_shrinks)
{
    make_both();
    holder = memlog_malloc(BIG);
    whole_after(shrink_old, _i);
}
END_TEST

static void *volatile victims[200];

/* Large objects without pointers, freed; and their pages become those of small
 * ones with pointers. */
static void reuse_pages(void)
{
    for (unsigned i = 0; i < 200; i++) {
        memlog_free(victims[i]);
        victims[i] = NULL;
    }
    void *volatile *chain = NULL;
    for (unsigned i = 0; i < 1000; i++) {
        void *volatile *next = bear_known(32 + i % 7 * 700);
        next[1] = (void *)chain;
        chain = next;
    }
    old[7] = (void *)chain;
}

START_TEST(pages_are_used_for_something_else)
{
    make_both();
    for (unsigned i = 0; i < 200; i++)
        victims[i] = i % 2 == 0 ? memlog_malloc_noscan(80000) : memlog_malloc(80000);
    whole_after(reuse_pages, _i);
}
END_TEST

static void give_back_and_reuse(void)
{
    for (unsigned i = 0; i < 200; i++) {
        memlog_free(victims[i]);
        victims[i] = NULL;
    }
    free_os_memory();
    reuse_pages();
}

START_TEST(pages_are_given_back_and_come_again)
{
    make_both();
    for (unsigned i = 0; i < 200; i++)
        victims[i] = memlog_malloc(80000);
    whole_after(give_back_and_reuse, _i);
}
END_TEST

/* ---- other roots --------------------------------------------------------------------------- */

static void *volatile *uncollectable, *volatile *uncollectable_large;

static void write_to_uncollectable(void)
{
    for (unsigned i = 0; i < 50; i++) {
        uncollectable[i] = bear_known(64);
        uncollectable_large[i * 500] = bear_known(64);
    }
    void *volatile *young = memlog_malloc_uncollectable(800);
    void *volatile *young_large = memlog_malloc_uncollectable(BIG);
    for (unsigned i = 0; i < 100; i++) {
        young[i] = bear_known(64);
        young_large[i * 300] = bear_known(64);
    }
}

START_TEST(uncollectable_objects_change)
{
    make_both();
    uncollectable = memlog_malloc_uncollectable(1000);
    uncollectable_large = memlog_malloc_uncollectable(BIG);
    uncollectable[99] = bear_known(64);
    whole_after(write_to_uncollectable, _i);
}
END_TEST

static __attribute__((noinline)) void free_uncollectable(hidden_t *hidden)
{
    void *volatile *holders[OBJECTS];
    for (unsigned i = 0; i < OBJECTS; i++) {
        holders[i] = memlog_malloc_uncollectable(64);
        holders[i][3] = memlog_malloc(200);
        hidden[i] = hide(holders[i][3]);
    }
    for (unsigned i = 0; i < OBJECTS; i++)
        memlog_free((void *)holders[i]);
}

/* They are in a magazine, and hold what they held. */
START_TEST(freed_uncollectable_objects_keep_nothing_alive)
{
    static hidden_t hidden[OBJECTS];
    make_both();
    free_uncollectable(hidden);
    whole_after(store_new_into_old, _i);
    assert_nearly_all_gone(hidden, OBJECTS);
}
END_TEST

static void *volatile *added; /* not memlog's memory */
static _Thread_local void *volatile local[50];
static void *volatile data[50] = { (void *)&data };
static pthread_key_t keys[40];

static void write_to_roots(void)
{
    for (unsigned i = 0; i < 50; i++) {
        added[i] = bear_known(64);
        local[i] = bear_known(64);
        data[i] = bear_known(64);
    }
    for (unsigned i = 0; i < 40; i++)
        pthread_setspecific(keys[i], bear_known(64));
}

START_TEST(roots_change)
{
    make_both();
    added = (void *)((uintptr_t *)malloc(400) + 0);
    ck_assert_int_eq(memlog_add_roots((void *)added, (void *)(added + 50)), 0);
    for (unsigned i = 0; i < 40; i++)
        pthread_key_create(&keys[i], NULL);
    whole_after(write_to_roots, _i);
}
END_TEST

static void change_added_ranges(void)
{
    void *volatile *more = malloc(400);
    ck_assert_int_eq(memlog_remove_roots((void *)added, (void *)(added + 50)), 0);
    ck_assert_int_eq(memlog_add_roots((void *)more, (void *)(more + 50)), 0);
    for (unsigned i = 0; i < 50; i++) {
        more[i] = added[i];
        added[i] = NULL;
    }
}

START_TEST(added_ranges_come_and_go)
{
    make_both();
    added = malloc(400);
    ck_assert_int_eq(memlog_add_roots((void *)added, (void *)(added + 50)), 0);
    for (unsigned i = 0; i < 50; i++)
        added[i] = bear_known(64);
    whole_after(change_added_ranges, _i);
}
END_TEST

UNIT_MAIN_TIMES("gc along", ALONG_POINTS, a_new_object_in_an_old_one,
                the_only_pointer_moves_to_an_old_object, a_new_object_beyond_the_heap_as_it_was,
                a_large_object_anew_at_a_root_s_old_address,
                a_large_object_where_a_root_pointed_to_nothing,
                small_objects_anew_at_roots_old_addresses,
                small_objects_where_roots_pointed_to_nothing, the_kernel_writes_into_old_objects,
                an_old_object_grows, an_old_object_grows_in_place, an_old_object_shrinks, pages_are_used_for_something_else,
                pages_are_given_back_and_come_again, uncollectable_objects_change,
                freed_uncollectable_objects_keep_nothing_alive, roots_change,
                added_ranges_come_and_go)
