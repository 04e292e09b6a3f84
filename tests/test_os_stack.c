/* SPDX-License-Identifier: MIT */
/* test_os_stack.c - the bounds of every kind of stack a thread may be on. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include "os/pages.h"
#include "os/segments.h"
#include "os/thread.h"
#include "unit.h"

static _Thread_local long own_tls = 5;

/* --- stacks ------------------------------------------------------------------------------------ */

struct bounds {
    int error;
    uintptr_t low;
    uintptr_t high;
    uintptr_t frame;
    uintptr_t tls;
};

static void take_bounds(struct bounds *bounds)
{
    bounds->frame = (uintptr_t)__builtin_frame_address(0);
    bounds->tls = (uintptr_t)&own_tls;
    bounds->error = ml_os_stack_bounds(&bounds->low, &bounds->high);
}

static void assert_on_stack(const struct bounds *bounds)
{
    ck_assert_int_eq(bounds->error, 0);
    ck_assert_uint_lt(bounds->low, bounds->frame);
    ck_assert_uint_gt(bounds->high, bounds->frame);
}

START_TEST(first_threads_stack_reaches_to_the_environment)
{
    struct bounds bounds;
    errno = EDOM;
    take_bounds(&bounds);
    ck_assert_int_eq(errno, EDOM);
    assert_on_stack(&bounds);
    ck_assert_uint_gt(bounds.high, (uintptr_t)environ);
    ck_assert_uint_gt(bounds.high, (uintptr_t)program_invocation_name);
}
END_TEST

static void *take_bounds_in_thread(void *argument)
{
    errno = EDOM;
    take_bounds(argument);
    return (void *)(intptr_t)(errno == EDOM);
}

static void take_bounds_in(const pthread_attr_t *attributes, struct bounds *bounds)
{
    pthread_t thread;
    void *errno_kept;
    ck_assert_int_eq(pthread_create(&thread, attributes, take_bounds_in_thread, bounds), 0);
    pthread_join(thread, &errno_kept);
    ck_assert_ptr_nonnull(errno_kept);
    assert_on_stack(bounds);
}

START_TEST(a_threads_stack_takes_in_its_thread_local_block)
{
    struct bounds bounds;
    take_bounds_in(NULL, &bounds);
    ck_assert_uint_gt(bounds.high, bounds.tls);
    ck_assert_uint_lt(bounds.low, bounds.tls);
    ck_assert_uint_le(bounds.high - bounds.low, 64 * 1024 * 1024);
}
END_TEST

START_TEST(a_thread_on_a_stack_of_the_programs_choice)
{
    enum { BYTES = 4 * 1024 * 1024 };
    char *stack = ml_os_map(BYTES);
    pthread_attr_t attributes;
    struct bounds bounds;
    pthread_attr_init(&attributes);
    pthread_attr_setstack(&attributes, stack, BYTES);
    take_bounds_in(&attributes, &bounds);
    ck_assert_uint_eq(bounds.low, (uintptr_t)stack);
    ck_assert_uint_eq(bounds.high, (uintptr_t)stack + BYTES);
}
END_TEST

START_TEST(a_thread_with_a_size_and_guard_of_the_programs_choice)
{
    pthread_attr_t attributes;
    struct bounds bounds;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 3 * 1024 * 1024);
    pthread_attr_setguardsize(&attributes, 64 * 1024);
    take_bounds_in(&attributes, &bounds);
    ck_assert_uint_ge(bounds.high - bounds.low, 2 * 1024 * 1024);
    uintptr_t begin, end;
    ck_assert(ml_os_mapping_around(bounds.frame, &begin, &end));
    ck_assert_uint_ge(bounds.low, begin);
}
END_TEST

static void take_bounds_in_own_thread(void *argument)
{
    take_bounds(argument);
}

START_TEST(an_own_threads_stack_is_the_one_that_was_mapped)
{
    struct ml_os_thread thread;
    struct bounds bounds;
    ck_assert_int_eq(ml_os_thread_start(&thread, "memlog test", take_bounds_in_own_thread, &bounds),
                     0);
    uintptr_t low = (uintptr_t)thread.stack;
    size_t bytes = thread.stack_bytes;
    ml_os_thread_join(&thread);
    assert_on_stack(&bounds);
#ifndef __SANITIZE_THREAD__ /* whose own thread-local block is larger than that */
    ck_assert_uint_eq(bytes, 256 * 1024);
#endif
    ck_assert_uint_eq(bounds.low, low);
    ck_assert_uint_eq(bounds.high, low + bytes);
}
END_TEST

static void *fork_and_take_bounds(void *argument)
{
    (void)argument;
    struct bounds bounds = { .error = -1 };
    pid_t child = fork();
    if (child == 0) {
        take_bounds(&bounds);
        _exit(bounds.error == 0 && bounds.low < bounds.frame && bounds.frame < bounds.high ? 0 : 1);
    }
    int status;
    waitpid(child, &status, 0);
    return (void *)(intptr_t)(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

START_TEST(a_thread_that_forked_keeps_its_stack_in_the_child)
{
    pthread_t thread;
    void *good;
    pthread_create(&thread, NULL, fork_and_take_bounds, NULL);
    pthread_join(thread, &good);
    ck_assert_ptr_nonnull(good);
}
END_TEST

static void leave_no_descriptor(void)
{
    struct rlimit none = { 0, 0 };
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
    ck_assert_int_lt(open("/proc/self/maps", O_RDONLY), 0);
}

START_TEST(without_a_descriptor_mappings_are_probed)
{
    size_t page = ml_os_page_bytes();
    char *reserved = ml_os_reserve(8 * page);
    uintptr_t begin, end;
    ck_assert_int_eq(ml_os_commit(reserved + 2 * page, 3 * page), 0);
    leave_no_descriptor();
    for (size_t at = 2 * page; at < 5 * page; at += page - 1) {
        ck_assert(ml_os_mapping_around((uintptr_t)reserved + at, &begin, &end));
        ck_assert_uint_eq(begin, (uintptr_t)reserved + 2 * page);
        ck_assert_uint_eq(end, (uintptr_t)reserved + 5 * page);
    }
    ck_assert(!ml_os_mapping_around((uintptr_t)reserved + 2 * page - 1, &begin, &end));
    ck_assert(!ml_os_mapping_around((uintptr_t)reserved + 5 * page, &begin, &end));
    ck_assert(!ml_os_mapping_around(0, &begin, &end));
}
END_TEST

/* Looking for its lower end does not make it grow. */
START_TEST(without_a_descriptor_the_first_threads_stack_is_found)
{
    struct bounds with, without;
    take_bounds(&with);
    leave_no_descriptor();
    take_bounds(&without);
    assert_on_stack(&without);
    ck_assert_uint_eq(without.low, with.low);
    ck_assert_uint_ge(without.high, with.high);
}
END_TEST

START_TEST(without_a_descriptor_a_threads_stack_is_found)
{
    struct bounds bounds;
    leave_no_descriptor();
    take_bounds_in(NULL, &bounds);
    assert_on_stack(&bounds);
}
END_TEST

static struct bounds bounds_in_coroutine;
static ucontext_t before_coroutine, in_coroutine;

static void run_coroutine(void)
{
    take_bounds(&bounds_in_coroutine);
}

static void expect_own_stack_in_coroutine(void)
{
    int local = 0;
    getcontext(&in_coroutine);
    in_coroutine.uc_stack.ss_sp = ml_os_map(1024 * 1024);
    in_coroutine.uc_stack.ss_size = 1024 * 1024;
    in_coroutine.uc_link = &before_coroutine;
    makecontext(&in_coroutine, run_coroutine, 0);
    swapcontext(&before_coroutine, &in_coroutine);
    ck_assert_int_eq(bounds_in_coroutine.error, 0);
    ck_assert_uint_lt(bounds_in_coroutine.low, (uintptr_t)&local);
    ck_assert_uint_gt(bounds_in_coroutine.high, (uintptr_t)&local);
}

START_TEST(in_a_coroutine_the_threads_own_stack_is_told)
{
    expect_own_stack_in_coroutine();
}
END_TEST

START_TEST(without_a_descriptor_it_is_told_in_a_coroutine_too)
{
    struct bounds bounds;
    take_bounds(&bounds); /* as when the program starts */
    leave_no_descriptor();
    expect_own_stack_in_coroutine();
}
END_TEST

UNIT_MAIN("os stack", first_threads_stack_reaches_to_the_environment,
          a_threads_stack_takes_in_its_thread_local_block,
          a_thread_on_a_stack_of_the_programs_choice,
          a_thread_with_a_size_and_guard_of_the_programs_choice,
          an_own_threads_stack_is_the_one_that_was_mapped,
          a_thread_that_forked_keeps_its_stack_in_the_child,
          without_a_descriptor_mappings_are_probed,
          without_a_descriptor_the_first_threads_stack_is_found,
          without_a_descriptor_a_threads_stack_is_found,
          in_a_coroutine_the_threads_own_stack_is_told,
          without_a_descriptor_it_is_told_in_a_coroutine_too)
