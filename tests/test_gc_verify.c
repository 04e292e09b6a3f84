/* SPDX-License-Identifier: MIT */
/* test_gc_verify.c - MEMLOG_GC_VERIFY finds what a mark has missed, and is not
 * misled by memory that a stopped thread is about to zero: its old words lead to
 * objects that nobody refers to. */
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/wait.h>

#include "captured.h"
#include "gc_along_objects.h"
#include "unit.h"

enum { LARGE = 80000, SMALL = 64, VICTIM = 80 };

/* ---- a mark that misses something --------------------------------------------------- */

enum { LOST = 50 };

static __attribute__((noinline)) void take_mark_back(uintptr_t object)
{
    struct ml_span *span = ml_span_over(object);
    unsigned slot = ml_span_slot_of(span, object);
    ml_span_unmark(&span->bits[slot >> 6], (uint64_t)1 << (slot & 63));
}

/* More than a stale word somewhere leads to. */
static void take_marks_back(void)
{
    for (unsigned i = 0; i < LOST; i++)
        take_mark_back((uintptr_t)old[i]);
}

static uintptr_t said_behind(const char *text, const char *before)
{
    const char *at = strstr(text, before);
    ck_assert_msg(at != NULL, "no \"%s\" in \"%s\"", before, text);
    return strtoul(at + strlen(before), NULL, 16);
}

START_TEST(what_was_missed_is_found)
{
    int status;
    make_old();
    capture_begin();
    pid_t child = fork();
    if (child == 0) {
        cycle_with(take_marks_back, STOPPING);
        _exit(0);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    const char *text = capture_end();
    ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT, "status %#x", status);
    uintptr_t object = said_behind(text, "MEMLOG_GC_VERIFY: the object at ");
    uintptr_t referrer = said_behind(text, "from an object that was reached, at ");
    ck_assert_uint_lt(referrer - (uintptr_t)old, LOST * sizeof(*old));
    ck_assert_uint_eq(*(uintptr_t *)referrer, object);
}
END_TEST

/* ---- memory that is about to be zeroed ------------------------------------------------ */

/* Garbage that leads to garbage, on pages that are armed. */
static __attribute__((noinline)) hidden_t make_garbage_of(size_t bytes, void *(*allocate)(size_t))
{
    void *volatile *words = allocate(bytes);
    for (size_t i = 0; i < bytes / sizeof(*words); i++)
        words[i] = memlog_malloc(VICTIM);
    return hide((void *)words);
}

/* A thread that stands where it would first stop when its object is there. */
static void (*stop_as_always)(void);
static struct ml_thread *worker;
static bool (*is_made)(void);
static sem_t begin, stands, go_on;

static void wait_for(sem_t *semaphore)
{
    while (sem_wait(semaphore) != 0) {
    }
}

static void stop_when_made(void)
{
    if (ml_thread_self != worker) {
        stop_as_always();
        return;
    }
    worker->stop_wanted = !is_made();
    if (worker->stop_wanted)
        return;
    sem_post(&stands);
    wait_for(&go_on);
}

static hidden_t garbage, grown;
static void *volatile made;

static void *work(void *allocate)
{
    ml_gc_attach();
    worker = ml_thread_self;
    sem_post(&stands);
    wait_for(&begin);
    memlog_free(reveal(garbage));
    worker->stop_wanted = 1;
    ((void (*)(void))allocate)();
    return NULL;
}

static void let_it_begin(void)
{
    sem_post(&begin);
    wait_for(&stands);
}

static void cycle_while_it_stands(void (*allocate)(void), bool (*made_it)(void))
{
    pthread_t thread;
    is_made = made_it;
    sem_init(&begin, 0, 0), sem_init(&stands, 0, 0), sem_init(&go_on, 0, 0);
    ck_assert_int_eq(pthread_create(&thread, NULL, work, (void *)allocate), 0);
    wait_for(&stands);
    stop_as_always = ml_heap_hooks.stop_wanted;
    ml_heap_hooks.stop_wanted = stop_when_made;
    cycle_with(let_it_begin, STOPPING);
    sem_post(&go_on);
    pthread_join(thread, NULL);
    ck_assert_ptr_null(worker->blank);
    assert_whole();
}

static void assert_zero(const char *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        ck_assert_int_eq(bytes[i], 0);
}

static bool garbage_is_used_again(void) { return is_alive(garbage); }
static void allocate_uncollectable(void) { made = memlog_malloc_uncollectable(LARGE); }

START_TEST(a_large_uncollectable_object_that_is_not_zeroed_yet)
{
    make_old();
    old[SLOTS - 1] = memlog_malloc(LARGE);
    garbage = make_garbage_of(LARGE, memlog_malloc);
    old[SLOTS - 2] = memlog_malloc(LARGE);
    cycle_while_it_stands(allocate_uncollectable, garbage_is_used_again);
    ck_assert_ptr_eq(made, reveal(garbage));
    assert_zero(made, LARGE);
}
END_TEST

static bool has_grown(void) { return ml_heap_block_bytes(reveal(grown)) > LARGE + ML_PAGE_BYTES; }
static void grow(void) { made = memlog_realloc(reveal(grown), 2 * LARGE); }

START_TEST(what_an_object_has_grown_by_is_not_zeroed_yet)
{
    make_old();
    old[SLOTS - 1] = memlog_malloc(LARGE);
    grown = hide(old[SLOTS - 1]);
    garbage = make_garbage_of(LARGE, memlog_malloc);
    ck_assert_uint_eq((uintptr_t)reveal(garbage) - (uintptr_t)reveal(grown),
                      ml_heap_block_bytes(reveal(grown)));
    old[SLOTS - 2] = memlog_malloc(LARGE);
    cycle_while_it_stands(grow, has_grown);
    ck_assert_ptr_eq(made, reveal(grown));
    assert_zero(made, 2 * LARGE);
}
END_TEST

static void *volatile popped;

static void pop_uncollectable(void)
{
    popped = ml_heap_pop(ml_sizeclass_of(SMALL), ML_UNCOLLECTABLE);
}

START_TEST(a_small_uncollectable_object_that_is_not_zeroed_yet)
{
    make_old();
    garbage = make_garbage_of(SMALL, memlog_malloc_uncollectable);
    memlog_free(reveal(garbage));
    cycle_with(pop_uncollectable, STOPPING);
    ck_assert_ptr_eq(popped, reveal(garbage));
    ck_assert(is_alive(garbage));
    memlog_free(popped);
    assert_whole();
}
END_TEST

UNIT_MAIN("gc verify", what_was_missed_is_found,
          a_large_uncollectable_object_that_is_not_zeroed_yet,
          what_an_object_has_grown_by_is_not_zeroed_yet,
          a_small_uncollectable_object_that_is_not_zeroed_yet)
