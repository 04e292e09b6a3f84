/* SPDX-License-Identifier: MIT */
/* test_gc_threads.c - five times a thousand threads that come and go by every door while
 * collections run, at the moment of a stop too; what each one holds is there
 * from its argument to its result.
 *
 * MEMLOG_FULL=1: all of them alive at once, and that several times.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <threads.h>
#include <unistd.h>

#include "gc_objects.h"
#include "unit.h"

enum { THREADS = 1000, AT_ONCE = 100, LENGTH = 10, STACK_BYTES = 128 << 10 };

struct node {
    struct node *next;
    uint64_t number;
};

static uint32_t over, detached_ended;

/* Without check's macros, which write a file each time. */
static void need(bool condition, const char *what, uint64_t number)
{
    if (!condition)
        ck_abort_msg("%s of thread %" PRIu64, what, number);
}

static struct node *new_list(uint64_t number)
{
    struct node *list = NULL;
    for (int i = 0; i < LENGTH; i++) {
        struct node *node = memlog_malloc(sizeof(*node));
        need(node != NULL && node->next == NULL && node->number == 0, "a new object", number);
        node->next = list;
        node->number = number;
        list = node;
    }
    return list;
}

static void check_list(const struct node *list, uint64_t number, const char *what)
{
    int length = 0;
    for (; list != NULL; list = list->next, length++)
        need(ml_heap_is_object(list) && list->number == number, what, number);
    need(length == LENGTH, what, number);
}

static void *collect_on(void *unused)
{
    while (!__atomic_load_n(&over, __ATOMIC_ACQUIRE)) {
        memlog_gc();
        usleep(200);
    }
    return unused;
}

/* ---- the doors ----------------------------------------------------------------- */

/* The argument is this thread's alone; what it makes of it is its result. */
static struct node *live(struct node *argument)
{
    uint64_t number = argument->number;
    struct node *own = new_list(number);
    usleep(number * 131 % 700);
    check_list(argument, number, "the argument");
    check_list(own, number, "an object on the stack");
    return own;
}

static void *end_by_return(void *argument) { return live(argument); }

static void *end_by_pthread_exit(void *argument) { pthread_exit(live(argument)); }

static void *end_detached(void *argument)
{
    live(argument);
    __atomic_fetch_add(&detached_ended, 1, __ATOMIC_RELEASE);
    return NULL;
}

/* The address sanitizer does not see a cancelled thread unwound. */
__attribute__((no_sanitize("address"))) static void *end_cancelled(void *argument)
{
    uint64_t number = ((struct node *)argument)->number;
    for (;;) {
        struct node *own = new_list(number);
        usleep(50);
        check_list(own, number, "an object on the stack");
        check_list(argument, number, "the argument");
    }
    return NULL;
}

static int end_of_c11(void *argument)
{
    int number = (int)((struct node *)argument)->number;
    if (number % 2 == 0)
        thrd_exit((int)live(argument)->number);
    return (int)live(argument)->number;
}

/* ---- who starts them, and sees what became of them --------------------------------- */

enum door { RETURN, PTHREAD_EXIT, DETACHED, CANCELLED, C11, DOORS };

static pthread_t threads[THREADS];
static pthread_attr_t small, small_detached;

static enum door door_of(unsigned number) { return (enum door)(number % DOORS); }

static __attribute__((noinline)) void start(unsigned number)
{
    static void *(*const bodies[])(void *) = {
        [RETURN] = end_by_return, [PTHREAD_EXIT] = end_by_pthread_exit,
        [DETACHED] = end_detached, [CANCELLED] = end_cancelled,
    };
    enum door door = door_of(number);
    const pthread_attr_t *attributes = door == DETACHED ? &small_detached : &small;
    int error = door == C11
                    ? thrd_create(&threads[number], end_of_c11, new_list(number)) - thrd_success
                    : pthread_create(&threads[number], attributes, bodies[door], new_list(number));
    need(error == 0, "the start", number);
}

static __attribute__((noinline)) void finish(unsigned number)
{
    void *result = NULL;
    int c11_result = 0;
    switch (door_of(number)) {
    case DETACHED:
        return;
    case C11:
        need(thrd_join(threads[number], &c11_result) == thrd_success, "the join", number);
        need(c11_result == (int)number, "the result", number);
        return;
    case CANCELLED:
        need(pthread_cancel(threads[number]) == 0, "the cancellation", number);
        need(pthread_join(threads[number], &result) == 0, "the join", number);
        need(result == PTHREAD_CANCELED, "the result", number);
        return;
    default:
        need(pthread_join(threads[number], &result) == 0, "the join", number);
        check_list(result, number, "the result");
    }
}

static void run_all(unsigned at_once)
{
    detached_ended = 0;
    for (unsigned first = 0; first < THREADS; first += at_once) {
        for (unsigned i = 0; i < at_once; i++)
            start(first + i);
        clear_stack();
        for (unsigned i = 0; i < at_once; i++)
            finish(first + i);
    }
    while (__atomic_load_n(&detached_ended, __ATOMIC_ACQUIRE) != THREADS / DOORS)
        usleep(1000);
}

START_TEST(a_thousand_threads_come_and_go_by_every_door)
{
    const char *full = getenv("MEMLOG_FULL");
    pthread_t collector;
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, STACK_BYTES);
    pthread_attr_init(&small_detached);
    pthread_attr_setstacksize(&small_detached, STACK_BYTES);
    pthread_attr_setdetachstate(&small_detached, PTHREAD_CREATE_DETACHED);
    ck_assert_int_eq(pthread_create(&collector, NULL, collect_on, NULL), 0);
    for (int i = 0; i < 5; i++)
        run_all(full != NULL && full[0] == '1' && i > 0 ? THREADS : AT_ONCE);
    __atomic_store_n(&over, 1, __ATOMIC_RELEASE);
    pthread_join(collector, NULL);
    struct memlog_memstats stats;
    memlog_read_memstats(&stats);
    ck_assert_uint_gt(stats.num_forced_gc, 10);
    assert_whole();
}
END_TEST

UNIT_MAIN("gc threads", a_thousand_threads_come_and_go_by_every_door)
