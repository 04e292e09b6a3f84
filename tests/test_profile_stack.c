/* SPDX-License-Identifier: MIT */
/* test_profile_stack.c - the stack against the C library's backtrace(), which asks the
 * unwinder each time. */
#include "profile/stack.h"

#include <alloca.h>
#include <execinfo.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "profile/frames.h"
#include "unit.h"

enum { STACK_OF_THEIRS = ML_STACK_MOST + 16 };

static uintptr_t pcs[ML_STACK_MOST];
static void *right[STACK_OF_THEIRS];
static unsigned depth, compared, expected;

/* Where the caller of compare() is in a stack: below are those who ask, and a sanitizer. */
static unsigned place_of(uintptr_t caller, unsigned (*at)(unsigned i, uintptr_t pc))
{
    unsigned i = 0;
    while (i < 8 && !at(i, caller))
        i++;
    ck_assert_uint_lt(i, 8);
    return i;
}
static unsigned is_ours(unsigned i, uintptr_t pc) { return pcs[i] == pc; }
static unsigned is_theirs(unsigned i, uintptr_t pc) { return (uintptr_t)right[i] == pc; }

/* From there on they are the same; a handler's frame is noted one byte further on. */
static __attribute__((noinline)) void compare(void)
{
    uintptr_t caller = (uintptr_t)__builtin_return_address(0);
    depth = ml_stack_take(pcs);
    unsigned count = (unsigned)backtrace(right, STACK_OF_THEIRS);
    unsigned ours = place_of(caller, is_ours), theirs = place_of(caller, is_theirs);
    expected = ours + count - theirs;
    expected = expected > ML_STACK_MOST ? ML_STACK_MOST : expected;
    for (unsigned i = ours; i < depth && i - ours + theirs < count; i++) {
        uintptr_t pc = (uintptr_t)right[i - ours + theirs];
        ck_assert_msg(pcs[i] == pc || pcs[i] == pc + 1, "frame %u of %u: %p, not %p", i, depth,
                      (void *)pcs[i], (void *)pc);
    }
    ck_assert_uint_ge(depth, expected);
    compared++;
}

static __attribute__((noinline)) int recurse(unsigned levels)
{
    int below = 0;
    if (levels == 0)
        compare();
    else
        below = recurse(levels - 1) + 1;
    __asm__ volatile("" : "+r"(below)); /* no loop is made of it */
    return below;
}

/* A frame of another size each time. */
static __attribute__((noinline)) int with_room(unsigned bytes, unsigned levels)
{
    volatile char *room = alloca(bytes);
    room[bytes - 1] = 0; /* the rest is left of earlier calls: return addresses are, too */
    int result = recurse(levels) + (levels > 2 ? with_room(bytes / 2 + 16, levels / 2) : 0);
    return result + room[bytes - 1];
}

START_TEST(again_and_again)
{
    for (unsigned i = 0; i < 500; i++)
        ck_assert_int_eq(recurse(i % 40), (int)(i % 40));
    ck_assert_uint_eq(compared, 500);
}
END_TEST

static __attribute__((noinline)) uintptr_t frame_at(unsigned levels, uintptr_t *caller)
{
    uintptr_t frame = (uintptr_t)__builtin_frame_address(0);
    if (levels == 0)
        depth = ml_stack_take(pcs);
    uintptr_t below = levels == 0 ? 0 : frame_at(levels - 1, caller);
    __asm__ volatile("" : "+r"(below));
    *caller = frame;
    return levels <= 1 ? frame : below;
}

/* What is learnt are the frames' sizes, or the unwinder would be asked each time. */
START_TEST(distances_are_learnt)
{
    uintptr_t outermost, inner = 0;
    for (unsigned i = 0; i < 100; i++)
        inner = frame_at(10, &outermost);
    ck_assert_uint_gt(depth, 10);
    for (unsigned i = 2; i < 9; i++) /* the frames of frame_at that call themselves */
        ck_assert_uint_eq(ml_frame_distance(pcs[i]) * 9, outermost - inner);
    for (unsigned i = 0; i + 1 < depth; i++)
        ck_assert_uint_ne(ml_frame_distance(pcs[i]), ML_FRAME_OUTERMOST);
    ck_assert_uint_eq(ml_frame_distance(pcs[depth - 1]), ML_FRAME_OUTERMOST);
}
END_TEST

START_TEST(what_varies_is_not_relied_on)
{
    ck_assert_uint_eq(ml_frame_distance(0x1000), ML_FRAME_UNKNOWN);
    ck_assert_uint_eq(ml_frame_distance(0), ML_FRAME_UNKNOWN);
    ml_frame_learn(0x1000, 64);
    ml_frame_learn(0x1000, 64);
    ck_assert_uint_eq(ml_frame_distance(0x1000), 64);
    ml_frame_learn(0x1000, 80);
    ml_frame_learn(0x1000, 64);
    ck_assert_uint_eq(ml_frame_distance(0x1000), ML_FRAME_UNKNOWN);
    ml_frame_learn(0x2000, 1 << 20); /* too far */
    ck_assert_uint_eq(ml_frame_distance(0x2000), ML_FRAME_UNKNOWN);
}
END_TEST

START_TEST(deeper_than_there_is_room)
{
    for (unsigned levels = 2 * ML_STACK_MOST; levels-- > 0;) {
        ck_assert_int_eq(recurse(levels), (int)levels);
        if (levels >= ML_STACK_MOST)
            ck_assert_uint_eq(depth, ML_STACK_MOST);
    }
}
END_TEST

/* Where one stack was cut there was more, though nothing else is known of the place: each
 * child has it somewhere else. */
START_TEST(a_cut_stack_has_no_outermost_frame)
{
    for (unsigned levels = ML_STACK_MOST - 12; levels < ML_STACK_MOST; levels++) {
        pid_t child = fork();
        if (child == 0) {
            for (volatile int i = 0; i < 2; i++) /* from one place */
                recurse(i == 0 ? levels : 5);
            _exit(depth < expected);
        }
        int status;
        ck_assert_int_eq(waitpid(child, &status, 0), child);
        ck_assert_msg(status == 0, "after one of %u levels", levels);
    }
}
END_TEST

START_TEST(frames_that_change_their_size)
{
    for (unsigned i = 0; i < 2000; i++) {
        recurse(60);
        with_room(16 + i * 16 % 800, i % 23);
    }
    ck_assert_uint_ge(compared, 2000);
}
END_TEST

/* The first handlers' frames stand elsewhere on the stack than the later ones'. */
static void handler(int signal)
{
    (void)signal;
    recurse(3);
}

static __attribute__((noinline)) void raise_within(unsigned bytes)
{
    volatile char *room = alloca(bytes);
    room[0] = 1;
    raise(SIGUSR1);
    room[bytes - 1] = 1;
}

START_TEST(through_signal_handlers)
{
    static char other_stack[1 << 16];
    stack_t stack = { .ss_sp = other_stack, .ss_size = sizeof(other_stack) };
    struct sigaction action = { .sa_handler = handler };
    sigaction(SIGUSR1, &action, NULL);
    for (unsigned i = 0; i < 200; i++)
        raise_within(16 + i * 16 % 800);
    ck_assert_int_eq(sigaltstack(&stack, NULL), 0);
    action.sa_flags = SA_ONSTACK;
    sigaction(SIGUSR1, &action, NULL);
    for (unsigned i = 0; i < 200; i++)
        raise_within(16 + i * 16 % 800);
    ck_assert_uint_eq(compared, 400);
}
END_TEST

static void *in_a_thread(void *levels)
{
    for (unsigned i = 0; i < 50; i++)
        recurse((unsigned)(uintptr_t)levels);
    return NULL;
}

START_TEST(in_threads_to_their_ends)
{
    for (uintptr_t i = 0; i < 40; i++) {
        pthread_t thread;
        ck_assert_int_eq(pthread_create(&thread, NULL, in_a_thread, (void *)i), 0);
        pthread_join(thread, NULL);
    }
    ck_assert_uint_eq(compared, 2000);
}
END_TEST

/* This program's part of the stack is right, as it is built with frame pointers. */
static __attribute__((noinline)) int take_at(unsigned levels)
{
    if (levels != 0) {
        int below = take_at(levels - 1);
        __asm__ volatile("" : "+r"(below));
        return below;
    }
    depth = ml_stack_take(pcs);
    int count = backtrace(right, ML_STACK_MOST);
    __asm__ volatile("" : "+r"(count));
    return count;
}

START_TEST(by_frame_pointers)
{
    ml_stack_prepare(true);
    for (unsigned levels = 0; levels < 30; levels++) {
        ck_assert_int_gt(take_at(levels), (int)levels + 1);
        ck_assert_uint_gt(depth, levels + 1);
        unsigned theirs = place_of(pcs[1], is_theirs);
        for (unsigned i = 1; i <= levels + 1; i++)
            ck_assert_uint_eq(pcs[i], (uintptr_t)right[theirs + i - 1]);
    }
}
END_TEST

UNIT_MAIN("profile stack", again_and_again, distances_are_learnt, what_varies_is_not_relied_on,
          deeper_than_there_is_room, a_cut_stack_has_no_outermost_frame, frames_that_change_their_size, through_signal_handlers, in_threads_to_their_ends,
          by_frame_pointers)
